from __future__ import annotations

import unittest

import pytest
from hypothesis import assume, reject
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from darkcall.testing import assert_equivalent
from differing import QUICK


def test_an_assumption_inside_a_side_leaves_the_input_out():
    def control(x):
        assume(x % 2)
        return x

    seen = []
    assert_equivalent(control, lambda x: seen.append(x) or x, st.integers(), settings=QUICK)
    assert all(x % 2 for x in seen)
    assert_equivalent(lambda x: x, control, st.integers(), settings=QUICK)


def test_an_assumption_inside_an_async_side_leaves_the_input_out():
    async def control(x):
        assume(x % 2)
        return x

    assert_equivalent(control, lambda x: x, st.integers(), settings=QUICK)


def test_inputs_that_are_all_rejected_are_no_agreement():
    def control(x):
        reject()

    with pytest.raises(Unsatisfiable):
        assert_equivalent(control, control, st.just(1), settings=QUICK)


def test_a_skip_inside_a_side_skips_the_test():
    def control(x):
        pytest.skip("not today")

    def skipping(x):
        raise unittest.SkipTest("not today")

    with pytest.raises(pytest.skip.Exception, match="not today"):
        assert_equivalent(control, lambda x: x, st.none(), settings=QUICK)
    with pytest.raises(unittest.SkipTest, match="not today"):
        assert_equivalent(lambda x: x, skipping, st.none(), settings=QUICK)


def test_an_interrupt_inside_a_side_ends_the_test():
    def control(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assert_equivalent(control, lambda x: x, st.none(), settings=QUICK)
