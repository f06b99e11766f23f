"""Counts of calls by the rate at which they were sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from ._summary import Stratum
from ._working import COMPARED


if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.define
class Counts:
    """Counts of calls, to be added up.

    Attributes:
        compared: Calls that were compared.
        failed: Those that differ.
        noisy: Those of them that differ as the control differs from itself.
    """

    compared: int = 0
    failed: int = 0
    noisy: int = 0

    def add(self, outcome: str, n: int) -> None:
        """Count calls of an outcome."""
        if outcome in COMPARED:
            self.compared += n
            self.failed += n if outcome != "match" else 0


def strata(rates: Mapping[float | None, Counts]) -> tuple[Stratum, ...]:
    """Return the counts by rate, the lowest first and unknown ones last."""
    known = sorted(rates, key=lambda rate: (rate is None, rate or 0.0))
    return tuple(
        Stratum(
            rate=rate,
            compared=rates[rate].compared,
            failed=rates[rate].failed,
            real=max(0, rates[rate].failed - rates[rate].noisy),
        )
        for rate in known
        if rates[rate].compared
    )
