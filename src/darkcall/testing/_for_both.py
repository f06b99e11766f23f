"""What both sides can be given: copies of it can be made."""

from __future__ import annotations

import collections.abc
import copy
import itertools
import types
import typing
import weakref
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from ._sides import can_be_kept


if TYPE_CHECKING:
    from collections.abc import Callable

#: Of these, hypothesis also draws views of dicts and of memory, which cannot be copied.
_VAGUE: Final = frozenset(
    {
        collections.abc.Collection,
        collections.abc.Container,
        collections.abc.Hashable,
        collections.abc.Iterable,
        collections.abc.Reversible,
        collections.abc.Sized,
    }
)

_pure: weakref.WeakValueDictionary[int, Pure] = weakref.WeakValueDictionary()
_numbers = itertools.count()


class Pure:
    """A function that both sides call: the same comes of the same, whoever asks, however often.

    Args:
        function: One that hypothesis made, and that gives the same for the same.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._number = next(_numbers)
        _pure[self._number] = self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # What a side does to a result, the other is not to see.
        return copy.deepcopy(self._function(*args, **kwargs))

    def __reduce__(self) -> tuple[Callable[[int], Pure], tuple[int]]:
        return _numbered, (self._number,)


def _numbered(number: int) -> Pure:
    return _pure[number]


def for_both(
    strategy: st.SearchStrategy[Any],
    hint: Any,
    from_hint: Callable[[Any], st.SearchStrategy[Any]],
) -> st.SearchStrategy[Any]:
    """Have a strategy draw what can be given to both sides.

    Args:
        strategy: What comes of the hint.
        hint: The hint.
        from_hint: Gives strategies for its parts.

    Returns:
        The strategy, or another one for the same hint.
    """
    origin = typing.get_origin(hint)
    if origin is collections.abc.Callable:
        return strategy.map(Pure)
    parts = typing.get_args(hint)
    if origin in {typing.Union, types.UnionType} and any(map(_is_function, parts)):
        return st.one_of([from_hint(part) for part in parts])
    return strategy.filter(can_be_kept) if _is_vague(hint) else strategy


def _is_function(hint: Any) -> bool:
    return typing.get_origin(hint) is collections.abc.Callable


def _is_vague(hint: Any) -> bool:
    origin = typing.get_origin(hint) or hint
    is_one = isinstance(origin, type) and origin in _VAGUE
    return is_one or any(map(_is_vague, typing.get_args(hint)))
