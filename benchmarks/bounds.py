"""How often the bounds of a rate are wrong if one looks after every call, and what they give.

``python benchmarks/bounds.py`` prints the tables of ``docs/guides/is-it-safe.md`` and of
``docs/decisions/0020-bounds-that-hold-however-often-one-looks.md``; about a minute on one core.
"""

from __future__ import annotations

import argparse
import functools
from typing import TYPE_CHECKING

import numpy as np
from beside import tables
from scipy import stats
from scipy.special import betaln, xlog1py, xlogy

from darkcall.analysis import _bounds
from darkcall.analysis._bounds import bounds, calls_needed
from darkcall.analysis._fixed import clopper_pearson


if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    #: For each number of calls the fewest and the most failures with the rate within bounds.
    Band = tuple[NDArray[np.int64], NDArray[np.int64]]


LAUNCHES = 10_000
CALLS = 20_000
STEP = 500
RATES = [1e-4, 1e-3, 1e-2, 0.05, 0.3, 0.5]
CONFIDENCES = [0.9, 0.95, 0.99]
CLEAN = [100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 1_000_000]


def our_band(rate: float, calls: int, confidence: float) -> Band:
    """Walk along the edges of the band: each moves by one call at most."""
    fewest, most = 0, 0
    lows, highs = np.zeros(calls, np.int64), np.zeros(calls, np.int64)
    for n in range(1, calls + 1):
        while bounds(fewest, n, confidence)[1] < rate:
            fewest += 1
        most = max(most, fewest)
        while most < n and bounds(most + 1, n, confidence)[0] <= rate:
            most += 1
        lows[n - 1], highs[n - 1] = fewest, most
    return lows, highs


def fixed_band(rate: float, calls: int, confidence: float) -> Band:
    """Give the band of Clopper and Pearson, whose bounds invert two tests."""
    n = np.arange(1, calls + 1)
    half = (1.0 - confidence) / 2.0
    return (
        stats.binom.ppf(half, n, rate).astype(np.int64),
        stats.binom.isf(half, n, rate).astype(np.int64),
    )


def violations(rate: float, launches: int, bands: list[Band], seed: int) -> list[list[float]]:
    """Run launches call by call; give the shares in which the rate was above, below, either."""
    random = np.random.default_rng(seed)
    calls = len(bands[0][0])
    failed = np.zeros(launches, np.int64)
    above = np.zeros((len(bands), launches), bool)
    below = np.zeros((len(bands), launches), bool)
    for start in range(0, calls, STEP):
        stop = min(start + STEP, calls)
        fails = random.random((launches, stop - start), np.float32) < rate
        counts = failed[:, None] + np.cumsum(fails, axis=1, dtype=np.int32)
        for i, (fewest, most) in enumerate(bands):
            above[i] |= (counts < fewest[start:stop]).any(axis=1)
            below[i] |= (counts > most[start:stop]).any(axis=1)
        failed = counts[:, -1].astype(np.int64)
    either = above | below
    return [[above[i].mean(), below[i].mean(), either[i].mean()] for i in range(len(bands))]


def simulation(launches: int, calls: int) -> str:
    """Lay out how often each kind of 95 % bounds was wrong at any look."""
    rows = []
    for seed, rate in enumerate(RATES):
        bands = [our_band(rate, calls, 0.95), fixed_band(rate, calls, 0.95)]
        ours, fixed = violations(rate, launches, bands, seed)
        rows.append([f"{rate:g}", *(f"{100 * share:.2f} %" for share in (*ours, *fixed))])
    head = ["rate", "above the upper bound", "below the lower", "either"]
    return tables.table(
        [*head, *(f"single look: {name}" for name in ("above", "below", "either"))], rows
    )


def clean_calls() -> str:
    """Lay out which upper bound so many calls without a failure give."""
    return tables.table(
        ["calls", *(f"{100 * c:g} %" for c in CONFIDENCES), "95 %, single look"],
        [
            [
                f"{n:,}",
                *(f"{bounds(0, n, c)[1]:.2g}" for c in CONFIDENCES),
                f"{clopper_pearson(0, n, 0.95)[1]:.2g}",
            ]
            for n in CLEAN
        ],
    )


