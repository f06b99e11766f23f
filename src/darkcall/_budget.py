"""What candidates use of the CPU, and what they may use; which differences are confirmed."""

from __future__ import annotations

import collections
import math
import time
from typing import TYPE_CHECKING, Any, Final

from . import _threads


if TYPE_CHECKING:
    from collections.abc import Callable

#: The span over which a CPU budget is averaged, in seconds.
BUDGET_SECONDS: Final = 10.0
#: So many calls of each kind are confirmed, of so many kinds; of the rest one in so many seconds.
QUOTA_PER_KIND: Final = 3
QUOTA_KINDS: Final = 1000
QUOTA_SECONDS: Final = 1.0
#: For so long a thread that worked is taken to go on working, in seconds.
MOMENT_SECONDS: Final = 0.00005
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


class Quota:
    """Which calls are confirmed: the first few of each kind, and of the rest one a second.

    So a candidate that always differs costs hardly more for it, and a kind that is rare is
    confirmed nevertheless.

    Args:
        clock: Returns seconds; for tests.
    """

    __slots__ = ("_clock", "_lock", "_next_at", "_taken")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Re-entrant, for a signal handler that interrupts its holder.
        self._lock = _threads.RLock()
        self._taken: dict[str, int] = {}
        self._next_at = -math.inf

    def take(self, kind: str) -> bool:
        """Tell whether a call of this kind is to be confirmed, and count it if so."""
        with self._lock:
            taken = self._taken.get(kind, 0)
            if taken < QUOTA_PER_KIND and (taken or len(self._taken) < QUOTA_KINDS):
                self._taken[kind] = taken + 1
                return True
            now = self._clock()
            if now < self._next_at:
                return False
            self._next_at = now + QUOTA_SECONDS
            return True


class ThreadTime:
    """The CPU time of the calling thread, without asking the system for it each time.

    To ask takes as long as most of a short candidate's shadowing. A thread that was seen to work a
    moment ago is taken to have worked since: what is told is off by ``MOMENT_SECONDS`` at most.

    Attributes:
        clock: Which clock tells the time to other threads; None where the system has none.
    """

    __slots__ = ("_asked_at", "_used_seconds", "clock")

    def __init__(self) -> None:
        self.clock = thread_clock()
        self._asked_at = -math.inf
        self._used_seconds = 0.0

    def until(self, now: float) -> float:
        """Give what the thread has used until now.

        Args:
            now: A reading of ``time.perf_counter``.
        """
        since = now - self._asked_at
        if since < MOMENT_SECONDS:
            return self._used_seconds + since
        self._asked_at = now
        self._used_seconds = used_seconds = time.thread_time()
        return used_seconds


_of_this_thread: Any = _threads.Local()


def time_of_this_thread() -> ThreadTime:
    """Give what tells the CPU time of the calling thread."""
    try:
        return _of_this_thread.time  # type: ignore[no-any-return]
    except AttributeError:
        _of_this_thread.time = made = ThreadTime()
        return made


def after_fork() -> None:
    """Forget the clocks of the parent's threads, in a forked child."""
    vars(_of_this_thread).clear()


class Meter:
    """What a candidate uses of the CPU, past its deadline too.

    Args:
        clock: Which clock is the CPU time of its thread, as ``thread_clock`` gives it; None
            if there is none.
        began: What the clock told when the candidate began; read now if it is not known.

    Attributes:
        began: What its clock told when the candidate began, in seconds.
        used_seconds: What it had used when it was last read.
        is_over: Whether the candidate has ended.
    """

    __slots__ = ("_clock", "_seen", "began", "is_over", "used_seconds")

    def __init__(self, clock: int | None, began: float | None = None) -> None:
        self._clock = clock
        self._seen = 0.0
        self.began = self._now() if began is None else began
        self.used_seconds = 0.0
        self.is_over = False

    def _now(self) -> float:
        if self._clock is None:
            return 0.0
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            # The thread, or the process, has ended.
            return max(self._seen, self.began + self.used_seconds)

    def look(self) -> None:
        """Take note of the time: what runs the candidate is to be killed, and its clock with it."""
        self._seen = self._now()

    def read(self, used_seconds: float | None = None) -> float:
        """Give what was used since the last reading.

        Args:
            used_seconds: What was used in all, if that is known; the clock tells if not.

        Returns:
            The difference, in seconds.
        """
        if used_seconds is None:
            used_seconds = self._now() - self.began
        before, self.used_seconds = self.used_seconds, max(self.used_seconds, used_seconds)
        return self.used_seconds - before

    def follow(self, clock: int | None) -> None:
        """Go by another clock from now on.

        Args:
            clock: The CPU time of what runs the candidate; None if it has no clock.
        """
        self._clock = clock
        self._seen = 0.0
        self.began = self._now()

    def leave_thread(self) -> None:
        """Go by what the candidate itself tells: it runs on a thread that it shares."""
        self._clock, self.began = None, 0.0


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
