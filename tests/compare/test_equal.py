"""What is equal without any rule, and how differences are told."""

from __future__ import annotations

import argparse
import array
import collections
import copy
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import ipaddress
import math
import operator
import pathlib
import pickle
import re
import threading
import types
import uuid
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from zoneinfo import ZoneInfo

import attrs
import pytest

from darkcall.compare import Differences, Uncomparable, equal


SENTINEL = object()
NAN = float("nan")


def told(control, candidate, rules=equal):
    return [
        (found.path, found.kind, found.control, found.candidate)
        for found in rules(control, candidate)
    ]


def places(control, candidate, rules=equal):
    return [(found.path, found.kind) for found in rules(control, candidate)]


def other_nan():
    return float("nan")


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Word(str):
    __slots__ = ("language",)


class Cart(list):
    pass


class Named(dict):
    pass


Pair = collections.namedtuple("Pair", ["left", "right"])  # noqa: PYI024 (the oldest form)


@dataclasses.dataclass
class Line:
    sku: str
    price: object = 0
    cache: object = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    value: object


@dataclasses.dataclass(eq=False)
class ByIdentity:
    value: object


@attrs.define
class Order:
    number: object
    note: object = attrs.field(default=None, eq=False)


@attrs.define
class Folded:
    name: str = attrs.field(eq=str.casefold)


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Slots:
    __slots__ = ("a", "b")


class Trusted:
    """Its own == says when two are equal."""

    def __init__(self, key, **attributes):
        self.key = key
        self.__dict__.update(attributes)

    def __eq__(self, other):
        return self.key == other.key

    __hash__ = None


class Lookup(Mapping):
    def __init__(self, data):
        self.data = data

    def __getitem__(self, key):
        return self.data[key]

    def __iter__(self):
        return iter(self.data)

    def __len__(self):
        return len(self.data)


class Row(Sequence):
    def __init__(self, *items):
        self.items = items

    def __getitem__(self, index):
        return self.items[index]

    def __len__(self):
        return len(self.items)


class Bag(AbstractSet):
    def __init__(self, *items):
        self.items = items

    def __contains__(self, item):
        return item in self.items

    def __iter__(self):
        return iter(self.items)

    def __len__(self):
        return len(self.items)


class Cached:
    def __init__(self, value):
        self.value = value

    @functools.cached_property
    def doubled(self):
        return self.value * 2


def cyclic(last):
    value = [1, last]
    value.append(value)
    value.append({"again": value})
    return value


def closing_over(value):
    def inner(x=value):
        return value, x

    return inner


