from __future__ import annotations

import math
import time
import timeit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from darkcall import ConfigurationError
from darkcall.analysis._bounds import MOST_CALLS, SCALES, bounds, calls_needed, fewest, stratified
from darkcall.analysis._fixed import clopper_pearson, incomplete_beta


CONFIDENCES = st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.9999])


@st.composite
def counts(draw, most=10**9):
    compared = draw(st.integers(1, most))
    failed = draw(st.integers(0, compared) | st.integers(0, min(compared, 50)))
    return failed, compared


def evidence(failed, compared, p):
    """The logarithm of the mixture martingale, by SciPy."""
    clean = compared - failed
    terms = [
        math.log(0.5 / len(SCALES)) + special.betaln(1 + failed, b + clean) - special.betaln(1, b)
        for b in SCALES
    ]
    if not failed:
        terms.append(math.log(0.5))
    return special.logsumexp(terms) - special.xlogy(failed, p) - special.xlog1py(clean, -p)


@given(counts(10**6), CONFIDENCES)
def test_the_bounds_are_where_the_mixture_reaches_its_level(pair, confidence):
    failed, compared = pair
    for bound in bounds(failed, compared, confidence):
        if 1e-300 < bound < 1 - 1e-9:
            assert evidence(failed, compared, bound) == pytest.approx(
                -math.log1p(-confidence), abs=1e-3
            )


@given(counts(), CONFIDENCES)
def test_the_share_lies_within_the_bounds(pair, confidence):
    failed, compared = pair
    low, high = bounds(failed, compared, confidence)

    assert 0 <= low <= failed / compared <= high <= 1


@given(counts(), CONFIDENCES)
def test_a_clean_call_raises_no_bound_and_a_failure_lowers_none(pair, confidence):
    failed, compared = pair
    low, high = bounds(failed, compared, confidence)
    after_clean = bounds(failed, compared + 1, confidence)
    after_failure = bounds(failed + 1, compared + 1, confidence)

    # At 1e9 calls a difference of one is below what floats tell.
    tolerance = 1 + 1e-6
    assert after_clean[0] <= low * tolerance
    assert after_clean[1] <= high * tolerance
    assert after_failure[0] * tolerance >= low
    assert after_failure[1] * tolerance >= high


@given(counts(10**6))
def test_more_confidence_gives_wider_bounds(pair):
    failed, compared = pair
    narrow, wide = bounds(failed, compared, 0.9), bounds(failed, compared, 0.99)

    assert wide[0] <= narrow[0]
    assert wide[1] >= narrow[1]


def test_no_calls_tell_nothing():
    assert bounds(0, 0, 0.95) == (0.0, 1.0)


def test_calls_that_all_fail_have_no_upper_bound_below_one():
    low, high = bounds(1000, 1000, 0.95)

    assert high == 1.0
    assert low > 0.98


def test_ten_thousand_clean_calls_bound_the_rate_about_as_one_look_does():
    assert bounds(0, 10_000, 0.95)[1] < clopper_pearson(0, 10_000, 0.95)[1]
    assert bounds(0, 10_000, 0.95)[1] < 3.6 / 10_000


@pytest.mark.parametrize("rate", [0.001, 0.02, 0.5])
def test_the_bounds_hold_at_each_of_a_thousand_looks(rate):
    calls, launches = 1_000, 2_000
    fails = np.random.default_rng(5).random((launches, calls)) < rate
    failed = np.cumsum(fails, axis=1)
    wrong = np.zeros(launches, bool)
    for n in range(1, calls + 1):
        at = failed[:, n - 1]
        wrong |= ~within(rate, int(at.min()), int(at.max()), n)[at - at.min()]
    assert wrong.mean() <= 0.05


def within(rate, fewest_failed, most_failed, n):
    each = [bounds(k, n, 0.95) for k in range(fewest_failed, most_failed + 1)]
    return np.array([low <= rate <= high for low, high in each])


