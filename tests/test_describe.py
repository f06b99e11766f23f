"""The described form of ordinary values."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import json
import pathlib
import re
import string
import threading
import types
import uuid
import zoneinfo
from typing import NamedTuple

import attrs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall._describe import Budget, describe, is_exact, type_name
from darkcall._redact import Redactor


REDACTOR = Redactor()
HERE = __name__


def shown(value, redactor=REDACTOR, **bounds):
    described = describe(value, redactor, budget=Budget(**bounds))
    assert json.loads(json.dumps(described, allow_nan=False).encode("utf-8")) == described
    return described


class Colour(enum.Enum):
    RED = "r"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Data:
    a: int = 1


@dataclasses.dataclass(slots=True)
class SlottedData:
    a: int = 1


@attrs.define
class Attrs:
    a: int = 1


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    a: int = 1


class Plain:
    def __init__(self):
        self.a = 1


class Slotted:
    __slots__ = ("a", "unset")

    def __init__(self):
        self.a = 1


class Stateless:
    pass


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Real(float):
    pass


class Octets(bytes):
    pass


class Items(list):
    pass


class Fields(dict):
    pass


def with_attribute(value, name="b", content=2):
    setattr(value, name, content)
    return value


def test_a_value_that_json_has_stays_as_it_is():
    value = {"a": [1, -1.5, True, None, "x", {}], "é": [], "b": 2**53}
    assert shown(value) == value
    assert shown(value) is not value


BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
EXACT = [
    (2**53 + 1, {"$": "int", "value": "9007199254740993"}),
    (-(2**60), {"$": "int", "value": "-1152921504606846976"}),
    (float("nan"), {"$": "float", "value": "nan"}),
    (float("-inf"), {"$": "float", "value": "-inf"}),
    (1 + 2j, {"$": "complex", "value": "(1+2j)"}),
    ("a\n\\", {"$": "str", "escaped": "a\\n\\\\"}),
    ("\ud800", {"$": "str", "escaped": "\\ud800"}),
    (b"abc", {"$": "bytes", "base64": "YWJj"}),
    (bytearray(b"abc"), {"$": "bytearray", "base64": "YWJj"}),
    (memoryview(b"abc"), {"$": "memoryview", "base64": "YWJj"}),
    ((1, (2,)), {"$": "tuple", "items": [1, {"$": "tuple", "items": [2]}]}),
    ({3, 1, 2}, {"$": "set", "items": [1, 2, 3]}),
    (frozenset("b"), {"$": "frozenset", "items": ["b"]}),
    ({1: 2}, {"$": "dict", "entries": [[1, 2]]}),
    ({"$": 1}, {"$": "dict", "entries": [["$", 1]]}),
    ({"a\n": 1}, {"$": "dict", "entries": [[{"$": "str", "escaped": "a\\n"}, 1]]}),
    ({"a": 1}.keys(), {"$": "dict_keys", "items": ["a"]}),
    (types.MappingProxyType({"a": 1}), {"$": "mappingproxy", "entries": [["a", 1]]}),
    (collections.OrderedDict(a=1), {"$": "collections.OrderedDict", "entries": [["a", 1]]}),
    (collections.deque([1]), {"$": "collections.deque", "items": [1]}),
    (range(3), {"$": "range", "fields": {"start": 0, "stop": 3, "step": 1}}),
    (array.array("d", [1.5]), {"$": "array.array", "items": [1.5], "typecode": "d"}),
    (decimal.Decimal("1.50"), {"$": "decimal.Decimal", "value": "1.50"}),
    (decimal.Decimal("NaN"), {"$": "decimal.Decimal", "value": "NaN"}),
    (fractions.Fraction(1, 2), {"$": "fractions.Fraction", "value": "1/2"}),
    (
        dt.datetime(2024, 1, 2, 3, tzinfo=BERLIN),
        {
            "$": "datetime.datetime",
            "value": "2024-01-02T03:00:00+01:00",
            "zone": "Europe/Berlin",
        },
    ),
    (
        dt.datetime.fromisoformat("2024-01-02"),
        {"$": "datetime.datetime", "value": "2024-01-02T00:00:00"},
    ),
    (dt.date(2024, 1, 2), {"$": "datetime.date", "value": "2024-01-02"}),
    (dt.time(3), {"$": "datetime.time", "value": "03:00:00"}),
    (dt.UTC, {"$": "datetime.timezone", "value": "UTC"}),
    (
        dt.timedelta(1),
        {"$": "datetime.timedelta", "fields": {"days": 1, "seconds": 0, "microseconds": 0}},
    ),
    (BERLIN, {"$": "zoneinfo.ZoneInfo", "value": "Europe/Berlin"}),
    (uuid.UUID(int=1), {"$": "uuid.UUID", "value": "00000000-0000-0000-0000-000000000001"}),
    (ipaddress.ip_address("::1"), {"$": "ipaddress.IPv6Address", "value": "::1"}),
    (Colour.RED, {"$": f"{HERE}.Colour", "name": "RED", "value": "r"}),
    (Access.READ | Access.WRITE, {"$": f"{HERE}.Access", "name": "READ|WRITE", "value": 3}),
    (Access(0), {"$": f"{HERE}.Access", "name": None, "value": 0}),
    (Point(1, 2), {"$": f"{HERE}.Point", "fields": {"x": 1, "y": 2}}),
    (Data(), {"$": f"{HERE}.Data", "fields": {"a": 1}}),
    (SlottedData(), {"$": f"{HERE}.SlottedData", "fields": {"a": 1}}),
    (Attrs(), {"$": f"{HERE}.Attrs", "fields": {"a": 1}}),
    (Model(b=2), {"$": f"{HERE}.Model", "fields": {"a": 1, "b": 2}}),
    (Plain(), {"$": f"{HERE}.Plain", "fields": {"a": 1}}),
    (Slotted(), {"$": f"{HERE}.Slotted", "fields": {"a": 1}}),
    (Stateless(), {"$": f"{HERE}.Stateless", "fields": {}}),
    (types.SimpleNamespace(a=1), {"$": "types.SimpleNamespace", "fields": {"a": 1}}),
    (Text("x"), {"$": f"{HERE}.Text", "value": "x"}),
    (Whole(7), {"$": f"{HERE}.Whole", "value": 7}),
    (Real(1.5), {"$": f"{HERE}.Real", "value": 1.5}),
    (Octets(b"abc"), {"$": f"{HERE}.Octets", "base64": "YWJj"}),
    (Items([1]), {"$": f"{HERE}.Items", "items": [1]}),
    (with_attribute(Items([1])), {"$": f"{HERE}.Items", "items": [1], "fields": {"b": 2}}),
    (Fields(a=1), {"$": f"{HERE}.Fields", "entries": [["a", 1]]}),
]


@pytest.mark.parametrize(("value", "described"), EXACT)
def test_a_value_that_json_lacks_is_tagged_with_its_type(value, described):
    assert shown(value) == described
    assert is_exact(described)


def test_a_path_is_shown_as_text():
    described = shown(pathlib.PurePosixPath("/a/b"))
    assert described == {"$": "pathlib.PurePosixPath", "value": "/a/b"}


def test_escaped_text_can_be_read_back():
    text = "é日\n\t\x00\\n\ud800\u202e"
    escaped = shown(text)["escaped"]
    assert escaped.isprintable()
    assert escaped.encode("latin-1", "backslashreplace").decode("unicode_escape") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (re.compile("a"), "re.compile('a')"),
        (print, "<built-in function print>"),
        (shown, f"{HERE}.shown"),
        (Plain, f"{HERE}.Plain"),
        (int, "int"),
        (Plain().__init__, f"{HERE}.Plain.__init__"),
        (threading.Lock(), "<unlocked _thread.lock object>"),
        ((i for i in ()), "<generator object <genexpr>>"),
        (string, None),
    ],
)
def test_what_cannot_be_seen_into_is_shown_by_its_repr_without_addresses(value, text):
    described = shown(value)
    assert described["repr"] == (text or repr(value))
    assert not is_exact(described)


def test_a_partial_is_shown_by_its_parts():
    fields = shown(functools.partial(int, "7", base=8))["fields"]
    assert fields["args"] == {"$": "tuple", "items": ["7"]}
    assert fields["keywords"] == {"base": 8}


def test_an_object_with_hidden_state_shows_its_repr_and_its_fields():
    class Buffer(io.BytesIO):
        pass

    described = shown(with_attribute(Buffer()))
    assert described["fields"] == {"b": 2}
    assert described["repr"].startswith("<")


def test_a_named_tuple_with_attributes_is_not_exact():
    class Place(Point):
        pass

    assert shown(Place(1, 2)) == {"$": type_name(Place(1, 2)), "fields": {"x": 1, "y": 2}}
    assert not is_exact(shown(with_attribute(Place(1, 2))))


@pytest.mark.parametrize("fields", [("a",), (1, 2), ["x", "y"]])
def test_a_tuple_that_only_looks_named_is_shown_by_its_items(fields):
    class Odd(tuple):
        __slots__ = ()
        _fields = fields

    assert shown(Odd((1, 2)))["items"] == [1, 2]


def test_an_exception_as_a_value_is_shown_by_its_message():
    described = shown([ValueError("x")])
    assert described == [{"$": "ValueError", "message": "x"}]
    assert not is_exact(described)


def test_a_cycle_ends():
    value = [1]
    value.append(value)
    assert shown(value) == [1, {"$": "list", "cycle": True}]
    assert not is_exact(shown(value))


def test_what_is_shared_is_no_cycle():
    shared = [1]
    assert shown([shared, shared]) == [[1], [1]]


def test_a_field_that_has_no_plain_name_makes_it_inexact():
    thing = Plain()
    vars(thing)["$"] = 1
    vars(thing)["a\n"] = 1
    assert shown(thing)["fields"] == {"a": 1}
    assert not is_exact(shown(thing))


def test_it_can_be_told_from_json_alone_whether_a_description_is_exact():
    assert is_exact({"truncated": True, "fields": {"repr": 1}})
    assert not is_exact([{"a": [{"$": "list", "truncated": True}]}])


class Liar:
    __slots__ = ()

    @property
    def __class__(self):
        return int


def test_a_type_is_named_whatever_its_class_says():
    assert type_name(Liar()) == f"{HERE}.Liar"
    assert type_name(type("int", (), {"__module__": "builtins"})()) == "builtins.int"
    assert type_name(type("A", (), {"__module__": 7})()) == "?.A"
    assert type_name(type("A", (), {"__module__": "m" * 1000})()) == "m" * 200 + ".A"
    assert type_name(type("A\n", (), {"__module__": "m"})()) == "m.A\\n"
    nameless = eval("type('A', (), {})", {})
    assert type_name(nameless()) == "?.A"


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
others = (
    st.decimals().filter(lambda number: not number.is_snan())
    | st.fractions()
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
)
others |= st.uuids() | st.complex_numbers() | st.sampled_from([Colour.RED, Access(3), Liar(), int])
hashable = plain | others


def grown(children):
    return (
        st.lists(children)
        | st.lists(children).map(tuple)
        | st.dictionaries(hashable, children)
        | st.frozensets(hashable)
        | st.builds(Items, st.lists(children))
        | st.builds(Data, children)
        | st.builds(Attrs, children)
        | st.builds(types.SimpleNamespace, a=children, token=children)
        | st.builds(ValueError, children)
    )


@given(st.recursive(plain | others, grown, max_leaves=30))
def test_any_value_becomes_json_within_its_bounds(value):
    described = describe(value, REDACTOR, budget=Budget(size=2000, characters=200))
    text = json.dumps(described, allow_nan=False, ensure_ascii=False)
    assert len(text.encode("utf-8")) < 10_000
    assert json.loads(text) == described


@given(st.recursive(plain, lambda c: st.lists(c) | st.dictionaries(st.text(), c), max_leaves=20))
def test_json_values_that_need_no_tag_are_not_changed(value):
    described = describe(value, Redactor(), budget=Budget(size=10**6))
    if "$" not in json.dumps(described):
        assert described == value
