"""Rates and times, over time and by parts, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.text import Text

from darkcall.analysis._words import counted, duration, figure, moment, number, percent, period

from ._layout import Sparkline, table
from ._words import plain


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from darkcall.analysis._findings import Distribution, Latency, Point
    from darkcall.analysis._summary import Version

_SHOWN: Final = {0.5: "median", 0.9: "90 %", 0.99: "99 %", 0.999: "99.9 %"}
_MAX_PARTS: Final = 20
_MAX_VERSIONS: Final = 5


def trend_facts(trend: Sequence[Point]) -> Iterator[tuple[str, RenderableType]]:
    """Draw the rate over time, and say where it was highest.

    Args:
        trend: Spans of time.

    Yields:
        Labels and what they say.
    """
    if len(trend) < 2:
        return
    rates = [point.failed / point.compared if point.compared else 0.0 for point in trend]
    worst = max(range(len(trend)), key=rates.__getitem__)
    if not rates[worst]:
        return
    yield "trend", Sparkline(rates)
    yield (
        "",
        Text(
            f"highest {percent(rates[worst])} of {counted(trend[worst].compared, 'call')} from "
            f"{moment(trend[worst].at)}; last {percent(rates[-1])}"
        ),
    )


def latency_table(latency: Latency) -> RenderableType | None:
    """Show quantiles of both sides, and of their ratio call by call.

    Args:
        latency: How long they took.
    """
    if not latency.control.count and not latency.candidate.count:
        return None
    sides = (latency.control, latency.candidate)
    rows = [
        [name, *(_quantile(side, at) for side in sides), _ratio(latency.ratio, at)]
        for at, name in _SHOWN.items()
    ]
    rows.append(["calls", *(number(side.count) for side in (*sides, latency.ratio))])
    blocks: list[RenderableType] = [table(["", "control", "candidate", "ratio"], rows)]
    if latency.ratio.count:
        how = (
            "ratio: call by call, where the control ran again: both measured on a worker; the "
            "control's own times are as its callers saw them"
            if latency.is_fair
            else "ratio: call by call; the control as its callers saw it, the candidate on workers"
        )
        blocks.append(Text(how, style="dim"))
    if latency.cpu_measured:
        each = duration(latency.candidate_cpu_seconds / latency.cpu_measured)
        blocks.append(Text(f"CPU: {each} a call on average", style="dim"))
    return Group(*blocks)


def _quantile(side: Distribution, at: float) -> str:
    return duration(side.quantiles[at]) if side.count and at in side.quantiles else "-"


def _ratio(ratio: Distribution, at: float) -> str:
    return figure(ratio.quantiles[at]) if ratio.count and at in ratio.quantiles else "-"


def version_list(versions: Sequence[Version]) -> RenderableType | None:
    """Show the pairs of code versions, the newest first.

    Args:
        versions: The pairs, the newest last.
    """
    if len(versions) < 2 and not any(version.candidate for version in versions):
        return None
    newest = versions[::-1]
    lines = [
        Text.assemble(
            plain(version.candidate or "unknown"),
            " beside control ",
            plain(version.control or "unknown"),
            f": {_share(version.failed, version.compared)}, ",
            (period(version.first, version.last), "dim"),
            overflow="fold",
        )
        for version in newest[:_MAX_VERSIONS]
    ]
    rest = newest[_MAX_VERSIONS:]
    if rest:
        failed = sum(version.failed for version in rest)
        compared = sum(version.compared for version in rest)
        lines.append(Text(f"{counted(len(rest), 'older pair')}: {_share(failed, compared)}"))
    return Group(*lines)


def part_tables(versions: Sequence[Version]) -> Iterator[tuple[str, RenderableType]]:
    """Show the parts by each key that was asked for, those that differ most often first.

    Args:
        versions: The code versions, whose parts are added up.

    Yields:
        Each key, and its table.
    """
    sums: dict[str, dict[str | None, list[int]]] = {}
    for version in versions:
        for key, parts in version.parts.items():
            for part in parts:
                both = sums.setdefault(key, {}).setdefault(part.value, [0, 0])
                both[0] += part.failed
                both[1] += part.compared
    for key, by_value in sums.items():
        yield key, _part_table(key, by_value)


def _part_table(key: str, by_value: dict[str | None, list[int]]) -> RenderableType:
    def worst_first(item: tuple[str | None, list[int]]) -> tuple[float, int]:
        failed, compared = item[1]
        return (-failed / compared if compared else 0.0), -compared

    ordered = sorted(by_value.items(), key=worst_first)
    rows: list[list[Text | str]] = [
        [
            Text("(none)", style="dim") if value is None else plain(value),
            number(failed),
            number(compared),
            _rate(failed, compared),
        ]
        for value, (failed, compared) in ordered[:_MAX_PARTS]
    ]
    rest = [counts for _, counts in ordered[_MAX_PARTS:]]
    if rest:
        failed, compared = (sum(column) for column in zip(*rest, strict=True))
        more = f"{len(rest):,} more"
        rows.append([more, number(failed), number(compared), _rate(failed, compared)])
    return table([plain(key).plain, "differ", "compared", "rate"], rows)


def _share(failed: int, compared: int) -> str:
    return f"{number(failed)} of {number(compared)} differ ({_rate(failed, compared)})"


def _rate(failed: int, compared: int) -> str:
    return percent(failed / compared) if compared else "-"