def needed() -> str:
    """Lay out how many calls in all bring the 95 % upper bound down to a rate."""
    rows = []
    for rate in (1e-2, 1e-3, 1e-4):
        row = [f"{rate:g}"]
        for failed in (0, 1, 3, 10):
            more = calls_needed(failed, failed, rate, 0.95)
            row.append(f"{failed + (more or 0):,}")
        rows.append(row)
    return tables.table(["to show", "0 differ", "1 differs", "3 differ", "10 differ"], rows)


def total_needed(is_enough: Callable[[int], bool]) -> str:
    """Lay out a number of calls."""
    return f"{_bounds.fewest(is_enough) or 0:,}"


def fixed_needed(failed: int, rate: float) -> str:
    """Give the calls that Clopper and Pearson's 95 % bounds need."""
    return total_needed(
        lambda n: n > failed and stats.beta.ppf(0.975, failed + 1, n - failed) <= rate
    )


def alternatives() -> str:
    """Lay out how many calls show a rate of 1e-3 at most, with other priors, at 95 %."""
    ours = _bounds.SCALES
    zero = _bounds.AT_ZERO
    rows = []
    for name, at_zero, parts in [
        ("half at 0, half Beta(1, 1 to 1e5): chosen", zero, [(1.0, b) for b in ours]),
        ("Beta(1/2, 1/2)", 0.0, [(0.5, 0.5)]),
        ("Beta(1, 1)", 0.0, [(1.0, 1.0)]),
        ("Beta(1/2, 100)", 0.0, [(0.5, 100.0)]),
        ("Beta(1/2, 1000)", 0.0, [(0.5, 1000.0)]),
        ("half at 0, half Beta(1/2, 1/2)", 0.5, [(0.5, 0.5)]),
    ]:
        prior = functools.partial(enough, p=1e-3, at_zero=at_zero, parts=parts)
        row = [name, *(total_needed(functools.partial(prior, k)) for k in (0, 1, 3, 10))]
        low, high = interval(300, 1000, at_zero, parts)
        rows.append([*row, f"{low:.3f} to {high:.3f}"])
    fixed = clopper_pearson(300, 1000, 0.95)
    counts = [fixed_needed(failed, 1e-3) for failed in (0, 1, 3, 10)]
    rows.append(["Clopper and Pearson, single look", *counts, f"{fixed[0]:.3f} to {fixed[1]:.3f}"])
    return tables.table(
        ["prior", "0 differ", "1 differs", "3 differ", "10 differ", "bounds at 300 of 1,000"], rows
    )


def evidence(
    failed: int, n: int, p: float, at_zero: float, parts: list[tuple[float, float]]
) -> float:
    """Give the logarithm of the mixture martingale for any prior of this kind."""
    terms = [
        np.log((1 - at_zero) / len(parts)) + betaln(a + failed, b + n - failed) - betaln(a, b)
        for a, b in parts
    ]
    if at_zero and not failed:
        terms.append(np.log(at_zero))
    return float(np.logaddexp.reduce(terms) - xlogy(failed, p) - xlog1py(n - failed, -p))


def enough(failed: int, n: int, p: float, at_zero: float, parts: list[tuple[float, float]]) -> bool:
    """Tell whether the upper bound is at most at a rate."""
    return failed < n * p and evidence(failed, n, p, at_zero, parts) >= np.log(20.0)


def interval(
    failed: int, n: int, at_zero: float, parts: list[tuple[float, float]]
) -> tuple[float, float]:
    """Give both bounds, to a ten-thousandth."""
    grid = np.arange(1, 10_000) / 10_000
    inside = [p for p in grid if evidence(failed, n, p, at_zero, parts) < np.log(20.0)]
    return inside[0], inside[-1]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see that it runs; measures little")
    options = parser.parse_args()
    launches, calls = (100, 1_000) if options.quick else (LAUNCHES, CALLS)
    print(f"0 of so many calls differ: the upper bound\n\n{clean_calls()}\n")
    print(f"Calls in all, of which so many differ, that show it at 95 %\n\n{needed()}\n")
    print(f"Calls that show a rate of 1e-3, by prior\n\n{alternatives()}\n")
    print(f"{launches:,} launches, looked at after each of {calls:,} calls\n")
    print(simulation(launches, calls))


if __name__ == "__main__":
    main()
