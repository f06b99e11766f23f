"""Bounds of a rate that hold at all times at once, and the ones for a single look beside them.

The rate is that of independent calls with one and the same chance to fail.  For a prior over rates
``q``, the mixture of likelihood ratios

    M_n(p) = integral of q^k (1 - q)^(n - k) dprior(q) / (p^k (1 - p)^(n - k))

after ``k`` failures in ``n`` calls is a martingale with mean 1 if the rate is ``p``.  By Ville's
inequality it ever reaches ``1 / alpha`` with a probability of ``alpha`` at most, so the rates for
which it has not are a confidence set that holds for all ``n`` at once, both bounds together: H.
Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical
Statistics 41 (1970); S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform,
nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021).

``docs/decisions/0020-bounds-that-hold-however-often-one-looks.md`` says why the prior is this one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeGuard

from darkcall._errors import ConfigurationError


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: The prior: half of it on a rate of exactly 0, which is what makes few calls enough for a
#: candidate that never differs, and the rest spread evenly over Beta(1, b) of these b.
SCALES: Final = (1.0, 1e1, 1e2, 1e3, 1e4, 1e5)
AT_ZERO: Final = 0.5
#: Newton's method is there after six to nine steps; more change nothing.
STEPS: Final = 16
#: What is further away than this is "never": no launch sees as many calls.
MOST_CALLS: Final = 10**12

_LOG_AT_ZERO: Final = math.log(AT_ZERO)
_LOG_WEIGHTS: Final = tuple(math.log((1 - AT_ZERO) / len(SCALES) * b) for b in SCALES)


def bounds(failed: int, compared: int, confidence: float) -> tuple[float, float]:
    """Bound the rate of failures, however often one looks and whenever one stops.

    Both bounds hold together, for all numbers of calls together, with the confidence that is given.

    Args:
        failed: How many calls failed.
        compared: How many calls there were.
        confidence: Between 0 and 1, as 0.95.

    Returns:
        The lower and the upper bound, 0 to 1.

    Raises:
        ConfigurationError: The counts or the confidence cannot be.

    Example:
        >>> low, high = bounds(0, 10_000, 0.95)
        >>> low, round(high, 6)
        (0.0, 0.000346)
    """
    check(failed, compared, confidence)
    if not compared:
        return 0.0, 1.0
    evidence = _log_mixture(failed, compared) + math.log1p(-confidence)
    if not failed:
        return 0.0, min(1.0, -math.expm1(evidence / compared))
    if failed == compared:
        return min(1.0, math.exp(evidence / compared)), 1.0
    return _roots(failed, compared, evidence)


def _roots(failed: int, compared: int, evidence: float) -> tuple[float, float]:
    """Solve ``log M_n(p) = log(1 / alpha)`` on both sides of the share that failed.

    In the logit of ``p`` the left side is convex: Newton's method comes near from outside, step by
    step, wherever it starts.
    """
    share = failed / compared
    middle = math.log(failed / (compared - failed))
    spread = math.sqrt(compared * share * (1.0 - share))
    best = failed * math.log(share) + (compared - failed) * math.log1p(-share)
    step = math.sqrt(2.0 * max(best - evidence, 1e-9)) / spread
    roots = []
    for side in (-1.0, 1.0):
        x = middle + side * step
        for _ in range(STEPS):
            p = 1.0 / (1.0 + math.exp(-x)) if x > -700.0 else math.exp(x)
            slope = compared * p - failed
            value = evidence - failed * x + compared * (max(x, 0.0) + math.log1p(math.exp(-abs(x))))
            x -= value / slope
        roots.append(1.0 / (1.0 + math.exp(-x)) if x > -700.0 else math.exp(x))
    return roots[0], roots[1]


def _log_mixture(failed: int, compared: int) -> float:
    """Return the logarithm of the likelihood of the counts, averaged over the prior."""
    clean = compared - failed
    a = 1.0 + failed
    log_gamma_a = math.lgamma(a)
    terms = [
        weight + log_gamma_a + math.lgamma(b + clean) - math.lgamma(a + b + clean)
        for b, weight in zip(SCALES, _LOG_WEIGHTS, strict=True)
    ]
    if not failed:
        terms.append(_LOG_AT_ZERO)
    top = max(terms)
    return top + math.log(sum(math.exp(term - top) for term in terms))


def is_below(failed: int, compared: int, max_rate: float, confidence: float) -> bool:
    """Return whether the upper bound is at most at a rate; quicker than the bound itself."""
    if failed >= max_rate * compared:
        return False
    at_rate = failed * math.log(max_rate) + (compared - failed) * math.log1p(-max_rate)
    return _log_mixture(failed, compared) - at_rate >= -math.log1p(-confidence)


def calls_needed(failed: int, compared: int, max_rate: float, confidence: float) -> int | None:
    """Return how many more calls without a failure bring the upper bound down to a rate.

    Args:
        failed: How many calls failed so far.
        compared: How many calls there were so far.
        max_rate: The rate, between 0 and 1.
        confidence: Between 0 and 1, as 0.95.

    Returns:
        The number of calls, 0 if the bound is there already; None if it is above ``MOST_CALLS``.

    Raises:
        ConfigurationError: The counts or the confidence cannot be.

    Example:
        >>> calls_needed(0, 0, 1e-3, 0.95)
        3403
    """
    check(failed, compared, confidence)
    if not 0.0 < max_rate < 1.0:
        return 0 if max_rate >= 1.0 else None
    return fewest(lambda more: is_below(failed, compared + more, max_rate, confidence))


def fewest(is_enough: Callable[[int], bool]) -> int | None:
    """Return the smallest number that is enough, where all larger ones are; None if none is."""
    if is_enough(0):
        return 0
    too_few, enough = 0, 1
    while not is_enough(enough):
        too_few, enough = enough, 2 * enough
        if enough > MOST_CALLS:
            return None
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if is_enough(middle):
            enough = middle
        else:
            too_few = middle
    return enough


def stratified(
    strata: Iterable[tuple[float | None, int, int]], confidence: float
) -> tuple[float, float]:
    """Bound the rate among all calls, of which some were more likely to be looked at than others.

    A call that was sampled at a rate stands for ``1 / rate`` calls.  Each stratum is bounded at
    its share of what may go wrong, so that all bounds hold together, and what they give is weighted
    by the calls that they stand for.  Where a rate is unknown the weights are, too: then no more
    can be said than that the rate lies between the lowest and the highest bound.

    Args:
        strata: For each sampling rate: the rate, 0 to 1, or None; failures; calls.
        confidence: Between 0 and 1, as 0.95.

    Returns:
        The lower and the upper bound, 0 to 1.

    Raises:
        ConfigurationError: The counts or the confidence cannot be.

    Example:
        >>> low, high = stratified([(1.0, 0, 10_000), (0.1, 0, 10_000)], 0.95)
        >>> round(high, 6)
        0.000416
    """
    known = [(rate, failed, compared) for rate, failed, compared in strata if compared]
    if not known:
        return bounds(0, 0, confidence)
    level = 1.0 - (1.0 - confidence) / len(known)
    each = [bounds(failed, compared, level) for _, failed, compared in known]
    weights = [compared / rate for rate, _, compared in known if _is_a_rate(rate)]
    if len(weights) < len(known):
        return min(low for low, _ in each), max(high for _, high in each)
    whole = math.fsum(weights)
    pairs = list(zip(weights, each, strict=True))
    return (
        math.fsum(weight * low for weight, (low, _) in pairs) / whole,
        min(1.0, math.fsum(weight * high for weight, (_, high) in pairs) / whole),
    )


def _is_a_rate(rate: float | None) -> TypeGuard[float]:
    return rate is not None and MOST_CALLS**-1.0 <= rate <= 1.0


def check(failed: int, compared: int, confidence: float) -> None:
    """Refuse counts and confidences that cannot be."""
    if not 0 <= failed <= compared:
        raise ConfigurationError(
            f"{failed!r} of {compared!r} calls failed: the first must lie between 0 and the second"
        )
    if not 0.0 < confidence < 1.0:
        raise ConfigurationError(
            f"the confidence must lie between 0 and 1, as 0.95 does, not {confidence!r}"
        )
