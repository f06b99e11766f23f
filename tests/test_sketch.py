"""Sketches: counts of values by size."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall._sketch import GAMMA, index_of, quantile, value_of


sizes = st.floats(1e-8, 1e6)


@given(sizes)
def test_a_class_has_the_values_above_one_power_and_up_to_the_next(value):
    index = index_of(value)

    assert GAMMA ** (index - 1) * (1 - 1e-12) < value <= GAMMA**index * (1 + 1e-12)


@given(sizes)
def test_the_middle_of_a_class_is_off_by_two_and_a_half_percent_at_most(value):
    assert value_of(index_of(value)) == pytest.approx(value, rel=0.0245)


@given(st.lists(sizes, min_size=1), st.floats(0.0, 1.0), st.integers(0, 5))
def test_a_quantile_is_that_of_the_values_to_within_two_and_a_half_percent(values, share, zeros):
    ordered = [0.0] * zeros + sorted(values)
    rank = max(math.ceil(share * len(ordered) - 1e-9), 1)
    found = quantile(share, zeros, Counter(map(index_of, values)))
    if share * len(ordered) - zeros > 1e-9:
        assert found == pytest.approx(ordered[rank - 1], rel=0.0245)
    elif zeros:
        assert found == 0.0


def test_of_no_values_every_quantile_is_zero():
    assert quantile(0.5, 0, {}) == 0.0
