from __future__ import annotations

import asyncio
import contextvars
import threading
import time
import types

import pytest

from darkcall import Observation, _guard, _threads
from darkcall.runners import _coming
from darkcall.runners import loop as loops
from darkcall.runners._finish import finish
from darkcall.runners.thread import STANDSTILLS
from looking import wait_until


class Course:
    """A candidate that does what a test wants, and hears what becomes of it."""

    def __init__(self, do, timeout=5.0):
        self.do = do
        self.timeout = timeout
        self.work = object()
        self.heard = []

    async def observe(self):
        return Observation(await self.do())

    def ended(self, observation):
        self.heard.append(("ended", observation.value))

    def abandoned(self, reason):
        self.heard.append(("abandoned", reason))

    def got_stuck(self):
        self.heard.append("stuck")

    def ended_late(self, observation):
        self.heard.append(("late", None if observation is None else observation.value))


def start(course, *, loop=None, is_awaited=False):
    loops.start(course, loop=loop, context=contextvars.copy_context(), is_awaited=is_awaited)


@pytest.fixture(autouse=True)
def nothing_runs_on():
    yield
    loops.close()
    wait_until(lambda: not loops._runs)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(loops, "GRACE_SECONDS", 0.02)


def sweep_twice():
    """First a loop that is late is asked whether it runs, then it is given up."""
    for _ in range(2):
        time.sleep(0.06)
        loops.sweep()


@pytest.fixture
def blocking():
    """A candidate that blocks its loop until the test lets it go."""
    let_go = threading.Event()

    async def block():
        block.began.set()
        let_go.wait(20)
        return "unblocked"

    block.began = threading.Event()
    block.let_go = let_go
    yield block
    let_go.set()


async def answer():
    return 42


async def for_long():
    await asyncio.sleep(20)


def test_who_waits_is_told_when_the_candidate_has_ended():
    course = Course(answer)
    start(course, is_awaited=True)

    assert course.heard == [("ended", 42)]


def test_what_was_started_on_the_running_loop_begins_at_the_next_step():
    async def main():
        course = Course(answer)
        start(course, loop=asyncio.get_running_loop())
        at_first = list(course.heard)
        await finish([course.work])
        return at_first, course.heard

    assert asyncio.run(main()) == ([], [("ended", 42)])


def test_a_loop_that_is_closed_takes_nothing():
    loop = asyncio.new_event_loop()
    loop.close()
    course = Course(answer)
    start(course, loop=loop)

    assert course.heard == [("abandoned", "loop_closed")]


def test_what_was_abandoned_before_it_began_never_begins():
    async def begun():
        begins.append(True)

    begins = []
    loop = asyncio.new_event_loop()
    course = Course(begun)
    start(course, loop=loop)
    loops.close()
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()

    assert course.heard == [("abandoned", "exit")]
    assert begins == []


def test_what_waits_behind_a_blocked_loop_is_dropped_when_that_is_known(quick, blocking):
    first, begun, behind = Course(blocking, 0.02), Course(for_long, 5.0), Course(answer, 5.0)
    start(begun)
    start(first)
    blocking.began.wait(5)
    start(behind)

    sweep_twice()
    heard = [list(one.heard) for one in (first, behind)]
    blocking.let_go.set()
    wait_until(lambda: len(first.heard) == 3)

    assert heard == [[("abandoned", "timeout"), "stuck"], [("abandoned", "loop_blocked")]]
    assert first.heard[2] == ("late", "unblocked")


def test_what_began_on_a_loop_before_it_was_blocked_has_its_time(quick, blocking):
    other = Course(for_long, 0.2)
    start(other)
    wait_until(lambda: all(run.task for run in loops._runs))
    first = Course(blocking, 0.02)
    start(first)
    blocking.began.wait(5)
    sweep_twice()
    after_a_while = list(other.heard)

    assert loops.flush(timeout=5)
    assert after_a_while == []
    assert other.heard == [("abandoned", "timeout"), "stuck"]