EQUAL = [
    (None, None),
    (1, 1),
    ("a", "a"),
    (NAN, other_nan()),
    (complex(NAN, 1), complex(other_nan(), 1)),
    (decimal.Decimal("NaN"), decimal.Decimal("NaN")),
    (decimal.Decimal("sNaN"), decimal.Decimal("sNaN")),
    ([NAN], [other_nan()]),
    ({"a": NAN}, {"a": other_nan()}),
    ({NAN: 1}, {other_nan(): 1}),
    ({NAN, 1.5}, {other_nan(), 1.5}),
    ({(1, NAN): 2}, {(1, other_nan()): 2}),
    (0.0, -0.0),
    (decimal.Decimal("1.0"), decimal.Decimal("1.00")),
    (fractions.Fraction(1, 3), fractions.Fraction(2, 6)),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({1: "a", None: "b"}, {None: "b", 1: "a"}),
    ({(1, 2), frozenset({3})}, {frozenset({3}), (1, 2)}),
    (cyclic(2), cyclic(2)),
    (range(10**18), range(10**18)),
    (bytearray(b"a"), bytearray(b"a")),
    (memoryview(b"ab"), memoryview(b"ab")),
    (array.array("d", [1.0, NAN]), array.array("d", [1.0, other_nan()])),
    (collections.deque([1, [2]]), collections.deque([1, [2]])),
    (collections.Counter("aab"), collections.Counter("aba")),
    (collections.defaultdict(list, a=[1]), collections.defaultdict(set, a=[1])),
    (collections.OrderedDict(a=1, b=2), collections.OrderedDict(a=1, b=2)),
    (collections.ChainMap({"a": 1}, {"b": 2}), collections.ChainMap({"b": 2, "a": 1})),
    (collections.UserDict(a=[1]), collections.UserDict(a=[1])),
    (collections.UserList([1]), collections.UserList([1])),
    (collections.UserString("ab"), collections.UserString("ab")),
    (types.MappingProxyType({"a": 1}), types.MappingProxyType({"a": 1})),
    (types.SimpleNamespace(a=NAN), types.SimpleNamespace(a=other_nan())),
    (argparse.Namespace(a=1), argparse.Namespace(a=1)),
    ({"a": 1}.keys(), {"a": 2}.keys()),
    ({"a": [1]}.values(), {"b": [1]}.values()),
    ({"a": [1]}.items(), {"a": [1]}.items()),
    (Lookup({"a": 1}), Lookup({"a": 1})),
    (Row(1, 2), Row(1, 2)),
    (Bag(1, [2]), Bag([2], 1)),
    (Pair(1, NAN), Pair(1, other_nan())),
    (Word("a"), Word("a")),
    (Cart([1]), Cart([1])),
    (Line("a", NAN, cache=1), Line("a", other_nan(), cache=2)),
    (Slotted([1]), Slotted([1])),
    (ByIdentity([NAN]), ByIdentity([other_nan()])),
    (Order(1, note="x"), Order(1, note="y")),
    (Folded("ADA"), Folded("ada")),
    (Plain(a=[1]), Plain(a=[1])),
    (Slots(), Slots()),
    (Trusted(1, at=1), Trusted(1, at=2)),
    (SENTINEL, SENTINEL),
    (Colour.RED, Colour.RED),
    (dt.date(2024, 1, 2), dt.date(2024, 1, 2)),
    (dt.timedelta(1), dt.timedelta(hours=24)),
    (
        dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo.no_cache("Europe/Berlin"), fold=1),
    ),
    (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC"))),
    (uuid.UUID(int=1), uuid.UUID(int=1)),
    (pathlib.PurePosixPath("/a"), pathlib.PurePosixPath("/a")),
    (ipaddress.ip_address("::1"), ipaddress.ip_address("::1")),
    (re.compile("a"), re.compile("a")),
    (len, len),
    (int, int),
    (math, math),
    (closing_over([1]), closing_over([1])),
    (functools.partial(print, 1, sep=""), functools.partial(print, 1, sep="")),
    (Plain(a=1).__init__, Plain(a=1).__init__),
    (ValueError("a", 1), ValueError("a", 1)),
]


@pytest.mark.parametrize(("control", "candidate"), EQUAL, ids=map(str, range(len(EQUAL))))
def test_these_are_equal(control, candidate):
    assert told(control, candidate) == []
    assert told(candidate, control) == []
    assert told([control, {"a": control}], [candidate, {"a": candidate}]) == []


