"""The source of a value: an expression that makes it again."""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import enum
import fractions
import inspect
import itertools
import keyword
import math
import pathlib
import sys
import types
import unicodedata
import uuid
import zoneinfo
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from darkcall._text import one_line, qualname_of

from ._layout import Bracketed, Leaf, Name, Pair, Prefixed, Text, call, literal
from ._standard import ADDRESSES, PATHS


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ._layout import Node

#: Records hold no more containers inside each other than that, and some are written as two.
_MAX_DEPTH: Final = 70
_MISSING: Final = object()


class NotWrittenError(Exception):
    """A value has no source."""


def source_of(value: Any) -> Node:
    """Write an expression that makes a value again.

    Whether it does is to be proved: constructors may do anything.

    Args:
        value: The value.

    Returns:
        The expression.

    Raises:
        NotWrittenError: There is none; the message says of what.

    Example:
        >>> from darkcall.testing._layout import Layout
        >>> write = Layout(lambda name: name.path).flat
        >>> print(write(source_of({"total": decimal.Decimal("1.50"), "ids": {2, 1}})))
        {"total": Decimal("1.50"), "ids": {1, 2}}
    """
    return _Writer().node(value)


def keywords_of(mapping: Mapping[str, Any]) -> Iterator[Node]:
    """Write keyword arguments.

    Args:
        mapping: Their names and values.

    Returns:
        Each of them; those whose names are none in code in mappings that are unpacked.

    Raises:
        NotWrittenError: A value has no source.
    """
    return _Writer().keywords(mapping)


def is_name(text: str) -> bool:
    """Tell whether a text can stand in code as a name, and means itself there."""
    return (
        text.isidentifier()
        # Python takes names of other forms for this one.
        and unicodedata.normalize("NFKC", text) == text
        and not keyword.iskeyword(text)
        and text != "__debug__"
    )


def name_of(found: Any) -> Name:
    """Name a class or a function so that a test can import it.

    Args:
        found: The class or function.

    Returns:
        Its name.

    Raises:
        NotWrittenError: It cannot be imported by its name.
    """
    module, path = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str):
        raise NotWrittenError(f"a {qualname_of(type(found))} has no name")
    # As in descriptions: it is so on CPython 3.13 alone.
    module = module.removesuffix("._local")
    shown = one_line(f"{module}.{path}", 200)
    if module == "__main__":
        raise NotWrittenError(f"{shown} stands in the main file, which a test cannot import")
    if not all(map(is_name, (*module.split("."), *path.split(".")))):
        raise NotWrittenError(f"{shown} is made where it is used: a test cannot import it")
    here = sys.modules.get(module)
    for part in path.split("."):
        here = getattr(here, part, None)
    if here is not found:
        raise NotWrittenError(f"{shown} has something else, or nothing, under its name")
    return Name(module, path)


class _Writer:
    """One way down a value."""

    def __init__(self) -> None:
        self._open: list[int] = []

    def node(self, value: Any) -> Node:
        if id(value) in self._open:
            raise NotWrittenError(f"a {_type_name(value)} lies in itself")
        if len(self._open) > _MAX_DEPTH:
            raise NotWrittenError("there are too many containers inside each other")
        self._open.append(id(value))
        try:
            return self._node(value)
        finally:
            self._open.pop()

    def _node(self, value: Any) -> Node:
        kind = type(value)
        if isinstance(value, enum.Enum):
            return self._member(value)
        if isinstance(value, type):
            return name_of(value)
        write = _of_numpy if kind.__module__ == "numpy" else _WRITERS.get(kind)
        if write is not None:
            return write(self, value)
        base = next((base for base in _BASES if isinstance(value, base)), None)
        if base is None or hasattr(kind, "_fields"):
            return self._made(value)
        # What else it holds, the proof finds missing.
        return call(name_of(kind), _WRITERS[base](self, _BASES[base](value)))

    def parts(self, items: Any) -> tuple[Node, ...]:
        return tuple(self.node(item) for item in items)

    def pairs(self, mapping: Any) -> Bracketed:
        return Bracketed("{}", tuple(Pair(self.node(k), self.node(v)) for k, v in mapping.items()))

    def keywords(self, mapping: Any) -> Iterator[Node]:
        # In their order, which whoever takes them can see.
        for has_names, group in itertools.groupby(mapping.items(), lambda pair: is_name(pair[0])):
            if has_names:
                yield from (Prefixed(f"{name}=", self.node(value)) for name, value in group)
            else:
                yield Prefixed("**", self.pairs(dict(group)))

    def unordered(self, items: Any) -> Bracketed:
        # The order of a set of text differs between processes.
        nodes = [(item if type(item) is int else 0, repr(self.node(item)), item) for item in items]
        return Bracketed("{}", self.parts(item for *_, item in sorted(nodes, key=itemgetter(0, 1))))

    def _member(self, value: enum.Enum) -> Node:
        name = name_of(type(value))
        if value.name is not None and type(value).__members__.get(value.name) is value:
            if is_name(value.name):
                return Name(name.module, f"{name.path}.{value.name}")
            return Bracketed("[]", (Text(value.name),), name)
        return call(name, self.node(value.value))

    def _made(self, value: Any) -> Node:
        """Write a call of the class, whose parameters are looked for among the attributes."""
        kind = type(value)
        name = name_of(kind)
        try:
            parameters = inspect.signature(kind).parameters.values()
        except (TypeError, ValueError):
            raise NotWrittenError(f"a {_type_name(value)} has no source") from None
        items: list[Node] = []
        for parameter in parameters:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            part = _attribute(value, parameter.name)
            if part is not _MISSING:
                node = self.node(part)
                is_positional = parameter.kind is parameter.POSITIONAL_ONLY
                items.append(node if is_positional else Prefixed(f"{parameter.name}=", node))
            elif parameter.default is parameter.empty:
                raise NotWrittenError(
                    f"a {_type_name(value)} does not keep the {parameter.name} that it is made of"
                )
        return call(name, *items)


