"""What cannot change is recognised, and nothing else is taken for it."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import gc
import ipaddress
import pathlib
import re
import sys
import threading
import types
import typing
import uuid
import zoneinfo

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall._snapshot import _immutable
from darkcall._snapshot._immutable import MAX_NODES, weigh


class Colour(enum.Enum):
    RED = "red"


class Bits(enum.IntFlag):
    ONE = 1


class Point(typing.NamedTuple):
    x: object
    y: object = 0


class PointWithAttributes(Point):
    pass


class BarePoint(Point):
    __slots__ = ()


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: object


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenSlots:
    x: object


@dataclasses.dataclass
class Open:
    x: object


class UndecoratedChild(Frozen):
    pass


@dataclasses.dataclass(frozen=True)
class DecoratedChild(FrozenSlots):
    y: object = 3


@dataclasses.dataclass(frozen=True)
class FrozenDict(dict):
    x: object = 3


@attrs.frozen
class AttrsFrozen:
    x: object
    __hidden: object = 3


@attrs.frozen(slots=False)
class AttrsFrozenDict:
    x: object


@attrs.define
class AttrsOpen:
    x: object


class WithState(str):  # noqa: SLOT000 -- it is to have attributes
    pass


class BareText(str):
    __slots__ = ()


class BareNumber(int):
    __slots__ = ()


class NumberWithState(int):
    pass


class Session:
    pass


Date = type("date", (dt.date,), {"__module__": "datetime", "__qualname__": "date"})


def generator():
    yield 3


UNCHANGEABLE = {
    "None": None,
    "bool": True,
    "int": 3,
    "float": 3.5,
    "complex": 1j,
    "str": "x",
    "bytes": b"x",
    "range": range(3),
    "ellipsis": ...,
    "NotImplemented": NotImplemented,
    "sentinel": object(),
    "date": dt.date(2024, 1, 1),
    "datetime": dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    "time": dt.time(3),
    "timedelta": dt.timedelta(3),
    "timezone": dt.UTC,
    "zone": zoneinfo.ZoneInfo("UTC"),
    "Decimal": decimal.Decimal("1.5"),
    "Fraction": fractions.Fraction(1, 3),
    "UUID": uuid.UUID(int=3),
    "path": pathlib.Path("a"),
    "pure path": pathlib.PureWindowsPath("a"),
    "address": ipaddress.ip_address("10.0.0.1"),
    "network": ipaddress.ip_network("fe80::/10"),
    "pattern": re.compile("x"),
    "enum": Colour.RED,
    "flag": Bits.ONE,
    "class": Session,
    "enum class": Colour,
    "function": generator,
    "lambda": lambda: 3,
    "module": sys,
    "generic alias": list[int],
    "union": int | str,
    "tuple": (1, ("a", b"b"), None),
    "empty tuple": (),
    "frozenset": frozenset({1, (2, "x")}),
    "named tuple": Point(1, "x"),
    "bare named tuple": BarePoint(1),
    "bare text": BareText("x"),
    "bare number": BareNumber(3),
    "frozen dataclass": Frozen((1, "x")),
    "frozen dataclass with slots": FrozenSlots(1),
    "frozen child": DecoratedChild(1),
    "frozen attrs": AttrsFrozen((1,)),
    "frozen attrs with a dict": AttrsFrozenDict(1),
    "NumPy number": np.float64(3),
    "NumPy date": np.datetime64("2024-01-01"),
}
if not hasattr(AttrsFrozen, "__attrs_props__"):
    # attrs before 25.4 does not tell what is frozen: its classes are copied.
    del UNCHANGEABLE["frozen attrs"], UNCHANGEABLE["frozen attrs with a dict"]
CHANGEABLE = {
    "list": [],
    "dict": {},
    "set": set(),
    "bytearray": bytearray(),
    "deque": collections.deque(),
    "array": np.zeros(3),
    "NumPy record": np.zeros(1, dtype=[("a", int)])[0],
    "time stamp": pd.Timestamp("2024-01-01"),
    "instance": Session(),
    "dataclass": Open(1),
    "attrs": AttrsOpen(1),
    "undecorated child of a frozen one": UndecoratedChild(1),
    "frozen dict": FrozenDict(3),
    "text with attributes": WithState("x"),
    "number with attributes": NumberWithState(3),
    "named tuple with attributes": PointWithAttributes(1),
    "class that calls itself date": Date(2024, 1, 1),
    "tuple with a list": (1, (2, [3])),
    "named tuple with a list": Point([]),
    "frozen dataclass with a list": Frozen([]),
    "frozen dataclass with slots and a list": FrozenSlots([]),
    "frozen child with a list": DecoratedChild([]),
    "frozen attrs with a list": AttrsFrozen([]),
    "frozen attrs with a hidden list": AttrsFrozen(1, []),
    "frozen attrs with a dict and a list": AttrsFrozenDict([]),
    "mapping proxy": types.MappingProxyType({}),
    "bound method": [].append,
    "generator": generator(),
    "lock": threading.Lock(),
    "exception": ValueError(),
}


@pytest.mark.parametrize("value", UNCHANGEABLE.values(), ids=UNCHANGEABLE)
def test_what_cannot_change_is_recognised(value):
    assert weigh(value) >= 0
    assert weigh((value,)) >= 0
    assert weigh(Frozen(value)) >= 0


@pytest.mark.parametrize("value", CHANGEABLE.values(), ids=CHANGEABLE)
def test_what_can_change_is_not_taken_for_what_cannot(value):
    assert weigh(value) == -1
    assert weigh((1, value)) == -1
    assert weigh(Frozen(value)) == -1


def test_text_and_bytes_weigh_their_length():
    assert weigh("abc") == 3
    assert weigh(("abc", (b"de", 7), BareText("f"))) == 6
    assert weigh(Frozen("abc")) == 3


def test_an_object_that_was_frozen_around_a_cache_can_change():
    value = Frozen(1)
    assert weigh(value) == 0
    vars(value)["cache"] = []
    assert weigh(value) == -1


def test_large_tuples_are_not_walked():
    assert weigh(tuple(range(MAX_NODES - 1))) == 0
    assert weigh(tuple(range(MAX_NODES + 1))) == -1
    assert weigh(((1,) * 600, (1,) * 600)) == -1


def test_a_slot_that_is_a_single_name_or_empty_is_looked_into():
    @dataclasses.dataclass(frozen=True)
    class OneSlot:
        __slots__ = "x"  # noqa: PLC0205 -- as some write it
        x: object

    @dataclasses.dataclass(frozen=True)
    class WeakSlots:
        __slots__ = ("__dict__", "__weakref__", "x")
        x: object

    assert weigh(OneSlot([])) == -1
    assert weigh(OneSlot(1)) == 0
    assert weigh(WeakSlots(1)) == 0
    assert weigh(WeakSlots([])) == -1
    assert weigh(object.__new__(OneSlot)) == 0


def test_classes_made_without_end_are_forgotten_again(monkeypatch):
    monkeypatch.setattr(_immutable, "_kinds", dict(_immutable._kinds))
    before = len(_immutable._kinds)
    for _ in range(10_200):
        weigh((type("Made", (), {"__slots__": ()})(),))

    assert len(_immutable._kinds) < 10_002
    assert int in _immutable._kinds
    assert before < 10_000
    gc.collect()


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.frozensets(inner, max_size=4),
    max_leaves=20,
)


@given(plain)
def test_nests_of_what_cannot_change_cannot_change(value):
    assert weigh(value) >= 0


@given(plain, st.sampled_from([list, dict, set, bytearray]))
def test_one_thing_that_can_change_is_found_wherever_it_lies(value, make):
    assert weigh((value, (Point(value, (make(),)),))) == -1