UNEQUAL = [
    (object(), object(), "$", "value"),
    (1, 2, "$", "value"),
    (1, True, "$", "type"),
    (1, 1.0, "$", "type"),
    ("1", 1, "$", "type"),
    (b"a", bytearray(b"a"), "$", "type"),
    (decimal.Decimal("1.0"), "1.00", "$", "type"),
    (1.0, NAN, "$", "value"),
    (decimal.Decimal(1), decimal.Decimal("NaN"), "$", "value"),
    (complex(NAN, 1), complex(NAN, 2), "$", "value"),
    (None, 0, "$", "type"),
    ([1], (1,), "$", "type"),
    ([1, 2], [1], "$", "length"),
    ([1, True], [1, 1], "$[1]", "type"),
    ([1, "a"], [1, "b"], "$[1]", "value"),
    ({"a": 1}, {}, "$.a", "missing"),
    ({}, {"a": 1}, "$.a", "extra"),
    ({"a": {"b c": [0, 1]}}, {"a": {"b c": [0, 2]}}, '$.a["b c"][1]', "value"),
    ({1: "a"}, {True: "a"}, "$[1]", "keys"),
    ({1: "a"}, {1.0: "a"}, "$[1]", "keys"),
    ({(1, 2): "a"}, {(True, 2): "a"}, "$[<(1, 2)>]", "keys"),
    ({1: "a"}, {1: "b"}, "$[1]", "value"),
    ({1: "a", 2: "b"}, {1: "a"}, "$[2]", "missing"),
    ({1: "a"}, {1: "a", 2: "b"}, "$[2]", "extra"),
    ({1}, {1, 2}, "$", "extra"),
    ({(1, frozenset({2}))}, {(1, frozenset({2})), 3}, "$", "extra"),
    ({"a": {1, 2}}, {"a": {1}}, "$.a", "missing"),
    (frozenset({1}), {1}, "$", "type"),
    (cyclic(2), cyclic(3), "$[1]", "value"),
    (range(3), range(4), "$", "value"),
    (memoryview(b"ab"), memoryview(b"ac"), "$", "value"),
    (memoryview(b"ab"), memoryview(b"abc"), "$", "shape"),
    (memoryview(b"ab"), memoryview(array.array("b", b"ab")), "$", "dtype"),
    (array.array("d", [1]), array.array("f", [1]), "$", "dtype"),
    (array.array("d", [1, 2]), array.array("d", [1, 3]), "$[1]", "value"),
    (collections.deque([1]), collections.deque([True]), "$[0]", "type"),
    (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1), "$", "order"),
    (collections.OrderedDict(a=1), collections.OrderedDict(a=2), "$.a", "value"),
    (collections.UserDict(a=1), collections.UserDict(a=2), "$.a", "value"),
    (collections.UserString("ab"), collections.UserString("ac"), "$", "value"),
    (types.MappingProxyType({"a": 1}), types.MappingProxyType({"a": 2}), "$.a", "value"),
    (types.SimpleNamespace(a=1), types.SimpleNamespace(a=True), "$.a", "type"),
    (Lookup({"a": 1}), Lookup({"a": 2}), "$.a", "value"),
    (Row(1, 2), Row(1, 3), "$[1]", "value"),
    (Bag(1, 2), Bag(1), "$", "missing"),
    (Pair(1, 2), Pair(1, True), "$.right", "type"),  # noqa: FBT003 (a value)
    (Line("a", 1), Line("a", True), "$.price", "type"),  # noqa: FBT003 (a value)
    (Slotted([1]), Slotted([2]), "$.value[0]", "value"),
    (ByIdentity(1), ByIdentity(2), "$.value", "value"),
    (Order(1), Order(1.0), "$.number", "type"),
    (Folded("ada"), Folded("bob"), "$.name", "value"),
    (Plain(a=1), Plain(b=1), "$.a", "missing"),
    (Trusted(1, at=[1]), Trusted(2, at=[1]), "$.key", "value"),
    (Colour.RED, Colour.BLUE, "$", "value"),
    (Level.LOW, 1, "$", "type"),
    (Word("a"), Word("b"), "$", "value"),
    (dt.date(2024, 1, 2), dt.date(2024, 1, 3), "$", "value"),
    (dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "$", "value"),  # noqa: DTZ001
    (
        dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC),
        dt.datetime(2024, 1, 1, 13, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        "$",
        "value",
    ),
    (uuid.UUID(int=1), uuid.UUID(int=2), "$", "value"),
    (len, max, "$", "value"),
    (int, float, "$", "value"),
    (math, operator, "$", "value"),
    (closing_over([1]), closing_over([2]), "$.__defaults__[0][0]", "value"),
    (functools.partial(print, 1), functools.partial(print, 2), "$.args[0]", "value"),
    (Plain(a=1).__init__, Plain(a=2).__init__, "$.__self__.a", "value"),
    (ValueError("a"), ValueError("b"), "$.args[0]", "value"),
]


@pytest.mark.parametrize(
    ("control", "candidate", "path", "kind"), UNEQUAL, ids=map(str, range(len(UNEQUAL)))
)
def test_these_differ_at_a_place(control, candidate, path, kind):
    assert places(control, candidate)[0] == (path, kind)
    assert places(candidate, control) != []
    below = places({"in": [control]}, {"in": [candidate]})
    assert below[0] == (path.replace("$", "$.in[0]", 1), kind)


def test_a_difference_holds_both_sides():
    assert told([1, {"a": "x"}], [2, {"a": "y"}]) == [
        ("$[0]", "value", 1, 2),
        ("$[1].a", "value", "x", "y"),
    ]
    assert told({"a": 1, "c": 0}, {"b": 2, "c": 0}) == [
        ("$.a", "missing", 1, None),
        ("$.b", "extra", None, 2),
    ]
    assert told([1, 2, 3], [1]) == [("$", "length", 3, 1)]
    assert told({1}, {True}) == [("$", "missing", 1, None), ("$", "extra", None, True)]


def test_differences_come_in_the_order_of_the_control():
    control = {"z": [1, {"b": 1, "a": 1}], "a": 1}
    candidate = {"a": 2, "z": [2, {"a": 2, "b": 2}]}
    assert [path for path, _ in places(control, candidate)] == [
        "$.z[0]",
        "$.z[1].b",
        "$.z[1].a",
        "$.a",
    ]


def test_what_is_equal_gives_an_empty_list_that_is_complete():
    result = equal({"a": 1}, {"a": 1})
    assert isinstance(result, Differences)
    assert result == []
    assert not result
    assert result.stopped is None