def _attribute(value: Any, name: str) -> Any:
    kind = type(value)
    mangled = f"_{kind.__name__.lstrip('_')}__{name}"
    for one in (*_fields_given_as(name, kind), name, f"_{name}", mangled):
        found = getattr(value, one, _MISSING)
        if found is not _MISSING and not isinstance(found, types.MethodType):
            return found
    return _MISSING


def _fields_given_as(alias: str, kind: Any) -> Iterator[str]:
    """Name the fields that attrs or pydantic take under another name than they keep."""
    for one in getattr(kind, "__attrs_attrs__", ()):
        if one.alias == alias:
            yield one.name
    for name, field in getattr(kind, "__pydantic_fields__", {}).items():
        if field.validation_alias == alias:
            yield name


def _type_name(value: Any) -> str:
    return qualname_of(type(value))


def _of_numpy(writer: _Writer, value: Any) -> Node:
    kind = type(value)
    if kind.__name__ == "ndarray":
        dtype = Prefixed("dtype=", Text(str(value.dtype)))
        return call(Name("numpy", "array"), writer.node(value.tolist()), dtype)
    return call(name_of(kind), writer.node(value.item()))


def _path(_: _Writer, value: pathlib.PurePath) -> Node:
    # Which class a path is of depends on the system.
    kind = type(value)
    name = "Path" if kind is type(pathlib.Path()) else kind.__name__
    return call(Name("pathlib", name), Text(str(value)))


def _number(_: _Writer, value: complex) -> Node:
    text = repr(value).replace("e+", "e")
    if isinstance(value, float) and not math.isfinite(value):
        return call(Leaf("float"), Text(text))
    return Leaf(text)


def _complex(writer: _Writer, value: complex) -> Node:
    return call(Leaf("complex"), _number(writer, value.real), _number(writer, value.imag))


def _octets(_: _Writer, value: bytes) -> Node:
    return Leaf(f"b{literal(value.decode('latin-1'), is_ascii=True)}")


def _tuple(writer: _Writer, value: tuple[Any, ...]) -> Node:
    return Bracketed("()", writer.parts(value))


def _set(writer: _Writer, value: set[Any]) -> Node:
    return writer.unordered(value) if value else call(Leaf("set"))


def _frozenset(writer: _Writer, value: frozenset[Any]) -> Node:
    return call(Leaf("frozenset"), *([writer.unordered(value)] if value else []))


def _of_mapping(name: Name) -> Callable[[_Writer, Any], Node]:
    return lambda writer, value: call(name, *([writer.pairs(value)] if value else []))


def _of_text(name: Name) -> Callable[[_Writer, Any], Node]:
    return lambda _, value: call(name, Text(str(value)))


def _of_numbers(name: Name, *attributes: str) -> Callable[[_Writer, Any], Node]:
    def write(_: _Writer, value: Any) -> Node:
        return call(name, *(Leaf(repr(getattr(value, attribute))) for attribute in attributes))

    return write


