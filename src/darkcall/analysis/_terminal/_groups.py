"""The groups of a summary, with examples side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs
from rich.console import Group as Lines
from rich.table import Table
from rich.text import Text

from darkcall.analysis._words import counted, moment, number, percent

from ._differences import about
from ._layout import Facts, indented, title
from ._words import plain, value


if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from darkcall.analysis._findings import Group
    from darkcall.analysis._summary import CandidateSummary, Summary

_MAX_EXAMPLES: Final = 2
_MAX_DIFFERENCES: Final = 10
#: The sides stand beside each other where each has so many columns, else one below the other.
_SIDE_BY_SIDE: Final = 76
_SIDES: Final = ("control", "candidate")


def groups_to_dict(
    summary: Summary, *, signature: str | None = None, limit: int | None = None
) -> dict[str, Any]:
    """Return what :func:`render_groups` shows as a dict that :mod:`json` can write.

    Args:
        summary: What records tell.
        signature: As there.
        limit: As there.
    """
    return {
        "candidates": [
            {
                "launch": one.launch,
                "candidate": one.candidate,
                "groups": [attrs.asdict(group) for group in _chosen(one, signature)[:limit]],
                "groups_left_out": one.groups_left_out,
            }
            for one in summary.candidates
        ]
    }


def _chosen(one: CandidateSummary, signature: str | None) -> list[Group]:
    return [group for group in one.groups if signature is None or signature in group.signature]


def render_groups(
    summary: Summary, *, signature: str | None = None, limit: int | None = None
) -> RenderableType:
    """Show the ways in which candidates differ, each with examples side by side.

    Args:
        summary: What records tell.
        signature: Show only those that have this text in their signature.
        limit: Show at most so many for each candidate; all by default.

    Returns:
        What Rich prints.
    """
    blocks: list[RenderableType] = []
    for one in summary.candidates:
        blocks += [*_candidate(one, _chosen(one, signature), limit), Text()]
    return Lines(*blocks[:-1]) if blocks else Text("Nothing was recorded here.")


def _candidate(
    one: CandidateSummary, groups: list[Group], limit: int | None
) -> Iterator[RenderableType]:
    yield title(Text.assemble(plain(one.launch), ": ", plain(one.candidate), overflow="fold"))
    if not groups:
        yield Text(
            "no difference of such a signature" if one.groups else "no difference", style="green"
        )
    for place, group in enumerate(groups[:limit], start=1):
        yield from _group(place, group)
    hidden = len(groups[limit:]) if limit is not None else 0
    if hidden + one.groups_left_out:
        yield Text()
        yield Text(f"{counted(hidden + one.groups_left_out, 'more kind')} not shown", style="dim")


def _group(place: int, group: Group) -> Iterator[RenderableType]:
    yield Text()
    head = Text.assemble((f"{place}. ", "bold"), plain(group.signature, "bold red"))
    head.overflow = "fold"
    yield head
    count = f"{counted(group.count, 'call')}, {percent(group.share)}; {about(group)}"
    yield indented(Text(count), 3)
    # The first and the last are among them: the two ends tell most.
    for example in _ends(group.examples):
        yield Text()
        yield indented(Lines(*_example(example)), 3)


def _ends(examples: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    if len(examples) <= _MAX_EXAMPLES:
        return examples
    return (examples[0], examples[-1])


def _example(record: dict[str, Any]) -> Iterator[RenderableType]:
    where = f"{record.get('host', '?')}, process {record.get('pid', '?')}"
    head = f"{moment(record.get('at', 0.0))}, {where}, call {record.get('call_id', '?')}"
    yield plain(head, "dim")
    if "reason" in record:
        yield Facts([("reason", plain(record["reason"]))])
    differences = record.get("differences", ())
    for difference in differences[:_MAX_DIFFERENCES]:
        path, kind = difference.get("path", "?"), difference.get("kind", "?")
        yield Text.assemble(plain(path, "bold"), ": ", plain(kind), overflow="fold")
        yield Sides(*(_side(difference, side) for side in _SIDES))
    if len(differences) > _MAX_DIFFERENCES:
        yield Text(f"{number(len(differences) - _MAX_DIFFERENCES)} more differences", style="dim")
    is_said = any(difference.get("kind") == "raised" for difference in differences)
    if not is_said and any(f"{side}_raised" in record for side in _SIDES):
        yield Sides(*(_raised(record.get(f"{side}_raised")) for side in _SIDES))
    for field in ("context", "arguments"):
        if record.get(field):
            yield Facts([(field, value(record[field]))])


def _side(difference: dict[str, Any], side: str) -> Text:
    kind = difference.get(f"{side}_type")
    if kind is None and difference.get(side) is None:
        # What is None has a type, too.
        return plain("nothing", "dim")
    return value(difference[side]) if side in difference else plain(f"some {kind}", "dim")


def _raised(raised: dict[str, Any] | None) -> Text:
    if raised is None:
        return Text("did not raise", style="dim")
    message = raised.get("message")
    if message is None:
        return plain(f"raised {raised.get('type')}")
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    return Text.assemble(plain(f"raised {raised.get('type')}: "), plain(text), overflow="fold")


class Sides:
    """What the control has and what the candidate has.

    Args:
        control: The control's side.
        candidate: The candidate's side.
    """

    def __init__(self, control: Text, candidate: Text) -> None:
        self._sides = control, candidate

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width < _SIDE_BY_SIDE - 8 or max(map(len, self._sides)) < 1:
            for name, side in zip(_SIDES, self._sides, strict=True):
                yield Text.assemble(f"  {name:<10}", side, overflow="fold")
            return
        half = options.max_width // 2 - 1
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=half - 1, overflow="fold")
        grid.add_column(width=1)
        grid.add_column(width=half - 1, overflow="fold")
        grid.add_row(*(Text(name, style="dim") for name in ("control", "|", "candidate")))
        left, right = (list(side.wrap(console, half - 1)) for side in self._sides)
        for index in range(max(len(left), len(right))):
            grid.add_row(
                left[index] if index < len(left) else Text(),
                Text("|", style="dim"),
                right[index] if index < len(right) else Text(),
            )
        yield grid
