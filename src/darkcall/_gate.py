"""Step 1: whether a candidate is run on this call, and if not, why."""

from __future__ import annotations

import collections
import math
import threading
import time
from typing import TYPE_CHECKING, Final

from . import _guard


if TYPE_CHECKING:
    from collections.abc import Callable

#: So many failures in a row, with nothing else between them, open the breaker.
BREAKER_FAILURES: Final = 20
#: How long an open breaker lets nothing through before it tries one call, in seconds.
BREAKER_SECONDS: Final = 30.0
#: The span over which a CPU budget is averaged, in seconds.
BUDGET_SECONDS: Final = 10.0
_BUDGET_SLICE_SECONDS: Final = 0.1
# What is used in a slice's last moment counts for the whole span, too.
_REMEMBERED_SECONDS: Final = BUDGET_SECONDS + _BUDGET_SLICE_SECONDS


class Room:
    """How many calls may wait or run at once, and how many bytes they may weigh.

    A place is a token in a list: ``list.pop`` and ``list.append`` are single steps that
    neither a thread nor a signal handler can come between, so the count stays exact
    without a lock on the caller's thread.
    """

    __slots__ = ("_lock", "_places", "_size", "_surplus", "max_bytes", "nbytes")

    def __init__(self, places: int, max_bytes: int) -> None:
        self._places: list[None] = [None] * places
        self._size = places
        # Places that are taken, and will not be there any more when they are given back.
        self._surplus = 0
        self.max_bytes = max_bytes
        self.nbytes = 0
        # Re-entrant, for a signal handler that interrupts its holder; nothing between
        # the read and the write of nbytes gives way to one.
        self._lock = threading.RLock()

    def take(self) -> bool:
        """Take a place, if there is one."""
        if self.nbytes >= self.max_bytes:
            return False
        try:
            self._places.pop()
        except IndexError:
            return False
        return True

    @property
    def is_full(self) -> bool:
        """Whether there is no place."""
        return not self._places or self.nbytes >= self.max_bytes

    def weigh(self, nbytes: int) -> None:
        """Add to what the waiting calls weigh, in bytes."""
        if nbytes:
            with self._lock:
                self.nbytes += nbytes

    def give_back(self, nbytes: int) -> None:
        """Give a place back, and what the call weighed."""
        self.weigh(-nbytes)
        if self._surplus:
            with self._lock:
                if self._surplus:
                    self._surplus -= 1
                    return
        self._places.append(None)

    def resize(self, places: int, max_bytes: int) -> None:
        """Change how many places there are; calls that hold one keep it."""
        with self._lock:
            self.max_bytes = max_bytes
            change, self._size = places - self._size, places
            kept = min(max(change, 0), self._surplus)
            self._surplus -= kept
            self._places.extend([None] * (change - kept))
            for _ in range(-change):
                try:
                    self._places.pop()
                except IndexError:
                    self._surplus += 1


class Budget:
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


class Gate:
    """What stands before one candidate: breaker, budget, stuck threads and room.

    The caller's thread compares one number with the clock; workers keep it up to date.

    Attributes:
        room: The places for calls that wait or run.
        stuck: How many candidates hold a thread past their deadline.
    """

    __slots__ = (
        "_breaker_until",
        "_budget",
        "_budget_until",
        "_clock",
        "_failures",
        "_is_open",
        "_lock",
        "_max_stuck",
        "_name",
        "_shut_until",
        "room",
        "stuck",
    )

    def __init__(
        self,
        name: str,
        *,
        max_pending: int,
        max_pending_bytes: int,
        max_stuck: int,
        cpu_budget: float | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._max_stuck = max_stuck
        self._budget = None if cpu_budget is None else Budget(cpu_budget)
        self._budget_until = 0.0
        self._breaker_until = 0.0
        self._is_open = False
        self._failures = 0
        self._shut_until = 0.0
        self.room = Room(max_pending, max_pending_bytes)
        self.stuck = 0

    def rebound(
        self,
        *,
        max_pending: int,
        max_pending_bytes: int,
        max_stuck: int,
        cpu_budget: float | None,
    ) -> None:
        """Change the bounds; what was counted against them stays."""
        with self._lock:
            self.room.resize(max_pending, max_pending_bytes)
            self._max_stuck = max_stuck
            if cpu_budget is None:
                self._budget, self._budget_until = None, 0.0
            elif self._budget is None:
                self._budget = Budget(cpu_budget)
            else:
                self._budget.rebound(cpu_budget)
                self._budget_until = self._budget.charge(self._clock(), 0.0)
            self._update()

    def refuses(self, now: float) -> str | None:
        """Tell why a candidate may not run now; None if it may."""
        if now >= self._shut_until:
            return None
        if self.stuck >= self._max_stuck:
            return "stuck"
        if now < self._breaker_until:
            return "breaker"
        return "over_budget" if now < self._budget_until else None

    def enter(self, now: float) -> str | None:
        """Take a place for a call; tell why there is none for it, None if it has one."""
        refusal = self.refuses(now)
        if refusal is not None:
            return refusal
        if not self.room.take():
            return "full"
        if self._is_open:
            # This call is the one that finds out; the rest waits for its outcome.
            self._breaker_until = self._shut_until = now + BREAKER_SECONDS
        return None

    def succeeded(self) -> None:
        """Hear that a candidate returned, or raised as the control did."""
        if self._failures or self._is_open:
            with self._lock:
                was_open, self._is_open, self._failures = self._is_open, False, 0
                self._breaker_until = 0.0
                self._update()
            if was_open:
                _guard.say(_guard.WARNING, f"{self._name}: works again, the breaker closes")

    def failed(self) -> None:
        """Hear that a candidate failed: an error of its own, or a timeout."""
        with self._lock:
            self._failures += 1
            if self._failures < BREAKER_FAILURES:
                return
            was_open, self._is_open = self._is_open, True
            self._breaker_until = self._clock() + BREAKER_SECONDS
            self._update()
        if not was_open:
            _guard.say(
                _guard.WARNING,
                f"{self._name}: failed {BREAKER_FAILURES} times in a row, the breaker opens; "
                f"one call is tried every {BREAKER_SECONDS:g} s",
            )

    def used(self, cpu_seconds: float) -> None:
        """Hear how much CPU time a candidate used, in seconds."""
        if self._budget is not None:
            with self._lock:
                self._budget_until = self._budget.charge(self._clock(), cpu_seconds)
                self._update()

    def got_stuck(self) -> None:
        """Hear that a candidate holds its thread past its deadline."""
        with self._lock:
            self.stuck += 1
            self._update()
            is_at_cap = self.stuck == self._max_stuck
        if is_at_cap:
            _guard.say(
                _guard.ERROR,
                f"{self._name}: {self._max_stuck} candidates are past their timeout and hold "
                "a thread each; no more are started until one of them ends",
            )

    def got_free(self) -> None:
        """Hear that a stuck candidate ended."""
        with self._lock:
            self.stuck -= 1
            self._update()

    def _update(self) -> None:
        stuck_until = math.inf if self.stuck >= self._max_stuck else 0.0
        self._shut_until = max(stuck_until, self._breaker_until, self._budget_until)
