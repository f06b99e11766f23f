"""Run async candidates as tasks: on the caller's loop, or on one in the background.

A task is really cancelled at its deadline.  A candidate that blocks its loop cannot be:
on the background loop it costs that loop, which is replaced, on the caller's loop it
blocks the caller, as any other task would.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from darkcall import _guard, _threads
from darkcall._model import Observation

from ._alarm import STANDSTILL_SECONDS, STANDSTILLS
from ._coming import Coming
from ._loop_thread import GRACE_SECONDS, forget, run_to_its_end


if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context

    from ._work import Course

_TICK_SECONDS: Final = 0.001

#: For the wrappers, which must not import asyncio.
sleep = asyncio.sleep

_runs: set[_Run] = set()
_background: asyncio.AbstractEventLoop | None = None
#: The loop that is being made, and what waits for it.
_coming: Coming | None = None
_waiting: set[Course] = set()
_is_shut = False
# Re-entrant, for a signal handler that flushes.
_starting = _threads.RLock()
#: Held by threads that make the loop in the background; no caller waits for it.
_making = _threads.Lock()
#: Loops that a candidate blocks; each ends when its candidates have.
_blocked: set[asyncio.AbstractEventLoop] = set()
#: Loops that were asked whether they run, and since when they have not answered.
_asked: dict[asyncio.AbstractEventLoop, float] = {}
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
    if (run := _enrolled(course, loop, context)) is None:
        return
    if run.loop is current():
        run.begin()
        return
    try:
        run.loop.call_soon_threadsafe(run.begin)
    except RuntimeError:
        run.abandon("loop_closed")
    while is_awaited and not run.is_settled:
        time.sleep(_TICK_SECONDS)
        sweep()


def _enrolled(
    course: Course, loop: asyncio.AbstractEventLoop | None, context: Context
) -> _Run | None:
    """Give a candidate its loop; None if it is abandoned, as a close wants it."""
    with _starting:
        if _is_shut:
            course.abandoned("exit")
            return None
        _waiting.add(course)
    try:
        # Not under the lock, for which the exit waits: the loop may never come.
        loop = loop or _background_loop()
        with _starting:
            if course not in _waiting:
                return None
            if loop is None:
                raise RuntimeError("there is no event loop to run an async candidate on")
            _runs.add(run := _Run(course, loop, context))
            return run
    finally:
        _waiting.discard(course)


def sweep() -> None:
    """Give up what its loop will not end: the loop is closed, or blocked by a candidate."""
    global _background  # noqa: PLW0603 -- one loop for the process
    now = time.perf_counter()
    with _starting:
        loop = _background
        if loop and _is_blocked(loop, now):
            _asked.pop(loop, None)
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


def _is_blocked(loop: asyncio.AbstractEventLoop, now: float) -> bool:
    if not any(run.loop is loop and run.is_overdue(now) for run in list(_runs)):
        return False
    if (asked_at := _asked.get(loop)) is not None:
        return now > asked_at + GRACE_SECONDS
    # The process may have stood still, and the loop with it: it is to have its chance.
    _asked[loop] = now
    try:
        loop.call_soon_threadsafe(_asked.pop, loop, None)
    except RuntimeError:
        _asked.pop(loop, None)
    return False


def flush(timeout: float) -> bool:
    """Wait until all candidates that were started before have ended, or were abandoned.

    Args:
        timeout: How long to wait, in seconds.

    Returns:
        Whether they have, or were.
    """
    deadline = time.perf_counter() + timeout
    awaited = list(_runs)
    while not all(run.is_settled for run in awaited):
        sweep()
        if time.perf_counter() >= deadline:
            return False
        time.sleep(_TICK_SECONDS)
    return True


def close() -> None:
    """Cancel what still runs, on every loop, and end the one in the background."""
    global _background, _waiting
    with _starting:
        loop, _background = _background, None
        waiting, _waiting = _waiting, set()
    for course in waiting:
        course.abandoned("exit")
    for run in list(_runs):
        run.abandon("exit")
    if loop is not None:
        _blocked.add(loop)
        _stop_unless_needed(loop)


def shut() -> None:
    """Drop what is started from now on."""
    global _is_shut  # noqa: PLW0603 -- one door for the process
    with _starting:
        _is_shut = True


def reopen() -> None:
    """Let candidates be started again."""
    global _is_shut  # noqa: PLW0603 -- one door for the process
    _is_shut = False


def after_fork() -> None:
    """Forget the parent's loops and tasks, in a forked child."""
    global _background, _coming, _making, _starting  # noqa: PLW0603 -- one loop for the process
    reopen()
    _coming = None
    _left_behind.extend({run.loop for run in _runs} | _blocked)
    if _background is not None:
        _left_behind.append(_background)
    _background = None
    _starting, _making = _threads.RLock(), _threads.Lock()
    _blocked.clear()
    _asked.clear()
    _runs.clear()
    _waiting.clear()


