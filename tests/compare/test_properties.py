"""What holds for all values, and for those made to break a comparison."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import decimal
import math
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from darkcall._paths import parse
from darkcall.compare import Uncomparable, equal, signature_of


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.decimals(),
    st.fractions(),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, dt.UTC])),
    st.uuids(),
)
KEYS = st.one_of(
    st.text(max_size=5), st.integers(), st.booleans(), st.none(), st.floats(), st.binary(max_size=3)
)
HASHABLE = st.recursive(KEYS, lambda inner: st.tuples(inner, inner), max_leaves=4)


def containers(inner):
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.sets(HASHABLE, max_size=4),
    )


VALUES = st.recursive(SCALARS, containers, max_leaves=12)
JSON_KEYS = st.text(alphabet="ab_", min_size=1, max_size=3)
JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(0, 2), st.floats(0, 2), st.text("ab", max_size=2)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(JSON_KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)


def same(x, y):
    """The oracle: equal, with equal types, a NaN being equal to a NaN."""
    if type(x) is not type(y):
        return False
    if isinstance(x, list):
        return len(x) == len(y) and all(map(same, x, y))
    if isinstance(x, dict):
        return x.keys() == y.keys() and all(same(x[key], y[key]) for key in x)
    return x == y or (x != x and y != y)  # noqa: PLR0124 (NaN)


@given(VALUES)
def test_a_copy_is_equal(value):
    assert equal(value, copy.deepcopy(value)) == []
    assert equal.loosely_typed()(value, copy.deepcopy(value)) == []
    assert equal.unordered("$..*", "$")(value, copy.deepcopy(value)) == []
    assert equal.within(rel=0.1)(value, copy.deepcopy(value)) == []


@given(VALUES, VALUES)
@example({1: 0}, {True: 0})
@example([0.0], [-0.0])
def test_whether_two_are_equal_does_not_depend_on_which_comes_first(x, y):
    for rules in (equal, equal.loosely_typed(), equal.unordered("$")):
        assert (rules(x, y) == []) is (rules(y, x) == [])
        assert all(found.path.isprintable() for found in rules(x, y))
        assert len(signature_of(rules(x, y))) <= 500


@given(JSON, JSON)
def test_for_plain_data_it_agrees_with_the_obvious_definition(x, y):
    assert (equal(x, y) == []) is same(x, y)


def spots(value, steps=()):
    yield steps
    if isinstance(value, dict):
        for key, item in value.items():
            yield from spots(item, (*steps, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from spots(item, (*steps, index))


@given(JSON, st.data())
def test_one_change_is_found_exactly_where_it_is(value, data):
    steps = data.draw(st.sampled_from(list(spots(value))))
    changed = {"$": copy.deepcopy(value)}
    holder, last = changed, "$"
    for step in steps:
        holder, last = holder[last], step
    holder[last] = "something else"
    (found,) = equal(value, changed["$"])
    assert parse(found.path).steps == steps
    assert equal.ignoring(found.path)(value, changed["$"]) == []


@given(st.lists(JSON, max_size=6), st.randoms(use_true_random=False))
def test_a_shuffled_list_is_equal_without_order(items, random):
    shuffled = copy.deepcopy(items)
    random.shuffle(shuffled)
    assert equal.unordered("$")(items, shuffled) == []
    assert (equal.unordered("$")(items, [*shuffled, "more"])) != []


def raising(error):
    def method(self, *args):
        raise error

    return method


def make(**methods):
    return type("Hostile", (), {"__hash__": object.__hash__, **methods})


class HostileMeta(type):
    def __instancecheck__(cls, instance):
        raise ValueError

    __subclasscheck__ = __instancecheck__

    def __eq__(cls, other):
        raise ValueError

    __hash__ = type.__hash__


HOSTILE = {
    "eq": make(__eq__=raising(ValueError("secret"))),
    "eq recursion": make(__eq__=lambda self, other: self == other),
    "eq none": make(__eq__=None),
    "eq strange": make(__eq__=lambda self, other: make(__bool__=raising(OSError))()),
    "hash": make(__hash__=raising(ValueError), __eq__=lambda self, other: True),
    "repr": make(__repr__=raising(ValueError), __str__=raising(ValueError)),
    "bool": make(__bool__=raising(ValueError), __len__=raising(ValueError)),
    "iter": make(__iter__=raising(ValueError)),
    "getattr": make(__getattribute__=raising(ValueError), __getattr__=raising(ValueError)),
    "class": make(__class__=property(raising(ValueError))),
    "liar": make(__class__=property(lambda self: dict)),
    "dict": make(__dict__=property(raising(ValueError))),
    "dict is a list": make(__dict__=property(lambda self: [1])),
    "slots": type("Slots", (), {"__slots__": ("a", "__dict__")}),
    "list": type("L", (list,), {"__iter__": raising(ValueError), "__len__": raising(ValueError)}),
    "dict subclass": type("D", (dict,), {"items": raising(ValueError), "get": raising(ValueError)}),
    "tuple": type("T", (tuple,), {"_fields": 3}),
    "str": type("S", (str,), {"__eq__": raising(ValueError), "__hash__": str.__hash__}),
    "meta": HostileMeta("M", (), {}),
    "module": make(__module__=property(raising(ValueError))),
    "qualname": type("\u202e" * 300, (), {}),
}


@pytest.mark.parametrize("kind", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "place",
    [
        lambda it: it,
        lambda it: [it],
        lambda it: {"a": it},
        lambda it: {it: 1},
        lambda it: {it},
        lambda it: {1: it, None: (it, it)},
    ],
    ids=["itself", "list", "value", "key", "set", "mixed"],
)
@pytest.mark.parametrize("rules", [equal, equal.unordered("$").loosely_typed()], ids=["", "rules"])
def test_a_hostile_value_never_makes_a_comparison_fail_in_another_way(kind, place, rules):
    try:
        control, candidate = place(kind()), place(kind())
    except (TypeError, ValueError):
        pytest.skip("it cannot be a key")
    refusals = []
    try:
        signature_of(rules(control, candidate))
    except Uncomparable as refusal:
        refusals.append(str(refusal))
    assert all(text.isprintable() and "secret" not in text for text in refusals)


def test_what_is_addressed_to_the_thread_itself_passes():
    kind = make(__eq__=raising(SystemExit))
    with pytest.raises(SystemExit):
        equal(kind(), kind())


def test_an_equality_that_fails_names_the_place_and_the_type_but_no_value():
    kind = make(__eq__=raising(ValueError("secret")))
    with pytest.raises(Uncomparable) as refusal:
        equal({"a": [1, kind()]}, {"a": [1, kind()]})
    assert "$.a[1] (" in str(refusal.value)
    assert "Hostile): comparing it raised ValueError" in str(refusal.value)


def test_items_without_order_that_all_look_alike_end_in_time():
    class Box:
        def __init__(self, value):
            self.value = value

        def __eq__(self, other):
            return self.value == other.value

        __hash__ = None

    control = [Box(number) for number in range(5000)]
    rules = equal.unordered("$").bounded(seconds=0.2)
    start = time.perf_counter()
    with pytest.raises(Uncomparable, match=r"stopped after 0\.2 seconds"):
        rules(control, [Box(number) for number in reversed(range(5000))])
    assert time.perf_counter() - start < 5


def test_shared_parts_under_every_rule_end_in_time():
    def doubled(last):
        value = [last]
        for _ in range(60):
            value = [value, value]
        return value

    start = time.perf_counter()
    rules = equal.unordered("$..*").bounded(seconds=0.2)
    with pytest.raises(Uncomparable, match=r"stopped after"):
        rules(doubled(1.0), doubled(2.0))
    assert time.perf_counter() - start < 5


def test_a_cycle_without_order_is_refused_and_does_not_hang():
    control, candidate = [1], [1]
    control.append(control)
    candidate.append(candidate)
    with contextlib.suppress(Uncomparable):
        assert equal.unordered("$..*")(control, candidate) == []


@settings(max_examples=50)
@given(st.lists(st.floats(0, 10), max_size=6), st.lists(st.floats(0, 10), max_size=6))
def test_close_numbers_without_order_match_as_many_as_can_be_matched(xs, ys):
    def most(i, used):
        if i == len(xs):
            return 0
        best = most(i + 1, used)
        for j, y in enumerate(ys):
            if j not in used and math.isclose(xs[i], y, rel_tol=0, abs_tol=1.0):
                best = max(best, 1 + most(i + 1, used | {j}))
        return best

    left_over = len(xs) + len(ys) - 2 * most(0, frozenset())
    for wrap in (lambda x: x, lambda x: [x]):
        found = equal.unordered("$").within(abs=1.0)([*map(wrap, xs)], [*map(wrap, ys)])
        assert len(found) == (1 if left_over == 2 and len(xs) == len(ys) else left_over)


def test_a_decimal_that_is_giant_is_compared_in_time():
    x, y = decimal.Decimal("1e999999"), decimal.Decimal("1.1e999999")
    start = time.perf_counter()
    assert equal.within(rel=1e-3)(x, y) != []
    assert equal.within(rel=0.2)(x, y) == []
    assert equal.loosely_typed()(x, 1.0) != []
    assert time.perf_counter() - start < 5
