"""Arguments are made again from what was recorded exactly, or not at all."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import importlib
import inspect
import ipaddress
import json
import pathlib
import sys
import types
import typing
import zoneinfo

import attrs
import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall._describe import describe_mapping
from darkcall._redact import Redactor
from darkcall.testing._rebuild import NotRebuiltError, Rebuilder


Item = typing.TypeVar("Item", bound="Line")
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


class Colour(enum.Enum):
    RED = "red"
    BLUE = ("b", 1)


class Flags(enum.Flag):
    A = 1
    B = 2


class Level(enum.IntEnum):
    LOW = 1


class Point(typing.NamedTuple):
    x: int
    y: typing.Any


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    sku: str
    price: typing.Any
    colour: Colour = Colour.RED


@attrs.frozen
class Cart:
    lines: list[Line]
    _by: Point | None = None


@attrs.define(cache_hash=True, frozen=True)
class Hashed:
    x: int


@attrs.define
class Old:
    page = attrs.field(type="Page[Line] | None", default=None)


@dataclasses.dataclass
class Page(typing.Generic[Item]):
    items: list[Item]


class Plain:
    """Its hints stand where its attributes are set, and what it is given is not what it keeps."""

    def __init__(self, cart: Cart, total: int) -> None:
        self.cart = cart
        self.cents = 100 * total

    def price(self, x: int) -> int:
        return x + self.cents

    @classmethod
    def made(cls, x: int) -> int:
        return x

    def __eq__(self, other):
        return vars(self) == vars(other)

    __hash__ = None

    def __repr__(self):
        return f"Plain({vars(self)})"


class Missing:
    pass


class Slotted:
    __slots__ = ("__private", "left_out")

    def __init__(self):
        self.__private = 1


class Tags(list):
    pass


class Headers(dict[str, Plain]):
    pass


class Sku(str):
    __slots__ = ()


class Cents(int):
    def __init__(self, _value):
        self.currency = "EUR"


class Model(pydantic.BaseModel):
    a: int = 1
    line: Line | None = None


class Open(pydantic.BaseModel, extra="allow"):
    pass


class Private(pydantic.BaseModel):
    _p: int = pydantic.PrivateAttr(default=1)


UserId = typing.NewType("UserId", Sku)


def control(  # noqa: PLR0917 -- a hint of each kind
    value: Cart | Plain | Flags | Level | None = None,
    tags: typing.Annotated[collections.abc.Callable[[Tags, Cents], Headers] | None, "any"] = None,
    user: UserId | None = None,
    models: dict[str, list[Model | Open | Private]] | None = None,
    old: Old = None,
    rest: tuple[Hashed, Missing, Slotted, type[Line]] = (),
    literal: typing.Literal[Colour.RED] = Colour.RED,
    unknown: NowhereToBeFound = None,  # noqa: F821 -- a name that only type checkers see
):
    return value


REBUILDER = Rebuilder(control)


def recorded(**arguments):
    return json.loads(json.dumps(describe_mapping(arguments, Redactor())))


def rebuilt(value):
    return REBUILDER.arguments(recorded(value=value))["value"]


def why_not(value):
    with pytest.raises(NotRebuiltError) as caught:
        rebuilt(value)
    return caught.value.reason


def assert_same(one, other):
    assert type(one) is type(other)
    if isinstance(one, enum.Enum | type):
        assert one is other
    elif isinstance(one, dict):
        assert_same(list(one.items()), list(other.items()))
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for ours, theirs in zip(one, other, strict=True):
            assert_same(ours, theirs)
    elif isinstance(one, float | complex | decimal.Decimal | np.generic | np.ndarray):
        # Not by ==, for which NaN is never the same and -0.0 is 0.0.
        assert repr(one) == repr(other)
    elif isinstance(one, set | frozenset):
        assert_same(sorted(one, key=repr), sorted(other, key=repr))
    elif isinstance(one, Line | Cart | Page | Plain | types.SimpleNamespace | pydantic.BaseModel):
        names = [*getattr(type(one), "__slots__", ()), *getattr(one, "__dict__", {})]
        names = [name for name in names if not name.startswith("__")]
        assert_same([getattr(one, n) for n in names], [getattr(other, n) for n in names])
    else:
        assert one == other
        # Whichever of two times it is that a clock shows, its offset tells.
        assert str(one) == str(other)
        assert getattr(one, "tzinfo", None) == getattr(other, "tzinfo", None)


LEAVES = [
    ipaddress.ip_network("10.0.0.0/8"),
    ipaddress.ip_interface("fe80::1%eth0/64"),
    pathlib.PurePosixPath("a/\nb"),
    pathlib.PureWindowsPath("c:\\x"),
    pathlib.Path(),
    range(3, 9, 2),
    slice(1, None, -1),
    BERLIN,
    array.array("d", [1.5, -0.0]),
    np.float32(1.1),
    np.int8(-3),
    np.bool_(1),
    np.complex128(1 - 2j),
    np.array([[1, 2], [3, 4]], dtype="int16"),
    np.array(["a", "bc"]),
    np.array(1.5),
    np.zeros((0, 3)),
    *(
        "two\nlines\r\t\\n",
        "\x00\ud800\u202e\U000e0001",
        "$",
        2**70,
        2**2048 - 1,
        -0.0,
        float("nan"),
    ),
    *(dt.time(1, 2, tzinfo=BERLIN), dt.time(3, 4, tzinfo=dt.UTC)),
    dt.datetime.min,  # noqa: DTZ901 -- one without a zone
    *(*Colour, *Level, Flags.A, Flags.A | Flags.B, Flags(0), Line, Sku("x"), Cents(3)),
]


def zones():
    return st.sampled_from([None, dt.UTC, dt.timezone(dt.timedelta(hours=-3, minutes=-30)), BERLIN])


numbers = st.one_of(st.integers(), st.floats(), st.complex_numbers(), st.booleans())
leaves = st.one_of(
    numbers,
    st.none(),
    st.text(st.characters(codec=None)),
    st.binary(),
    st.binary().map(bytearray),
    st.decimals(),
    st.fractions(),
    st.uuids(),
    st.dates(),
    st.datetimes(timezones=zones()),
    st.times(timezones=zones()),
    st.timedeltas(),
    st.ip_addresses(),
    st.sampled_from(LEAVES),
    # Of these no description shows everything.
    st.sampled_from([dt.UTC, memoryview(b"x"), object(), ..., print, {}.keys(), ValueError("x")]),
)
hashable = st.one_of(
    st.integers(), st.text(), st.none(), st.tuples(st.integers(), st.text()), st.sampled_from(Level)
)


def containers(inner):
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(inner, max_size=3).map(Tags),
        st.lists(inner, max_size=3).map(collections.deque),
        st.sets(hashable, max_size=4),
        st.frozensets(hashable, max_size=4),
        st.dictionaries(hashable, inner, max_size=4),
        st.dictionaries(st.text(), inner, max_size=4),
        st.dictionaries(st.text(), inner, max_size=3).map(Headers),
        st.dictionaries(st.text(), inner, max_size=3).map(collections.OrderedDict),
        st.dictionaries(st.text(), inner, max_size=3).map(
            lambda entries: collections.defaultdict(list, entries)
        ),
        st.dictionaries(hashable, st.integers(), max_size=3).map(collections.Counter),
        st.builds(Point, st.integers(), inner),
        st.builds(Line, st.text(), inner, st.sampled_from(Colour)),
        st.builds(Cart, st.lists(st.builds(Line, st.text(), inner), max_size=2)),
        st.builds(Page, st.lists(inner, max_size=2)),
        st.builds(types.SimpleNamespace, name=inner),
        st.builds(Model, a=st.integers()),
        st.builds(Open, b=inner),
    )


@pytest.mark.parametrize("value", LEAVES)
def test_what_is_no_container_is_made_again(value):
    assert_same(value, rebuilt(value))


@given(st.recursive(leaves, containers, max_leaves=8))
def test_a_value_comes_back_as_it_was_or_not_at_all(value):
    try:
        again = rebuilt(value)
    except NotRebuiltError:
        return
    assert_same(value, again)


NAMES = [
    *("int", "float", "complex", "str", "bytes", "tuple", "set", "dict", "range", "slice", "list"),
    *("decimal.Decimal", "fractions.Fraction", "datetime.datetime", "datetime.time", "array.array"),
    *("datetime.timedelta", "uuid.UUID", "zoneinfo.ZoneInfo", "pathlib.WindowsPath"),
    *("collections.Counter", "types.SimpleNamespace", "numpy.ndarray", "numpy.float64", "type"),
    *("os.system", "builtins.eval", "pandas.DataFrame", "enum.EnumType", "subprocess.Popen"),
    *(f"{__name__}.{kind}" for kind in ("Cart", "Line", "Point", "Colour", "Flags", "Tags")),
    *(f"{__name__}.{kind}" for kind in ("Headers", "Sku", "Cents", "Plain", "Model", "Open")),
]
json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from([*"$"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(), inner, max_size=3),
        st.fixed_dictionaries(
            {"$": st.one_of(st.sampled_from(NAMES), inner)},
            optional={
                **dict.fromkeys(("items", "entries", "fields", "value", "name", "dtype"), inner),
                "value": st.one_of(inner, st.sampled_from(["1e999999999", "9" * 5000, "nan", "x"])),
                "escaped": st.sampled_from(["\\", "\\d", "\\N{BULLET}", "\\uZZZZ", "\\U99999999"]),
                "base64": st.sampled_from(["YQ", "YWJj", "?", "YWJj\n"]),
                "zone": st.sampled_from(["../../etc/passwd", "Nowhere/City", "/dev/zero"]),
                "shape": st.lists(st.integers(), max_size=3),
                "dtype": st.sampled_from(["object", "int64", "<U99999", "V8"]),
                "typecode": st.sampled_from(["i", "u", "zz"]),
                "repr": st.sampled_from(["builtins.eval", "os.system", __name__ + ".Line"]),
            },
        ),
    ),
    max_leaves=6,
)


@given(json_values)
def test_whatever_a_file_holds_it_is_refused_or_would_be_recorded_the_same(described):
    try:
        again = REBUILDER.arguments({"value": described})
    except NotRebuiltError:
        return
    assert json.dumps(recorded(**again)) == json.dumps({"value": described})


def test_a_class_that_no_hint_names_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "would_be_imported.py").write_text("class Cart: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(NotRebuiltError) as caught:
        REBUILDER.arguments({"value": {"$": "would_be_imported.Cart", "fields": {}}})

    assert caught.value.reason == "value: no hint of the control names would_be_imported.Cart"
    assert "would_be_imported" not in sys.modules


def test_an_object_is_given_its_state_back_and_not_made_anew():
    again = rebuilt(Plain(Cart([]), 3))

    assert again.cents == 300
    assert again == Plain(Cart([]), 3)


@pytest.mark.parametrize(
    "value",
    [
        Cart([Line("a", decimal.Decimal("1.50"))], by=Point(1, Line("b", float("nan")))),
        Old(Page([Line("a", 1)])),
        Model(a=3, line=Line("a", None)),
        Open(b=[1]),
        Headers(a=Plain(Cart([]), 1)),
        Cents(2**70),
        dt.datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1),
        dt.datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=0),
        {"$": 1, "a\n": 2, (1, 2): 3},
        Level.LOW,
    ],
)
def test_what_hints_name_at_any_depth_is_made_again(value):
    again = rebuilt(value)

    assert type(again) is type(value)
    assert repr(again) == repr(value)


def test_slots_are_given_back_and_those_that_are_empty_stay_so():
    again = rebuilt(Slotted())

    assert again._Slotted__private == 1
    assert not hasattr(again, "left_out")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"lines": [{"password": "x"}]}, "value.lines[*].password: hidden"),
        ({"text": "x" * 5000}, "value.text: cut"),
        ([print], "value[*]: it cannot be seen into"),
        (ValueError("x"), "value: it is an exception"),
        (collections.deque([1]), "value: collections.deque: no record shows its maxlen"),
        (Missing(), "value: it has no attributes: it may be told by its identity"),
        (fractions.Fraction, "value: it cannot be seen into"),
        (inspect.Parameter.empty, "value: it cannot be seen into"),
        (Private(), "value: no record shows the private attributes of a model"),
        (np.array([1], dtype=object), "value: numpy.ndarray: its dtype is not one of"),
        (np.ma.masked_array([1]), "value: cut"),
        (np.datetime64("2024-01-01"), "value: numpy.datetime64: no record shows all of it"),
    ],
)
def test_what_cannot_be_made_again_is_told_with_its_place_and_why(value, reason):
    assert why_not(value).startswith(reason)


def test_a_hash_that_an_object_keeps_is_not_given_back():
    value = Hashed(1)
    assert hash(rebuilt(value)) == hash(value)

    assert why_not(value).startswith("value._attrs_cached_hash: no hint of the control names")


def test_a_value_that_lies_in_itself_is_not_made_again():
    value = []
    value.append(value)

    assert why_not(value) == "value[*]: it lies in itself"


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ({"$": "fractions.Fraction", "value": "1e999999999"}, "it is no number"),
        ({"$": "float", "value": "0.5"}, "it is no number"),
        ({"$": "str", "escaped": "\\d"}, "its text is not escaped as descriptions are"),
        ({"$": "str", "value": 1}, "it holds no text"),
        ({"$": "int", "value": "0x10"}, "it is no number"),
        (b"x", "a bytes is no description"),
        ({"$": "tuple", "items": {}}, "its items are no list"),
        ({"$": "dict", "entries": [[1]]}, "its entries are no pairs"),
        ({"$": "range", "fields": []}, "its fields are no object"),
        ({"$": "range", "fields": {"start": 1}}, "no range can be made of it: KeyError"),
        ({"$": ["x"]}, "its type has no name"),
        ({"$": "array.array", "typecode": "u", "items": []}, "its typecode is not one of numbers"),
        ({"$": "numpy.ndarray", "dtype": "int8", "shape": 1}, "numpy.ndarray: it has no shape"),
        (
            {"$": "numpy.ndarray", "dtype": "<U999", "shape": [201], "items": [1] * 201},
            "numpy.ndarray: it has more items than descriptions show",
        ),
        ({"$": "int", "value": "9" * 5000}, "it is no number"),
        ({"$": "set", "items": [[1]]}, "no set can be made of it: TypeError"),
        ({"$": "list", "items": [1]}, "a part of it cannot be seen from Python"),
        ({"$": f"{__name__}.Colour", "name": "GREEN", "value": 1}, "Colour has no such member"),
        ({"$": f"{__name__}.Colour", "name": "RED", "value": 1}, "what was made of it would be"),
        ({"$": f"{__name__}.Model", "fields": {"b": 1}}, "Model has no field b"),
        ({"$": "datetime.datetime", "value": "2024-01-01T00:00:00+05:00", "zone": "UTC"}, "2024"),
        ([{"a": 1.0}, {"$": "int", "value": "1"}], "what was made of it would be"),
    ],
)
def test_a_node_that_nobody_wrote_is_refused(node, reason):
    with pytest.raises(NotRebuiltError) as caught:
        REBUILDER.arguments({"value": node})

    assert caught.value.reason.startswith(f"value: {reason}")


def test_what_is_nested_as_deep_as_descriptions_go_is_made_again():
    value = Colour.RED
    for _ in range(31):
        value = (value,)

    assert_same(value, rebuilt(value))
    assert why_not([value]).endswith("[*]: cut")


def test_what_is_nested_without_end_is_refused():
    node = 1
    for _ in range(150):
        node = [node]
    with pytest.raises(NotRebuiltError, match=r"\[\*\]: it lies deeper than descriptions go$"):
        REBUILDER.arguments({"value": node})


def test_a_number_is_no_truth_value_and_an_object_no_number():
    again = rebuilt([1, True, 1.0, -0.0, None])

    assert_same(again, [1, True, 1.0, -0.0, None])


def test_a_name_of_two_classes_is_refused():
    def made():
        @dataclasses.dataclass
        class Twin:
            x: int = 1

        return Twin

    one, other = made(), made()

    def twins(a: one, b: other): ...

    twins.__annotations__ = {"a": one, "b": other}
    with pytest.raises(NotRebuiltError, match="a: the hints name several classes"):
        Rebuilder(twins).arguments(recorded(a=one()))


def test_the_first_argument_of_a_method_is_of_its_class():
    plain = Plain(Cart([]), 1)

    assert Rebuilder(Plain.price).arguments(recorded(self=plain, x=1)) == {"self": plain, "x": 1}
    made = Plain.__dict__["made"].__func__
    assert Rebuilder(made).arguments(recorded(cls=Plain, x=1)) == {"cls": Plain, "x": 1}


def test_a_class_that_is_imported_for_type_checkers_alone_is_found(tmp_path, monkeypatch):
    package = tmp_path / "typed_shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text(
        "import dataclasses\n"
        "@dataclasses.dataclass\n"
        "class Line:\n    x: int\n"
        "class Tag(str): pass\n"
        "class Sku(str): pass\n"
    )
    (package / "prices.py").write_text(
        "from __future__ import annotations\n"
        "import typing\n"
        "if typing.TYPE_CHECKING:\n"
        "    import typed_shop.parts\n"
        "    import typed_shop.parts as parts\n"
        "    import nowhere.to_be_found\n"
        "    from .parts import Line as Row, Nothing\n"
        "    Name = str\n"
        "def price(a: list[Row], b: parts.Tag, c: typed_shop.parts.Sku, d: Nothing): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    prices = importlib.import_module("typed_shop.prices")
    parts = importlib.import_module("typed_shop.parts")
    given = {"a": [parts.Line(1)], "b": parts.Tag("x"), "c": parts.Sku("y"), "d": 1}

    assert Rebuilder(prices.price).arguments(recorded(**given)) == given


def test_a_hint_without_a_source_to_look_into_names_nothing():
    def price(a): ...

    made = types.FunctionType(price.__code__, {"__name__": "nowhere"}, "price")
    made.__annotations__["a"] = "Nowhere"

    assert Rebuilder(made).arguments({"a": 1}) == {"a": 1}


def test_a_hint_that_cannot_be_worked_out_names_nothing():
    class Alias:
        """As of a ``type`` statement."""

        @property
        def __value__(self):
            raise NameError

    def price(a): ...

    price.__annotations__["a"] = Alias()
    assert Rebuilder(price).arguments({"a": 1}) == {"a": 1}
    price.__annotations__["a"] = "1 / 0"
    assert Rebuilder(price).arguments({"a": 1}) == {"a": 1}


def test_arguments_are_those_of_a_call_of_the_control():
    def mixed(a, /, b, c=3, *args, d, e=5, **kwargs):
        return a, b, c, args, d, e, kwargs

    def as_recorded(*args, **kwargs):
        return recorded(**inspect.signature(mixed).bind(*args, **kwargs).arguments)

    rebuilder = Rebuilder(mixed)
    for args, kwargs in [
        ((1, 2), {"d": 4}),
        ((1,), {"b": 2, "d": 4}),
        ((1, 2, 3, 4, 5), {"d": 4, "e": 6, "x": [7], "a": 8}),
        ((1, 2), {"d": 4, "$x": 1, "$": 2}),
    ]:
        args_again, kwargs_again = rebuilder.call(rebuilder.arguments(as_recorded(*args, **kwargs)))
        assert mixed(*args_again, **kwargs_again) == mixed(*args, **kwargs)


def test_a_name_that_begins_with_a_dollar_has_lost_none():
    assert Rebuilder(min).arguments(recorded(**{"$x": 1, "$": 2})) == {"$x": 1, "$": 2}


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        ([], "the arguments are no mapping of parameters"),
        ({"$": {"$": "dict", "truncated": True}}, "the arguments are not all there"),
        ({"a": 1, "z": 1}, "z: the control has no such parameter"),
        ({}, "the control does not take the arguments: missing a required argument: 'a'"),
        ({"a": 1, "args": [2]}, "args: it is no tuple of arguments"),
        ({"a": 1, "kwargs": 2}, "kwargs: it is no dict of arguments by name"),
        ({"a": 1, "kwargs": {"a": 2}}, "the control does not take the arguments: multiple"),
    ],
)
def test_arguments_that_the_control_does_not_take_today_are_refused(described, reason):
    def today(a, *args, **kwargs): ...

    with pytest.raises(NotRebuiltError) as caught:
        Rebuilder(today).arguments(described)

    assert caught.value.reason.startswith(reason)


def test_arguments_without_names_are_those_at_their_places():
    rebuilder = Rebuilder(min)

    assert rebuilder.call(rebuilder.arguments({"0": [2, 1], "key": None})) == (
        ([2, 1],),
        {"key": None},
    )
    with pytest.raises(NotRebuiltError, match="not those of one call"):
        rebuilder.arguments({"1": 1})


def test_a_record_without_all_of_its_arguments_is_refused():
    with pytest.raises(NotRebuiltError, match='keep="everything" records them'):
        REBUILDER.of_record({})
    with pytest.raises(NotRebuiltError, match="too long for a line"):
        REBUILDER.of_record({"arguments": {"value": 1}, "truncated": ["arguments"]})
    assert REBUILDER.of_record({"arguments": {"value": 1}}) == {"value": 1}
