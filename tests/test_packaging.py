"""What is built is what was written: the wheel is whole and works on its own."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"

# What is imported from the wheel must not count as running the source.
ENVIRONMENT = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}


def run(*arguments, importing_from=SOURCE):
    return subprocess.run(
        [sys.executable, *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**ENVIRONMENT, "PYTHONPATH": str(importing_from)},
    ).stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    run("-m", "hatchling", "build", "-d", folder)
    return folder


@pytest.fixture(scope="module")
def unpacked(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def metadata(unpacked):
    (found,) = importlib.metadata.distributions(name="darkcall", path=[str(unpacked)])
    return found


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(unpacked):
    def files(folder):
        return {
            path.relative_to(folder).as_posix()
            for path in (folder / "darkcall").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    assert files(unpacked) == files(SOURCE)
    beside = {path.name for path in unpacked.iterdir() if path.suffix != ".dist-info"}
    assert beside == {"darkcall", "_darkcall_pytest.py"}


def test_the_wheel_tells_type_checkers_that_it_is_typed(unpacked):
    assert (unpacked / "darkcall" / "py.typed").exists()


def test_the_wheel_needs_attrs_and_wrapt_alone(metadata):
    needed = [need for need in metadata.requires if "extra ==" not in need]

    assert sorted(need.split(">")[0] for need in needed) == ["attrs", "wrapt"]


def test_the_wheel_bears_its_license(metadata):
    assert metadata.metadata["License-Expression"] == "MIT"
    assert "MIT License" in metadata.read_text("licenses/LICENSE")


def test_the_wheel_is_imported_by_a_fresh_interpreter(unpacked):
    found = run("-c", "import darkcall; print(*darkcall.__path__)", importing_from=unpacked)

    assert Path(found.strip()) == unpacked / "darkcall"


def test_the_command_of_the_wheel_exists(unpacked, metadata):
    (command,) = metadata.entry_points.select(group="console_scripts")
    code = f"from {command.module} import {command.attr} as command; print(callable(command))"

    assert command.name == "darkcall"
    assert run("-c", code, importing_from=unpacked).strip() == "True"


def test_pytest_finds_the_plugin_of_the_wheel_and_no_more_of_it(unpacked, metadata):
    (plugin,) = metadata.entry_points.select(group="pytest11")
    code = f"import sys, {plugin.module}; print('darkcall' in sys.modules)"

    assert plugin.name == "darkcall"
    assert run("-c", code, importing_from=unpacked).strip() == "False"


def test_the_source_archive_can_be_built_and_tested_from(built):
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert names >= {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "conftest.py",
        "src/darkcall/py.typed",
    }
    assert any(name.startswith("tests/") for name in names)
