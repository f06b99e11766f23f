"""A verdict on the terminal: the answer first, then why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from darkcall._text import escaped
from darkcall.analysis._verdict import Verdict

from ._layout import indented
from ._words import plain


if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from darkcall.analysis._verdict import CandidateJudgement, Judgement

_STYLES: Final = {
    Verdict.READY: "bold green",
    Verdict.NOT_READY: "bold red",
    Verdict.INSUFFICIENT_DATA: "bold yellow",
}
#: In words that are as wide as each other, so that the criteria stand in line.
_ANSWERS: Final = {
    Verdict.READY: "yes",
    Verdict.NOT_READY: "NO",
    Verdict.INSUFFICIENT_DATA: "open",
}


def render_judgement(judgement: Judgement) -> RenderableType:
    """Show a verdict.

    Args:
        judgement: The verdict, and each criterion with its figure.

    Returns:
        What Rich prints.
    """
    blocks: list[RenderableType] = [_answer(judgement.verdict)]
    for one in judgement.candidates:
        blocks += _candidate(one)
    if judgement.notes:
        blocks.append(Text())
        blocks += [Text.assemble("- ", plain(note), overflow="fold") for note in judgement.notes]
    return Group(*blocks)


def _candidate(one: CandidateJudgement) -> Iterator[RenderableType]:
    yield Text()
    version = Text() if one.version is None else plain(f" (code {one.version})", "dim")
    name = plain(f"{one.launch}: {one.candidate}", "bold")
    yield Text.assemble(name, version, "  ", _answer(one.verdict), overflow="fold")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for criterion in one.criteria:
        answer = Text(_ANSWERS[criterion.verdict], style=_STYLES[criterion.verdict])
        name = plain(criterion.name.replace("_", " "))
        grid.add_row(answer, Text.assemble(name, ": ", plain(criterion.text), overflow="fold"))
    yield indented(grid)


def _answer(verdict: Verdict) -> Text:
    return Text(verdict.value, style=_STYLES[verdict])


def verdict_line(judgement: Judgement) -> str:
    """Say in one line what the verdict is, and what it hangs on.

    Args:
        judgement: The verdict.
    """
    for one in judgement.candidates:
        for criterion in one.criteria:
            if criterion.verdict is judgement.verdict is not Verdict.READY:
                name = escaped(f"{one.launch}: {one.candidate}")
                return f"{judgement.verdict.value}  {name}: {escaped(criterion.text)}"
    reason = f"  {escaped(judgement.notes[0])}" if judgement.notes else ""
    return f"{judgement.verdict.value}{reason}"
