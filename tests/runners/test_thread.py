from __future__ import annotations

import collections
import gc
import subprocess
import sys
import threading
import time
import types
import weakref
from pathlib import Path

import pytest

from darkcall import ConfigurationError, _guard, _threads, is_dark
from darkcall.runners import ThreadRunner, _alarm, _phase, thread
from darkcall.runners._alarm import Alarm
from darkcall.runners._phase import Phase
from looking import wait_until


class Errand:
    """A piece of work that does what a test wants, and hears what becomes of it."""

    def __init__(self, do=lambda watch: None):
        self.do = do
        self.done = threading.Event()
        self.dropped = []

    def run(self, watch):
        try:
            self.do(watch)
        finally:
            self.done.set()

    def drop(self, reason):
        self.dropped.append(reason)


class Overdue(Errand):
    """Work that hangs in a phase until it is let go."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds
        self.began = threading.Event()
        self.let_go = threading.Event()
        self.abandoned = []
        self.ended_in_time = None
        self.worker = None

    def run(self, watch):
        self.worker = threading.current_thread()
        watch.start(self.seconds, self.abandoned.append)
        self.began.set()
        self.let_go.wait(20)
        self.ended_in_time = watch.end()
        self.done.set()


@pytest.fixture
def overdue():
    made = []

    def make(seconds=0.02):
        made.append(Overdue(seconds))
        return made[-1]

    yield make
    for one in made:
        one.let_go.set()


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2", None])
def test_the_number_of_workers_is_a_whole_number_above_nothing(workers):
    with pytest.raises(ConfigurationError, match="workers="):
        ThreadRunner(workers=workers)


def test_a_runner_shows_its_workers():
    assert repr(ThreadRunner(workers=4)) == "ThreadRunner(workers=4)"


def test_a_runner_starts_nothing_before_its_first_work():
    before = threading.active_count()
    runner = ThreadRunner(workers=4)

    assert runner.flush(timeout=0.0)
    assert runner.close(timeout=0.0)
    assert threading.active_count() == before


def test_work_is_done_on_daemon_threads_in_the_dark(threads):
    seen = []
    threads.submit(
        Errand(lambda watch: seen.append((is_dark(), threading.current_thread().daemon)))
    )

    assert threads.flush(timeout=5)
    assert seen == [(True, True)]


def test_work_is_done_in_its_order_by_one_worker():
    runner = ThreadRunner(workers=1)
    done = []
    for number in range(100):
        runner.submit(Errand(lambda watch, number=number: done.append(number)))

    assert runner.flush(timeout=5)
    assert done == list(range(100))
    runner.close(timeout=1)


def test_work_goes_to_several_workers_at_once(threads):
    together = threading.Barrier(2, timeout=5)
    met = []
    for _ in range(2):
        threads.submit(Errand(lambda watch: met.append(together.wait())))

    assert threads.flush(timeout=5)
    assert sorted(met) == [0, 1]


def test_parked_workers_are_woken(threads, monkeypatch):
    monkeypatch.setattr(thread, "POLLING_SECONDS", 0.0)
    threads.submit(Errand())
    for _ in range(50):
        wait_until(lambda: len(threads._parked) == 2)
        together = threading.Barrier(2, timeout=5)
        for _ in range(2):
            threads.submit(Errand(lambda watch, together=together: together.wait()))
        assert threads.flush(timeout=5)


def test_many_threads_submit_and_nothing_is_lost(threads, monkeypatch):
    monkeypatch.setattr(thread, "POLLING_SECONDS", 0.0)
    done = collections.deque()
    start = threading.Barrier(8)

    def submit():
        start.wait()
        for _ in range(300):
            threads.submit(Errand(done.append))

    submitting = [threading.Thread(target=submit) for _ in range(8)]
    for one in submitting:
        one.start()
    for one in submitting:
        one.join()

    assert threads.flush(timeout=20)
    assert len(done) == 2_400


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_worker_outlives_whatever_its_work_raises(threads, error):
    def fail(watch):
        watch.start(0.01, lambda reason: None)
        raise error

    before = _guard.faults.value
    for _ in range(5):
        threads.submit(Errand(fail))
    last = Errand()
    threads.submit(last)

    assert threads.flush(timeout=5)
    assert last.done.is_set()
    assert _guard.faults.value == before + 5
    assert all(worker.turn is None for worker in threads._workers)


def test_finished_work_is_forgotten(threads):
    errand = Errand()
    reference = weakref.ref(errand)
    threads.submit(errand)
    assert threads.flush(timeout=5)
    del errand
    gc.collect()

    assert reference() is None


class TestDeadlines:
    def test_work_that_is_overdue_is_told_so_elsewhere(self, threads, overdue):
        work = overdue()
        threads.submit(work)

        wait_until(lambda: work.abandoned)
        work.let_go.set()
        assert work.done.wait(5)
        assert work.abandoned == ["timeout"]
        assert work.ended_in_time is False

    def test_another_worker_takes_the_place_of_one_that_is_overdue(self, threads, overdue):
        works = [overdue() for _ in range(5)]
        for work in works:
            threads.submit(work)
        last = Errand()
        threads.submit(last)

        assert threads.flush(timeout=5)
        assert last.done.is_set()
        assert [work.abandoned for work in works] == [["timeout"]] * 5
        assert len(threads._workers) == 2

    def test_a_worker_that_was_replaced_ends_when_its_work_does(self, threads, overdue):
        work = overdue()
        threads.submit(work)
        assert threads.flush(timeout=5)
        work.let_go.set()

        wait_until(lambda: work.worker not in threading.enumerate())

    def test_an_earlier_deadline_than_the_one_awaited_is_kept(self, threads, overdue):
        patient, hasty = overdue(30), overdue(0.02)
        threads.submit(patient)
        patient.began.wait(5)
        threads.submit(hasty)

        wait_until(lambda: hasty.abandoned)
        assert patient.abandoned == []

    def test_a_deadline_beyond_what_a_lock_can_wait_for_is_kept(self, threads, overdue):
        work = overdue(1e300)
        threads.submit(work)
        work.began.wait(5)
        work.let_go.set()

        assert threads.flush(timeout=5)
        assert work.ended_in_time

    def test_a_phase_that_ends_at_its_deadline_is_told_once(self, threads):
        ended, abandoned = [], []

        def work(watch):
            watch.start(0.002, abandoned.append)
            time.sleep(0.002)
            ended.append(watch.end())

        for _ in range(50):
            threads.submit(Errand(work))

        assert threads.flush(timeout=10)
        wait_until(lambda: len(ended) == 50)
        assert threads.flush(timeout=10)
        assert len(abandoned) + sum(ended) == 50

    def test_when_no_thread_can_be_started_in_its_place_the_worker_goes_on_afterwards(
        self, overdue, monkeypatch
    ):
        runner = ThreadRunner(workers=1)
        work, last = overdue(), Errand()
        runner.submit(work)
        work.began.wait(5)
        before = _guard.faults.value

        def no_thread(self):
            raise RuntimeError

        monkeypatch.setattr(thread._Worker, "begin", no_thread)
        runner.submit(last)
        wait_until(lambda: _guard.faults.value > before)
        monkeypatch.undo()
        is_done_early = runner.flush(timeout=0.01)
        work.let_go.set()

        assert not is_done_early
        assert runner.flush(timeout=5)
        assert last.done.is_set()
        assert work.abandoned == ["timeout"]
        runner.close(timeout=1)

    def test_a_line_for_the_log_whose_handler_hangs_costs_no_worker(self, threads, monkeypatch):
        let_go, hung = threading.Event(), []

        def drain():
            hung.append(threading.current_thread())
            let_go.wait(10)
            _guard.reset()

        monkeypatch.setattr(_guard, "has_lines", lambda: not hung)
        monkeypatch.setattr(_guard, "drain", drain)
        threads.submit(Errand())
        wait_until(lambda: hung)
        together = threading.Barrier(2, timeout=5)
        for _ in range(2):
            threads.submit(Errand(lambda watch: together.wait()))

        assert threads.flush(timeout=5)
        let_go.set()


def test_an_alarm_that_was_planned_for_before_does_not_sleep():
    alarm = Alarm()
    alarm.planned = 0.0
    alarm.wait()
    alarm.ring()
    alarm.ring()
    alarm.planned = float("inf")
    alarm.wait()

    assert alarm._bell.locked()


class TestWaking:
    """What happens only when threads meet at one moment, step by step."""

    def test_a_worker_that_leaves_passes_the_call_on_to_the_next(self, threads):
        leaving, staying = thread._Worker(threads), thread._Worker(threads)
        leaving.is_leaving = True
        threads._parked.extend([staying, leaving])
        threads._wake_one()

        assert not leaving._bell.locked()
        assert not staying._bell.locked()

    def test_nobody_is_woken_when_nobody_is_parked(self, threads):
        threads._wake_one()

        assert not threads._parked

    def test_a_worker_that_takes_work_wakes_another_for_the_rest(self, threads):
        taking, parked = thread._Worker(threads), thread._Worker(threads)
        threads._parked.append(parked)
        threads._queue.extend([Errand(), Errand()])
        threads.next_work(taking)

        assert not parked._bell.locked()

    def test_a_worker_that_parks_sees_work_that_came_a_moment_before(self, threads):
        worker = thread._Worker(threads)
        threads._queue.append(Errand())
        threads._park(worker)

        assert not threads._parked

    def test_a_worker_that_was_woken_is_no_longer_parked(self, threads):
        worker = thread._Worker(threads)
        worker.wake()
        threads._park(worker)

        assert not threads._parked

    def test_a_flush_does_not_wait_until_a_worker_looks_again(self, threads, monkeypatch):
        monkeypatch.setattr(thread, "POLL_SECONDS", 30.0)
        monkeypatch.setattr(thread, "POLLING_SECONDS", 30.0)
        errand = Errand()
        threads.submit(errand)
        wait_until(lambda: errand.done.is_set() and threads._poller is not None)

        assert threads.flush(timeout=5.0)

    def test_a_worker_that_is_to_leave_does_not_park(self, threads):
        worker = thread._Worker(threads)
        worker.is_leaving = True
        threads._park(worker)

        assert worker._bell.locked()

    def test_a_worker_that_polls_sees_work_that_came_a_moment_before(self, threads):
        worker = thread._Worker(threads)
        threads._queue.append(Errand())
        threads._poll(worker)

        assert threads._poller is not None
        assert worker._bell.locked()

    def test_a_supervisor_that_was_dismissed_abandons_nobody(self, threads):
        worker, told = thread._Worker(threads), []
        worker.start(0.0, told.append)
        threads._abandon(worker, Alarm())

        assert not threads._queue
        assert worker.end()

    def test_a_supervisor_that_comes_too_late_abandons_nobody(self, threads):
        worker = thread._Worker(threads)
        worker.start(0.0, lambda reason: None)
        worker.end()
        threads._abandon(worker, threads.alarm)

        assert not threads._queue
        assert not worker.is_leaving


class TestStandstill:
    """The supervisor slept longer than it wanted to: so did the whole process."""

    @pytest.fixture
    def oversleeps(self, monkeypatch):
        """Have each planned ring come two seconds late, by a clock that jumps."""
        skipped = [0.0]

        def now():
            return time.monotonic() + skipped[0]

        class LateAlarm(Alarm):
            def wait(self):
                super().wait()
                if now() >= self.planned:
                    skipped[0] += 2.0

        monkeypatch.setattr(
            thread, "time", types.SimpleNamespace(perf_counter=now, sleep=time.sleep)
        )
        for module in (_alarm, _phase):
            monkeypatch.setattr(module, "time", types.SimpleNamespace(perf_counter=now))
        monkeypatch.setattr(thread, "Alarm", LateAlarm)
        return skipped

    def test_work_under_way_gets_its_full_time_anew(self, threads, overdue, oversleeps):
        work = overdue(0.2)
        threads.submit(work)
        wait_until(lambda: oversleeps[0] >= 2.0)
        work.let_go.set()

        assert threads.flush(timeout=5)
        assert work.abandoned == []

    def test_work_that_hangs_is_abandoned_all_the_same(self, threads, overdue, oversleeps):
        work = overdue(0.01)
        threads.submit(work)
        wait_until(lambda: work.abandoned)

        assert oversleeps[0] == 2.0 * (thread.STANDSTILLS + 1)

    def test_work_that_ended_meanwhile_needs_no_more_time(self, threads):
        worker = thread._Worker(threads)

        assert not worker.gets_time_anew()


class TestFlush:
    def test_it_tells_in_time_that_work_hangs(self, threads, overdue):
        work = overdue(None)
        threads.submit(work)
        began = time.perf_counter()

        assert not threads.flush(timeout=0.05)
        assert time.perf_counter() - began < 1.0
        work.let_go.set()
        assert threads.flush(timeout=5)

    def test_it_tells_in_time_that_all_workers_hang(self, threads, overdue):
        works = [overdue(None) for _ in range(2)]
        for work in works:
            threads.submit(work)
        for work in works:
            work.began.wait(5)

        assert not threads.flush(timeout=0.05)

    def test_it_waits_for_work_that_was_taken_from_the_queue_and_not_yet_begun(self, threads):
        taken, let_go = threading.Event(), threading.Event()
        errand = Errand()

        class Slow(collections.deque):
            def popleft(self):
                work = super().popleft()
                if work is errand:
                    taken.set()
                    let_go.wait(10)
                return work

        threads._queue = Slow()
        threads.submit(errand)
        taken.wait(5)
        too_early = threads.flush(timeout=0.05)
        let_go.set()

        assert not too_early
        assert threads.flush(timeout=5)
        assert errand.done.is_set()

    def test_it_waits_for_what_becomes_of_work_that_is_overdue(self, threads, overdue):
        for _ in range(20):
            work = overdue(0.001)
            threads.submit(work)

            assert threads.flush(timeout=5)
            assert work.abandoned == ["timeout"]

    def test_it_does_not_wait_for_work_that_came_later(self, threads, overdue):
        threads.submit(Errand())
        assert threads.flush(timeout=5)
        work = overdue(None)
        first = Errand(lambda watch: threads.submit(work))
        threads.submit(first)

        assert first.done.wait(5)
        work.let_go.set()
        assert threads.flush(timeout=5)

    def test_it_waits_for_threads_that_are_about_to_start(self, threads, monkeypatch):
        started = _threads.start
        begins, let_go = threading.Event(), threading.Event()

        def slow(target, name):
            begins.set()
            let_go.wait(10)
            started(target, name)

        second = Errand()
        submitting = threading.Thread(target=threads.submit, args=(Errand(),))
        monkeypatch.setattr(_threads, "start", slow)
        submitting.start()
        begins.wait(5)
        threads.submit(second)
        is_done_early = threads.flush(timeout=0.02)
        let_go.set()
        submitting.join()

        assert not is_done_early
        assert threads.flush(timeout=5)
        assert second.done.is_set()

    def test_it_starts_what_could_not_be_started_before(self, threads):
        errand = Errand()
        threads._queue.append(errand)

        assert threads.flush(timeout=5)
        assert errand.done.is_set()

    def test_it_says_no_where_no_thread_can_be_started(self, threads, monkeypatch):
        def no_thread(target, name):
            raise RuntimeError

        threads._queue.append(Errand())
        monkeypatch.setattr(_threads, "start", no_thread)

        assert not threads.flush(timeout=5)


class TestClose:
    def test_it_ends_all_threads(self):
        before = set(threading.enumerate())
        runner = ThreadRunner(workers=3)
        runner.submit(Errand())
        assert runner.flush(timeout=5)
        wait_until(lambda: len(set(threading.enumerate()) - before) == 4)

        assert runner.close(timeout=5)
        wait_until(lambda: set(threading.enumerate()) <= before)

    def test_it_drops_what_is_not_done(self, overdue):
        runner = ThreadRunner(workers=1)
        hanging, waiting = overdue(None), Errand()
        runner.submit(hanging)
        runner.submit(waiting)
        hanging.began.wait(5)

        assert not runner.close(timeout=0.05)
        assert hanging.abandoned == ["exit"]
        assert waiting.dropped == ["exit"]

    def test_work_that_waited_is_done_by_nobody_else_meanwhile(self, overdue, monkeypatch):
        runner = ThreadRunner(workers=1)
        hanging, waiting = overdue(None), Errand()
        runner.submit(hanging)
        hanging.began.wait(5)
        runner.submit(waiting)
        took_over = runner._take_over

        def flushed_meanwhile(workers):
            runner.flush(timeout=0.05)
            took_over(workers)

        monkeypatch.setattr(runner, "_take_over", flushed_meanwhile)

        assert not runner.close(timeout=0.05)
        assert waiting.dropped == ["exit"]
        assert not waiting.done.is_set()

    def test_a_flush_that_waits_meanwhile_is_told_at_once(self, overdue):
        runner = ThreadRunner(workers=1)
        hanging = overdue(None)
        runner.submit(hanging)
        hanging.began.wait(5)
        answers = []
        flushing = threading.Thread(target=lambda: answers.append(runner.flush(timeout=30)))
        flushing.start()
        wait_until(lambda: runner._queue)
        runner.close(timeout=0.05)
        flushing.join(5)

        assert answers == [False]

    def test_once_the_process_exits_nothing_starts_anew(self, monkeypatch):
        monkeypatch.setattr(ThreadRunner, "_is_shut", True)
        runner, work = ThreadRunner(workers=1), Errand()
        runner.submit(work)

        assert work.dropped == ["exit"]
        assert runner.close(timeout=0.0)

    def test_it_drops_what_is_left_of_work_that_was_overdue(self, overdue, monkeypatch):
        def no_thread(self):
            raise RuntimeError

        runner = ThreadRunner(workers=1)
        work = overdue()
        runner.submit(work)
        work.began.wait(5)
        before = _guard.faults.value
        monkeypatch.setattr(thread._Worker, "begin", no_thread)
        wait_until(lambda: _guard.faults.value > before)

        assert not runner.close(timeout=0.01)
        assert work.abandoned == ["exit"]

    def test_work_that_comes_later_starts_anew(self, overdue):
        runner = ThreadRunner(workers=1)
        hanging = overdue(None)
        runner.submit(hanging)
        hanging.began.wait(5)
        runner.close(timeout=0.05)
        later, late = Errand(), overdue(0.02)
        runner.submit(later)
        runner.submit(late)

        assert runner.flush(timeout=5)
        assert later.done.is_set()
        assert late.abandoned == ["timeout"]
        assert runner.close(timeout=5)

    def test_it_can_be_called_while_others_submit(self):
        runner = ThreadRunner(workers=2)
        errands = collections.deque()
        finished = threading.Event()

        def submit():
            while not finished.is_set():
                errand = Errand()
                errands.append(errand)
                runner.submit(errand)
                time.sleep(0.0001)

        submitting = [threading.Thread(target=submit) for _ in range(3)]
        for one in submitting:
            one.start()
        for _ in range(30):
            runner.close(timeout=0.001)
        finished.set()
        for one in submitting:
            one.join()

        assert runner.flush(timeout=5)
        runner.close(timeout=5)
        assert all(one.done.is_set() or one.dropped for one in errands)


class TestStart:
    def test_a_flush_makes_a_start_good_that_is_interrupted_meanwhile(self, threads, monkeypatch):
        monkeypatch.setattr(thread, "STALE_SECONDS", 0.1)
        threads._starting.acquire()
        threads._began_to_start = time.perf_counter()
        threads.submit(Errand())

        assert threads.flush(timeout=5)

    def test_a_start_that_was_interrupted_is_made_again(self, threads):
        # An interrupt came right after this was taken.
        threads._starting.acquire()
        first, second = Errand(), Errand()
        threads.submit(first)
        threads.submit(second)

        assert threads.flush(timeout=5)
        assert first.done.is_set()
        assert second.done.is_set()

    def test_when_no_thread_can_be_started_work_is_dropped_and_the_next_tries_again(
        self, threads, monkeypatch
    ):
        started = _threads.start

        def no_supervisor(target, name):
            if name == "darkcall-supervisor":
                raise RuntimeError
            started(target, name)

        monkeypatch.setattr(_threads, "start", no_supervisor)
        first, second = Errand(), Errand()
        threads.submit(first)
        monkeypatch.undo()
        threads.submit(second)

        assert threads.flush(timeout=5)
        assert first.dropped == ["no_thread"]
        assert second.done.is_set()

    def test_what_interrupts_the_start_passes_and_the_next_work_starts_anew(
        self, threads, monkeypatch
    ):
        started = _threads.start

        def interrupted(target, name):
            started(target, name)
            raise KeyboardInterrupt

        monkeypatch.setattr(_threads, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            threads.submit(Errand())
        orphans = list(threads._workers)
        monkeypatch.undo()
        second = Errand()
        threads.submit(second)

        assert threads.flush(timeout=5)
        assert second.done.is_set()
        assert all(worker.is_leaving for worker in orphans)

    def test_a_signal_handler_that_submits_in_its_middle_waits_for_nobody(
        self, threads, monkeypatch
    ):
        started = _threads.start
        from_handler = Errand()

        def interrupted(target, name):
            if name == "darkcall-supervisor":
                threads.submit(from_handler)
            started(target, name)

        monkeypatch.setattr(_threads, "start", interrupted)
        threads.submit(Errand())

        assert threads.flush(timeout=5)
        assert from_handler.done.is_set()

    def test_who_finds_it_done_meanwhile_starts_nothing(self, threads):
        threads.submit(Errand())
        workers = threads._workers

        assert threads._start()
        assert threads._workers is workers

    def test_a_forked_child_starts_anew(self, threads):
        threads.submit(Errand())
        assert threads.flush(timeout=5)
        workers = threads._workers
        threads._queue.append(Errand())
        threads.after_fork()

        assert threads.flush(timeout=0.0)
        for worker in workers:
            worker.is_leaving = True
            worker.wake()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts are Linux's")
def test_an_idle_runner_wakes_no_thread():
    script = """
import os, re, time
from darkcall import dark_launch, flush
from darkcall.sinks import MemorySink

@dark_launch(candidate=lambda x: x, timeout=0.2, sinks=[MemorySink()])
def control(x):
    return x

for x in range(20):
    control(x)
assert flush(timeout=5)
time.sleep(1.2)

def switches():
    found = {}
    for task in os.listdir("/proc/self/task"):
        if int(task) != os.getpid():
            with open(f"/proc/self/task/{task}/status") as status:
                found[task] = re.findall(r"ctxt_switches:\\s+(\\d+)", status.read())
    return found

before = switches()
time.sleep(0.8)
after = switches()
assert len(before) == 3, before
assert before == after, (before, after)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False
    )

    assert done.returncode == 0, done.stderr


def test_a_phase_is_claimed_once():
    phase = Phase()
    phase.is_unclaimed = True
    phase.interrupt = None

    assert [phase.is_abandoned_now(), phase.is_abandoned_now()] == [True, False]
