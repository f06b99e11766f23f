"""The bound for a single look that was planned before the first call: Clopper and Pearson's.

C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of
the binomial", Biometrika 26 (1934).  Looked at again and again it fails more often than it says.
"""

from __future__ import annotations

import math
from typing import Final

from ._bounds import check


_TINY: Final = 1e-300


def clopper_pearson(failed: int, compared: int, confidence: float) -> tuple[float, float]:
    """Bound the rate of failures for one look, half of what may go wrong on each side.

    Args:
        failed: How many calls failed.
        compared: How many calls there were.
        confidence: Between 0 and 1, as 0.95.

    Returns:
        The lower and the upper bound, 0 to 1.

    Raises:
        ConfigurationError: The counts or the confidence cannot be.

    Example:
        >>> low, high = clopper_pearson(0, 10_000, 0.95)
        >>> low, round(high, 6)
        (0.0, 0.000369)
    """
    check(failed, compared, confidence)
    half = (1.0 - confidence) / 2.0
    clean = compared - failed
    low = _beta_quantile(half, float(failed), clean + 1.0) if failed else 0.0
    high = _beta_quantile(1.0 - half, failed + 1.0, float(clean)) if clean else 1.0
    return low, high


def _beta_quantile(share: float, a: float, b: float) -> float:
    """Return the ``x`` below which a Beta(a, b) variable lies with a probability."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2.0
        if middle in (low, high) or high - low < 1e-13 * high:
            return middle
        if incomplete_beta(middle, a, b) < share:
            low = middle
        else:
            high = middle


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function, the distribution of Beta(a, b).

    By the continued fraction of the NIST Digital Library of Mathematical Functions, 8.17.22, in
    the way of W. J. Lentz, "Generating Bessel functions in Mie scattering calculations using
    continued fractions", Applied Optics 15 (1976), as modified by Thompson and Barnett (1986).

    Example:
        >>> round(incomplete_beta(0.5, 2.0, 2.0), 12)
        0.5
    """
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - incomplete_beta(1.0 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x) - math.log(a)
    log_front += math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(log_front) * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    value = c = _TINY
    d = 0.0
    m = 0
    change = 0.0
    while abs(change - 1.0) >= 1e-15:
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)) if m else 1.0
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 / (1.0 + term * d)
            c = 1.0 + term / c
            change = c * d
            value *= change
        m += 1
    return value
