"""Where and how a candidate differs, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from darkcall._text import escaped
from darkcall.analysis._words import counted, number, percent, period

from ._layout import table
from ._words import plain


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from darkcall.analysis._findings import Group, Noise, PathCount, Raised

#: So many rows of a table are shown; ``--json`` has all.
MAX_ROWS: Final = 10


def group_list(groups: Sequence[Group]) -> RenderableType | None:
    """Show the kinds of difference, the most frequent first.

    Args:
        groups: The kinds.
    """
    if not groups:
        return None
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for group in groups[:MAX_ROWS]:
        text = Text.assemble(plain(group.signature, "red"), "\n", (about(group), "dim"))
        text.overflow = "fold"
        grid.add_row(Text(number(group.count), style="bold"), Text(percent(group.share)), text)
    rest = groups[MAX_ROWS:]
    if rest:
        calls = sum(group.count for group in rest)
        grid.add_row(Text(number(calls)), Text(), Text(f"of {counted(len(rest), 'more kind')}"))
    return grid


def about(group: Group) -> str:
    """Say of what kind a group is, and since when it is seen.

    Args:
        group: The calls that differ in the same way.
    """
    parts = [group.outcome, period(group.first, group.last)]
    if len(group.versions) > 1:
        parts.append(f"in {counted(len(group.versions), 'code version')}")
    if group.is_noise:
        parts.append("the control differs from itself as often")
    parts += [
        f"{number(count)} {name.replace('_', ' ')}"
        for name, count in group.confirmations.items()
        if count
    ]
    return escaped("; ".join(parts))


def path_table(paths: Sequence[PathCount]) -> RenderableType | None:
    """Show where results differ, and how often the control differs from itself there.

    Args:
        paths: The places.
    """
    if not paths:
        return None
    is_measured = any(path.noise_rate is not None for path in paths)
    rows: list[list[Text | str]] = [
        [
            plain(path.path, "red") if path.is_difference else plain(f"{path.path} (noise)", "dim"),
            number(path.count),
            percent(path.rate),
            *([_noise_rate(path)] if is_measured else ()),
        ]
        for path in paths[:MAX_ROWS]
    ]
    _add_the_rest(rows, [path.count for path in paths], "path")
    return table(["path", "calls", "rate", *(["control"] if is_measured else ())], rows)


def _noise_rate(path: PathCount) -> str:
    return "-" if path.noise_rate is None else percent(path.noise_rate)


def raised_table(raised: Sequence[Raised]) -> RenderableType | None:
    """Show the exceptions of both sides.

    Args:
        raised: Classes of exceptions.
    """
    if not raised:
        return None
    rows: list[list[Text | str]] = [
        [
            plain(one.type if one.message is None else f"{one.type}: {one.message}"),
            one.side,
            number(one.count),
        ]
        for one in raised[:MAX_ROWS]
    ]
    _add_the_rest(rows, [one.count for one in raised], "class", "classes", gap=[""])
    return table(["exception", "raised by", "calls"], rows)


def reason_table(reasons: Mapping[str, int]) -> RenderableType | None:
    """Show why calls were skipped, dropped and so on.

    Args:
        reasons: How often each reason was given.
    """
    if not reasons:
        return None
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    rows: list[list[Text | str]] = [
        [plain(reason), number(count)] for reason, count in ordered[:MAX_ROWS]
    ]
    _add_the_rest(rows, [count for _, count in ordered], "reason")
    return table(["reason", "calls"], rows)


def _add_the_rest(
    rows: list[list[Text | str]],
    counts: Sequence[int],
    noun: str,
    plural: str | None = None,
    gap: Sequence[str] = (),
) -> None:
    rest = counts[MAX_ROWS:]
    if rest:
        more = f"{len(rest):,} more {noun if len(rest) == 1 else plural or f'{noun}s'}"
        blanks = [""] * (len(rows[0]) - 2 - len(gap))
        rows.append([more, *gap, number(sum(rest)), *blanks])


def noise_facts(noise: Noise | None) -> Iterator[tuple[str, RenderableType]]:
    """Say how often the control differs from itself.

    Args:
        noise: What running it again showed.

    Yields:
        Labels and texts.
    """
    if noise is None:
        return
    if not noise.compared:
        yield "noise", Text("the control ran again, and was never compared")
        return
    yield (
        "noise",
        Text(
            f"the control differs from itself on {number(noise.failed)} of "
            f"{counted(noise.compared, 'call')} ({percent(noise.failed / noise.compared)})"
        ),
    )
    yield (
        "",
        Text(
            f"{counted(noise.real, 'call')} of the candidate "
            f"{'differs' if noise.real == 1 else 'differ'} beyond noise, {number(noise.noisy)} "
            f"within it (level {noise.level:g})"
        ),
    )


def confirmation_facts(confirmations: Mapping[str, int]) -> Iterator[tuple[str, RenderableType]]:
    """Say what running both sides once more showed.

    Args:
        confirmations: How often each confirmation came about.

    Yields:
        Labels and texts.
    """
    named = [
        f"{number(count)} {name.replace('_', ' ')}"
        for name, count in confirmations.items()
        if count
    ]
    if named:
        yield "confirmed", plain(", ".join(named))
