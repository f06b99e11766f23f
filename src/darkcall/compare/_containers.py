"""Mappings, sequences and sets, taken apart."""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ._leaves import EXACT
from ._matching import matched


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from darkcall._paths import State

    from ._walk import Child, Walk, Where

_ABSENT: Final = object()
_TEXT = frozenset({str})
#: Lists are compared slice by slice: where two slices agree, that costs little.
_SLICE: Final = 500


def dicts(walk: Walk, control: Any, candidate: Any, where: Where, state: State) -> Iterator[Child]:
    """Compare two dicts; of subclasses, what they hold as dicts."""
    if type(control) is not dict:
        control, candidate = dict(dict.items(control)), dict(dict.items(candidate))
    walk.budget.spend(len(control) + len(candidate))
    if not (_TEXT.issuperset(map(type, control)) and _TEXT.issuperset(map(type, candidate))):
        yield from _keyed_by_anything(walk, control, candidate, where, state)
        return
    everything = walk.sees_all(state)
    shared = 0
    for key, x in control.items():
        y = candidate.get(key, _ABSENT)
        if y is _ABSENT:
            walk.one_sided(where, state, key, "missing", x)
            continue
        shared += 1
        if everything or not (type(x) is type(y) in EXACT and x == y):
            yield key, x, y
    if shared < len(candidate):
        for key, y in candidate.items():
            if key not in control:
                walk.one_sided(where, state, key, "extra", y)


def _keyed_by_anything(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterator[Child]:
    keys = {key: key for key in candidate}
    unpaired = []
    for key, x in control.items():
        other = keys.pop(key, _ABSENT)
        if other is _ABSENT:
            unpaired.append(key)
            continue
        if not _alike(key, other, loose=walk.rules.loose):
            walk.differ((where, key), "keys", key, other)
        yield key, x, candidate[other]
    pairs, missing, extra = matched(walk, unpaired, list(keys), walk.nowhere)
    for key, other in pairs:
        yield key, control[key], candidate[other]
    for key in missing:
        walk.one_sided(where, state, key, "missing", control[key])
    for key in extra:
        walk.one_sided(where, state, key, "extra", candidate[key])


def _alike(x: Any, y: Any, *, loose: bool) -> bool:
    """Whether two values that are equal, and have the same hash, have the same types."""
    kinds = {type(x), type(y)}
    if len(kinds) > 1:
        return loose and bool not in kinds
    if kinds <= {tuple}:
        return all(_alike(left, right, loose=loose) for left, right in zip(x, y, strict=True))
    return True


def ordered_dicts(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterator[Child]:
    """Compare two ``OrderedDict``, whose order is part of what they say."""
    found = len(walk.differences)
    yield from dicts(walk, control, candidate, where, state)
    before, after = list(OrderedDict.__iter__(control)), list(OrderedDict.__iter__(candidate))
    if found == len(walk.differences) and before != after and len(before) == len(after):
        walk.differ(where, "order", before, after)


def mappings(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterator[Child]:
    """Compare two mappings of any type by their keys."""
    left = {key: control[key] for key in taken(walk, control)}
    right = {key: candidate[key] for key in taken(walk, candidate)}
    return dicts(walk, left, right, where, state)


def sequences(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterator[Child]:
    """Compare two lists or tuples, or what can be iterated as if it were one."""
    xs: Sequence[Any] = _as_sequence(walk, control)
    ys: Sequence[Any] = _as_sequence(walk, candidate)
    if len(xs) != len(ys):
        walk.differ(where, "length", len(xs), len(ys))
    everything = walk.sees_all(state)
    shorter = min(len(xs), len(ys))
    for begin in range(0, shorter, _SLICE):
        end = min(begin + _SLICE, shorter)
        walk.budget.spend(end - begin)
        left, right = xs[begin:end], ys[begin:end]
        if not everything and _same_exactly(left, right):
            continue
        for index, (x, y) in enumerate(zip(left, right, strict=True), begin):
            if everything or not (type(x) is type(y) in EXACT and x == y):
                yield index, x, y


def _same_exactly(left: Sequence[Any], right: Sequence[Any]) -> bool:
    kinds = list(map(type, left))
    return (
        EXACT.issuperset(kinds)
        and kinds == list(map(type, right))
        and left.__class__ is right.__class__
        and left == right
    )


def _as_sequence(walk: Walk, value: Any) -> Sequence[Any]:
    if type(value) in {list, tuple}:
        return value  # type: ignore[no-any-return]
    for base in (list, tuple):
        if issubclass(type(value), base):
            return list(base.__iter__(value))
    return taken(walk, value)


def taken(walk: Walk, values: Iterable[Any]) -> list[Any]:
    """The values of an iterable, as a list, within the walk's bounds."""
    iterator = iter(values)
    items: list[Any] = []
    while more := list(islice(iterator, 1000)):
        walk.budget.spend(len(more))
        items += more
    return items


def named_tuples(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterator[Child]:
    """Compare two named tuples by the names of their fields."""
    names = type(control)._fields
    left = dict(zip(names, tuple.__iter__(control), strict=True))
    right = dict(zip(names, tuple.__iter__(candidate), strict=True))
    return dicts(walk, left, right, where, state)


def sets(walk: Walk, control: Any, candidate: Any, where: Where, _state: State) -> None:
    """Compare two sets; what only one of them has is told with the set's own path."""
    left = {_token(item, loose=walk.rules.loose): item for item in taken(walk, control)}
    right = {_token(item, loose=walk.rules.loose): item for item in taken(walk, candidate)}
    # Equal objects without a hash by value, and NaN, are found by comparing.
    only_left = [item for token, item in left.items() if token not in right]
    only_right = [item for token, item in right.items() if token not in left]
    _, missing, extra = matched(walk, only_left, only_right, walk.nowhere)
    for item in missing:
        walk.differ(where, "missing", control=item)
    for item in extra:
        walk.differ(where, "extra", candidate=item)


def _token(item: Any, *, loose: bool) -> Any:
    """What stands for an item of a set, so that ``True`` is not ``1``."""
    kind = type(item)
    if kind is tuple:
        return tuple, tuple([_token(part, loose=loose) for part in item])
    if kind is frozenset:
        return frozenset, frozenset([_token(part, loose=loose) for part in item])
    try:
        hash(item)
    except TypeError:
        return object, id(item)
    return (bool if kind is bool else object) if loose else kind, item


def arrays(walk: Walk, control: Any, candidate: Any, where: Where, state: State) -> Iterator[Child]:
    """Compare two ``array.array``."""
    if control.typecode != candidate.typecode and not walk.rules.loose:
        walk.differ(where, "dtype", control.typecode, candidate.typecode)
        return iter(())
    return sequences(walk, control.tolist(), candidate.tolist(), where, state)


def memory_views(
    walk: Walk, control: memoryview, candidate: memoryview, where: Where, _state: State
) -> None:
    """Compare two memory views as wholes."""
    if control.format != candidate.format:
        walk.differ(where, "dtype", control.format, candidate.format)
    elif control.shape != candidate.shape:
        walk.differ(where, "shape", control.shape, candidate.shape)
    elif control.tobytes() != candidate.tobytes():
        walk.differ(where, "value", control, candidate)
