"""What candidates use of the CPU, and what they may use."""

from __future__ import annotations

import collections
import time
from typing import Final

from . import _threads


#: The span over which a CPU budget is averaged, in seconds.
BUDGET_SECONDS: Final = 10.0
_BUDGET_SLICE_SECONDS: Final = 0.1
# What is used in a slice's last moment counts for the whole span, too.
_REMEMBERED_SECONDS: Final = BUDGET_SECONDS + _BUDGET_SLICE_SECONDS


class CpuBudget:
    """CPU time that candidates may use, over any span of ten seconds."""

    __slots__ = ("_allowed_seconds", "_slices", "_used_seconds")

    def __init__(self, share: float) -> None:
        self._allowed_seconds = share * BUDGET_SECONDS
        self._used_seconds = 0.0
        self._slices: collections.deque[list[float]] = collections.deque()

    def rebound(self, share: float) -> None:
        """Change the share; what was used stays used."""
        self._allowed_seconds = share * BUDGET_SECONDS

    def charge(self, now: float, cpu_seconds: float) -> float:
        """Add what a candidate used.

        Args:
            now: A reading of the clock, in seconds.
            cpu_seconds: What it used.

        Returns:
            The time from which candidates may run again; 0.0 if they may run now.
        """
        slices = self._slices
        while slices and slices[0][0] <= now - _REMEMBERED_SECONDS:
            self._used_seconds -= slices.popleft()[1]
        if slices and now - slices[-1][0] < _BUDGET_SLICE_SECONDS:
            slices[-1][1] += cpu_seconds
        else:
            slices.append([now, cpu_seconds])
        self._used_seconds += cpu_seconds
        excess = self._used_seconds - self._allowed_seconds
        if excess < 0.0:
            return 0.0
        for began, used in slices:
            excess -= used
            if excess < 0.0:
                return began + _REMEMBERED_SECONDS
        return now + _REMEMBERED_SECONDS


class Meter:
    """What a candidate uses of the CPU, past its deadline too.

    Args:
        clock: Which clock is the CPU time of its thread, as ``thread_clock`` gives it; None
            if there is none.

    Attributes:
        used_seconds: What it had used when it was last read.
        is_over: Whether the candidate has ended.
    """

    __slots__ = ("_began", "_clock", "is_over", "used_seconds")

    def __init__(self, clock: int | None) -> None:
        self._clock = clock
        self._began = self._now()
        self.used_seconds = 0.0
        self.is_over = False

    def _now(self) -> float:
        if self._clock is None:
            return 0.0
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            # The thread has ended.
            return self._began + self.used_seconds

    def read(self, used_seconds: float | None = None) -> float:
        """Give what was used since the last reading.

        Args:
            used_seconds: What was used in all, if that is known; the clock tells if not.

        Returns:
            The difference, in seconds.
        """
        if used_seconds is None:
            used_seconds = self._now() - self._began
        before, self.used_seconds = self.used_seconds, max(self.used_seconds, used_seconds)
        return self.used_seconds - before

    def leave_thread(self) -> None:
        """Go by what the candidate itself tells: it runs on a thread that it shares."""
        self._clock, self._began = None, 0.0


def thread_clock() -> int | None:
    """Give the clock of this thread's CPU time, for any thread to read.

    Returns:
        A clock for ``time.clock_gettime``; None where the system has none.

    Example:
        >>> Meter(thread_clock()).read() >= 0.0
        True
    """
    find = getattr(time, "pthread_getcpuclockid", None)
    return None if find is None else find(_threads.get_ident())
