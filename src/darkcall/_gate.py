"""Step 1: whether a candidate is run on this call, and if not, why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from . import _guard, _threads
from ._budget import CpuBudget


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._budget import Meter

#: Why a gate lets a call not through.
REFUSALS: Final = ("full", "stuck", "breaker", "over_budget")
#: So many failures in a row, with nothing else between them, open the breaker.
BREAKER_FAILURES: Final = 20
#: How long an open breaker lets nothing through before it tries one call, in seconds.
BREAKER_SECONDS: Final = 30.0
#: How long a launch that its stuck candidates stopped waits before it tries one call, in
#: seconds; twice as long after each such call that gets stuck as well.
STUCK_SECONDS: Final = 30.0


class Room:
    """How many calls may wait or run at once, and how many bytes they may weigh.

    A place is a token in a list: ``list.pop`` and ``list.append`` are single steps that
    neither a thread nor a signal handler can come between, so the count stays exact
    without a lock on the caller's thread.
    """

    __slots__ = ("_lock", "_size", "_surplus", "max_bytes", "nbytes", "places")

    def __init__(self, places: int, max_bytes: int) -> None:
        self.places: list[None] = [None] * places
        self._size = places
        # Places that are taken, and will not be there any more when they are given back.
        self._surplus = 0
        self.max_bytes = max_bytes
        self.nbytes = 0
        # Re-entrant, for a signal handler that interrupts its holder; nothing between
        # the read and the write of nbytes gives way to one.
        self._lock = _threads.RLock()

    @property
    def is_full(self) -> bool:
        """Whether there is no place."""
        return not self.places or self.nbytes >= self.max_bytes

    def weigh(self, nbytes: int) -> None:
        """Add to what the waiting calls weigh, in bytes."""
        with self._lock:
            self.nbytes += nbytes

    def give_back(self, nbytes: int) -> None:
        """Give a place back, and what the call weighed."""
        # No call of a function: where the stack ends, the place would be lost.
        if not (nbytes or self._surplus):
            self.places.append(None)
            return
        with self._lock:
            self.nbytes -= nbytes
            if self._surplus:
                self._surplus -= 1
            else:
                self.places.append(None)

    def resize(self, places: int, max_bytes: int) -> None:
        """Change how many places there are; calls that hold one keep it."""
        with self._lock:
            self.max_bytes = max_bytes
            change, self._size = places - self._size, places
            kept = min(max(change, 0), self._surplus)
            self._surplus -= kept
            self.places.extend([None] * (change - kept))
            for _ in range(-change):
                try:
                    self.places.pop()
                except IndexError:
                    self._surplus += 1


class Gate:
    """What stands before one candidate: breaker, budget, stuck threads and room.

    The caller's thread compares one number with the clock; workers keep it up to date.
    While too many failed or got stuck, one call is let through from time to time.

    Attributes:
        room: The places for calls that wait or run.
        shut_until: Until when it may refuse calls for another reason; 0.0 while nothing is wrong.
    """

    __slots__ = (
        "_breaker_until",
        "_budget",
        "_budget_until",
        "_clock",
        "_failures",
        "_is_half_open",
        "_is_open",
        "_is_stopped",
        "_lock",
        "_max_stuck",
        "_name",
        "_pause_seconds",
        "_stuck",
        "_stuck_until",
        "_tried",
        "_try_at",
        "room",
        "shut_until",
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
        # Re-entrant, for a signal handler or a __del__ that interrupts its holder.
        self._lock = _threads.RLock()
        self._max_stuck = max_stuck
        self._budget = None if cpu_budget is None else CpuBudget(cpu_budget)
        self._budget_until = 0.0
        self._breaker_until = 0.0
        self._is_open = False
        self._failures = 0
        # Those that hold a thread past their deadline, and whether they stopped the launch.
        self._stuck: set[Meter] = set()
        self._is_stopped = False
        self._pause_seconds = 0.0
        # Workers go by the one, callers by the other, which they put off themselves.
        self._try_at = 0.0
        self._stuck_until = 0.0
        self._tried: Meter | None = None
        self._is_half_open = False
        self.shut_until = 0.0
        self.room = Room(max_pending, max_pending_bytes)

    @property
    def stuck(self) -> int:
        """How many candidates hold a thread past their deadline."""
        return len(self._stuck)

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
                self._budget = CpuBudget(cpu_budget)
            else:
                self._budget.rebound(cpu_budget)
                self._budget_until = self._budget.charge(self._clock(), 0.0)
            self._update()

    def refuses(self, now: float) -> str | None:
        """Tell why a candidate may not run now; None if it may."""
        if now < self._stuck_until:
            return "stuck"
        if now < self._breaker_until:
            return "breaker"
        return "over_budget" if now < self._budget_until else None

    def enter(self) -> str | None:
        """Take a place for a call; tell why there is none for it, None if it has one."""
        # Zero while nothing is wrong: most calls need no clock here.
        if self.shut_until and (refusal := self.refuses(self._clock())) is not None:
            return refusal
        room = self.room
        if room.nbytes >= room.max_bytes:
            return "full"
        try:
            # Here, and not by a method of the room: the call takes as long as all of this.
            room.places.pop()
        except IndexError:
            return "full"
        if self._is_half_open:
            self._try_one(self._clock())
        return None

    def _try_one(self, now: float) -> None:
        # This call is the one that finds out; the rest waits for its outcome.
        if self._is_open:
            self._breaker_until = now + BREAKER_SECONDS
        if self._is_stopped:
            self._stuck_until = now + self._pause_seconds
        self.shut_until = max(self._stuck_until, self._breaker_until, self.shut_until)

    def begin(self, meter: Meter, now: float) -> str | None:
        """Tell why a call that has waited may not begin any more; None if it may.

        Args:
            meter: The candidate's.
            now: A reading of the clock, in seconds.
        """
        if now >= self.shut_until and not self._stuck:
            return None
        with self._lock:
            self._charge(now, sum(one.read() for one in self._stuck))
            self._update()
            if now < self._budget_until:
                return "over_budget"
            if self._is_stopped:
                if now < self._try_at:
                    return "stuck"
                self._tried = meter
                self._put_off(now)
        return None

    def ended(self, meter: Meter, cpu_seconds: float | None) -> None:
        """Hear that a candidate ended in time.

        Args:
            meter: Its meter.
            cpu_seconds: What it used of the CPU; None if that is not known.
        """
        meter.is_over = True
        if self._budget is None and not self.shut_until:
            # Nothing is wrong, and nothing counts.
            return
        restarts = False
        with self._lock:
            self._charge(self._clock(), cpu_seconds or 0.0)
            if not (self._budget_until or self.shut_until):
                # Nothing is wrong, as before.
                return
            if meter is self._tried and self._is_stopped:
                restarts, self._is_stopped, self._stuck_until = True, False, 0.0
            self._update()
        if restarts:
            self._say_that_it_restarts()

    def charge(self, cpu_seconds: float) -> None:
        """Hear of CPU time that was used for a candidate, and not by it.

        Args:
            cpu_seconds: How much, in seconds.
        """
        if cpu_seconds:
            with self._lock:
                self._charge(self._clock(), cpu_seconds)
                self._update()

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

    def got_stuck(self, meter: Meter) -> None:
        """Hear that a candidate holds its thread past its deadline.

        Args:
            meter: Its meter; it may have ended meanwhile.
        """
        with self._lock:
            if meter.is_over:
                return
            now, stops = self._clock(), False
            self._stuck.add(meter)
            stuck = len(self._stuck)
            self._charge(now, meter.read())
            if stuck >= self._max_stuck:
                stops = not self._is_stopped
                if stops or meter is self._tried:
                    self._stop(now)
            self._update()
        if stops:
            _guard.say(
                _guard.ERROR,
                f"{self._name}: {stuck} candidates are past their timeout and hold a thread "
                "each; no more are started until one of them ends; "
                f"one call is tried in {self._pause_seconds:g} s",
            )

    def got_free(self, meter: Meter, cpu_seconds: float | None = None) -> None:
        """Hear that a candidate ended past its deadline; once more does no harm.

        Args:
            meter: Its meter.
            cpu_seconds: What it used of the CPU in all; None if its meter tells.
        """
        with self._lock:
            if meter.is_over:
                return
            meter.is_over = True
            was_stopped = self._is_stopped
            self._stuck.discard(meter)
            self._charge(self._clock(), meter.read(cpu_seconds))
            self._update()
            restarts = was_stopped and not self._is_stopped
        if restarts:
            self._say_that_it_restarts()

    def _say_that_it_restarts(self) -> None:
        _guard.say(_guard.WARNING, f"{self._name}: a candidate ended, more are started again")

    def _charge(self, now: float, cpu_seconds: float) -> None:
        if self._budget is not None and cpu_seconds > 0.0:
            self._budget_until = self._budget.charge(now, cpu_seconds)

    def _stop(self, now: float) -> None:
        self._is_stopped = True
        self._pause_seconds = 2 * self._pause_seconds or STUCK_SECONDS
        self._put_off(now)

    def _put_off(self, now: float) -> None:
        self._try_at = self._stuck_until = now + self._pause_seconds

    def _update(self) -> None:
        if len(self._stuck) < self._max_stuck:
            self._is_stopped, self._pause_seconds, self._stuck_until = False, 0.0, 0.0
        elif not self._pause_seconds:
            self._stop(self._clock())
        self._is_half_open = self._is_open or self._is_stopped
        if not self._is_open:
            # A caller may have put it off in the moment in which it closed.
            self._breaker_until = 0.0
        self.shut_until = max(self._stuck_until, self._breaker_until, self._budget_until)
