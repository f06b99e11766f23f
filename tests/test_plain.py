"""Plain data is kept in the fast way, and nothing else is."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import math
import pickle
import sys
import threading
import time
import weakref

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall._snapshot import Limits, _plain, is_kept_as, keep_plain, opened, weight_of
from darkcall.compare import equal
from looking import in_threads


LIMITS = Limits(1 << 20, math.inf)

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner) | st.sets(st.text())
    ),
)


class Colour(enum.Enum):
    RED = 1


@attrs.frozen
class Price:
    amount: decimal.Decimal


@given(PLAIN)
def test_plain_data_is_copied_as_it_is(value):
    kept = keep_plain([value], LIMITS)
    first, second = opened(kept), opened(kept)
    assert type(kept) is bytes
    assert first == second == [value]
    assert first is not second
    assert weight_of(kept) == len(kept)


def test_one_object_in_two_places_is_one_in_the_copy():
    rows = [1]
    value = {"a": rows, "b": rows}
    value["itself"] = value
    copy = opened(keep_plain(value, LIMITS))
    assert copy["a"] is copy["b"]
    assert copy["itself"] is copy


def test_what_cannot_change_is_handed_over_within_it():
    value = {"at": dt.date(2024, 1, 1), "colour": Colour.RED, "price": Price(decimal.Decimal(1))}
    copy = opened(keep_plain(value, LIMITS))
    assert all(copy[name] is value[name] for name in value)


def test_the_text_that_is_handed_over_weighs():
    long = Price("x" * 5000)
    assert weight_of(keep_plain([long], LIMITS)) > 5000


class Changeable:
    pass


@pytest.mark.parametrize(
    "value",
    [
        Changeable(),
        [Changeable()],
        collections.Counter("a"),
        [threading.Lock()],
        [ValueError()],
        ["x" * 100_000],
        [[number] for number in range(50_000)],
        [Price(decimal.Decimal(number)) for number in range(50)],
    ],
    ids=[
        "object",
        "list of one",
        "counter",
        "lock",
        "error",
        "long text",
        "many lists",
        "many to weigh",
    ],
)
def test_what_asks_for_more_care_is_left_to_the_careful_way(value):
    assert keep_plain(value, LIMITS) is None


def test_what_is_too_large_is_left_to_the_careful_way_which_says_so():
    assert keep_plain(list(range(1000)), Limits(1000, math.inf)) is None


def test_a_value_nested_too_deeply_is_left_to_the_careful_way():
    value = []
    for _ in range(100_000):
        value = [value]
    try:
        assert keep_plain(value, LIMITS) is None
    finally:
        while value:
            value = value.pop()


def test_a_raised_recursion_limit_leaves_all_to_the_careful_way(monkeypatch):
    monkeypatch.setattr(_plain, "_PICKLE_MINDS_THE_STACK", False)
    monkeypatch.setattr(_plain, "_recursion_limit", lambda: 30_001)
    assert keep_plain([], LIMITS) is None


def test_nothing_of_a_value_is_held_by_what_kept_it():
    held = Price(frozenset({"a"}))
    reference = weakref.ref(held)
    for value in ([held], [held, Changeable()]):
        keep_plain(value, LIMITS)
    del held, value
    assert reference() is None


def test_what_was_large_leaves_no_large_pickler_behind():
    before = len(_plain._at_rest)
    keep_plain([str(number) for number in range(5000)], LIMITS)
    assert len(_plain._at_rest) <= before


def test_threads_do_not_get_in_each_others_way():
    wrong = []

    def keep_and_open():
        for number in range(300):
            value = {"thread": threading.get_ident(), "numbers": [number] * 5}
            if opened(keep_plain(value, LIMITS)) != value:
                wrong.append(value)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        in_threads(keep_and_open, 4)
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


@attrs.frozen
class Wide:
    items: tuple


def test_many_values_that_take_long_to_weigh_are_left_to_the_careful_way():
    items = tuple(range(990))
    value = [Wide(items) for _ in range(20_000)]
    began = time.thread_time()
    assert keep_plain(value, LIMITS) is None
    # To weigh them all takes seconds.
    assert time.thread_time() - began < 0.5


@given(PLAIN, PLAIN)
def test_what_would_be_kept_in_the_same_bytes_is_the_same(value, other):
    kept = keep_plain([value], LIMITS)

    assert not is_kept_as([value, 1], kept)
    assert not is_kept_as([other], kept) or not equal(opened(kept), [other])


def test_a_copy_of_data_as_in_json_would_be_kept_in_the_same_bytes():
    kept = keep_plain({"a": [1, 2.5, None], "b": [{"a": True}]}, LIMITS)

    assert is_kept_as(opened(kept), kept)


@pytest.mark.parametrize(
    "value", [[1.0], [True], [bytearray(b"1")], ["1"], [b"1", b"1"], (1,), {1}, [Exception()]]
)
def test_what_would_be_kept_in_other_bytes_is_not_said_to_be_the_same(value):
    assert not is_kept_as(value, keep_plain([1], LIMITS))


def test_a_buffer_is_not_kept_as_the_bytes_in_it():
    kept = keep_plain([b"1"], LIMITS)

    assert keep_plain([pickle.PickleBuffer(b"1")], LIMITS) is None
    assert not is_kept_as([pickle.PickleBuffer(b"1")], kept)