#: Gives the loop that runs on this thread; None if there is none, or it is trio's.
current: Callable[[], asyncio.AbstractEventLoop | None]
current = asyncio._get_running_loop  # noqa: SLF001 -- the public one raises


def start_ahead() -> None:
    """Have the loop in the background start, if a thread is to be had; waits for nothing."""
    with suppress(RuntimeError):
        _begin_background()


def _background_loop() -> asyncio.AbstractEventLoop | None:
    if (coming := _begin_background()) is not None:
        coming.wait()
    return _background


def _begin_background() -> Coming | None:
    global _coming  # noqa: PLW0603 -- one loop for the process
    if _coming is None and not _has_background():
        try:
            _coming = coming = Coming()
            _threads.start(functools.partial(_run_background, coming), "darkcall-loop")
        except BaseException:
            _coming = None
            raise
    return _coming


def _has_background() -> bool:
    # A candidate may have stopped the loop that it runs on.
    return _background is not None and not _background.is_closed()


def _run_background(coming: Coming) -> None:
    global _background, _coming  # noqa: PLW0603 -- one loop for the process
    try:
        with _making:
            if _has_background():
                # Two callers at once have both begun one.
                return
            # On the thread that runs it: gevent ties what a loop consists of to its thread.
            # It holds the context that it is made in, which here is not that of a call.
            _background = loop = asyncio.new_event_loop()
    except Exception as error:  # noqa: BLE001 -- a policy of the host's may make it
        _guard.fault("making an event loop", error)
        return
    finally:
        _coming = None
        coming.settle()
    run_to_its_end(loop)


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
        self.is_settled = False
        self.waiter: asyncio.Event | None = None
        self.course = course
        self._deadline = self._deadline_from_now()
        #: When it is given up if its loop does not run any more.
        self.forgotten_at = self._deadline + GRACE_SECONDS
        self._context = context
        self._timer: asyncio.TimerHandle | None = None
        self._claimed = _threads.Lock()
        self._is_stuck = False
        self._standstills_left = STANDSTILLS

    def begin(self) -> None:
        """Create the task; on the loop's thread."""
        if self._claimed.locked():
            return
        # Not loop.create_task: an eager task factory would run the candidate here,
        # while the caller waits.
        self._coroutine = self.course.observe()
        self.task = asyncio.Task(
            self._coroutine,
            loop=self.loop,
            name="darkcall-candidate",
            context=self._context,
        )
        self.task.add_done_callback(self._ended)
        self._give_time()

    def _give_time(self) -> None:
        self._deadline = self._deadline_from_now()
        if self.course.timeout is not None:
            self._call_later(self.course.timeout, self._overdue)

    def _call_later(self, seconds: float, function: Callable[[], None]) -> None:
        # In a context of its own: a timer that was cancelled goes on holding it, until
        # the loop comes across it.
        self._timer = self.loop.call_later(seconds, function, context=contextvars.Context())

    def _deadline_from_now(self) -> float:
        timeout = self.course.timeout
        return math.inf if timeout is None else time.perf_counter() + timeout

    def is_overdue(self, now: float) -> bool:
        """Whether even its loop has not noticed that its time is over."""
        return now > self._deadline + GRACE_SECONDS and not self._is_stuck

    def _overdue(self) -> None:
        stood_still = time.perf_counter() - self._deadline > STANDSTILL_SECONDS
        if stood_still and self._standstills_left:
            # Its loop has not run, so nor has the candidate.
            self._standstills_left -= 1
            self._give_time()
            return
        self.abandon("timeout")
        self._call_later(GRACE_SECONDS, self.mark_stuck)

    def mark_stuck(self) -> None:
        """Tell that the candidate goes on after it was cancelled."""
        if not self._is_stuck:
            self._is_stuck = True
            self.course.got_stuck()

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
            self.course.ended_late(observation)
        elif observation is None:
            self.course.abandoned("cancelled")
        else:
            self.course.ended(observation)
        self._settle()
        self._leave()
        # While it waits, a loop holds the timer that it dropped last, such as a cancelled
        # sleep's with the candidate's context; not if there is something left to do.
        self.loop.call_soon(lambda: None)

    def _settle(self) -> None:
        self.is_settled = True
        if self.waiter is not None:
            with suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self.waiter.set)

    def abandon(self, reason: str) -> None:
        """Go on without the candidate, unless it has ended."""
        if self._claimed.acquire(blocking=False):
            self.course.abandoned(reason)
            self._settle()
            if reason == "timeout":
                self._cancel()
        if reason != "timeout":
            self._leave()
            self._cancel()

    def _cancel(self) -> None:
        if self.task is None or self._coroutine is None or self.task.done():
            return
        if not self.loop.is_running():
            forget(self.task)
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
