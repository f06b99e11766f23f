"""What comes of hints is often what the code makes a difference for."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import register_type_strategy

from darkcall.testing import MismatchError, assert_equivalent
from darkcall.testing._constants import Constants, constants_of
from darkcall.testing._hints import enriched
from darkcall.testing._likely import likely_values


SETTINGS = settings(
    max_examples=150,
    database=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
RATES = {"book": 7, "toy": Decimal("19.5")}


def helper(x):
    return x * 4711


def drawn(strategy, count=150):
    values = []

    @settings(SETTINGS, phases=[Phase.generate], max_examples=count)
    @given(strategy)
    def collect(value):
        values.append(value)

    collect()
    return values


def from_hint(hint, *functions, **count):
    return drawn(st.from_type(enriched(hint, likely_values(constants_of(functions)))), **count)


# --- which constants there are


def test_a_functions_numbers_and_texts_are_found_in_the_order_of_its_code():
    def function(x, unit="kg"):
        """Be described in words that are no constants."""
        if x == "first" or x in {"b", "a"}:
            return (1.5, x[2:])
        return [n for n in x if n > -30]

    assert constants_of([function]) == Constants(
        numbers=(1.5, 2, -30),
        texts=("first", "a", "b", "kg"),
        limits=(-30,),
        names=("first", "a", "b"),
    )


def test_what_a_function_names_counts_too():
    def function(x):
        return RATES[x] + helper(x)

    found = constants_of([function])
    assert found.numbers == (7, Decimal("19.5"), 4711)
    assert found.texts == ("book", "toy")


def test_what_is_called_of_other_packages_does_not_count():
    def function(x):
        return dataclasses.asdict(x), given(x)

    assert constants_of([function]) == Constants()


class Till:
    def price(self, cents: int) -> int:
        return self._rounded(cents) - self.discount * self._of(cents)

    def _rounded(self, cents):
        return cents // 4711

    @property
    def discount(self):
        return 4712

    @staticmethod
    def _of(cents):
        return cents > 4713

    def unused(self):
        return 4714


def test_what_a_method_calls_and_reads_of_its_own_class_counts_too():
    assert constants_of([Till.price]).numbers == (4711, 4712, 4713)
    assert constants_of([Till.price]).limits == (4713,)


def test_functions_that_call_each_other_are_read_once():
    def even(n):
        return n == 0 or helper(even)

    assert constants_of([even, even]) == constants_of([even])


def test_what_has_no_code_has_no_constants():
    assert constants_of([len, int, print]) == Constants()


def test_long_texts_truths_and_numbers_without_neighbours_are_no_constants():
    infinite, huge = float("inf"), Decimal("1e999999")
    odd = [float("nan"), Decimal("nan"), Decimal("snan"), 10**400]

    def function(x, bound=infinite, upper=huge, others=tuple(odd), empty="", *, flag=True):
        raise ValueError("this is a message that nobody gives as an argument")

    assert constants_of([function]) == Constants()


# --- what is made of them


def test_integers_are_often_constants_and_their_neighbours():
    values = from_hint(int, lambda n: n >= 250)
    assert {249, 250, 251} <= set(values)
    assert any(abs(value) > 1000 for value in values)


def test_floats_and_decimals_lie_closely_around_constants():
    floats = from_hint(float, lambda x: x > 2)
    assert {1.0, 2.0, 3.0, 2.0000000000000004, 1.9999999999999998} <= set(floats)
    decimals = from_hint(Decimal, lambda x: x * 0.15)
    assert {Decimal("0.14"), Decimal("0.15"), Decimal("0.16")} <= {
        one for one in decimals if one.is_finite()
    }
    assert float not in likely_values(Constants(numbers=(2**60,)))


def test_texts_are_constants_and_what_is_made_of_them():
    def read(text):
        return text == "none" or text.split(";")[0].partition("=")

    values = from_hint(str, read)
    assert "none" in values
    assert any(";" in value and "=" in value for value in values)


def test_bytes_are_made_of_constants():
    values = from_hint(bytes, lambda data: data.startswith(b"PK\x03\x04") or b"\r\n" in data)
    assert any(value.startswith(b"PK\x03\x04") for value in values)
    assert any(b"\r\n" in value for value in values)
    assert any(b"PK\x03\x04" not in value and b"\r\n" not in value for value in values)


def test_dates_have_parts_that_are_constants_and_the_last_days_of_months():
    dates = from_hint(date, lambda day: day.month == 2 or day.day == 30)
    assert any(one.month == 2 and one.day in {28, 29} for one in dates)
    assert {29, 30, 31} <= {one.day for one in dates}
    assert any(one.year > 100 for one in dates)


def test_times_have_parts_that_are_constants():
    hours = {one.hour for one in from_hint(time, lambda one: one.hour >= 18)}
    assert {17, 18, 19} <= hours
    moments = from_hint(datetime, lambda one: one.year == 1999 and one.minute < 30)
    assert {1998, 1999, 2000} <= {one.year for one in moments}
    assert {29, 30, 31} <= {one.minute for one in moments}


def test_lengths_of_time_are_constants_of_some_unit():
    lengths = set(from_hint(timedelta, lambda one: one.total_seconds() > 90))
    assert {timedelta(seconds=90), timedelta(days=91)} <= lengths


def test_numbers_that_no_date_has_leave_dates_as_they_are():
    likely = likely_values(Constants(numbers=(10**8,)))
    assert not {date, time, datetime, timedelta} & set(likely)


def test_texts_have_the_lengths_that_are_compared_with():
    lengths = set(map(len, from_hint(str, lambda text: len(text) > 64)))
    assert {63, 64, 65} <= lengths


def test_where_there_are_no_constants_hints_tell_what_they_told():
    assert enriched(list[int], likely_values(Constants())) == list[int]


# --- where in a hint


class Colour(enum.Enum):
    RED = "red"


class Place(NamedTuple):
    x: int
    y: int = 0


@dataclasses.dataclass(frozen=True)
class Line:
    price: int
    place: Place
    colour: Colour = Colour.RED


@dataclasses.dataclass
class Node:
    value: int
    below: list[Node] = dataclasses.field(default_factory=list)


def limited(n):
    return n > 12345


@pytest.mark.parametrize(
    ("hint", "numbers_of"),
    [
        (int | None, lambda value: [value]),
        (list[int], list),
        (tuple[int, ...], list),
        (tuple[str, int], lambda value: value[1:]),
        (dict[str, Sequence[int]], lambda value: [one for row in value.values() for one in row]),
        (Line, lambda value: [value.price]),
        (list[Line], lambda value: [one.place.y for one in value]),
    ],
    ids=["union", "list", "tuple", "pair", "dict", "class", "list of a class"],
)
def test_constants_are_found_inside_of_hints(hint, numbers_of):
    numbers = [
        number for value in from_hint(hint, limited, count=40) for number in numbers_of(value)
    ]
    assert {12345, 12346} & set(numbers)


@pytest.mark.parametrize(
    "hint",
    [Annotated[int, st.just(3)], Literal[1, 2], Colour, Callable[[int], int], type[int], list],
)
def test_hints_that_say_it_all_stay_as_they_are(hint):
    assert enriched(hint, likely_values(constants_of([limited]))) == hint


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


def test_what_somebody_registered_a_strategy_for_is_left_to_that_one():
    assert {money.cents for money in from_hint(Money, limited)} >= {12345, 12346}
    register_type_strategy(Money, st.builds(Money, st.integers(0, 9)))
    assert {money.cents for money in from_hint(Money, limited)} <= set(range(10))


def test_a_class_that_holds_itself_is_left_to_hypothesis():
    assert enriched(Node, likely_values(constants_of([limited]))) is Node


def test_a_class_whose_hints_cannot_be_resolved_is_left_to_hypothesis():
    class Odd:
        def __init__(self, x: Missing) -> None: ...  # noqa: F821 -- as it is to be

    assert enriched(Odd, likely_values(constants_of([limited]))) is Odd


# --- what it is for


def test_a_limit_that_is_off_by_one_is_found_and_shrunk_to():
    def price(quantity: int) -> int:
        return 90 if quantity >= 250 else 100

    def price_v2(quantity: int) -> int:
        return 90 if quantity > 250 else 100

    with pytest.raises(MismatchError, match=r"price\(quantity=250\)"):
        assert_equivalent(price, price_v2, settings=SETTINGS)


def test_a_day_that_is_left_out_is_found_and_shrunk_to():
    def is_closed(day: date) -> bool:
        return day.month == 12 and day.day in {24, 25, 26}

    def is_closed_v2(day: date) -> bool:
        return day.month == 12 and day.day in {24, 25}

    with pytest.raises(MismatchError, match=r"day=datetime.date\(\d+, 12, 26\)"):
        assert_equivalent(is_closed, is_closed_v2, settings=SETTINGS)


def test_what_only_the_candidate_knows_is_found_too():
    def greet(name: str) -> str:
        return f"Hello, {name}"

    def greet_v2(name: str) -> str:
        return "Hello" if name == "world" else f"Hello, {name}"

    with pytest.raises(MismatchError, match=r"greet\(name='world'\)"):
        assert_equivalent(greet, greet_v2, settings=SETTINGS)


def test_what_shrinks_ends_at_a_constant_at_the_latest():
    def sign(n: int) -> bool:
        return n * 1000 > 5000

    # How much further it comes depends on the version of hypothesis: to 6, or not at all.
    with pytest.raises(MismatchError, match=r"sign\(n=(6|999)\)"):
        assert_equivalent(sign, lambda n: False, settings=SETTINGS)
