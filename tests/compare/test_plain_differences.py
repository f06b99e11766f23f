"""The short way finds in plain data what the walk finds."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall.compare import equal
from darkcall.compare._plain import plain_differences


LEAVES = st.none() | st.booleans() | st.integers(0, 2) | st.floats(width=16) | st.text("ab")
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)
#: As ``equal`` in all but that it walks.
WALKING = equal.bounded(nodes=1_999_999)


def told(differences):
    return [
        (one.path, one.kind, repr(one.control), repr(one.candidate)) for one in differences
    ], differences.stopped


@given(VALUES, VALUES, VALUES)
def test_it_finds_what_the_walk_finds(first, second, shared):
    control = {"a": [first, second, shared], "b": shared, "c": (first,)}
    candidate = {"a": [second, copy.deepcopy(second), shared], "b": first, "c": (first,)}

    assert told(equal(control, candidate)) == told(WALKING(control, candidate))


def test_a_pair_in_which_there_are_differences_is_told_once():
    control, candidate = [1, 2], [1, 3]

    assert told(equal([control] * 3, [candidate] * 3)) == told(
        WALKING([control] * 3, [candidate] * 3)
    )
    assert len(equal([control] * 3, [candidate] * 3)) == 1


def test_as_many_differences_as_are_listed_are_left_to_the_walk():
    control, candidate = list(range(60)), list(range(1, 61))

    assert plain_differences(control, candidate, most=49) is None
    assert equal(control, candidate).stopped == "after 50 differences"


@pytest.mark.parametrize(
    ("control", "candidate"),
    [
        ([1], [1, 2]),
        ({"a": 1}, {"b": 1}),
        ({1: 1}, {1: 1}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([{1}], [{1}]),
        ([list(range(60_000)), 1, list(range(60_000))], [list(range(60_000))] * 3),
        ([list(range(60_000)), list(range(60_000))], [list(range(60_000)), list(range(60_000))]),
    ],
)
def test_what_takes_a_closer_look_is_left_to_the_walk(control, candidate):
    assert plain_differences(control, candidate, most=49) is None
    assert told(equal(control, candidate)) == told(WALKING(control, candidate))
