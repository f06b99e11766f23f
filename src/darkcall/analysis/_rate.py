"""The bounds of the rate at which a candidate differs, with the control's own noise taken off.

Where the control ran again, what counts is how much more often the candidate differs than the
control does from itself:

    excess = real + max(0, noisy - control)

``real`` is the rate of failures at places where the control is not noisy, ``noisy`` that of the
others, ``control`` the rate at which the control differs from itself at such places.  Of what
may go wrong, alpha, the bounds of ``real`` may take a quarter, those of ``noisy`` and ``control``
an eighth each; then with 1 - alpha / 2 all three hold at all times together, and

    low(real) + max(0, low(noisy) - high(control)) <= excess
    excess <= high(real) + max(0, high(noisy) - low(control))

The excess is never above the rate of all failures, whose bounds may take the other half: the
smaller of the two upper bounds is one.  So to measure noise where there is none costs a fifth more
calls, and not twice as many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from ._bounds import bounds, calls_needed, fewest, stratified


if TYPE_CHECKING:
    from ._findings import Noise
    from ._judged import Slice


@attrs.frozen
class Rate:
    """How often calls fail: by sampling rate, and beside the control's own noise."""

    slices: tuple[Slice, ...]
    noise: Noise | None = None

    @property
    def compared(self) -> int:
        return sum(one.compared for one in self.slices)

    @property
    def subtracts(self) -> bool:
        """Whether noise is taken off: how it is weighted is unknown where rates are mixed."""
        return self.measures_noise and sum(one.compared > 0 for one in self.slices) == 1

    @property
    def measures_noise(self) -> bool:
        return self.noise is not None and self.noise.compared > 0

    def bounds(self, confidence: float, more: int = 0) -> tuple[float, float]:
        """Bound the rate as it would be after more calls of the same mix that do not fail.

        Args:
            confidence: Between 0 and 1.
            more: So many more calls.

        Returns:
            The lower and the upper bound, 0 to 1.
        """
        compared = self.compared
        grown = [
            (one, one.compared + more * one.compared // compared if compared else more)
            for one in self.slices
        ]
        failed = [(one.rate, one.failed, calls) for one, calls in grown]
        if not self.measures_noise:
            return stratified(failed, confidence)
        alpha = 1.0 - confidence
        _, high = stratified(failed, 1.0 - alpha / 2.0)
        real = [(one.rate, one.real, calls) for one, calls in grown]
        low, high_real = stratified(real, 1.0 - alpha / 4.0)
        if self.subtracts and self.noise is not None:
            calls = compared + more
            noisy = sum(one.failed - one.real for one in self.slices)
            low_noisy, high_noisy = bounds(noisy, calls, 1.0 - alpha / 8.0)
            again = self.noise.compared + more * self.noise.compared // compared
            low_control, high_control = bounds(self.noise.noisy_failed, again, 1.0 - alpha / 8.0)
            low = min(1.0, low + max(0.0, low_noisy - high_control))
            high = min(high, high_real + max(0.0, high_noisy - low_control))
        return low, high

    def calls_needed(self, max_rate: float, confidence: float) -> int | None:
        """Return how many more calls of the same mix that do not fail bring it down to a rate."""
        if len(self.slices) == 1 and not self.measures_noise:
            # The same, in a tenth of the time: there may be very many parts.
            [one] = self.slices
            return calls_needed(one.failed, one.compared, max_rate, confidence)
        return fewest(lambda more: self.bounds(confidence, more)[1] <= max_rate)
