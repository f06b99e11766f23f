"""``import darkcall`` starts nothing, imports nothing optional and is cheap."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import darkcall


ROOT = Path(__file__).parents[1]

# A child that measures coverage would load and open what darkcall does not.
ENVIRONMENT = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
ENVIRONMENT["PYTHONPATH"] = str(Path(darkcall.__file__).parents[1])

TOLD_BY_A_FRESH_INTERPRETER = """
import attrs, wrapt
import sys

modules_before = set(sys.modules)
# wrapt 2 loads logging, by way of asyncio.
logging = sys.modules.get("logging")
loggers_before = set(logging.root.manager.loggerDict) if logging else set()
events = []
sys.addaudithook(lambda name, args: events.append((name, str(args[0]) if args else "")))

import darkcall

told = {"events": list(events), "modules": set(sys.modules) - modules_before}
import logging, threading
told["threads"] = [thread.name for thread in threading.enumerate()]
told["loggers"] = set(logging.root.manager.loggerDict) - loggers_before
print(told)
"""

NOT_AT_IMPORT = [
    "asyncio",
    "concurrent.futures",
    "copy",
    "dataclasses",
    "darkcall.analysis",
    "darkcall.testing",
    "datetime",
    "decimal",
    "gzip",
    "json",
    "logging",
    "multiprocessing",
    "numpy",
    "pandas",
    "pathlib",
    "polars",
    "pydantic",
    "pytest",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "uuid",
]


@pytest.fixture(scope="module")
def told():
    done = subprocess.run(
        [sys.executable, "-B", "-c", TOLD_BY_A_FRESH_INTERPRETER],
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        text=True,
    )
    return ast.literal_eval(done.stdout)


def test_import_starts_no_thread(told):
    assert told["threads"] == ["MainThread"]


def test_import_opens_no_file_but_modules(told):
    opened = [path for name, path in told["events"] if name == "open"]

    assert [path for path in opened if not path.endswith((".py", ".pyc", ".so", ".pyd"))] == []


def test_import_starts_no_process_and_opens_no_socket(told):
    forbidden = ("socket.", "subprocess.", "os.fork", "os.exec", "os.posix_spawn", "os.system")

    assert [name for name, _ in told["events"] if name.startswith(forbidden)] == []


def test_import_touches_no_logger_but_darkcalls_own(told):
    assert told["loggers"] <= {"darkcall"}


@pytest.mark.parametrize("module", NOT_AT_IMPORT)
def test_import_does_not_load(told, module):
    assert module not in told["modules"]


def test_import_costs_little_more_than_its_dependencies():
    script = ROOT / "benchmarks" / "import_time.py"
    # The best of three: what else the machine does only ever adds to a ratio.
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, script, "--rounds", "15", "--at-most", "1.6"],
            env=ENVIRONMENT,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            return

    pytest.fail(done.stdout + done.stderr)
