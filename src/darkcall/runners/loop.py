"""Run async candidates as tasks: on the caller's loop, or on one in the background.

A task is really cancelled at its deadline.  A candidate that blocks its loop cannot be:
on the background loop it costs that loop, which is replaced, on the caller's loop it
blocks the caller, as any other task would.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from darkcall._dark import DARK
from darkcall._model import Observation


if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextvars import Context

#: How long after its deadline a task may take to be cancelled, in seconds.
GRACE_SECONDS: Final = 1.0
_TICK_SECONDS: Final = 0.001
_SWEEP_SECONDS: Final = 0.05


class Course(Protocol):
    """What becomes of an async candidate, as its run hears of it."""

    @property
    def timeout(self) -> float | None:
        """How long it may take, in seconds."""

    def observe(self) -> Coroutine[Any, Any, Observation]:
        """Run it."""

    def ended(self, observation: Observation) -> None:
        """Hear what it did."""

    def abandoned(self, reason: str) -> None:
        """Hear that it did not end in time, was cancelled, or lost its loop."""

    def got_stuck(self) -> None:
        """Hear that it goes on after it was cancelled."""

    def ended_late(self, *, was_stuck: bool, observation: Observation | None) -> None:
        """Hear that it ended after it was abandoned."""


_runs: set[_Run] = set()
_background: asyncio.AbstractEventLoop | None = None
# Re-entrant, for a signal handler that flushes.
_starting = threading.RLock()
#: Loops that a candidate blocks; each ends when its candidates have.
_blocked: set[asyncio.AbstractEventLoop] = set()
#: Loops that a fork left behind; to collect them would close what the parent process
#: still uses.
_left_behind: list[asyncio.AbstractEventLoop] = []


def start(
    course: Course,
    *,
    loop: asyncio.AbstractEventLoop | None,
    context: Context,
    is_awaited: bool,
) -> None:
    """Run an async candidate.

    Args:
        course: What to run, and what hears of it.
        loop: The loop to run it on; None for the one in the background.
        context: The context variables that it sees and may change.
        is_awaited: Whether to wait until it ended, unless it runs on this very loop.
    """
    sweep()
    run = _Run(course, loop or _background_loop(), context)
    _runs.add(run)
    if run.loop is current():
        run.begin()
        return
    try:
        run.loop.call_soon_threadsafe(run.begin)
    except RuntimeError:
        run.abandon("loop_closed")
    while is_awaited and not run.is_settled.wait(_SWEEP_SECONDS):
        sweep()


sleep = asyncio.sleep


async def finish() -> None:
    """Wait for the candidates on this loop."""
    loop = current()
    # A run is settled on any thread, where an asyncio.Event cannot be set.
    while any(  # noqa: ASYNC110
        run.loop is loop and not run.is_settled.is_set() for run in list(_runs)
    ):
        await asyncio.sleep(_TICK_SECONDS)


def sweep() -> None:
    """Give up what its loop will not end: the loop is closed, or blocked by a candidate."""
    global _background  # noqa: PLW0603 -- one loop for the process
    now = time.perf_counter()
    with _starting:
        loop = _background
        if loop and any(run.loop is loop and run.is_overdue(now) for run in list(_runs)):
            _blocked.add(loop)
            _background = None
    for run in list(_runs):
        if run.loop.is_closed():
            run.abandon("loop_closed")
        elif not run.loop.is_running() and now > run.forgotten_at:
            run.abandon("loop_stopped")
        elif run.loop not in _blocked:
            continue
        elif run.task is None:
            run.abandon("loop_blocked")
        elif run.is_overdue(now):
            run.abandon("timeout")
            run.mark_stuck()


def flush(timeout: float) -> bool:
    """Wait until all candidates that were started before have ended, or were abandoned.

    Args:
        timeout: How long to wait, in seconds.

    Returns:
        Whether they have, or were.
    """
    deadline = time.perf_counter() + timeout
    awaited = list(_runs)
    while not all(run.is_settled.is_set() for run in awaited):
        sweep()
        if time.perf_counter() >= deadline:
            return False
        time.sleep(_TICK_SECONDS)
    return True


def close() -> None:
    """Cancel what still runs, on every loop, and end the one in the background."""
    global _background
    with _starting:
        loop, _background = _background, None
        if loop is not None:
            _blocked.add(loop)
    for run in list(_runs):
        run.abandon("exit")
    if loop is not None:
        _stop_unless_needed(loop)


def after_fork() -> None:
    """Forget the parent's loops and tasks, in a forked child."""
    global _background, _starting  # noqa: PLW0603 -- one loop for the process
    _left_behind.extend({run.loop for run in _runs} | _blocked)
    if _background is not None:
        _left_behind.append(_background)
    _background = None
    _starting = threading.RLock()
    _blocked.clear()
    _runs.clear()