@pytest.mark.parametrize("failed", [0, 1, 10**6, 5 * 10**8, 10**9 - 1, 10**9])
def test_a_bound_takes_less_than_fifty_microseconds(failed):
    # Many short rounds, by the CPU's time: one of them is left alone on a busy machine, too.
    rounds = timeit.repeat(
        lambda: bounds(failed, 10**9, 0.95), timer=time.thread_time, number=10, repeat=50
    )

    assert min(rounds) / 10 < 50e-6


@pytest.mark.parametrize(
    ("failed", "compared", "confidence"),
    [(-1, 10, 0.95), (11, 10, 0.95), (0, -1, 0.95), (0, 1, 0.0), (0, 1, 1.0), (0, 1, math.nan)],
)
@pytest.mark.parametrize("function", [bounds, clopper_pearson])
def test_counts_and_confidences_that_cannot_be_are_refused(function, failed, compared, confidence):
    with pytest.raises(ConfigurationError, match=r"must lie between"):
        function(failed, compared, confidence)


@given(counts(10**5), st.sampled_from([1e-4, 1e-3, 0.02, 0.3]))
def test_so_many_more_calls_are_needed_and_not_one_fewer(pair, max_rate):
    failed, compared = pair
    more = calls_needed(failed, compared, max_rate, 0.95)

    assert bounds(failed, compared + more, 0.95)[1] <= max_rate * (1 + 1e-9)
    if more:
        assert bounds(failed, compared + more - 1, 0.95)[1] > max_rate * (1 - 1e-9)


def test_no_number_of_calls_shows_a_rate_of_zero():
    assert calls_needed(0, 0, 0.0, 0.95) is None
    assert calls_needed(0, 0, 1e-15, 0.95) is None


def test_a_rate_of_one_needs_no_calls():
    assert calls_needed(3, 5, 1.0, 0.95) == 0


def test_the_fewest_are_found():
    assert [fewest(lambda n, least=least: n >= least) for least in (0, 1, 2, 3, 1000)] == [
        0,
        1,
        2,
        3,
        1000,
    ]
    assert fewest(lambda n: n > MOST_CALLS) is None


@pytest.mark.parametrize("rate", [1.0, 0.01, None, 0.0, 7.0, math.nan])
def test_one_sampling_rate_weights_nothing(rate):
    assert stratified([(rate, 3, 1000), (0.5, 0, 0)], 0.95) == pytest.approx(
        bounds(3, 1000, 0.95), rel=1e-12
    )


def test_no_strata_tell_nothing():
    assert stratified([], 0.95) == (0.0, 1.0)


def test_a_call_stands_for_those_that_were_not_sampled():
    low, high = stratified([(1.0, 0, 1000), (0.01, 500, 1000)], 0.95)

    # 100,000 of 101,000 calls are of the stratum in which half of the calls fail.
    assert low > 0.4
    assert 0.5 < high < 0.6


@pytest.mark.parametrize("unknown", [None, 0.0, -1.0, 2.0, math.inf, math.nan, 1e-300])
def test_where_a_rate_is_unknown_only_the_outermost_bounds_are_said(unknown):
    each = [bounds(0, 5000, 0.975), bounds(50, 100, 0.975)]

    assert stratified([(0.5, 0, 5000), (unknown, 50, 100)], 0.95) == (each[0][0], each[1][1])


@given(counts(10**5), st.sampled_from([0.9, 0.95, 0.99]))
def test_clopper_and_pearson_are_as_scipy_has_them(pair, confidence):
    failed, compared = pair
    interval = stats.binomtest(failed, compared).proportion_ci(confidence, method="exact")

    assert clopper_pearson(failed, compared, confidence) == pytest.approx(
        (interval.low, interval.high), rel=1e-6
    )


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.5, 1e4), st.floats(0.5, 1e4))
def test_the_incomplete_beta_function_is_as_scipy_has_it(x, a, b):
    assert incomplete_beta(x, a, b) == pytest.approx(special.betainc(a, b, x), rel=1e-8, abs=1e-12)
