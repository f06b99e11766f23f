"""The page, and in a few words what is on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from darkcall.analysis._terminal import render_judgement

from ._out import say, say_json, write_document
from ._output_file import write_output


if TYPE_CHECKING:
    from darkcall.analysis._summary import Summary
    from darkcall.analysis._verdict import Judgement


def show_page(summary: Summary, judgement: Judgement, *, html: str, as_json: bool = False) -> None:
    """Write the page, and say where it is.

    Args:
        summary: What the records tell.
        judgement: The verdict.
        html: The file; ``-`` for standard output.
        as_json: Whether to say it in JSON.

    Raises:
        ConfigurationError: It cannot be written.
    """
    # It takes Altair, which nothing else needs.
    from darkcall.analysis._page import page_of  # noqa: PLC0415

    page = page_of(summary, judgement)
    if html == "-":
        write_document(page)
        return
    path = write_output(page, html)
    if as_json:
        say_json({"html": str(path), "judgement": judgement.to_dict()})
    else:
        say(Group(render_judgement(judgement), Text()))
        # Whole, however long: it is to be copied.
        say(Text(f"written to {path}"), wrap=False)
