"""The docs' tables, as the scripts write them: ``--write docs/performance.md``.

A page holds a block for each table, ``<!-- bench: NAME -->`` to ``<!-- end -->``.  What is
between is replaced, whole, when all is measured.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence


BEGIN, END = "<!-- bench: {} -->", "<!-- end -->"


class NoBlockError(Exception):
    """A page has not exactly one block of that name."""


def add_option(parser: argparse.ArgumentParser) -> None:
    """Let a script be told which page to write its tables into."""
    parser.add_argument(
        "--write", type=Path, metavar="PAGE", help="replace the table of this page, too"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def machine() -> str:
    """Tell what it was measured on."""
    return (
        f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores"
    )


def replaced(text: str, name: str, content: str) -> str:
    """Give the text of a page with another content in one of its blocks."""
    begin = BEGIN.format(name)
    block = re.compile(f"{re.escape(begin)}\n.*?{re.escape(END)}", re.DOTALL)
    if len(block.findall(text)) != 1:
        raise NoBlockError(f"not one block {begin!r}, but {len(block.findall(text))}")
    return block.sub(lambda _: f"{begin}\n\n{content.strip()}\n\n{END}", text)


def write(page: Path | None, name: str, content: str) -> None:
    """Write a block of a page, under the command and the machine that it comes from."""
    if page is None:
        return
    command = " ".join(["python", *_without_write(sys.argv)])
    told = f"`{command}` on {machine()}:\n\n{content}"
    text = replaced(page.read_text("utf-8"), name, told)
    page.write_text(text, "utf-8")


def check(page: Path | None, *names: str) -> None:
    """Fail before an hour is spent, if a block is not there."""
    for name in names if page is not None else ():
        replaced(page.read_text("utf-8"), name, "")


def _without_write(arguments: Sequence[str]) -> list[str]:
    script, *rest = arguments
    kept = [f"benchmarks/{Path(script).name}"]
    while rest:
        argument = rest.pop(0)
        if argument == "--write":
            rest.pop(0)
        elif not argument.startswith("--write="):
            kept.append(argument)
    return kept