def test_neither_side_is_changed():
    control, candidate = {"a": [1, {"b": {2}}]}, {"a": [1, {"b": {3}}]}
    kept = copy.deepcopy((control, candidate))
    equal(control, candidate)
    assert (control, candidate) == kept


def test_ten_thousand_levels_are_no_problem():
    def nested(last):
        for _ in range(10_000):
            last = [{"a": last}]
        return last

    assert equal(nested(1), nested(1)) == []
    (found,) = equal(nested(1), nested(2))
    assert found.kind == "value"
    assert len(found.path) < 1100


def test_values_are_given_up_at_fifty_thousand_levels():
    def nested(last):
        for _ in range(50_001):
            last = [last]
        return last

    with pytest.raises(Uncomparable, match="stopped 50000 levels down, with no difference found"):
        equal.bounded(seconds=30)(nested(1), nested(2))


def test_shared_parts_are_compared_once():
    def doubled():
        value = [1.5]
        for _ in range(200):
            value = [value, value]
        return value

    assert equal(doubled(), doubled()) == []


def test_a_cached_property_that_one_side_has_asked_for_is_no_difference():
    control, candidate = Cached(1), Cached(1)
    assert control.doubled == 2
    assert equal(control, candidate) == []


def test_a_copy_by_pickle_is_equal():
    value = {"line": Line("a", [1, decimal.Decimal("1.5")]), "word": Word("x"), "at": Level.LOW}
    assert equal(value, pickle.loads(pickle.dumps(value))) == []


def test_slots_that_are_not_set_are_compared_as_missing():
    control, candidate = Slots(), Slots()
    control.a = 1
    candidate.b = 1
    assert places(control, candidate) == [("$.a", "missing"), ("$.b", "extra")]


def test_attributes_that_subclasses_of_builtins_add_count():
    control, candidate = Cart([1]), Cart([1])
    control.owner, candidate.owner = "ada", "bob"
    assert places(control, candidate) == [("$.owner", "value")]
    control, candidate = Word("a"), Word("a")
    control.language, candidate.language = "en", "de"
    assert places(control, candidate) == [("$.language", "value")]
    assert places(Named(a=1), Named(a=2)) == [("$.a", "value")]


def test_the_items_of_a_container_with_an_equality_of_its_own_say_what_differs():
    class Sorted(list):
        __hash__ = None

        def __eq__(self, other):
            return sorted(self) == sorted(other)

    assert places(Sorted([1, 2]), Sorted([2, 1])) == []
    assert places(Sorted([1, 2]), Sorted([1, 3])) == [("$[1]", "value")]


def test_an_equality_that_says_no_is_believed_even_if_no_part_differs():
    class Never:
        def __init__(self):
            self.a = 1

        def __eq__(self, other):
            return False

        __hash__ = None

    assert places(Never(), Never()) == [("$", "value")]


def test_a_nan_below_an_equality_of_its_own_is_equal_to_a_nan():
    assert places(Trusted(NAN), Trusted(other_nan())) == []


def test_an_equality_that_does_not_answer_with_a_truth_value_gives_way_to_the_attributes():
    class Column:
        def __init__(self, name):
            self.name = name

        def __eq__(self, other):
            return [self, other]

        __hash__ = None

    assert places(Column("a"), Column("a")) == []
    assert places(Column("a"), Column("b")) == [("$.name", "value")]


def test_a_dataclass_whose_equality_is_written_by_hand_is_trusted():
    @dataclasses.dataclass
    class Money:
        amount: int
        note: str

        def __eq__(self, other):
            return self.amount == other.amount

        __hash__ = None

    assert places(Money(1, "a"), Money(1, "b")) == []
    assert places(Money(1, "a"), Money(2, "a")) == [("$.amount", "value")]


def test_a_field_that_a_descriptor_keeps_elsewhere_is_compared():
    kept = {}

    class Kept:
        def __get__(self, instance, owner=None):
            return None if instance is None else kept[id(instance)]

        def __set__(self, instance, value):
            kept[id(instance)] = value

    @dataclasses.dataclass
    class Record:
        value: int = Kept()

    control, candidate = Record(1), Record(2)
    assert places(control, candidate) == [("$.value", "value")]


def test_keys_that_are_objects_are_paired_by_what_they_hold():
    assert places({ByIdentity(1): "a"}, {ByIdentity(1): "a"}) == []
    assert places({ByIdentity(1): "a"}, {ByIdentity(1): "b"}) == [("$[<ByIdentity>]", "value")]
    assert {ByIdentity(1)} != {ByIdentity(1)}
    assert places({ByIdentity(1)}, {ByIdentity(1)}) == []
    assert places({ByIdentity(1)}, {ByIdentity(2)}) == [("$", "missing"), ("$", "extra")]


