"""A test that compares nothing does not pass in silence."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from darkcall.testing import assert_equivalent, assert_equivalent_classes
from differing import QUICK


FEW_OF_MANY_STEPS = hypothesis.settings(QUICK, max_examples=10)
HALF = hypothesis.settings(QUICK, max_examples=60)


def test_a_control_that_takes_none_of_the_inputs_is_told_of():
    with pytest.warns(UserWarning, match="the control raised TypeError on each of the first 50"):
        assert_equivalent(len, lambda x: len(x) + 1, st.integers(), settings=HALF)


def test_where_warnings_are_errors_the_test_fails_by_itself():
    with pytest.raises(UserWarning, match="give strategies for what it takes"):
        assert_equivalent(len, lambda x: len(x) + 1, st.integers(), settings=HALF)


def test_a_control_that_takes_some_of_the_inputs_or_refuses_their_values_is_none_of_those():
    assert_equivalent(len, len, st.integers() | st.text(), settings=HALF)
    assert_equivalent(int, int, st.just("x"), settings=HALF)


def test_the_statistics_of_hypothesis_tell_what_the_control_did(pytester):
    pytester.makepyfile(
        """
        from darkcall.testing import equivalence_test

        def half(x: int):
            return 6 // x

        test_half = equivalence_test(half, lambda x: 6 // x)
        """
    )
    result = pytester.runpytest_inprocess("--hypothesis-show-statistics", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines_random(["*, half returned*", "*, half raised ZeroDivisionError*"])


class Bag:
    def __init__(self):
        self.items = []

    def add(self, item: int) -> None:
        self.items.append(item)

    def at(self, place: int) -> list[int]:
        return self.items[place:][:1]


def test_a_method_that_takes_none_of_the_inputs_is_told_of():
    with pytest.warns(UserWarning, match="at: the control raised TypeError on each of"):
        assert_equivalent_classes(
            Bag, Bag, calls={"at": (st.text(),), ...: ...}, settings=FEW_OF_MANY_STEPS
        )
