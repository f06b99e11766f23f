"""The plugin over the tests of a package that knows nothing of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import darkcall


toolz = pytest.importorskip("toolz")

SOURCE = Path(darkcall.__file__).parents[1]

# Each function is a candidate of itself, in each module that has it.
CONFTEST = """
import importlib
import sys

import pytest
import toolz
from darkcall import dark_launch, launches

# What these return holds what can be read once, or is equal to nothing but itself.
MAY_MISMATCH = {
    "test_compose_annotations": "toolz.compose",
    "test_peek": "toolz.peek",
    "test_peekn": "toolz.peekn",
}

decorated = {}
for short in "itertoolz", "dicttoolz", "functoolz", "recipes":
    module = importlib.import_module(f"toolz.{short}")
    for name in module.__all__:
        control = getattr(module, name)
        try:
            launched = dark_launch(candidate=control, name=f"toolz.{name}")(control)
        except TypeError:
            continue  # A generator function, or a class.
        decorated[id(control)] = control, launched

# It curries what there is when it is imported.
for name in [name for name in sys.modules if name.startswith("toolz.curried")]:
    del sys.modules[name]
for module in [one for name, one in sys.modules.items() if name.split(".")[0] == "toolz"]:
    for name, value in list(vars(module).items()):
        if id(value) in decorated:
            setattr(module, name, decorated[id(value)][1])
importlib.import_module("toolz.curried")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.name in MAY_MISMATCH:
            item.add_marker(pytest.mark.may_mismatch(MAY_MISMATCH[item.name]))


def pytest_terminal_summary():
    print("decorated:", len(decorated))
"""


def start(folder, *arguments):
    environment = {name: text for name, text in os.environ.items() if not name.startswith("COV")}
    # Other plugins take longer to import than these tests to run.
    environment |= {"PYTHONPATH": str(SOURCE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    # To rewrite their assertions takes as long as the rest.
    options = ["-q", "-o", "addopts=", "-p", "no:cacheprovider", "--assert=plain", "-p", "darkcall"]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, *arguments, "tests"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def counts(text):
    return re.findall(r"\d+ (?:passed|failed|skipped|error)", text.splitlines()[-1])


def test_the_tests_of_toolz_pass_as_ever_while_each_call_is_shadowed(tmp_path):
    shutil.copytree(Path(toolz.__file__).parent / "tests", tmp_path / "tests")
    (tmp_path / "conftest.py").write_text(CONFTEST)

    runs = [
        start(tmp_path, *arguments)
        for arguments in (["--noconftest"], ["--darkcall=record"], ["--darkcall=strict"])
    ]
    bare, recorded, strict = (run.communicate()[0] for run in runs)

    assert "failed" not in "".join(counts(bare))
    assert counts(recorded) == counts(bare), recorded
    assert counts(strict) == counts(bare), strict
    assert int(re.search(r"decorated: (\d+)", recorded)[1]) > 40
    shadowed = sum(map(int, re.findall(r"^toolz\..*: (\d+) calls?:", recorded, re.MULTILINE)))
    assert shadowed > 500
    assert len(re.findall(r"allowed by may_mismatch", strict)) == 3
