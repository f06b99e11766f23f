"""The rules that an equality can be given."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import random

import pytest

from darkcall._errors import ConfigurationError
from darkcall.compare import Equality, Uncomparable, equal


def places(control, candidate, rules):
    return [(found.path, found.kind) for found in rules(control, candidate)]


class Word(enum.StrEnum):
    YES = "yes"


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Trusted(Plain):
    def __eq__(self, other):
        return self.__dict__ == other.__dict__

    __hash__ = None


@dataclasses.dataclass
class Line:
    sku: str
    price: float = 0.0


NEAR = equal.within(rel=1e-6)


@pytest.mark.parametrize(
    ("control", "candidate", "rules", "close"),
    [
        (1.0, 1.0 + 1e-9, NEAR, True),
        (1.0, 1.001, NEAR, False),
        (0.0, 1e-12, NEAR, False),
        (0.0, 1e-12, equal.within(abs=1e-9), True),
        (1e300, -1e300, NEAR, False),
        (float("inf"), float("inf"), NEAR, True),
        (float("inf"), 1e308, NEAR, False),
        (float("nan"), 1.0, equal.within(abs=1e9), False),
        (100, 101, equal.within(rel=0.5), False),
        (1, 1.0, NEAR, False),
        (decimal.Decimal(1), decimal.Decimal("1.0000001"), NEAR, True),
        (decimal.Decimal(1), decimal.Decimal("1.1"), NEAR, False),
        (decimal.Decimal("9.99"), decimal.Decimal("9.994"), equal.within(abs=0.005), True),
        (decimal.Decimal("Infinity"), decimal.Decimal(1), NEAR, False),
        (decimal.Decimal("NaN"), decimal.Decimal(1), NEAR, False),
        (fractions.Fraction(1, 3), fractions.Fraction(100001, 300000), NEAR, False),
        (fractions.Fraction(1, 3), fractions.Fraction(10000001, 30000000), NEAR, True),
        (fractions.Fraction(10**400), fractions.Fraction(10**400 + 1), NEAR, False),
        (1 + 1j, 1 + 1.0000000001j, NEAR, True),
        (1 + 1j, 1 + 2j, NEAR, False),
    ],
)  # fmt: skip
def test_numbers_may_differ_within_a_tolerance(control, candidate, rules, close):
    for x, y in ((control, candidate), (candidate, control)):
        assert (rules(x, y) == []) is close
        assert (rules([{"a": x}], [{"a": y}]) == []) is close


def test_a_tolerance_does_not_depend_on_the_thread_s_decimal_context():
    with decimal.localcontext() as context:
        context.prec = 2
        context.traps[decimal.Inexact] = True
        assert NEAR(decimal.Decimal("1.00001"), decimal.Decimal("1.0000100001")) == []
        assert NEAR(decimal.Decimal("1.00001"), decimal.Decimal("1.0001")) != []


def test_what_is_ignored_may_be_anything_or_not_there():
    rules = equal.ignoring("$.at", "id", "$.rows[*].x")
    control = {"at": 1, "rows": [{"id": 1, "x": 1, "y": 1}], 1: [{"id": 5}]}
    candidate = {
        "rows": [
            {
                "id": 2,
                "x": "2",
                "y": 1,
            }
        ],
        "id": 7,
        1: [{}],
    }
    assert rules(control, candidate) == []
    candidate["rows"][0]["y"] = 2
    assert places(control, candidate, rules) == [("$.rows[0].y", "value")]
    assert places({1: 0}, {}, equal.ignoring("$[1]")) == []
    assert places(1, 2, equal.ignoring("$")) == []


def test_what_is_ignored_need_not_be_comparable():
    assert equal.ignoring("$.cursor")({"cursor": iter([])}, {"cursor": iter([])}) == []


def test_an_object_with_an_equality_of_its_own_is_equal_if_only_what_is_ignored_differs():
    rules = equal.ignoring("$.at")
    assert rules(Trusted(at=1, a=1), Trusted(at=2, a=1)) == []
    assert places(Trusted(at=1, a=1), Trusted(at=2, a=2), rules) == [("$.a", "value")]
    assert NEAR(Trusted(a=1.0), Trusted(a=1.0 + 1e-9)) == []


UNORDERED = equal.unordered("$")


@pytest.mark.parametrize(
    ("control", "candidate"),
    [
        ([], []),
        ([1, 2, 2], [2, 1, 2]),
        ((1, 2), (2, 1)),
        ([{"a": 1}, {"a": [2]}], [{"a": [2]}, {"a": 1}]),
        ([1, True, 1.0], [1.0, 1, True]),
        ([float("nan"), 1.0], [1.0, float("nan")]),
        ([Line("a"), Line("b")], [Line("b"), Line("a")]),
        ([Plain(a=[1]), Plain(a=[2])], [Plain(a=[2]), Plain(a=[1])]),
        ([Trusted(a=1), Trusted(a=2)], [Trusted(a=2), Trusted(a=1)]),
        ([dt.date(2024, 1, 1), dt.date(2024, 1, 2)], [dt.date(2024, 1, 2), dt.date(2024, 1, 1)]),
        ([Word.YES, "yes"], ["yes", Word.YES]),
        ([slice(1), slice(2)], [slice(2), slice(1)]),
        ([decimal.Decimal("1.0"), 2j], [2j, decimal.Decimal("1.00")]),
        ([{None: 1}, {None: 2}], [{None: 2}, {None: 1}]),
        (collections.deque([1, 2]), collections.deque([2, 1])),
        (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1)),
        ({2, 1}, {1, 2}),
    ],
    ids=map(str, range(17)),
)
def test_order_does_not_count_where_it_is_ruled_out(control, candidate):
    assert UNORDERED(control, candidate) == []
    assert UNORDERED(candidate, control) == []


def test_how_often_an_item_occurs_counts():
    assert places([1, 1, 2], [1, 2, 2], UNORDERED) == [("$[1]", "value")]
    assert places([1, 1], [1], UNORDERED) == [("$[1]", "missing")]
    assert places([1], [1, 1], UNORDERED) == [("$[1]", "extra")]
    assert places([1, 2], [3, 4, 5], UNORDERED) == [
        ("$[0]", "missing"),
        ("$[1]", "missing"),
        ("$[0]", "extra"),
        ("$[1]", "extra"),
        ("$[2]", "extra"),
    ]


def test_the_one_item_that_is_left_over_on_both_sides_is_compared_part_by_part():
    control = [{"sku": "a", "price": 1}, {"sku": "b", "price": 2}]
    candidate = [{"sku": "b", "price": 3}, {"sku": "a", "price": 1}]
    assert places(control, candidate, UNORDERED) == [("$[1].price", "value")]


def test_types_are_compared_before_order_is_ruled_out():
    assert places([1], (1,), UNORDERED) == [("$", "type")]
    assert places("ab", "ba", UNORDERED) == [("$", "value")]
    assert equal.unordered("$").loosely_typed()([1, 2], (2.0, 1)) == []


def test_the_other_rules_hold_for_items_without_order():
    ignoring = UNORDERED.ignoring("$[*].id")
    assert ignoring([{"id": 1, "a": 1}, {"id": 2, "a": 2}], [{"id": 3, "a": 2}, {"a": 1}]) == []
    nested = equal.unordered("$", "$[*].tags")
    assert nested([{"tags": [1, 2]}, {"tags": [3]}], [{"tags": [3]}, {"tags": [2, 1]}]) == []
    judged = UNORDERED.by("$[*].name", lambda x, y: x.casefold() == y.casefold())
    assert judged([{"name": "A"}, {"name": "b"}], [{"name": "B"}, {"name": "a"}]) == []


def test_close_numbers_without_order_find_the_partners_that_leave_none_over():
    rules = UNORDERED.within(abs=0.11)
    assert rules([1.0, 1.1], [1.1, 1.2]) == []
    assert rules([1.1, 1.0], [1.1, 1.2]) == []
    assert places([1.0, 5.0], [1.05, 9.0], rules) == [("$[1]", "value")]
    assert places([9.0, 1.0], [0.5, 1.05], rules) == [("$[0]", "value")]
    boxed = UNORDERED.within(abs=0.11)
    assert boxed([[1.1], [1.0]], [[1.1], [1.2]]) == []
    assert boxed([[1.1], [1.0], [1.2]], [[1.3], [1.1], [1.2]]) == []
    assert places([[1.1], [1.0], [7.0]], [[1.1], [1.2], [9.0]], boxed) == [("$[2][0]", "value")]


def test_long_lists_without_order_are_matched_quickly():
    control = [{"id": number, "x": [number / 7]} for number in range(5000)]
    candidate = list(control)
    random.Random(1).shuffle(candidate)
    assert UNORDERED.bounded(seconds=30)(control, candidate) == []
    numbers = [number / 7 for number in range(5000)]
    assert UNORDERED.within(rel=1e-9).bounded(seconds=30)(numbers, numbers[::-1]) == []


def test_a_function_says_what_is_equal_at_a_place():
    rules = equal.by("$.name", lambda x, y: x.casefold() == y.casefold())
    assert rules({"name": "ADA", "a": 1}, {"name": "ada", "a": 1}) == []
    assert places({"name": "ADA"}, {"name": "Bob"}, rules) == [("$.name", "value")]
    assert places({"name": "ADA"}, {}, rules) == [("$.name", "missing")]


def test_a_function_is_asked_even_if_the_two_sides_are_the_same():
    value = {"a": [1, {"b": 2}]}
    for path in ("$.a[0]", "$.a[1].b", "$.a"):
        assert places(value, value, equal.by(path, lambda x, y: False)) == [(path, "value")]
    assert places({1: [2]}, {1: [2]}, equal.by("$[1][0]", lambda x, y: False)) == [
        ("$[1][0]", "value")
    ]


def test_a_function_may_compare_what_nobody_else_can():
    rules = equal.by("$", lambda x, y: list(x) == list(y))
    assert rules(iter([1]), iter([1])) == []


def test_a_function_that_fails_makes_the_call_uncomparable_and_names_the_place():
    rules = equal.by("$.a", lambda x, y: 1 / 0)
    with pytest.raises(Uncomparable, match=r"\$\.a \(int\): comparing it raised ZeroDivisionError"):
        rules({"a": 1}, {"a": 1})


def test_the_first_rule_that_fits_wins_ignoring_first():
    refusing = equal.by("$.a", lambda x, y: False)
    assert refusing.ignoring("$.a")({"a": 1}, {"a": 2}) == []
    assert refusing.by("$.*", lambda x, y: True)({"a": 1}, {"a": 2}) != []


LOOSE = equal.loosely_typed()


@pytest.mark.parametrize(
    ("control", "candidate"),
    [
        (1, 1.0),
        (1, decimal.Decimal("1.00")),
        (0.1, decimal.Decimal("0.1")),
        (0.5, fractions.Fraction(1, 2)),
        (float("nan"), decimal.Decimal("NaN")),
        ([1, [2]], (1.0, collections.deque([2]))),
        ({"a": 1}, collections.OrderedDict(a=1.0)),
        ({1: "a"}, {1.0: "a"}),
        ({(1, 2)}, {(1.0, 2)}),
        ({1}, frozenset({1.0})),
        ("yes", Word.YES),
        (
            dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC),
            dt.datetime(2024, 1, 1, 13, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        ),
    ],
    ids=map(str, range(12)),
)
def test_types_may_differ_where_the_values_say_the_same(control, candidate):
    assert LOOSE(control, candidate) == []
    assert LOOSE(candidate, control) == []
    assert equal(control, candidate) != []


@pytest.mark.parametrize(
    ("control", "candidate"),
    [
        (1, True),
        ("1", 1),
        ("a", b"a"),
        ("ab", ["a", "b"]),
        (1, 2.0),
        (10**400, 1.0),
        ({1}, {True}),
        ({1: 1}, {True: 1}),
        (None, 0),
        ([1], {1}),
        ("no", Word.YES),
        (Plain(a=1), {"a": 1}),
        (0.1, decimal.Decimal("0.2")),
        (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.date(2024, 1, 1)),
    ],
    ids=map(str, range(14)),
)
def test_what_says_something_else_stays_different(control, candidate):
    assert LOOSE(control, candidate) != []
    assert LOOSE(candidate, control) != []


def test_loose_types_and_a_tolerance_combine():
    assert LOOSE.within(rel=1e-6)([1, decimal.Decimal("0.3")], (1.0000000001, 0.1 + 0.2)) == []
    assert LOOSE.within(rel=1e-6)(3, 3.1) != []


def test_rules_return_a_new_equality_and_leave_the_old_one():
    rules = equal.ignoring("$.a")
    rules.ignoring("$.b").loosely_typed()
    assert equal({"a": 1}, {"a": 2}) != []
    assert rules({"b": 1}, {"b": 2}) != []
    assert rules == equal.ignoring("$.a")
    assert isinstance(rules, Equality)


def test_an_equality_shows_its_rules():
    assert repr(equal) == "equal"
    rules = equal.within(rel=1e-9).ignoring("$.a", "id").unordered("$.b").by("$.c", max)
    assert repr(rules.loosely_typed()) == (
        "equal.within(rel=1e-09, abs=0).ignoring('$.a', 'id').unordered('$.b')"
        ".by('$.c', ...).loosely_typed()"
    )


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda: equal.within(rel=-1), r"within\(rel=...\) takes a number, 0 or more.* not -1"),
        (lambda: equal.within(abs=float("nan")), r"within\(abs=...\).* not nan"),
        (lambda: equal.within(rel="1%"), "not '1%'"),
        (lambda: equal.within(rel=True), "not True"),
        (equal.within, "rel, abs or both"),
        (equal.ignoring, r"ignoring\(\) takes at least one path"),
        (equal.unordered, r"unordered\(\) takes at least one path"),
        (lambda: equal.ignoring("a.b"), "'a.b' is no path"),
        (lambda: equal.by("$.a", 3), "not int"),
        (lambda: equal.bounded(nodes=0), r"bounded\(nodes=...\) takes a whole number"),
        (lambda: equal.bounded(differences=True), "not True"),
        (lambda: equal.bounded(seconds=0), r"bounded\(seconds=...\).* not 0"),
    ],
    ids=map(str, range(12)),
)
def test_a_rule_that_makes_no_sense_is_refused_where_it_is_made(rule, said):
    with pytest.raises(ConfigurationError, match=said):
        rule()


def test_so_many_differences_are_listed():
    result = equal(list(range(1000)), list(range(1, 1001)))
    assert len(result) == 50
    assert result.stopped == "after 50 differences"
    assert len(equal.bounded(differences=3)(list(range(10)), list(range(1, 11)))) == 3


def test_what_stops_with_a_difference_says_why():
    rules = equal.bounded(nodes=5000)
    control = [[number] for number in range(10_000)]
    candidate = [[-1], *control[1:]]
    result = rules(control, [list(row) for row in candidate])
    assert [found.path for found in result] == ["$[0][0]"]
    assert result.stopped == "after 5000 values"


def test_what_stops_without_a_difference_is_no_agreement():
    rows = [{None: number} for number in range(10_000)]
    with pytest.raises(Uncomparable, match="stopped after 5000 values"):
        equal.bounded(nodes=5000)(rows, [dict(row) for row in rows])
    with pytest.raises(Uncomparable, match="stopped after 1e-09 seconds"):
        equal.bounded(seconds=1e-9)(rows, [dict(row) for row in rows])


def test_an_endless_mapping_stops():
    class Endless(collections.abc.Mapping):
        def __getitem__(self, key):
            return key

        def __iter__(self):
            number = 0
            while True:
                yield number
                number += 1

        def __len__(self):
            return 0

    with pytest.raises(Uncomparable, match="stopped after 10000 values"):
        equal.bounded(nodes=10_000)(Endless(), Endless())
