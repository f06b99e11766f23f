"""Groups of calls that differ alike, with their examples side by side, within a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall.analysis._described import Marked, shown, side_by_side
from darkcall.analysis._words import cut, duration, moment


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from darkcall.analysis._findings import Group

_NOTHING: Final = object()


@attrs.frozen(kw_only=True)
class Bounds:
    """How much of each candidate is shown.

    Attributes:
        groups: So many groups.
        examples: So many examples of each.
        sides: So many differences of an example.
        texts: So many characters of a value.
        rows: So many rows of a table.
        nbytes: So many bytes of examples in all.
        has_charts: Whether there are charts.
    """

    groups: int
    examples: int
    sides: int
    texts: int
    rows: int
    nbytes: int
    has_charts: bool

    @classmethod
    def for_candidates(cls, number: int) -> Bounds:
        """Return what keeps a page of so many candidates small, and quick to make."""
        if number <= 3:
            return cls(
                groups=12,
                examples=3,
                sides=8,
                texts=700,
                rows=20,
                nbytes=200_000,
                has_charts=True,
            )
        if number <= 12:
            return cls(
                groups=6,
                examples=2,
                sides=4,
                texts=300,
                rows=8,
                nbytes=50_000,
                has_charts=True,
            )
        return cls(groups=4, examples=1, sides=3, texts=200, rows=4, nbytes=4_000, has_charts=False)


@attrs.frozen(kw_only=True)
class Pair:
    """What stands beside each other.

    Attributes:
        where: The path, or what it is.
        kind: The kind of difference.
        control: The control's side; None if it has nothing there, or it was not kept.
        candidate: The candidate's side, likewise.
        absent: What is said of a side that is None.
    """

    where: str
    kind: str
    control: Marked | None
    candidate: Marked | None
    absent: str = "not kept"


@attrs.frozen(kw_only=True)
class Example:
    """One call.

    Attributes:
        at: When it began.
        facts: What is known of it, as pairs of a name and a text.
        pairs: What differs.
        pairs_left_out: How many more differences there are.
        arguments: The arguments, likewise as pairs of a name and a text.
    """

    at: str
    facts: tuple[tuple[str, str], ...]
    pairs: tuple[Pair, ...]
    pairs_left_out: int
    arguments: tuple[tuple[str, str], ...]


@attrs.frozen(kw_only=True)
class ShownGroup:
    """A group and as many of its examples as there is room for.

    Attributes:
        group: The group.
        examples: Its examples.
        examples_left_out: How many examples there was no room for.
    """

    group: Group
    examples: tuple[Example, ...]
    examples_left_out: int


def shown_groups(groups: tuple[Group, ...], bounds: Bounds) -> tuple[ShownGroup, ...]:
    """Choose what is shown of the groups: each gets its first example before any gets another.

    Args:
        groups: The groups, the most frequent first.
        bounds: How much there is room for.

    Returns:
        The first of them.
    """
    chosen: list[list[Example]] = [[] for _ in groups[: bounds.groups]]
    left = bounds.nbytes
    for number in range(bounds.examples):
        for group, examples in zip(groups, chosen, strict=False):
            if number < len(group.examples):
                example = _example(group.examples[number], bounds)
                left -= sum(map(_weight, _texts(attrs.astuple(example))))
                if left < 0:
                    return _with_examples(groups, chosen)
                examples.append(example)
    return _with_examples(groups, chosen)


def _with_examples(
    groups: tuple[Group, ...], chosen: list[list[Example]]
) -> tuple[ShownGroup, ...]:
    return tuple(
        ShownGroup(
            group=group,
            examples=tuple(examples),
            examples_left_out=len(group.examples) - len(examples),
        )
        for group, examples in zip(groups, chosen, strict=False)
    )


def _texts(parts: Any) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, tuple):
            yield from _texts(part)


def _weight(text: str) -> int:
    return len(text.encode()) + 4 * sum(map(text.count, "<>&'\"")) + 40


def _example(record: Mapping[str, Any], bounds: Bounds) -> Example:
    differences = [each for each in _list(record, "differences") if isinstance(each, dict)]
    pairs = [_pair(each, bounds.texts) for each in differences[: bounds.sides]]
    pairs += _raised(record, bounds.texts)
    if "control_value" in record or "candidate_value" in record:
        pairs.append(
            _sides(
                "result",
                "whole",
                record.get("control_value", _NOTHING),
                record.get("candidate_value", _NOTHING),
                bounds.texts,
            )
        )
    at = record.get("at")
    return Example(
        at=moment(at) if isinstance(at, int | float) else "at an unknown time",
        facts=tuple(_facts(record, bounds)),
        pairs=tuple(pairs),
        pairs_left_out=max(0, len(differences) - bounds.sides),
        arguments=tuple(_named(record, "arguments", bounds)),
    )


def _facts(record: Mapping[str, Any], bounds: Bounds) -> Iterator[tuple[str, str]]:
    for name, value in _named(record, "context", bounds):
        yield f"context {name}", value
    for field in ("control_seconds", "candidate_seconds"):
        seconds = record.get(field)
        if isinstance(seconds, int | float):
            yield field.removesuffix("_seconds"), f"took {duration(seconds)}"
    for field in ("reason", "confirmation", "stopped", "host", "pid", "call_id"):
        if record.get(field) is not None:
            yield field.replace("_", " "), cut(record[field], bounds.texts)
    if cut_fields := _list(record, "truncated"):
        yield "cut", cut(", ".join(map(str, cut_fields)), bounds.texts)


def _named(record: Mapping[str, Any], field: str, bounds: Bounds) -> Iterator[tuple[str, str]]:
    values = record.get(field)
    if isinstance(values, dict):
        for name in list(values)[: bounds.rows]:
            yield cut(name), shown(values[name], bounds.texts)
        if len(values) > bounds.rows:
            yield "…", f"and {len(values) - bounds.rows:,} more"


def _pair(difference: Mapping[str, Any], limit: int) -> Pair:
    pair = _sides(
        cut(difference.get("path", "$"), 300),
        cut(difference.get("kind", "")),
        difference.get("control", _NOTHING),
        difference.get("candidate", _NOTHING),
        limit,
    )
    if difference.get("kind") in {"missing", "extra"}:
        pair = attrs.evolve(pair, absent="nothing there")
    if pair.control or pair.candidate:
        return pair
    types = [difference.get(f"{side}_type") for side in ("control", "candidate")]
    of_type = [Marked("", cut(f"a {kind}, not kept"), "") if kind else None for kind in types]
    return attrs.evolve(pair, control=of_type[0], candidate=of_type[1])


def _sides(where: str, kind: str, control: Any, candidate: Any, limit: int) -> Pair:
    if control is not _NOTHING and candidate is not _NOTHING:
        left, right = side_by_side(control, candidate, limit)
        return Pair(where=where, kind=kind, control=left, candidate=right)
    alone = [
        None if side is _NOTHING else Marked("", shown(side, limit), "")
        for side in (control, candidate)
    ]
    return Pair(where=where, kind=kind, control=alone[0], candidate=alone[1])


def _raised(record: Mapping[str, Any], limit: int) -> list[Pair]:
    raised = [record.get(f"{side}_raised") for side in ("control", "candidate")]
    if not any(raised):
        return []
    sides = [
        Marked("", cut(_exception(each), limit), "") if isinstance(each, dict) else None
        for each in raised
    ]
    pair = Pair(where="raised", kind="", control=sides[0], candidate=sides[1], absent="returned")
    return [pair]


def _exception(raised: Mapping[str, Any]) -> str:
    text = str(raised.get("type", "an exception"))
    if "message" in raised:
        text += f": {raised['message']}"
    cause = raised.get("cause")
    # One link: what was raised in the end says most.
    return f"{text}, caused by {cause.get('type')}" if isinstance(cause, dict) else text


def _list(record: Mapping[str, Any], field: str) -> list[Any]:
    value = record.get(field)
    return value if isinstance(value, list) else []