def test_lambdas_are_equal_if_their_code_is():
    assert places(*[lambda x: x + 1 for _ in range(2)]) == []
    assert places(lambda x: x + 1, lambda x: x + 2) == [("$", "value")]


def test_exceptions_as_values_are_compared_with_causes_groups_and_attributes():
    def caused(by):
        error = ValueError("a")
        error.__cause__ = by
        return error

    def noted(code):
        error = ValueError("a")
        error.code = code
        error.add_note(str(code))
        return error

    assert places(caused(KeyError(1)), caused(KeyError(1))) == []
    assert places(caused(KeyError(1)), caused(KeyError(2))) == [("$.__cause__.args[0]", "value")]
    assert places(noted(1), noted(2)) == [("$.code", "value")]
    group = ExceptionGroup("g", [ValueError(1)])
    assert places(group, ExceptionGroup("g", [ValueError(1)])) == []
    assert places(group, ExceptionGroup("h", [ValueError(2)])) == [
        ("$.message", "value"),
        ("$.exceptions[0].args[0]", "value"),
    ]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: iter([1]), "read only once"),
        (lambda: (x for x in [1]), "read only once"),
        (lambda: map(str, [1]), "read only once"),
        (threading.Lock, "state cannot be seen"),
        (lambda: re.match("a", "a"), "state cannot be seen"),
    ],
    ids=["iterator", "generator", "map", "lock", "match"],
)
def test_what_nobody_can_compare_is_said_so_with_place_and_type(make, reason):
    with pytest.raises(Uncomparable, match=reason) as refusal:
        equal({"rows": [make()]}, {"rows": [make()]})
    assert str(refusal.value).startswith("$.rows[0] (")


def test_a_coroutine_cannot_be_compared():
    async def answer():
        return 1

    control, candidate = answer(), answer()
    with pytest.raises(Uncomparable, match="awaited"):
        equal(control, candidate)
    control.close()
    candidate.close()


def test_an_exception_with_an_equality_of_its_own_is_trusted():
    class CodedError(Exception):
        def __init__(self, code, text):
            super().__init__(text)
            self.code = code

        def __eq__(self, other):
            return self.code == other.code

        __hash__ = None

    assert places(CodedError(1, "a"), CodedError(1, "b")) == []
    assert ("$.code", "value") in places(CodedError(1, "a"), CodedError(2, "a"))


def test_a_number_subclass_is_compared_as_a_number_with_its_attributes():
    class Price(decimal.Decimal):
        pass

    control, candidate = Price("1.0"), Price("1.00")
    assert places(control, candidate) == []
    control.currency, candidate.currency = "EUR", "USD"
    assert places(control, candidate) == [("$.currency", "value")]
    assert places(Price("1"), Price("2")) == [("$", "value")]


def test_whole_numbers_of_a_subclass_stay_exact_within_a_tolerance():
    class Count(int):
        pass

    assert places(Count(100), Count(101), equal.within(rel=0.5)) == [("$", "value")]


def test_a_strange_equality_of_what_has_no_attributes_cannot_be_relied_on():
    class Strange(int):
        def __eq__(self, other):
            return [self, other]

        __hash__ = None

    with pytest.raises(Uncomparable, match="does not answer with true or false"):
        equal(Strange(1), Strange(1))


def test_plain_data_that_is_large_is_equal_too():
    patient = equal.bounded(seconds=50)
    rows = [[float(number)] for number in range(100_001)]
    assert patient(rows, [list(row) for row in rows]) == []
    assert patient([1.5] * 500_000, [1.5] * 500_000) == []


def test_an_equal_value_beside_a_judged_one_is_equal():
    rules = equal.by("$.a", lambda x, y: True)
    assert places({"a": 1, "b": float("1.5")}, {"a": 2, "b": float("1.5")}, rules) == []


@pytest.mark.parametrize("other", [0, 0.5, decimal.Decimal(1), decimal.Decimal("NaN")])
def test_a_signaling_nan_is_told_from_other_numbers_and_raises_nothing(other):
    nan = decimal.Decimal("sNaN")
    is_nan = other != other  # noqa: PLR0124 (a NaN)

    assert bool(equal.loosely_typed()(nan, other)) is not is_nan
    assert bool(equal.loosely_typed()(other, nan)) is not is_nan
