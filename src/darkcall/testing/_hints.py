"""Type hints that tell likely values, too."""

from __future__ import annotations

import collections
import inspect
import types
import typing
from collections import abc
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

from hypothesis import strategies as st


if TYPE_CHECKING:
    from collections.abc import Mapping

    Strategy: typing.TypeAlias = st.SearchStrategy[Any]
    Likely: typing.TypeAlias = Mapping[type, Strategy]

#: Their arguments are of what they hold.
_CONTAINERS: Final = frozenset(
    {
        *(list, tuple, set, frozenset, dict, collections.defaultdict, collections.deque),
        *(abc.Iterable, abc.Iterator, abc.Collection, abc.Sequence, abc.MutableSequence),
        *(abc.Set, abc.MutableSet, abc.Mapping, abc.MutableMapping),
    }
)
#: What hypothesis gives for a type for which nobody registered anything.
_OWN: Final[Mapping[type, str]] = {
    int: "integers()",
    float: "floats()",
    str: "text()",
    Decimal: "decimals()",
    bytes: "binary()",
    date: "dates()",
    time: "times()",
    datetime: "datetimes()",
    timedelta: "timedeltas()",
}


def enriched(hint: Any, likely: Likely) -> Any:
    """Have a type hint tell values that are likely to matter, too.

    Hints inside of it do, as do those of the fields of classes.  What somebody registered a
    strategy for gives what that strategy gives, and nothing else.

    Args:
        hint: Any type hint.
        likely: Strategies by type.

    Returns:
        A hint for ``hypothesis.strategies.from_type``.
    """
    if isinstance(hint, type) and hint in likely:
        known: Strategy = st.from_type(hint)
        return Annotated[hint, known | likely[hint]] if repr(known) == _OWN[hint] else hint
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return typing.Union[tuple(enriched(one, likely) for one in arguments)]  # noqa: UP007 -- made of what is there
    if origin in _CONTAINERS and arguments:
        return origin[tuple(one if one is ... else enriched(one, likely) for one in arguments)]
    return _enriched_class(hint, likely) if isinstance(hint, type) and likely else hint


def _enriched_class(hint: type, likely: Likely) -> Any:
    """Make instances of likely values, if hypothesis makes them of their fields' hints, too.

    Of a class that holds itself it makes them in another way, so that they end.
    """
    try:
        # Those of a plain class are at its __init__, those of a named tuple at the class alone.
        hints = typing.get_type_hints(hint, include_extras=True)
        hints |= typing.get_type_hints(hint.__init__, include_extras=True)  # type: ignore[misc]  # it is only looked at
        parameters = inspect.signature(hint).parameters.values()
        fields = [(one.name, one.default, hints[one.name]) for one in parameters]
        plain = {name: _with(default, st.from_type(own)) for name, default, own in fields}
        if not fields or repr(st.from_type(hint)) != repr(st.builds(hint, **plain)):
            return hint
        own = {
            name: _with(default, st.from_type(enriched(own, likely)))
            for name, default, own in fields
        }
    except Exception:  # noqa: BLE001 -- what it is that cannot be resolved is said without this
        return hint
    return Annotated[hint, st.builds(hint, **own)]


def _with(default: Any, strategy: Strategy) -> Strategy:
    return strategy if default is inspect.Parameter.empty else st.just(default) | strategy
