"""The constants of a function's code: that is where it changes its mind."""

from __future__ import annotations

import dis
import inspect
import itertools
import types
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from ._inputs import class_of


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

#: What is longer is a message or a query, and no input equals it.
_MAX_LENGTH: Final = 20
#: Of a table that is longer, most of the values are of no interest.
_MAX_VALUES: Final = 256
#: What is larger takes long to count from.
_MAX_NUMBER: Final = 10**40
#: A constant that is compared is loaded shortly before.
_SHORTLY: Final = 4
_NUMBERS: Final = frozenset({int, float, Decimal})
_TEXTS: Final = frozenset({str, bytes})
_COLLECTIONS: Final = frozenset({tuple, list, set, frozenset})
_LOADS: Final = frozenset({"LOAD_CONST", "LOAD_SMALL_INT", "RETURN_CONST"})
_LOADS_GLOBAL: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
_COMPARES: Final = frozenset({"COMPARE_OP", "CONTAINS_OP"})


Number: TypeAlias = int | float | Decimal


@attrs.frozen
class Constants:
    """Numbers, texts and bytes, each once, in the order in which the code has them.

    Attributes:
        numbers: Numbers of all types.
        texts: Texts.
        limits: Numbers that something is compared with.
        names: Texts that something is compared with.
        bytestrings: Bytes.
    """

    numbers: tuple[Number, ...] = ()
    texts: tuple[str, ...] = ()
    limits: tuple[Number, ...] = ()
    names: tuple[str, ...] = ()
    bytestrings: tuple[bytes, ...] = ()


def constants_of(functions: Iterable[Callable[..., Any]]) -> Constants:
    """Collect the constants that functions use.

    Those of functions inside, of functions of the same package that they call by name, of methods
    of their own class, of their defaults, and of the constants of their modules that they name are
    among them.

    Args:
        functions: Any callables; what has no code that can be read has no constants.

    Returns:
        The constants.
    """
    found: dict[tuple[type, Any], bool] = {}
    for value, is_compared in itertools.islice(_used_by(functions), _MAX_VALUES):
        key = type(value), value
        found[key] = found.get(key, False) or is_compared
    compared = [key for key, is_so in found.items() if is_so]
    return Constants(
        numbers=tuple(value for kind, value in found if kind in _NUMBERS),
        texts=tuple(value for kind, value in found if kind is str),
        limits=tuple(value for kind, value in compared if kind in _NUMBERS),
        names=tuple(value for kind, value in compared if kind is str),
        bytestrings=tuple(value for kind, value in found if kind is bytes),
    )


def _used_by(functions: Iterable[Callable[..., Any]]) -> Iterator[tuple[Any, bool]]:
    """Give each constant, and whether something is compared with it."""
    seen: set[int] = set()
    waiting = list(functions)
    while waiting:
        function = waiting.pop(0)
        if not isinstance(function, types.FunctionType) or id(function) in seen:
            continue
        seen.add(id(function))
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        loaded = _loaded(function.__code__, function.__globals__)
        waiting += _methods_named_by(function)
        for value, is_compared in itertools.chain(loaded, ((one, False) for one in defaults)):
            if isinstance(value, types.FunctionType) and _package(value) == _package(function):
                waiting.append(value)
            for one in _plain(value):
                yield one, is_compared


def _methods_named_by(function: types.FunctionType) -> Iterator[Callable[..., Any]]:
    """Give what a method may call of its own class, and the properties that it may read."""
    owner = class_of(function)
    for name in function.__code__.co_names if owner is not None else ():
        found = inspect.getattr_static(owner, name, None)
        if isinstance(found, property):
            found = found.fget
        found = getattr(found, "__func__", found)
        if isinstance(found, types.FunctionType) and _package(found) == _package(function):
            yield found


def _package(function: types.FunctionType) -> str:
    return (function.__module__ or "").partition(".")[0]


def _loaded(code: types.CodeType, namespace: Mapping[str, Any]) -> Iterator[tuple[Any, bool]]:
    """Give what code loads, each with whether something is compared with it."""
    instructions = list(dis.get_instructions(code))
    for place, instruction in enumerate(instructions):
        if instruction.opname in _LOADS_GLOBAL:
            value = namespace.get(instruction.argval)
        elif instruction.opname in _LOADS:
            value = instruction.argval
        else:
            continue
        if isinstance(value, types.CodeType):
            yield from _loaded(value, namespace)
            continue
        soon = instructions[place + 1 : place + 1 + _SHORTLY]
        yield value, any(one.opname in _COMPARES for one in soon)


def _plain(value: Any) -> Iterator[Any]:
    """Give the numbers, texts and bytes of a value."""
    kind = type(value)
    if kind in _TEXTS:
        yield from [value] if 0 < len(value) <= _MAX_LENGTH else []
    elif kind in _NUMBERS:
        is_number = kind is not Decimal or value.is_finite()
        yield from [value] if is_number and abs(value) <= _MAX_NUMBER else []
    elif kind in _COLLECTIONS and len(value) <= _MAX_VALUES:
        # The order of a set is another one in each process.
        for one in sorted(value, key=repr) if kind in {set, frozenset} else value:
            yield from _plain(one)
    elif kind is dict and len(value) <= _MAX_VALUES:
        for item in value.items():
            yield from _plain(item)
