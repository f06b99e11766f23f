"""What nodes of builtin types and of the standard library stand for."""

from __future__ import annotations

import array
import binascii
import collections
import datetime as dt
import decimal
import fractions
import re
import types
import uuid
import zoneinfo
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from darkcall.testing._standard import ADDRESSES, PATHS

from ._errors import RefusedError


if TYPE_CHECKING:
    from ._nodes import Nodes

Maker: TypeAlias = Callable[[dict[str, Any], "Nodes"], Any]

#: What ``_text.escaped`` writes, and a backslash twice.
_ESCAPE: Final = re.compile(
    r"\\(?:(?P<same>\\)|(?P<letter>[nrt])"
    r"|x(?P<x>[0-9a-f]{2})|u(?P<u>[0-9a-f]{4})|U(?P<U>[0-9a-f]{8})|(?P<none>))"
)
_LETTERS: Final = {"n": "\n", "r": "\r", "t": "\t"}
#: An int of more than 2,048 bits is not shown, nor text of more than 4,000 characters.
_WHOLE: Final = re.compile(r"-?[0-9]{1,617}")
#: Not left to ``Fraction`` itself: it takes 1e999999999, and works it out.
_FRACTION: Final = re.compile(r"-?[0-9]{1,4000}(?:/[0-9]{1,4000})?")
_NOT_FINITE: Final = frozenset({"nan", "inf", "-inf"})
#: Their items are numbers; those of text change between versions of Python.
_TYPECODES: Final = frozenset("bBhHiIlLqQfd")

#: Types of which a description does not show everything.
SAYS_TOO_LITTLE: Final = {
    "collections.defaultdict": "no record shows its default_factory",
    "collections.deque": "no record shows its maxlen",
    "datetime.timezone": "no record shows both its name and its offset",
    "memoryview": "no record shows what it looks into",
    "mappingproxy": "no record shows what it looks into",
    "dict_keys": "no record shows what it looks into",
    "dict_values": "no record shows what it looks into",
    "dict_items": "no record shows what it looks into",
    "object": "it is told by its identity",
    "ellipsis": "it is told by its identity",
    "NotImplementedType": "it is told by its identity",
}


def text_in(node: dict[str, Any]) -> str:
    """Give the text that a node holds."""
    if "escaped" in node:
        return _ESCAPE.sub(_character, _checked(node["escaped"]))
    return _checked(node.get("value"))


def octets_in(node: dict[str, Any]) -> bytes:
    """Give the bytes that a node holds."""
    return binascii.a2b_base64(_checked(node.get("base64")), strict_mode=True)


def number_in(node: dict[str, Any], kind: type) -> Any:
    """Give the number that a node holds."""
    value = node.get("value")
    if type(value) is kind:
        return value
    text = _checked(value)
    if kind is int:
        return int(_matching(_WHOLE, text))
    if kind is float and text not in _NOT_FINITE:
        raise RefusedError("it is no number")
    return kind(text)


def _checked(text: Any) -> str:
    if type(text) is not str:
        raise RefusedError("it holds no text")
    return text


def _character(match: re.Match[str]) -> str:
    if match["same"] is not None:
        return "\\"
    if match["letter"] is not None:
        return _LETTERS[match["letter"]]
    code = match["x"] or match["u"] or match["U"]
    if code is None:
        raise RefusedError("its text is not escaped as descriptions are")
    return chr(int(code, 16))


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        raise RefusedError("it is no number")
    return text


def _number(kind: type) -> Maker:
    return lambda node, _nodes: number_in(node, kind)


def _of_text(make: Callable[[str], Any]) -> Maker:
    return lambda node, _nodes: make(text_in(node))


def _of_items(make: Callable[[list[Any]], Any]) -> Maker:
    return lambda node, nodes: make(nodes.items(node.get("items")))


def _of_entries(make: Callable[[dict[Any, Any]], Any]) -> Maker:
    return lambda node, nodes: make(dict(nodes.entries(node.get("entries"))))


def _of_fields(make: Callable[..., Any], *names: str) -> Maker:
    def made(node: dict[str, Any], nodes: Nodes) -> Any:
        fields = nodes.fields(node.get("fields"))
        return make(*[fields[name] for name in names])

    return made


def _fraction(text: str) -> fractions.Fraction:
    return fractions.Fraction(_matching(_FRACTION, text))


def _datetime(node: dict[str, Any], _nodes: Nodes) -> dt.datetime:
    text = text_in(node)
    value = dt.datetime.fromisoformat(text)
    if "zone" not in node:
        return value
    zone = zoneinfo.ZoneInfo(_checked(node["zone"]))
    # Of the two times that a clock which is set back shows, the one with this offset.
    for fold in (0, 1):
        there = value.replace(tzinfo=zone, fold=fold)
        if there.isoformat() == text:
            return there
    raise RefusedError(f"{text} is no time in the zone {zone.key}")


def _time(node: dict[str, Any], _nodes: Nodes) -> dt.time:
    value = dt.time.fromisoformat(text_in(node))
    if "zone" not in node:
        return value
    return value.replace(tzinfo=zoneinfo.ZoneInfo(_checked(node["zone"])))


def _array(node: dict[str, Any], nodes: Nodes) -> Any:
    typecode = node.get("typecode")
    if typecode not in _TYPECODES:
        raise RefusedError("its typecode is not one of numbers")
    return array.array(typecode, nodes.items(node.get("items")))


def _namespace(node: dict[str, Any], nodes: Nodes) -> types.SimpleNamespace:
    return types.SimpleNamespace(**nodes.fields(node.get("fields")))


KNOWN: Final[dict[str, Maker]] = {
    "int": _number(int),
    "float": _number(float),
    "complex": _number(complex),
    "str": _of_text(str),
    "bytes": lambda node, _nodes: octets_in(node),
    "bytearray": lambda node, _nodes: bytearray(octets_in(node)),
    "tuple": _of_items(tuple),
    "set": _of_items(set),
    "frozenset": _of_items(frozenset),
    "dict": _of_entries(dict),
    "range": _of_fields(range, "start", "stop", "step"),
    "slice": _of_fields(slice, "start", "stop", "step"),
    "array.array": _array,
    "collections.Counter": _of_entries(collections.Counter),
    "collections.OrderedDict": _of_entries(collections.OrderedDict),
    "datetime.date": _of_text(dt.date.fromisoformat),
    "datetime.datetime": _datetime,
    "datetime.time": _time,
    "datetime.timedelta": _of_fields(dt.timedelta, "days", "seconds", "microseconds"),
    "decimal.Decimal": _of_text(decimal.Decimal),
    "fractions.Fraction": _of_text(_fraction),
    **{f"ipaddress.{kind.__name__}": _of_text(kind) for kind in ADDRESSES},
    **{f"pathlib.{kind.__name__}": _of_text(kind) for kind in PATHS},
    "types.SimpleNamespace": _namespace,
    "uuid.UUID": _of_text(uuid.UUID),
    "zoneinfo.ZoneInfo": _of_text(zoneinfo.ZoneInfo),
}
