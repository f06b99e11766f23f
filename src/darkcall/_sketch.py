"""Counts of values by size, which can be added up and still tell every quantile to within 2.5 %.

This is the logarithmic mapping of DDSketch: C. Masson, J. Rim, H. K. Lee, "DDSketch: a fast and
fully-mergeable quantile sketch with relative-error guarantees", PVLDB 12 (2019), section 2.1.
"""

from __future__ import annotations

import bisect
import itertools
import math
from typing import TYPE_CHECKING, Final


if TYPE_CHECKING:
    from collections.abc import Mapping

#: Each class is so many times as wide as the one below it; the relative error of what is
#: in the middle of a class is (GAMMA - 1) / (GAMMA + 1) at most, 2.44 %.
GAMMA: Final = 1.05
#: Values that are not above it have no class: a thousandth of a microsecond, in seconds.
SMALLEST: Final = 1e-9

_LOG_GAMMA: Final = math.log(GAMMA)


def index_of(value: float) -> int:
    """Return the class of a value above ``SMALLEST``.

    Example:
        >>> index_of(1.0), index_of(1.04), index_of(1.06)
        (0, 1, 2)
    """
    return math.ceil(math.log(value) / _LOG_GAMMA)


def value_of(index: int) -> float:
    """Return the value in the middle of a class: it is off by 2.44 % at most.

    Example:
        >>> abs(value_of(index_of(0.003)) / 0.003 - 1) < 0.025
        True
    """
    return 2.0 * GAMMA**index / (GAMMA + 1.0)


def quantile(share: float, zeros: int, counts: Mapping[int, int]) -> float:
    """Return the smallest value that so large a share of all values does not exceed.

    Args:
        share: The share, 0 to 1.
        zeros: How many values have no class.
        counts: How many values each class has.

    Returns:
        The value, to within 2.44 %; 0.0 if there is none.

    Example:
        >>> round(quantile(0.5, 0, {index_of(n): 1 for n in (1.0, 2.0, 30.0)}), 1)
        2.0
    """
    above = share * (zeros + sum(counts.values())) - zeros
    if above <= 0:
        return 0.0
    indexes = sorted(counts)
    so_far = list(itertools.accumulate(counts[index] for index in indexes))
    # Shares are seldom exact: what is a hair above a whole number is that number.
    return value_of(indexes[bisect.bisect_left(so_far, min(above, so_far[-1]) - 1e-9)])
