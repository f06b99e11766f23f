"""The examples of README, docs and docstrings are tests, run as they stand."""

from __future__ import annotations

import os
import shutil
import tempfile
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from typing import TYPE_CHECKING, Any

import hypothesis
from sybil import Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers.markdown import ClearNamespaceParser, PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser


if TYPE_CHECKING:
    import pytest
    from _pytest._code.code import Traceback

# How long an example takes says more about the machine than about darkcall.
hypothesis.settings.register_profile("darkcall", deadline=None, print_blob=True)
# For the CPythons on which the tests run once more.
hypothesis.settings.register_profile(
    "fewer", hypothesis.settings.get_profile("darkcall"), max_examples=30
)
hypothesis.settings.load_profile("darkcall")

DOCTEST_FLAGS = ELLIPSIS | NORMALIZE_WHITESPACE


def enter_an_empty_folder(namespace: dict[str, Any]) -> None:
    """Let a page's examples write files where nothing is in their way."""
    namespace["__folder__"] = folder = tempfile.mkdtemp()
    namespace["__left__"] = os.getcwd()  # noqa: PTH109 (it goes to chdir as it is)
    os.chdir(folder)


def leave_it(namespace: dict[str, Any]) -> None:
    """Go back to where the tests were started, and remove what was written."""
    os.chdir(namespace["__left__"])
    shutil.rmtree(namespace["__folder__"])


pages = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=DOCTEST_FLAGS),
        SkipParser(),
        ClearNamespaceParser(),
    ],
    patterns=["*.md"],
    setup=enter_an_empty_folder,
    teardown=leave_it,
)
docstrings = Sybil(
    parsers=[DocTestParser(optionflags=DOCTEST_FLAGS)],
    path="src",
    patterns=["*.py"],
    setup=enter_an_empty_folder,
    teardown=leave_it,
)

pytest_collect_file = (pages + docstrings).pytest()


shortened = SybilItem._traceback_filter  # noqa: SLF001


def shortened_if_it_can_be(
    item: SybilItem, excinfo: pytest.ExceptionInfo[BaseException]
) -> Traceback:
    """Keep sybil from ending the whole run at what was not raised in an example.

    A thread or a finalizer that an example left behind may raise: no frame is sybil's then.
    """
    try:
        return shortened(item, excinfo)
    except IndexError:
        return excinfo.traceback


SybilItem._traceback_filter = shortened_if_it_can_be  # noqa: SLF001