def test_a_new_loop_takes_the_place_of_one_that_is_blocked_before_its_candidate_began(
    quick, blocking
):
    # Without a timeout of its own it is the ones behind it that show that it blocks.
    patient = Course(blocking, None)
    start(patient)
    blocking.began.wait(5)
    behind = Course(answer, 0.02)
    start(behind)
    assert loops.flush(timeout=0.0) is False
    sweep_twice()
    later = Course(answer)
    start(later, is_awaited=True)
    blocking.let_go.set()
    wait_until(lambda: patient.heard)

    assert behind.heard == [("abandoned", "loop_blocked")]
    assert later.heard == [("ended", 42)]
    assert patient.heard == [("ended", "unblocked")]


def test_a_loop_that_is_late_and_answers_is_not_blocked(quick):
    patient = Course(for_long, 5.0)
    start(patient)
    wait_until(lambda: all(run.task for run in loops._runs))
    (run,) = loops._runs
    run._deadline = time.perf_counter() - 1.0
    loops.sweep()
    wait_until(lambda: not loops._asked)
    loops.sweep()
    wait_until(lambda: not loops._asked)
    background = loops._background
    loops.close()

    assert background is not None
    assert patient.heard[0] == ("abandoned", "exit")


def test_a_loop_that_is_closed_meanwhile_cannot_be_asked(quick, monkeypatch):
    class Closing:
        """Closed a moment after it said that it is open."""

        def is_running(self):
            return True

        def is_closed(self):
            return False

        def call_soon_threadsafe(self, *callback):
            raise RuntimeError

    start(Course(for_long))
    wait_until(lambda: all(run.task for run in loops._runs))
    (run,) = loops._runs
    closing = Closing()
    monkeypatch.setattr(run, "loop", closing)
    monkeypatch.setattr(run, "_deadline", time.perf_counter() - 1.0)
    monkeypatch.setattr(loops, "_background", closing)
    loops.sweep()
    asked = dict(loops._asked)
    monkeypatch.undo()

    assert asked == {}


def test_a_candidate_is_told_to_be_stuck_once():
    course = Course(for_long)
    start(course)
    wait_until(lambda: all(run.task for run in loops._runs))
    (run,) = loops._runs
    run.mark_stuck()
    run.mark_stuck()

    assert course.heard == ["stuck"]


@pytest.mark.parametrize("standstills", [0, 1, STANDSTILLS])
def test_a_candidate_whose_loop_stood_still_has_its_time_anew(monkeypatch, standstills):
    course, overdue = Course(for_long, 0.02), loops._Run._overdue
    told = []

    def late(run):
        told.append(True)
        if len(told) <= standstills:
            run._deadline -= 2.0
        overdue(run)

    monkeypatch.setattr(loops._Run, "_overdue", late)
    start(course)
    wait_until(lambda: course.heard)

    assert len(told) == standstills + 1
    assert course.heard[0] == ("abandoned", "timeout")


def test_a_loop_that_stands_still_again_and_again_keeps_no_candidate_for_ever(monkeypatch):
    course, overdue = Course(for_long, 0.02), loops._Run._overdue

    def late(run):
        run._deadline -= 2.0
        overdue(run)

    monkeypatch.setattr(loops._Run, "_overdue", late)
    start(course)
    wait_until(lambda: course.heard)

    assert course.heard[0] == ("abandoned", "timeout")


def test_closing_what_was_never_started_does_nothing():
    loops.close()
    loops.close()

    assert loops._background is None


def test_closing_cancels_what_runs_and_counts_nothing_twice():
    course = Course(for_long)
    start(course)
    wait_until(lambda: all(run.task for run in loops._runs))
    loops.close()

    wait_until(lambda: len(course.heard) == 2)
    assert course.heard == [("abandoned", "exit"), ("late", None)]


def test_a_candidate_that_is_not_cancelled_in_time_is_left_behind_quietly(quick, caplog):
    async def stubborn():
        while True:
            try:
                await asyncio.sleep(0.005)
            except asyncio.CancelledError:
                if let_go.is_set():
                    raise

    let_go = threading.Event()
    course = Course(stubborn)
    start(course)
    wait_until(lambda: all(run.task for run in loops._runs))
    (loop,) = {run.loop for run in loops._runs}
    loops.close()

    wait_until(loop.is_closed)
    assert course.heard == [("abandoned", "exit")]
    assert caplog.messages == []


