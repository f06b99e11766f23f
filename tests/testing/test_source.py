"""The source of a value makes it again, and looks as a formatter leaves it."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import json
import math
import pathlib
import sys
import types
import typing
import uuid
import zoneinfo

import attrs
import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkcall._describe import describe
from darkcall._redact import Redactor
from darkcall.testing import _source
from darkcall.testing._imports import Imports
from darkcall.testing._layout import Bracketed, Leaf, Name, Pair, Prefixed, Text, call
from darkcall.testing._rebuild._known import KNOWN
from darkcall.testing._source import NotWrittenError, is_name, keywords_of, name_of, source_of


REDACTOR = Redactor()
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


class Colour(enum.Enum):
    RED = 1


Odd = enum.Enum("Odd", {"light blue": 1})


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Place(typing.NamedTuple):
    row: int
    column: int


class Sku(str):
    __slots__ = ()

    def __str__(self):
        return "nobody is to see this"


class Prices(dict):
    pass


@dataclasses.dataclass
class Line:
    sku: str
    quantity: int = 1
    total: int = dataclasses.field(init=False, default=0)


@attrs.frozen
class Secretive:
    _value: int


class Plain:
    def __init__(self, first, /, second, *rest, third=3, **others):
        self._first = first
        self.__second = second

    def third(self):
        return None


class Forgetful:
    def __init__(self, given):
        self.kept = len(given)


class NoSignature:
    __signature__ = "none"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory, monkeypatch):
    # What is in the folder is imported last.
    monkeypatch.chdir(tmp_path_factory.getbasetemp())


def written(value):
    imports = Imports()
    node = source_of(value)
    return imports.layout().flat(node), imports.evaluated(node)


def laid_out(node, indent=""):
    return list(Imports().layout().lines(node, indent))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "None"),
        (True, "True"),
        (-3, "-3"),
        (0.1, "0.1"),
        (1e300, "1e300"),
        (math.inf, 'float("inf")'),
        (-math.inf, 'float("-inf")'),
        (complex(1, math.inf), 'complex(1.0, float("inf"))'),
        ("it's\n", '"it\'s\\n"'),
        ('"quoted"', "'\"quoted\"'"),
        ("\u202e\ud800\x00\t\\", '"\\u202e\\ud800\\x00\\t\\\\"'),
        ("né", '"né"'),
        (b'a"\xe9', "b'a\"\\xe9'"),
        (bytearray(b"a"), 'bytearray(b"a")'),
        ([], "[]"),
        ([1, [2]], "[1, [2]]"),
        ((), "()"),
        ((1,), "(1,)"),
        ((1, "a"), '(1, "a")'),
        ({}, "{}"),
        ({"a": 1, 2: "b"}, '{"a": 1, 2: "b"}'),
        (set(), "set()"),
        ({10, 9, 1}, "{1, 9, 10}"),
        ({"b", "a"}, '{"a", "b"}'),
        (frozenset(), "frozenset()"),
        (frozenset({1}), "frozenset({1})"),
        (range(3), "range(3)"),
        (range(1, 3), "range(1, 3)"),
        (range(0, 9, 2), "range(0, 9, 2)"),
        (slice(None, 3), "slice(None, 3, None)"),
        (array.array("d", [1.5]), 'array("d", [1.5])'),
        (types.SimpleNamespace(a=1, **{"b c": 2}), 'SimpleNamespace(a=1, **{"b c": 2})'),
        (collections.OrderedDict(a=1), 'OrderedDict({"a": 1})'),
        (collections.Counter(), "Counter()"),
        (decimal.Decimal("1.50"), 'Decimal("1.50")'),
        (decimal.Decimal(3), "Decimal(3)"),
        (decimal.Decimal("-0"), 'Decimal("-0")'),
        (decimal.Decimal("NaN"), 'Decimal("NaN")'),
        (fractions.Fraction(1, 3), "Fraction(1, 3)"),
        (dt.date(2026, 1, 31), "date(2026, 1, 31)"),
        (dt.time(9, 30), "time(9, 30)"),
        (
            dt.datetime(2026, 1, 31, 14, 30, 5, 7, dt.UTC),
            "datetime(2026, 1, 31, 14, 30, 5, 7, tzinfo=UTC)",
        ),
        (dt.datetime(2026, 1, 31, tzinfo=dt.UTC), "datetime(2026, 1, 31, 0, 0, tzinfo=UTC)"),
        (
            dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
            'datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)',
        ),
        (dt.timezone(dt.timedelta(hours=1)), "timezone(timedelta(seconds=3600))"),
        (dt.timezone(dt.timedelta(0), "Z"), 'timezone(timedelta(), "Z")'),
        (dt.timedelta(days=-1, microseconds=3), "timedelta(days=-1, microseconds=3)"),
        (uuid.UUID(int=1), 'UUID("00000000-0000-0000-0000-000000000001")'),
        (ipaddress.ip_address("::1"), 'IPv6Address("::1")'),
        (pathlib.Path("a"), 'Path("a")'),
        (pathlib.PureWindowsPath("a"), 'PureWindowsPath("a")'),
        (np.float32(1.5), "float32(1.5)"),
        (np.array([[1, 2]], dtype="int64"), 'array([[1, 2]], dtype="int64")'),
        (Colour.RED, "Colour.RED"),
        (Odd["light blue"], 'Odd["light blue"]'),
        (Access.READ | Access.WRITE, "Access(3)"),
        (Place(1, 2), "Place(row=1, column=2)"),
        (Sku("tea"), 'Sku("tea")'),
        (Prices(tea=1), 'Prices({"tea": 1})'),
        (Line("tea"), 'Line(sku="tea", quantity=1)'),
        (Secretive(1), "Secretive(value=1)"),
        (Plain(1, 2), "Plain(1, second=2)"),
        (Line, "Line"),
        (int, "int"),
    ],
)
def test_a_value_has_a_source_that_makes_it_again(value, code):
    source, again = written(value)

    assert source == code
    assert type(again) is type(value)
    assert describe(again, REDACTOR) == describe(value, REDACTOR)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Forgetful("abc"), "a Forgetful does not keep the given that it is made of"),
        (lambda: (n for n in ()), "generator"),
        (lambda: dataclasses.make_dataclass("Local", "a")(1), "something else"),
        (lambda: lambda: None, "function"),
        (NoSignature, "a NoSignature has no source"),
    ],
)
def test_what_cannot_be_made_again_is_refused_with_a_reason(make, reason):
    with pytest.raises(NotWrittenError, match=reason):
        source_of(make())


def test_a_list_that_lies_in_itself_is_refused():
    value = []
    value.append(value)

    with pytest.raises(NotWrittenError, match="a list lies in itself"):
        source_of(value)


def test_what_lies_too_deep_is_refused():
    value = []
    for _ in range(100):
        value = [value]

    with pytest.raises(NotWrittenError, match="too many containers"):
        source_of(value)


def test_a_class_of_the_main_file_is_refused(monkeypatch):
    monkeypatch.setattr(Line, "__module__", "__main__")

    with pytest.raises(NotWrittenError, match=r"__main__\.Line stands in the main file"):
        name_of(Line)


def test_a_class_that_is_hidden_by_another_is_refused(monkeypatch):
    hidden = Line
    monkeypatch.setattr(sys.modules[__name__], "Line", Place)

    with pytest.raises(NotWrittenError, match="something else, or nothing"):
        name_of(hidden)


def test_a_local_class_is_refused():
    class Local:
        pass

    with pytest.raises(NotWrittenError, match="made where it is used"):
        name_of(Local)


def test_what_has_no_name_is_refused():
    with pytest.raises(NotWrittenError, match="a int has no name"):
        name_of(1)


def test_keywords_keep_their_order_though_some_are_no_names():
    layout = Imports().layout()
    items = keywords_of({"a": 1, "b c": 2, "class": 3, "d": 4})

    assert ", ".join(map(layout.flat, items)) == 'a=1, **{"b c": 2, "class": 3}, d=4'


@pytest.mark.parametrize("text", ["ﬁ", "class", "1a", "a b", "", "__debug__"])
def test_what_means_something_else_in_code_is_no_name(text):
    assert not is_name(text)


TEXTS = st.text(max_size=200) | st.text(" \"'\\\n#{}", max_size=200)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(allow_nan=False),
    st.binary(max_size=60),
    st.datetimes(timezones=st.sampled_from([None, dt.UTC, BERLIN])),
    st.timedeltas(),
    TEXTS,
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(TEXTS | st.integers(), inner, max_size=4),
        st.builds(Line, inner, inner),
        st.builds(Place, inner, inner),
        st.frozensets(st.integers() | TEXTS, max_size=4),
    ),
    max_leaves=8,
)


@settings(max_examples=40)
@given(VALUES)
def test_what_was_written_is_recorded_as_the_value_itself(value):
    imports = Imports()
    node = source_of(value)

    again = imports.evaluated(node)
    assert json.dumps(describe(again, REDACTOR)) == json.dumps(describe(value, REDACTOR))
    lines = "\n".join(imports.layout().lines(node, "    ", before="value = "))
    namespace = {}
    exec("".join(imports.code()) + "if True:\n" + lines, namespace)
    assert json.dumps(describe(namespace["value"], REDACTOR)) == json.dumps(
        describe(value, REDACTOR)
    )


def test_a_call_that_fits_stands_in_one_line():
    assert laid_out(call(Name("shop", "price"), Leaf("1"))) == ["price(1)"]


def test_arguments_that_fit_in_a_line_stand_in_one():
    node = call(Name("shop", "price_of_all"), *[Leaf("1234567")] * 9)

    assert laid_out(node) == ["price_of_all(", "    " + ", ".join(["1234567"] * 9), ")"]


def test_arguments_that_do_not_fit_in_a_line_stand_in_one_each():
    node = call(Name("shop", "price"), *[Prefixed("number=", Leaf("1234567"))] * 9)

    assert laid_out(node) == ["price(", *["    number=1234567,"] * 9, ")"]


def test_items_that_do_not_fit_stand_in_a_line_each():
    node = Bracketed("{}", (Pair(Leaf("1"), Bracketed("[]", (Leaf("1234567"),) * 20)),))

    assert laid_out(node) == ["{", "    1: [", *["        1234567,"] * 20, "    ],", "}"]


def test_a_long_text_is_split_at_ends_of_lines_and_at_blanks():
    node = Prefixed("text=", Text("one\n" + "two " * 30))

    assert laid_out(node) == [
        "text=(",
        '    "one\\n"',
        f'    "{"two " * 20}"',
        f'    "{"two " * 10}"',
        ")",
    ]


def test_a_text_that_fits_by_itself_is_not_split():
    node = Prefixed("text=", Text("x" * 82))

    assert laid_out(node) == ["text=(", f'    "{"x" * 82}"', ")"]


def test_the_only_argument_needs_no_parentheses_of_its_own():
    node = call(Name("shop", "price"), Text("x" * 100))

    assert laid_out(node) == ["price(", f'    "{"x" * 82}"', f'    "{"x" * 18}"', ")"]


def test_wide_and_combining_characters_take_the_room_that_they_take():
    assert len(laid_out(Bracketed("[]", (Text("漢" * 42),)))) == 1
    assert len(laid_out(Bracketed("[]", (Text("漢" * 43),)))) > 1
    assert len(laid_out(Bracketed("[]", (Text("e\u0301" * 84),)))) == 1


def test_what_cannot_be_taken_apart_stays_long():
    assert laid_out(Leaf("x" * 100)) == ["x" * 100]


def test_names_that_mean_something_in_a_test_get_other_ones():
    imports = Imports()
    called = [
        imports.called(Name(*name))
        for name in [
            ("shop", "list"),
            ("shop", "strict"),
            ("shop", "test_price"),
            ("shop", "setup_module"),
            ("shop", "TestCart.total"),
            ("other.shop", "list"),
            ("shop", "price"),
            ("builtins", "list"),
            ("asyncio", "run"),
        ]
    ]

    assert called == [
        "_shop_list",
        "_shop_strict",
        "_shop_test_price",
        "_shop_setup_module",
        "_shop_TestCart.total",
        "_shop_list_2",
        "price",
        "list",
        "asyncio.run",
    ]
    assert "".join(imports.code()) == (
        "import asyncio\n"
        "\n"
        "from darkcall.testing import strict\n"
        "from other.shop import list as _shop_list_2\n"
        "from shop import TestCart as _shop_TestCart\n"
        "from shop import list as _shop_list\n"
        "from shop import price\n"
        "from shop import setup_module as _shop_setup_module\n"
        "from shop import strict as _shop_strict\n"
        "from shop import test_price as _shop_test_price\n"
    )


def test_imports_that_do_not_fit_in_a_line_stand_in_one_each():
    imports = Imports()
    names = [f"a_name_that_is_long_{number}" for number in (1, 2, 10, 3, 4)]
    for name in names:
        imports.called(Name("shop", name))

    assert "".join(imports.code()).splitlines()[1:] == [
        "from shop import (",
        *[f"    a_name_that_is_long_{number}," for number in (1, 2, 3, 4, 10)],
        ")",
    ]


def test_modules_of_the_folder_come_last(tmp_path, monkeypatch):
    (tmp_path / "an_own_module.py").touch()
    monkeypatch.chdir(tmp_path)
    imports = Imports()
    imports.called(Name("an_own_module", "price"))

    assert "".join(imports.code()) == (
        "from darkcall.testing import strict\n\nfrom an_own_module import price\n"
    )


def test_sources_know_all_that_is_rebuilt():
    kinds = {
        f"{kind.__module__.removesuffix('._local')}.{kind.__name__}".removeprefix("builtins.")
        for kind in _source._WRITERS
    }
    assert KNOWN.keys() <= kinds


def test_the_digits_of_a_huge_decimal_are_not_worked_out():
    assert written(decimal.Decimal("1E+99999999"))[0] == 'Decimal("1E+99999999")'


@attrs.define
class Aliased:
    quantity: int = attrs.field(alias="n")


class AliasedModel(pydantic.BaseModel):
    sku: str
    quantity: int = pydantic.Field(alias="n")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (Aliased(n=2), "Aliased(n=2)"),
        (AliasedModel(sku="tea", n=2), 'AliasedModel(sku="tea", n=2)'),
    ],
)
def test_a_field_is_given_under_its_alias(value, code):
    assert written(value) == (code, value)
