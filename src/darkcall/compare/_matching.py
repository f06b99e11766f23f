"""Pairing the items of two collections in which order says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from . import _leaves
from ._names import derives_from


if TYPE_CHECKING:
    from collections.abc import Hashable

    from darkcall._paths import State

    from ._walk import Walk

_ANYTHING: Final = "anything"
_MAX_DEPTH: Final = 20


def matched(
    walk: Walk, control: list[Any], candidate: list[Any], state: State
) -> tuple[list[tuple[Any, Any]], list[Any], list[Any]]:
    """Pair equal items: the pairs, and what is left over on either side, in order.

    Items are sorted into buckets by fingerprint, so that only those are compared one
    with another which may be equal.
    """
    pairs, missing, extra = matched_indexes(walk, control, candidate, state)
    return (
        [(control[i], candidate[j]) for i, j in pairs],
        [control[i] for i in missing],
        [candidate[j] for j in extra],
    )


def matched_indexes(
    walk: Walk, control: list[Any], candidate: list[Any], state: State
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """As :func:`matched`, with indexes in place of items."""
    if not control or not candidate:
        return [], list(range(len(control))), list(range(len(candidate)))
    if walk.rules.tolerant and all(_is_real(item) for item in (*control, *candidate)):
        pairs = _sorted_pairs(walk, control, candidate, state)
    else:
        pairs = _bucket_pairs(walk, control, candidate, state)
    paired = ({i for i, _ in pairs}, {j for _, j in pairs})
    missing = [i for i in range(len(control)) if i not in paired[0]]
    extra = [j for j in range(len(candidate)) if j not in paired[1]]
    return pairs, missing, extra


def _is_real(item: Any) -> bool:
    kind = type(item)
    return kind in {int, float} and item == item  # noqa: PLR0124 (not a NaN)


def _sorted_pairs(
    walk: Walk, control: list[Any], candidate: list[Any], state: State
) -> list[tuple[int, int]]:
    left = sorted(range(len(control)), key=control.__getitem__)
    right = sorted(range(len(candidate)), key=candidate.__getitem__)
    pairs = []
    at = other = 0
    while at < len(left) and other < len(right):
        i, j = left[at], right[other]
        walk.budget.spend(1)
        if walk.agree(control[i], candidate[j], state):
            pairs.append((i, j))
            at += 1
            other += 1
        elif control[i] < candidate[j]:
            at += 1
        else:
            other += 1
    return pairs


def _bucket_pairs(
    walk: Walk, control: list[Any], candidate: list[Any], state: State
) -> list[tuple[int, int]]:
    buckets: dict[Hashable, tuple[list[int], list[int]]] = {}
    inexact = set()
    for side, items in enumerate((control, candidate)):
        for index, item in enumerate(items):
            fingerprint = Fingerprint(walk)
            key = fingerprint.of(item, state, 0)
            buckets.setdefault(key, ([], []))[side].append(index)
            if not fingerprint.exact:
                inexact.add(key)
    pairs: list[tuple[int, int]] = []
    for key, (left, right) in buckets.items():
        if key in inexact:
            pairs += _compared_pairs(walk, control, candidate, (left, right), state)
        else:
            pairs += zip(left, right, strict=False)
    return pairs


def _compared_pairs(
    walk: Walk,
    control: list[Any],
    candidate: list[Any],
    indexes: tuple[list[int], list[int]],
    state: State,
) -> list[tuple[int, int]]:
    left, right = indexes
    partner: dict[int, int] = {}
    free = list(right)
    unpaired = []
    for i in left:
        for position, j in enumerate(free):
            if walk.agree(control[i], candidate[j], state):
                partner[j] = i
                del free[position]
                break
        else:
            unpaired.append(i)
    if free and walk.rules.tolerant:
        # "Close to" is not transitive: the first partner that fits may be another's only one.
        for i in unpaired:
            _augment(walk, control, candidate, (i, right), partner, state)
    return [(i, j) for j, i in partner.items()]


def _augment(  # noqa: PLR0917 (one step of a well-known algorithm)
    walk: Walk,
    control: list[Any],
    candidate: list[Any],
    search: tuple[int, list[int]],
    partner: dict[int, int],
    state: State,
) -> None:
    """Find a partner for one more item by moving others on (breadth first)."""
    first, right = search
    came_from: dict[int, int] = {}
    holds = {i: j for j, i in partner.items()}
    waiting = [first]
    for i in waiting:
        for j in right:
            if j in came_from or not walk.agree(control[i], candidate[j], state):
                continue
            came_from[j] = i
            if j in partner:
                waiting.append(partner[j])
                continue
            at: int | None = j
            while at is not None:
                mover = came_from[at]
                partner[at] = mover
                at = holds.get(mover)
            return


class Fingerprint:
    """Something hashable that equal values have in common.

    Attributes:
        exact: Whether the values are equal if what was made from them is.
    """

    __slots__ = ("_walk", "exact")

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self.exact = True

    def of(self, value: Any, state: State, depth: int) -> Hashable:  # noqa: PLR0911 (a table)
        """Make one for the value."""
        walk = self._walk
        walk.budget.spend(1)
        if state.matched or depth > _MAX_DEPTH:
            return self._anything()
        kind = type(value)
        if _leaves.is_number(kind):
            return self._number(value)
        if walk.rules.loose:
            return (str, str.__str__(value)) if issubclass(kind, str) else self._anything()
        if kind in _leaves.EXACT:
            return kind, value
        if kind in {list, tuple}:
            below = walk.below_any_index(state)
            return kind, tuple([self.of(item, below, depth + 1) for item in value])
        if kind is dict:
            return kind, self._pairs(value, state, depth)
        self.exact = False
        if derives_from(kind, "enum", "Enum"):
            return id(value)
        layout = walk.layout(kind)
        if layout is not None:
            return id(kind), self._pairs(layout.read(value), state, depth)
        if walk.handler_for(kind) is _leaves.opaque:
            return id(kind), _hash_or_none(value)
        return id(kind)

    def _pairs(self, value: dict[Any, Any], state: State, depth: int) -> Hashable:
        pairs = []
        for key, item in value.items():
            below = self._walk.below(state, key)
            if self._walk.rules.ignores(below):
                continue
            if type(key) not in {str, int}:
                self.exact = False
                continue
            pairs.append((type(key), key, self.of(item, below, depth + 1)))
        return frozenset(pairs)

    def _number(self, value: Any) -> Hashable:
        rules = self._walk.rules
        whole = isinstance(value, int)
        if rules.loose or (rules.tolerant and not whole):
            return self._anything()
        kind = type(value)
        if kind not in {int, float} or value != value:  # noqa: PLR0124 (a NaN)
            self.exact = False
            return id(kind)
        return kind, value

    def _anything(self) -> Hashable:
        self.exact = False
        return _ANYTHING


def _hash_or_none(value: Any) -> int | None:
    try:
        return hash(value)
    except TypeError:
        return None
