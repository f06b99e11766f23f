from __future__ import annotations

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from darkcall import ConfigurationError
from darkcall.analysis._fisher import fisher_greater


@st.composite
def tables(draw, most=100_000):
    n1, n2 = draw(st.integers(0, most)), draw(st.integers(0, most))
    return draw(st.integers(0, n1)), n1, draw(st.integers(0, n2)), n2


@given(tables())
def test_the_p_value_is_as_scipy_has_it(table):
    k1, n1, k2, n2 = table
    expected = stats.hypergeom.sf(k1 - 1, n1 + n2, k1 + k2, n1) if n1 + n2 else 1.0

    assert fisher_greater(*table) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(tables(30))
def test_small_tables_are_as_scipy_has_them(table):
    k1, n1, k2, n2 = table
    expected = stats.fisher_exact([[k1, n1 - k1], [k2, n2 - k2]], alternative="greater").pvalue

    assert fisher_greater(*table) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("table", [(0, 0, 0, 0), (0, 10, 3, 10), (5, 5, 7, 7), (3, 9, 0, 0)])
def test_what_cannot_be_more_is_no_surprise(table):
    assert fisher_greater(*table) == 1.0


@pytest.mark.parametrize("table", [(3, 2, 0, 1), (0, 1, -1, 4), (-1, 1, 0, 4)])
def test_more_hits_than_trials_are_refused(table):
    with pytest.raises(ConfigurationError, match="hits in"):
        fisher_greater(*table)


def test_a_billion_trials_take_a_moment():
    table = (10**8, 10**9, 10**8 - 1000, 10**9)

    assert fisher_greater(*table) == pytest.approx(0.47032, abs=1e-4)
    assert timeit.timeit(lambda: fisher_greater(*table), number=1) < 1
