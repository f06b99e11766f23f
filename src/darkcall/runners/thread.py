"""Run candidates in threads of this process, under a deadline that nobody waits beyond.

The caller appends work to a deque: no lock, no future, no event.  A worker that finds
the deque empty polls for a moment and then parks; only a parked one costs a wake-up.

A thread cannot be killed.  The supervisor sleeps until the next deadline and abandons
a worker whose work is overdue: another takes its place, and it ends when its work does.
If it wakes up late, the whole process stood still, and nothing is overdue.
"""

from __future__ import annotations

import collections
import functools
import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from darkcall import _guard, _threads
from darkcall._dark import DARK
from darkcall._errors import ConfigurationError

from ._alarm import STANDSTILL_SECONDS, STANDSTILLS, Alarm
from ._own_work import Continuation, Milestone
from ._phase import Phase


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._work import Work

_clock = time.perf_counter

#: After its last work a worker looks for more so often, for so long, before it parks.
POLL_SECONDS: Final = 0.005
POLLING_SECONDS: Final = 0.5
STALE_SECONDS: Final = 1.0  #: A start that takes longer was interrupted.
CLAIMING_SECONDS: Final = 0.05  #: How long a close tries to take over what workers are doing.


class ThreadRunner:
    """Runs candidates in daemon threads that are started at the first call.

    Args:
        workers: How many candidates may run at once.

    Raises:
        ConfigurationError: ``workers`` is not a whole number above 0.

    Example:
        >>> (runner := ThreadRunner(workers=4))
        ThreadRunner(workers=4)
        >>> runner.flush(timeout=1.0)
        True
    """

    is_inline = False
    # Once the process exits: what is started then would outlive the sinks.
    _is_shut = False

    def __init__(self, *, workers: int = 2) -> None:
        if not isinstance(workers, int) or workers < 1:
            raise ConfigurationError(f"{type(self).__name__}({workers=}): give a number above 0")
        self._count = workers
        self._reset()

    def _reset(self) -> None:
        self._queue: collections.deque[Work] = collections.deque()
        self._parked: collections.deque[_Worker] = collections.deque()
        self._workers: list[_Worker] = []
        self._is_started = False
        self._poller: _Worker | None = None
        self._starting = _threads.Lock()
        self._began_to_start = -math.inf
        self.alarm = Alarm()
        # Held while it is decided who goes on in the place of an abandoned worker.
        self.replacing = _threads.RLock()

    def submit(self, work: Work) -> None:
        """Queue the work for the next free worker.

        Args:
            work: What is to be done.
        """
        if self._is_started or self._starts_for(work):
            self._queue.append(work)
            if self._parked and self._poller is None:
                self._wake_one()

    def _starts_for(self, work: Work) -> bool:
        is_started = False
        try:
            is_started = self._start()
        finally:
            if not is_started:
                work.drop("exit" if self._is_shut else "no_thread")
        return is_started

    def _start(self) -> bool:
        if self._is_shut:
            return False
        # A signal handler may run this again in its middle, so nobody waits here:
        # who finds it under way queues the work, and the workers see it when they come.
        if not self._starting.acquire(blocking=False):
            if time.perf_counter() - self._began_to_start > STALE_SECONDS:
                # An interrupt came between its taking and its release.
                self._starting = _threads.Lock()
            return True
        try:
            self._began_to_start = time.perf_counter()
            with self.replacing:
                if not self._is_started:
                    self._start_threads()
        except BaseException as error:
            self._dismiss()
            if not isinstance(error, RuntimeError):
                raise
            # No thread can be started: a limit of the system, or the interpreter exits.
            _guard.fault("starting a worker", error)
            return False
        finally:
            with suppress(RuntimeError):
                self._starting.release()
        return True

    def _start_threads(self) -> None:
        # A supervisor that is to end must not take a ring that is meant for the next.
        self.alarm = alarm = Alarm()
        self._workers = [_Worker(self) for _ in range(self._count)]
        for worker in self._workers:
            worker.begin()
        _threads.start(functools.partial(self._supervise, alarm), "darkcall-supervisor")
        # A signal handler may have closed the runner in between.
        self._is_started = self.alarm is alarm

    def _dismiss(self) -> list[_Worker]:
        with self.replacing:
            dismissed, alarm = self._workers, self.alarm
            self.alarm = Alarm()
            self._is_started = False
        alarm.ring()
        for worker in dismissed:
            worker.is_leaving = True
            worker.wake()
        return dismissed

    def _wake_one(self) -> None:
        with suppress(IndexError):
            while True:
                worker = self._parked.pop()
                worker.wake()
                if not worker.is_leaving:
                    return

    def next_work(self, worker: _Worker) -> Work | None:
        """Give a worker what waited longest; None if it is to end."""
        polling_ends: float | None = None
        while not worker.is_leaving:
            self._poller = None
            # Before it takes anything: whoever flushes waits for what it may have taken.
            worker.turn = object()
            try:
                work = self._queue.popleft()
            except IndexError:
                worker.turn = None
            else:
                if self._queue and self._parked:
                    self._wake_one()
                return work
            _guard.tell()
            now = _clock()
            polling_ends = polling_ends or now + POLLING_SECONDS
            if self._poller is None and now < polling_ends:
                self._poll(worker)
            else:
                self._park(worker)
        return None

    def _poll(self, worker: _Worker) -> None:
        # One worker polls at a time.  While it does, callers wake nobody; it is the poller no
        # more before it looks at the queue for the last time.
        self._poller = worker
        if not self._queue:
            worker.wait(POLL_SECONDS)

    def _park(self, worker: _Worker) -> None:
        self._parked.append(worker)
        # Whoever submitted before the worker was to be seen here woke nobody.
        if self._queue:
            self._wake_one()
        if not worker.is_leaving:
            worker.wait()
        # Whoever flushes may have woken it as the poller that it was before.
        with suppress(ValueError):
            self._parked.remove(worker)

    def _supervise(self, alarm: Alarm) -> None:
        while self.alarm is alarm:
            # What begins from here on, and is not seen below, rings.
            alarm.planned = math.inf
            alarm.planned = min(worker.deadline for worker in self._workers)
            alarm.wait()
            stood_still = time.perf_counter() - alarm.planned > STANDSTILL_SECONDS
            for worker in list(self._workers):
                if worker.deadline <= time.perf_counter() and not (
                    stood_still and worker.gets_time_anew()
                ):
                    self._abandon(worker, alarm)

    def _abandon(self, worker: _Worker, alarm: Alarm) -> None:
        with self.replacing:
            if self.alarm is not alarm or (on_abandoned := worker.claim()) is None:
                return
            # First of all, so that a flush that does not wait for the worker waits for this.
            self._queue.appendleft(Continuation(on_abandoned))
            self._replace(worker)
        self._wake_one()

    def _replace(self, worker: _Worker) -> None:
        before = self._workers
        self._workers = [*before, replacement := _Worker(self)]
        try:
            replacement.begin()
        except RuntimeError as error:
            # The worker goes on itself, once its work ends.
            self._workers = before
            _guard.fault("replacing a worker", error)
        else:
            self._workers = [one for one in self._workers if one is not worker]
            worker.is_leaving = True

    def flush(self, timeout: float) -> bool:
        """Wait until all work that was submitted before is done.

        Args:
            timeout: How long to wait, in seconds.

        Returns:
            Whether it is done.
        """
        deadline = time.perf_counter() + timeout
        # What is overdue meanwhile goes on at the queue's head: a second round waits for it.
        return self._flush_once(deadline) and self._flush_once(deadline)

    def _flush_once(self, deadline: float) -> bool:
        # Another thread may be about to start the workers, or have failed to.
        if not self._is_started and not (self._queue and self._start()):
            return not self._queue
        milestone = Milestone()
        self._queue.append(milestone)
        self._wake_one()
        if (poller := self._poller) is not None:
            poller.wake()
        pauses = _threads.Pauses()
        while not milestone.is_reached:
            if milestone.is_dropped or time.perf_counter() >= deadline:
                return False
            pauses.take()
            # Whoever was about to start the workers may have been interrupted.
            if not self._is_started:
                self._start()
        under_way = [(worker, worker.turn) for worker in self._workers]
        while is_under_way := any(worker.is_in(turn) for worker, turn in under_way):
            if time.perf_counter() >= deadline:
                break
            pauses.take()
        return not is_under_way

    def close(self, timeout: float) -> bool:
        """Flush, then end the workers and drop what is not done.

        Work that is submitted later starts new workers.

        Args:
            timeout: How long to wait, in seconds.

        Returns:
            Whether all was done.
        """
        is_done = self.flush(timeout)
        undone = []
        with self.replacing:
            # Nobody starts new workers meanwhile, which would go on with what waits.
            dismissed = self._dismiss()
            with suppress(IndexError):
                while True:
                    undone.append(self._queue.popleft())
        self._take_over(dismissed)
        for work in undone:
            work.drop("exit")
        return is_done

    def _take_over(self, workers: list[_Worker]) -> None:
        give_up_at, pauses = time.perf_counter() + CLAIMING_SECONDS, _threads.Pauses()
        while workers and time.perf_counter() < give_up_at:
            for worker in workers:
                if (on_abandoned := worker.claim()) is not None:
                    worker.turn = None
                    on_abandoned("exit")
            # Between two phases nothing can be claimed, for a moment.
            workers = [worker for worker in workers if worker.turn is not None]
            pauses.take()

    def after_fork(self) -> None:
        """Forget the parent's threads and work; the next call starts new ones."""
        self._reset()

    def __repr__(self) -> str:
        return f"ThreadRunner(workers={self._count})"


