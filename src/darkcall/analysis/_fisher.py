"""Fisher's exact test: whether one share is larger than another.

R. A. Fisher, "On the interpretation of chi-squared from contingency tables, and the calculation of
P", Journal of the Royal Statistical Society 85 (1922).
"""

from __future__ import annotations

import math

from darkcall._errors import ConfigurationError


def fisher_greater(k1: int, n1: int, k2: int, n2: int) -> float:
    """Return how probable it is that the first has so many of all hits, or more, by chance.

    The hits of both together are taken as given: if both have the same rate, the number of them
    that falls to the first is hypergeometric.

    Args:
        k1: Hits of the first.
        n1: Trials of the first.
        k2: Hits of the second.
        n2: Trials of the second.

    Returns:
        The probability, 0 to 1; 1.0 if there were no trials.

    Raises:
        ConfigurationError: There are more hits than trials, or fewer than none.

    Example:
        >>> round(fisher_greater(8, 10, 1, 10), 6)
        0.002739
    """
    for k, n in ((k1, n1), (k2, n2)):
        if not 0 <= k <= n:
            raise ConfigurationError(
                f"{k!r} hits in {n!r} trials: the first must lie between 0 and the second"
            )
    hits = k1 + k2
    if k1 <= max(0, hits - n2):
        return 1.0
    # Away from the middle of the distribution the terms fall faster and faster, so that side is
    # summed; the other side's hits of the first are the misses of these for the second.
    if k1 * (n1 + n2) >= hits * n1:
        return min(1.0, _upper_tail(k1, n1, hits, n2))
    return max(0.0, 1.0 - _upper_tail(hits - k1 + 1, n2, hits, n1))


def _upper_tail(k: int, n: int, hits: int, others: int) -> float:
    """Add up the probabilities of ``k`` hits and more, until they vanish."""
    log_first = _log_choose(n, k) + _log_choose(others, hits - k) - _log_choose(n + others, hits)
    term = total = 1.0
    for i in range(k, min(hits, n)):
        term *= (n - i) * (hits - i) / ((i + 1) * (others - hits + i + 1))
        total += term
        if term < 1e-17 * total:
            break
    return math.exp(log_first) * total


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)