def test_a_loop_goes_on_when_a_task_of_a_candidates_own_would_end_its_thread():
    async def leave():
        raise SystemExit

    async def begin_another():
        task = asyncio.ensure_future(leave())
        await asyncio.wait([task])
        return type(task.exception())

    faults = _guard.faults.value
    course = Course(begin_another)
    start(course, is_awaited=True)

    assert course.heard == [("ended", SystemExit)]
    assert _guard.faults.value == faults + 1


def test_a_loop_that_is_closed_meanwhile_cannot_be_told_to_cancel(monkeypatch):
    class Closing:
        """Closed a moment after it said that it is open."""

        def is_running(self):
            return True

        def is_closed(self):
            return False

        def call_soon_threadsafe(self, callback):
            raise RuntimeError

    course = Course(for_long)
    start(course)
    wait_until(lambda: all(run.task for run in loops._runs))
    (run,) = loops._runs
    monkeypatch.setattr(run, "loop", Closing())
    run.abandon("timeout")
    monkeypatch.undo()

    assert course.heard == [("abandoned", "timeout")]


def test_a_blocked_loop_that_is_closed_meanwhile_need_not_be_stopped():
    loop = asyncio.new_event_loop()
    loop.close()
    loops._blocked.add(loop)
    loops._stop_unless_needed(loop)

    assert loop not in loops._blocked


def test_a_forked_child_forgets_the_loops_and_tasks_of_its_parent():
    start(Course(for_long))
    wait_until(lambda: all(run.task for run in loops._runs))
    background, runs = loops._background, set(loops._runs)
    loops.after_fork()
    forgotten = (loops._background, set(loops._runs))
    loops.after_fork()
    loops._left_behind.clear()
    loops._background, loops._runs = background, runs

    assert forgotten == (None, set())


def test_two_calls_that_come_first_at_once_have_one_loop(monkeypatch):
    loops.close()
    started, targets = _threads.start, []
    monkeypatch.setattr(_threads, "start", lambda target, name: targets.append(target))
    loops.start_ahead()
    # The second looked before the first had begun.
    loops._coming = None
    loops.start_ahead()
    first, second = targets
    started(first, "darkcall-loop")
    wait_until(lambda: loops._background is not None)
    loop = loops._background
    second()

    assert loops._background is loop
    loops.close()


@pytest.fixture
def hung_making(monkeypatch):
    """The making of an event loop hangs until the test ends."""

    def hang():
        begun.set()
        let_go.wait(10)
        return new_event_loop()

    loops.close()
    new_event_loop, begun, let_go = asyncio.new_event_loop, threading.Event(), threading.Event()
    monkeypatch.setattr(asyncio, "new_event_loop", hang)
    yield types.SimpleNamespace(begun=begun, let_go=let_go)
    let_go.set()
    wait_until(lambda: loops._coming is None)


def test_who_waits_for_a_loop_that_does_not_come_goes_without(hung_making, monkeypatch):
    monkeypatch.setattr(_coming, "COMING_SECONDS", 0.05)
    with pytest.raises(RuntimeError, match="there is no event loop"):
        start(Course(answer))
    began = time.perf_counter()
    # Nobody waits for it twice.
    with pytest.raises(RuntimeError, match="there is no event loop"):
        start(Course(answer))

    assert time.perf_counter() - began < 0.04
    assert hung_making.begun.is_set()
    assert not loops._waiting


def test_a_close_drops_what_waits_for_a_loop_and_waits_for_neither(hung_making):
    first, second = Course(answer), Course(answer)
    starting = [threading.Thread(target=start, args=(one,)) for one in (first, second)]
    for one in starting:
        one.start()
    wait_until(lambda: len(loops._waiting) == 2)
    began = time.perf_counter()
    assert loops.flush(timeout=1.0)
    loops.shut()
    loops.close()
    loops.reopen()
    seconds = time.perf_counter() - began
    heard = [list(one.heard) for one in (first, second)]
    hung_making.let_go.set()
    for one in starting:
        one.join()

    assert heard == [[("abandoned", "exit")]] * 2
    assert seconds < 1.0
    # The loop that comes after all takes none of them.
    assert [one.heard for one in (first, second)] == heard