def _moment(writer: _Writer, value: dt.datetime | dt.time) -> Node:
    is_time = isinstance(value, dt.time)
    names = ["hour", "minute"] if is_time else ["year", "month", "day", "hour", "minute"]
    names += ["second"] if value.second or value.microsecond else []
    names += ["microsecond"] if value.microsecond else []
    items: list[Node] = [Leaf(str(getattr(value, name))) for name in names]
    if value.tzinfo is not None:
        items.append(Prefixed("tzinfo=", writer.node(value.tzinfo)))
    if value.fold:
        items.append(Leaf("fold=1"))
    return call(Name("datetime", "time" if is_time else "datetime"), *items)


def _duration(_: _Writer, value: dt.timedelta) -> Node:
    given = {name: getattr(value, name) for name in ("days", "seconds", "microseconds")}
    items = [Leaf(f"{name}={number}") for name, number in given.items() if number]
    return call(Name("datetime", "timedelta"), *items)


def _zone(writer: _Writer, value: dt.timezone) -> Node:
    if value is dt.UTC:
        return Name("datetime", "UTC")
    offset, name = value.utcoffset(None), value.tzname(None)
    named = [] if name == dt.timezone(offset).tzname(None) else [Text(name)]
    return call(Name("datetime", "timezone"), _duration(writer, offset), *named)


def _decimal(_: _Writer, value: decimal.Decimal) -> Node:
    text = str(value)
    # A text of digits alone is one that linters want as a number.
    # Not asked of ``int``, which works 1E+99999999 out.
    is_plain = len(text) < 20 and text.removeprefix("-").isdigit() and text != "-0"
    return call(Name("decimal", "Decimal"), Leaf(text) if is_plain else Text(text))


def _range(_: _Writer, value: range) -> Node:
    numbers = [value.start, value.stop, value.step]
    if value.step == 1:
        numbers = numbers[:2] if value.start else [value.stop]
    return call(Leaf("range"), *(Leaf(str(number)) for number in numbers))


def _namespace(writer: _Writer, value: types.SimpleNamespace) -> Node:
    return call(Name("types", "SimpleNamespace"), *writer.keywords(vars(value)))


def _array(writer: _Writer, value: array.array[Any]) -> Node:
    return call(Name("array", "array"), Text(value.typecode), writer.node(value.tolist()))


_WRITERS: Final[dict[type, Callable[[_Writer, Any], Node]]] = {
    **dict.fromkeys((bool, type(None)), lambda _, value: Leaf(repr(value))),
    **dict.fromkeys((int, float), _number),
    complex: _complex,
    str: lambda _, value: Text(value),
    bytes: _octets,
    bytearray: lambda writer, value: call(Leaf("bytearray"), _octets(writer, bytes(value))),
    list: lambda writer, value: Bracketed("[]", writer.parts(value)),
    tuple: _tuple,
    dict: lambda writer, value: writer.pairs(value),
    set: _set,
    frozenset: _frozenset,
    range: _range,
    slice: lambda writer, value: call(
        Leaf("slice"), *writer.parts((value.start, value.stop, value.step))
    ),
    collections.OrderedDict: _of_mapping(Name("collections", "OrderedDict")),
    collections.Counter: _of_mapping(Name("collections", "Counter")),
    types.SimpleNamespace: _namespace,
    array.array: _array,
    decimal.Decimal: _decimal,
    fractions.Fraction: _of_numbers(Name("fractions", "Fraction"), "numerator", "denominator"),
    dt.date: _of_numbers(Name("datetime", "date"), "year", "month", "day"),
    **dict.fromkeys((dt.datetime, dt.time), _moment),
    dt.timedelta: _duration,
    dt.timezone: _zone,
    uuid.UUID: _of_text(Name("uuid", "UUID")),
    zoneinfo.ZoneInfo: _of_text(Name("zoneinfo", "ZoneInfo")),
    **dict.fromkeys(PATHS, _path),
    **{kind: _of_text(Name("ipaddress", kind.__name__)) for kind in ADDRESSES},
}
#: What a class may be built upon, and what gives that of a value: its class may define names anew.
_BASES: Final[dict[type, Callable[[Any], Any]]] = {
    int: int.__pos__,
    float: float.__pos__,
    str: str.__str__,
    **{base: base for base in (bytes, list, tuple, dict, set, frozenset)},
}
