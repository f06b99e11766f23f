"""Each layer imports only what stands below it, and the core only its dependencies."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "src").rglob("*.py"))

#: What stands on an extra, and on what.
EXTRAS = {
    "darkcall/_cli/": ["rich", "typer"],
    "darkcall/analysis/": ["duckdb"],
    "darkcall/analysis/_page/": ["altair", "jinja2", "markupsafe", "vl_convert"],
    "darkcall/analysis/_terminal/": ["rich"],
    "darkcall/testing/": ["hypothesis", "pytest"],
    "_darkcall_pytest.py": ["pytest"],
}


def name_of(module):
    return module.relative_to(ROOT / "src").as_posix()


def imported_from_outside(module):
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


def test_each_layer_imports_only_what_stands_below_it():
    # In a process of its own: it disables the loggers that it finds.
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_imports_the_standard_library_attrs_wrapt_and_its_extra_alone(module):
    outside = set(imported_from_outside(module)) - sys.stdlib_module_names
    extra = {name for part, names in EXTRAS.items() if part in name_of(module) for name in names}

    assert outside <= {"darkcall", "attrs", "wrapt", *extra}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_has_less_than_400_lines(module):
    assert len(module.read_text(encoding="utf-8").splitlines()) < 400