def current() -> asyncio.AbstractEventLoop | None:
    """Give the loop that runs on this thread; None if there is none, or it is trio's."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _background_loop() -> asyncio.AbstractEventLoop:
    global _background  # noqa: PLW0603 -- one loop for the process
    with _starting:
        # A candidate may have stopped the loop that it runs on.
        if _background is None or _background.is_closed():
            loop = asyncio.new_event_loop()
            try:
                threading.Thread(
                    target=_run_loop, args=(loop,), name="darkcall-loop", daemon=True
                ).start()
            except RuntimeError:
                loop.close()
                raise
            _background = loop
        return _background


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    DARK.set(True)
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        # What candidates began on their own, too.
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=GRACE_SECONDS))
        for task in tasks:
            _forget(task)
    finally:
        loop.close()


def _forget(task: asyncio.Task[Any]) -> None:
    # Nobody will ever end it, and the user's log is not to hear of that.
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001


def _stop_unless_needed(loop: asyncio.AbstractEventLoop) -> None:
    if loop in _blocked and not any(run.loop is loop for run in list(_runs)):
        _blocked.discard(loop)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(loop.stop)


class _Run:
    """One task, and its deadline."""

    def __init__(self, course: Course, loop: asyncio.AbstractEventLoop, context: Context) -> None:
        self.loop = loop
        self.task: asyncio.Task[Observation] | None = None
        self._coroutine: Coroutine[Any, Any, Observation] | None = None
        self.is_settled = threading.Event()
        self._course = course
        self._deadline = self._deadline_from_now()
        #: When it is given up if its loop does not run any more.
        self.forgotten_at = self._deadline + GRACE_SECONDS
        self._context = context
        self._timer: asyncio.TimerHandle | None = None
        self._claimed = threading.Lock()
        self._is_stuck = False

    def begin(self) -> None:
        """Create the task; on the loop's thread."""
        if self._claimed.locked():
            return
        # Not loop.create_task: an eager task factory would run the candidate here,
        # while the caller waits.
        self._coroutine = self._course.observe()
        self.task = asyncio.Task(
            self._coroutine,
            loop=self.loop,
            name="darkcall-candidate",
            context=self._context,
        )
        self.task.add_done_callback(self._ended)
        self._deadline = self._deadline_from_now()
        if self._course.timeout is not None:
            self._timer = self.loop.call_later(self._course.timeout, self._overdue)

    def _deadline_from_now(self) -> float:
        timeout = self._course.timeout
        return math.inf if timeout is None else time.perf_counter() + timeout

    def is_overdue(self, now: float) -> bool:
        """Whether even its loop has not noticed that its time is over."""
        return now > self._deadline + GRACE_SECONDS

    def _overdue(self) -> None:
        self.abandon("timeout")
        self._timer = self.loop.call_later(GRACE_SECONDS, self.mark_stuck)

    def mark_stuck(self) -> None:
        """Tell that the candidate goes on after it was cancelled."""
        if not self._is_stuck:
            self._is_stuck = True
            self._course.got_stuck()

    def _ended(self, task: asyncio.Task[Observation]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if task.cancelled():
            observation = None
        elif (error := task.exception()) is not None:
            observation = Observation(exception=error.with_traceback(None))
        else:
            observation = task.result()
        if not self._claimed.acquire(blocking=False):
            self._course.ended_late(was_stuck=self._is_stuck, observation=observation)
        elif observation is None:
            self._course.abandoned("cancelled")
        else:
            self._course.ended(observation)
        self.is_settled.set()
        self._leave()

    def abandon(self, reason: str) -> None:
        """Go on without the candidate, unless it has ended."""
        if self._claimed.acquire(blocking=False):
            self._course.abandoned(reason)
            self.is_settled.set()
            if reason == "timeout":
                self._cancel()
        if reason != "timeout":
            self._leave()
            self._cancel()

    def _cancel(self) -> None:
        if self.task is None or self._coroutine is None or self.task.done():
            return
        if not self.loop.is_running():
            _forget(self.task)
            # Its last words are the candidate's own, and are said in the dark.
            with suppress(BaseException):
                self._context.run(self._coroutine.close)
        elif self.loop is current():
            self.task.cancel()
        else:
            with suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self.task.cancel)

    def _leave(self) -> None:
        _runs.discard(self)
        _stop_unless_needed(self.loop)
