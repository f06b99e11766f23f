"""What became of all calls, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from darkcall._model import Outcome
from darkcall.analysis._words import counted, number, percent

from ._layout import table


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from darkcall.analysis._summary import CandidateSummary, Coverage

    Fact = tuple[str, RenderableType]

_STYLES = {
    "match": "green",
    "mismatch": "red",
    "candidate_error": "red",
    "timeout": "red",
    "dropped": "yellow",
    "skipped": "yellow",
    "uncomparable": "yellow",
}


def coverage_facts(one: CandidateSummary) -> Iterator[Fact]:
    """Say what became of all calls.

    Args:
        one: A candidate.

    Yields:
        Labels and texts.
    """
    coverage = one.coverage
    if coverage.calls is None:
        yield "calls", Text("not known: no process told its totals", style="yellow")
    else:
        yield "calls", Text(_identity(coverage))
        yield "shadowed", Text(_what_became(coverage))
    if coverage.missing:
        yield (
            "missing",
            Text(f"{counted(coverage.missing, 'outcome')} without a record", style="yellow"),
        )
    if coverage.uncounted and coverage.calls is not None:
        text = f"{counted(coverage.uncounted, 'record')} that no totals tell of yet"
        yield "uncounted", Text(text)
    yield "processes", Text(_processes(coverage))


def _identity(coverage: Coverage) -> str:
    return (
        f"{number(coverage.calls or 0)} = {number(coverage.off)} off + "
        f"{number(coverage.nested)} nested + {number(coverage.unsampled)} unsampled + "
        f"{number(coverage.shadowed)} shadowed"
    )


def _what_became(coverage: Coverage) -> str:
    terms = [*_in_order(coverage.outcomes), ("pending", coverage.pending)]
    named = [f"{number(count)} {name}" for name, count in terms if count]
    return f"{number(coverage.shadowed)} = {' + '.join(named) or '0'}"


def _in_order(outcomes: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(name.value, outcomes.get(name.value, 0)) for name in Outcome]


def _processes(coverage: Coverage) -> str:
    text = number(coverage.processes)
    if coverage.without_totals:
        text += f", {number(coverage.without_totals)} without totals"
    if coverage.not_final:
        text += f", {number(coverage.not_final)} still running or killed"
    return text


def outcome_table(outcomes: Mapping[str, int]) -> RenderableType | None:
    """Show how often each outcome came about that did.

    Args:
        outcomes: How often each did.
    """
    total = sum(outcomes.values())
    if not total:
        return None
    return table(
        ["outcome", "calls", "share"],
        [
            [Text(name, style=_STYLES.get(name, "")), number(count), percent(count / total)]
            for name, count in _in_order(outcomes)
            if count
        ],
    )
