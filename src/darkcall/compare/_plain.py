"""A short way for what is compared most often: small plain data that is equal."""

from __future__ import annotations

from typing import Any, Final

from ._leaves import EXACT


_CONTAINERS: Final = frozenset({dict, list, tuple})
_MAX_DEPTH: Final = 50
_MAX_ITEMS: Final = 100_000


def plainly_equal(control: Any, candidate: Any) -> bool:
    """Whether two values are plain data and the same, types included.

    No says nothing: the two may be equal in a way that takes a closer look. ``==`` does
    most of the work, once it is known that the types are the same in all places and that
    no code but Python's own will run.
    """
    if not _same_types(control, candidate, 0, [_MAX_ITEMS]):
        return False
    return bool(control == candidate)


def _same_types(  # noqa: C901, PLR0911 (calls cost more here than what they would do)
    x: Any, y: Any, depth: int, room: list[int]
) -> bool:
    """Whether the types are the same everywhere; keys must be text, in the same order."""
    kind = type(x)
    if kind is not type(y):
        return False
    if kind in EXACT:
        return True
    if kind not in _CONTAINERS or len(x) != len(y) or depth == _MAX_DEPTH:
        return False
    room[0] -= len(x)
    if room[0] < 0:
        return False
    if kind is dict:
        for (key, item), (other_key, other) in zip(x.items(), y.items(), strict=True):
            if type(key) is not str or type(other_key) is not str or key != other_key:
                return False
            kind = type(item)
            if kind is not type(other):
                return False
            if kind not in EXACT and not _same_types(item, other, depth + 1, room):
                return False
        return True
    for item, other in zip(x, y, strict=True):
        kind = type(item)
        if kind is not type(other):
            return False
        if kind not in EXACT and not _same_types(item, other, depth + 1, room):
            return False
    return True