class _Worker:
    """One thread, what it does, and until when that may take."""

    is_callers_thread = False

    def __init__(self, runner: ThreadRunner) -> None:
        self._runner = runner
        self._bell = _threads.Lock()
        self._bell.acquire()
        self._phase: Phase | None = None
        self.turn: object = None
        self.is_leaving = False

    def begin(self) -> None:
        _threads.start(self._loop, "darkcall-worker")

    def _loop(self) -> None:
        DARK.set(True)
        while not self.is_leaving:
            try:
                if (work := self._runner.next_work(self)) is not None:
                    work.run(self)
            except BaseException as error:  # noqa: BLE001 -- a worker outlives everything
                self._phase = None
                _guard.fault("running a job", error)
            finally:
                # What the call held is to be freed now, not at the next call.
                work = None
                self.turn = None

    def is_in(self, turn: object) -> bool:
        return turn is not None and self.turn is turn and not self.is_leaving

    @property
    def deadline(self) -> float:
        phase = self._phase
        return math.inf if phase is None else phase.deadline

    def start(
        self,
        seconds: float | None,
        on_abandoned: Callable[[str], None],
        interrupt: Callable[[], None] | None = None,
    ) -> None:
        phase = Phase()
        phase.seconds = seconds = math.inf if seconds is None else seconds
        phase.deadline = deadline = _clock() + seconds
        phase.on_abandoned = on_abandoned
        phase.interrupt = interrupt
        phase.standstills_left = STANDSTILLS
        phase.is_unclaimed = True
        self._phase = phase
        if deadline < (alarm := self._runner.alarm).planned:
            alarm.ring()

    def end(self) -> bool:
        phase: Any = self._phase
        self._phase = None
        try:
            # One step, which one thread alone can take.
            del phase.is_unclaimed
        except AttributeError:
            pass
        else:
            return True
        # Whoever abandoned this worker decides right now whether it goes on.
        with self._runner.replacing:
            return False

    def claim(self) -> Callable[[str], None] | None:
        """Take over the phase under way; None if there is none, or it is taken."""
        phase = self._phase
        if phase is None or not phase.is_abandoned_now():
            return None
        self._phase = None
        return phase.on_abandoned

    def gets_time_anew(self) -> bool:
        return (phase := self._phase) is not None and phase.gets_time_anew()

    def wait(self, seconds: float = -1) -> None:
        self._bell.acquire(timeout=seconds)

    def wake(self) -> None:
        with suppress(RuntimeError):
            self._bell.release()
