"""Run candidates in threads of this process, under a deadline that nobody waits beyond.

The caller appends work to a deque: no lock, no future, no event.  A worker that finds
the deque empty polls for a moment and then parks; only a parked one costs a wake-up.

A thread cannot be killed.  The supervisor sleeps until the next deadline and abandons
a worker whose work is overdue: another takes its place, and it ends when its work does.
"""

from __future__ import annotations

import collections
import math
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from darkcall import _guard
from darkcall._dark import DARK
from darkcall._errors import ConfigurationError

from ._alarm import Alarm


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._work import Watch, Work

#: After its last work a worker looks for more so often, for so long, before it parks.
POLL_SECONDS: Final = 0.005
POLLING_SECONDS: Final = 0.5
#: How long telling of work that is overdue may hold a worker.
TELLING_SECONDS: Final = 5.0
#: A start that takes longer was interrupted.
STALE_SECONDS: Final = 1.0
_TICK_SECONDS: Final = 0.001
_STEP_SECONDS: Final = 0.05


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

    def __init__(self, *, workers: int = 2) -> None:
        if not isinstance(workers, int) or workers < 1:
            raise ConfigurationError(f"ThreadRunner(workers={workers!r}): give a number above 0")
        self._count = workers
        self._reset()

    def _reset(self) -> None:
        self._queue: collections.deque[Work] = collections.deque()
        self._parked: collections.deque[_Worker] = collections.deque()
        self._workers: list[_Worker] = []
        self._supervisor: threading.Thread | None = None
        self._is_started = False
        self._is_polling = False
        self._starting = threading.Lock()
        self._began_to_start = -math.inf
        self._alarm = Alarm()
        # Held while it is decided who goes on in the place of an abandoned worker.
        self.replacing = threading.RLock()

    def submit(self, work: Work) -> None:
        """Queue the work for the next free worker.

        Args:
            work: What is to be done.
        """
        is_started = self._is_started
        try:
            is_started = is_started or self._start()
        finally:
            if not is_started:
                work.drop("no_thread")
        if not is_started:
            return
        self._queue.append(work)
        if self._parked and not self._is_polling:
            self._wake_one()

    def _start(self) -> bool:
        # A signal handler may run this again in its middle, so nobody waits here:
        # who finds it under way queues the work, and the workers see it when they come.
        if not self._starting.acquire(blocking=False):
            if time.perf_counter() - self._began_to_start > STALE_SECONDS:
                # An interrupt came between its taking and its release.
                self._starting = threading.Lock()
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
        self._alarm = Alarm()
        self._workers = [_Worker(self) for _ in range(self._count)]
        self._supervisor = supervisor = threading.Thread(
            target=self._supervise, name="darkcall-supervisor", daemon=True
        )
        for worker in self._workers:
            worker.begin()
        supervisor.start()
        # A signal handler may have closed the runner in between.
        self._is_started = self._supervisor is supervisor

    def _dismiss(self) -> list[_Worker]:
        with self.replacing:
            dismissed, alarm = self._workers, self._alarm
            self._supervisor = None
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
        """Give a worker something to do; None if it is to end.

        Args:
            worker: Who asks.

        Returns:
            The work that waited longest.
        """
        polling_ends = time.perf_counter() + POLLING_SECONDS
        while not worker.is_leaving:
            self._is_polling = False
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
            if not self._is_polling and time.perf_counter() < polling_ends:
                self._poll(worker)
            else:
                self._park(worker)
        return None

    def _poll(self, worker: _Worker) -> None:
        # One worker polls at a time.  While it does, callers wake nobody; it takes the
        # flag down before it looks at the queue for the last time.
        self._is_polling = True
        if not self._queue:
            worker.wait(POLL_SECONDS)

    def _park(self, worker: _Worker) -> None:
        self._parked.append(worker)
        # Whoever submitted before the worker was to be seen here woke nobody.
        if self._queue:
            self._wake_one()
        if not worker.is_leaving:
            worker.wait()

    def rings_by(self, deadline: float) -> None:
        """Have the supervisor awake at a deadline.

        Args:
            deadline: A reading of ``time.perf_counter``.
        """
        if deadline < (alarm := self._alarm).planned:
            alarm.ring()

    def _supervise(self) -> None:
        alarm = self._alarm
        while self._supervisor is threading.current_thread():
            # What begins from here on, and is not seen below, rings.
            alarm.planned = math.inf
            alarm.planned = min(worker.deadline for worker in self._workers)
            alarm.wait()
            for worker in list(self._workers):
                if worker.deadline <= time.perf_counter():
                    self._abandon(worker)

    def _abandon(self, worker: _Worker) -> None:
        with self.replacing:
            if self._supervisor is not threading.current_thread():
                return
            if (on_abandoned := worker.claim()) is None:
                return
            # First of all, so that a flush that does not wait for the worker waits for this.
            self._queue.appendleft(_Continuation(on_abandoned))
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
        milestone = _Milestone()
        self._queue.append(milestone)
        self._wake_one()
        while not milestone.reached.acquire(timeout=_STEP_SECONDS):
            if time.perf_counter() >= deadline:
                return False
            # Whoever was about to start the workers may have been interrupted.
            if not self._is_started:
                self._start()
        under_way = [(worker, worker.turn) for worker in self._workers]
        while is_under_way := any(worker.is_in(turn) for worker, turn in under_way):
            if time.perf_counter() >= deadline:
                break
            time.sleep(_TICK_SECONDS)
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
        for worker in self._dismiss():
            if (on_abandoned := worker.claim()) is not None:
                on_abandoned("exit")
        while self._queue:
            with suppress(IndexError):
                self._queue.popleft().drop("exit")
        return is_done

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
        self._bell = threading.Lock()
        self._bell.acquire()
        self._phase: tuple[float, threading.Lock, Callable[[str], None]] | None = None
        self.turn: object = None
        self.is_leaving = False

    def begin(self) -> None:
        threading.Thread(target=self._loop, name="darkcall-worker", daemon=True).start()

    def _loop(self) -> None:
        DARK.set(True)
        while (work := self._runner.next_work(self)) is not None:
            try:
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
        return math.inf if phase is None else phase[0]

    def start(self, seconds: float | None, on_abandoned: Callable[[str], None]) -> None:
        deadline = math.inf if seconds is None else time.perf_counter() + seconds
        self._phase = (deadline, threading.Lock(), on_abandoned)
        self._runner.rings_by(deadline)

    def end(self) -> bool:
        phase, self._phase = self._phase, None
        if phase is not None and phase[1].acquire(blocking=False):
            return True
        # Whoever abandoned this worker decides right now whether it goes on.
        with self._runner.replacing:
            return False

    def claim(self) -> Callable[[str], None] | None:
        """Take over the phase under way; None if there is none, or it is taken."""
        phase = self._phase
        if phase is None or not phase[1].acquire(blocking=False):
            return None
        self._phase = None
        return phase[2]

    def wait(self, seconds: float = -1) -> None:
        self._bell.acquire(timeout=seconds)

    def wake(self) -> None:
        with suppress(RuntimeError):
            self._bell.release()


class _Continuation:
    """What is left to do for work that is overdue, away from the thread it holds."""

    def __init__(self, on_abandoned: Callable[[str], None]) -> None:
        self._on_abandoned = on_abandoned

    def run(self, watch: Watch) -> None:
        watch.start(TELLING_SECONDS, _nothing)
        self._on_abandoned("timeout")
        watch.end()

    def drop(self, reason: str) -> None:
        self._on_abandoned(reason)


class _Milestone:
    """Work that shows how far the workers have come."""

    def __init__(self) -> None:
        self.reached = threading.Lock()
        self.reached.acquire()

    def run(self, watch: Watch) -> None:  # noqa: ARG002 -- takes no time
        self.reached.release()

    def drop(self, reason: str) -> None:
        """Leave whoever waits for it to its timeout."""


def _nothing(reason: str) -> None:
    """Leave it at that: what is overdue here has nothing left to do."""
