"""A summary on the terminal: each candidate, and then what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.text import Text

from darkcall.analysis._bounds import calls_needed
from darkcall.analysis._words import counted, duration, moment, nbytes, number, percent, period

from ._coverage import coverage_facts, outcome_table
from ._differences import (
    confirmation_facts,
    group_list,
    noise_facts,
    path_table,
    raised_table,
    reason_table,
)
from ._layout import Facts, indented, title
from ._over_time import latency_table, part_tables, trend_facts, version_list
from ._words import plain


if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from darkcall.analysis._summary import CandidateSummary, Sources, Summary

#: The rate for which the calls are counted that are still needed: the default of ``judge``.
ASKED_RATE: Final = 1e-3


def render_summary(summary: Summary) -> RenderableType:
    """Show a summary.

    Args:
        summary: What records tell.

    Returns:
        What Rich prints: ``rich.print(render_summary(summary))``.
    """
    blocks: list[RenderableType] = []
    for candidate in summary.candidates:
        blocks += [*_candidate(candidate, summary), Text()]
    if not summary.candidates:
        blocks += [Text("Nothing was recorded here: no launch, no candidate."), Text()]
    return Group(*blocks, *_sources(summary.sources, summary.made_at))


def _candidate(one: CandidateSummary, summary: Summary) -> Iterator[RenderableType]:
    yield title(Text.assemble(plain(one.launch), ": ", plain(one.candidate), overflow="fold"))
    facts: list[tuple[str, RenderableType]] = [
        *_rate_facts(one, summary.confidence),
        ("seen", Text(f"{period(one.first, one.last)}, {duration(one.last - one.first)}")),
        *coverage_facts(one),
        *trend_facts(one.trend),
        *noise_facts(one.noise),
        *confirmation_facts(one.confirmations),
        *_input_facts(one),
    ]
    yield Facts(facts)
    yield from _section("Outcomes", outcome_table(one.outcomes))
    yield from _section(_ways(one), group_list(one.groups))
    yield from _section("Where they differ", path_table(one.paths))
    yield from _section("Exceptions", raised_table(one.raised))
    yield from _section("Reasons", reason_table(one.reasons))
    yield from _section("Latency", latency_table(one.latency))
    yield from _section("Code versions", version_list(one.versions))
    for key, parts in part_tables(one.versions):
        yield from _section(Text.assemble("By ", plain(key)), parts)
    notes = [Text.assemble("- ", plain(note), overflow="fold") for note in one.notes]
    yield from _section("Notes", Group(*notes) if notes else None)


def _section(head: str | Text, content: RenderableType | None) -> Iterator[RenderableType]:
    if content is None:
        return
    yield Text()
    yield Text(head, style="bold") if isinstance(head, str) else head
    yield indented(content)


def _ways(one: CandidateSummary) -> str:
    shown = len(one.groups)
    ways = counted(shown + one.groups_left_out, "kind of difference", "kinds of difference")
    return (
        f"{ways}, the {number(shown)} most frequent" if one.groups_left_out else ways.capitalize()
    )


def _rate_facts(one: CandidateSummary, confidence: float) -> Iterator[tuple[str, RenderableType]]:
    if not one.compared:
        yield "differs", Text("nothing was compared", style="bold yellow")
        return
    style = "bold red" if one.failed else "bold green"
    yield (
        "differs",
        Text.assemble(
            (f"{number(one.failed)} of {counted(one.compared, 'compared call')}", style),
            f" ({percent(one.failed / one.compared)})",
        ),
    )
    yield (
        "",
        Text(
            f"rate between {percent(one.low)} and {percent(one.high)}, with "
            f"{confidence * 100:g} % confidence however often one looks"
            # A verdict takes it off, and so has other bounds.
            f"{'; noise is still in it' if one.noise else ''}"
        ),
    )
    yield "", Text(_clean_calls(one, confidence))


def _clean_calls(one: CandidateSummary, confidence: float) -> str:
    if one.low > ASKED_RATE:
        return f"more than {ASKED_RATE * 100:g} % differ"
    more = calls_needed(one.failed, one.compared, ASKED_RATE, confidence)
    at_most = f"at most {ASKED_RATE * 100:g} %"
    if one.high <= ASKED_RATE or more == 0:
        return f"enough to say that it is {at_most}"
    if more is None:
        return f"no number of calls would show that it is {at_most}"
    return f"{counted(more, 'more call')} without a difference would show that it is {at_most}"


def _input_facts(one: CandidateSummary) -> Iterator[tuple[str, RenderableType]]:
    if one.inputs is None:
        return
    about = "about " if one.inputs.is_estimate else ""
    yield (
        "inputs",
        Text(
            f"{about}{number(one.inputs.distinct)} different ones in "
            f"{counted(one.inputs.counted, 'call')}"
        ),
    )


def _sources(sources: Sources, made_at: float) -> Iterator[RenderableType]:
    rolled_up = f", {counted(sources.rolled_up, 'call')} in rollups" if sources.rolled_up else ""
    processes = counted(sources.processes, "process", "processes")
    hosts = counted(sources.hosts, "host")
    files = f"{counted(sources.files, 'file')} of {nbytes(sources.nbytes)}"
    lines = [
        f"{counted(sources.records, 'record')}{rolled_up}; {processes}, {hosts}",
        f"{files} in {duration(sources.seconds)}, at {moment(made_at)}",
        *(
            f"left out: {number(count)} {reason.replace('_', ' ')}"
            for reason, count in sources.skipped.items()
            if count
        ),
    ]
    if sources.duplicates:
        lines.append(f"{counted(sources.duplicates, 'duplicate')}, counted once")
    if sources.ahead:
        lines.append(f"{counted(sources.ahead, 'record')} dated in the future, counted")
    labels = ["read", *[""] * (len(lines) - 1)]
    yield Facts(zip(labels, map(plain, lines), strict=True))
