"""How a value is pickled whose own way would do harm."""

from __future__ import annotations

import copyreg
import types
from itertools import islice
from typing import TYPE_CHECKING, Any, Final


if TYPE_CHECKING:
    from ._limits import Writer

_newobj: Any = copyreg.__newobj__  # type: ignore[attr-defined]
_POINTER_BYTES: Final = 8
_SETS: Final = (set, frozenset)


def reduced_safely(value: Any, writer: Writer) -> Any:
    """Say how a value is pickled.

    Args:
        value: Anything.
        writer: Takes the copy, within its limits.

    Returns:
        What ``__reduce_ex__`` returns; ``NotImplemented`` where the value's own way does no harm.

    Raises:
        UnkeepableError: The copy would exceed the limits.
    """
    cls = type(value)
    if is_listed_without_limit(cls):
        return _reduced_set(value, writer)
    if type(cls.__new__) is types.FunctionType:
        return _without_own_new(value)
    return NotImplemented


def is_listed_without_limit(cls: type) -> bool:
    """Tell whether pickling would list, in C, what an ``__iter__`` of a class's own gives."""
    if not issubclass(cls, _SETS):
        return False
    of = type.__getattribute__
    base = next(base for base in _SETS if issubclass(cls, base))
    return (
        of(cls, "__iter__") is not base.__iter__
        and of(cls, "__reduce__") is base.__reduce__
        and of(cls, "__reduce_ex__") is object.__reduce_ex__
        and cls not in copyreg.dispatch_table
    )


def _reduced_set(value: Any, writer: Writer) -> Any:
    """Do as ``set.__reduce__``, which would list without limit what an ``__iter__`` gives."""
    items: list[Any] = []
    iterator = iter(value)
    while more := list(islice(iterator, 1000)):
        items += more
        writer.reserve(len(items) * _POINTER_BYTES)
        writer.look_if_due()
    return type(value), (items,), value.__getstate__()


def _without_own_new(value: Any) -> Any:
    """Have the copy made in the plain way, not in the ``__new__`` of the value's class.

    That may be a singleton's: made anew through it, the copy would be the original, with
    the state of the copy written over its own.
    """
    cls = type(value)
    parts = value.__reduce_ex__(5)
    if isinstance(parts, tuple) and parts[0] is _newobj and parts[1] == (cls,):
        return (_blank, (cls,), *parts[2:])
    return parts


def _blank(cls: type) -> Any:
    builtin: Any = next(base for base in cls.__mro__ if base.__module__ == "builtins")
    return builtin.__new__(cls)
