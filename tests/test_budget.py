from __future__ import annotations

import contextlib
import contextvars
import itertools
import threading
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import gates
from darkcall import _budget
from darkcall._budget import (
    BUDGET_SECONDS,
    MOMENT_SECONDS,
    CpuBudget,
    Meter,
    ThreadTime,
    thread_clock,
    time_of_this_thread,
)
from darkcall._observe import observe
from gates import use
from looking import wait_until


class TestBudget:
    def test_it_shuts_when_it_is_used_up_and_opens_when_the_use_is_long_past(self, a_gate, clock):
        gate = a_gate(cpu_budget=0.1)
        use(gate, 0.5)
        with_half_of_it = gate.refuses(clock.now)
        clock.now += 1.0
        use(gate, 0.5)

        assert with_half_of_it is None
        assert gate.enter() == "over_budget"
        clock.now += BUDGET_SECONDS - 2.0
        assert gate.enter() == "over_budget"
        clock.now += 2.0
        assert gate.enter() is None

    def test_without_a_budget_nothing_is_ever_used_up(self, a_gate, clock):
        gate = a_gate(cpu_budget=None)
        use(gate, 1e9)

        assert gate.refuses(clock.now) is None

    def test_one_long_run_shuts_it_for_the_whole_span(self, a_gate, clock):
        gate = a_gate(cpu_budget=0.1)
        use(gate, 100.0)

        assert gate.refuses(clock.now + BUDGET_SECONDS * 0.99) == "over_budget"
        assert gate.refuses(clock.now + BUDGET_SECONDS * 1.02) is None

    def test_a_share_too_small_for_arithmetic_shuts_it_all_the_same(self):
        assert CpuBudget(1e-300).charge(1000.0, 1.0) >= 1000.0 + BUDGET_SECONDS

    def test_it_remembers_little_however_many_runs_there_are(self):
        budget = CpuBudget(0.1)
        for number in range(20_000):
            budget.charge(number * 0.01, 1e-9)

        assert len(budget._slices) < 150

    # The second run, 0.09 s after the first, is not forgotten with it.
    @example(share=0.1, runs=[(0.0, 0.001), (0.09, 0.998), (9.92, 0.5), (0.01, 0.5)])
    @given(
        share=st.floats(0.01, 1.0),
        runs=st.lists(
            st.tuples(
                st.floats(0.0, 3.0, allow_subnormal=False),
                st.floats(0.0, 2.0, allow_subnormal=False),
            ),
            min_size=1,
            max_size=60,
        ),
    )
    def test_over_any_ten_seconds_candidates_use_their_share_and_one_run_at_most(self, share, runs):
        clock = gates.a_clock()
        gate = gates.a_gate(clock, cpu_budget=share)
        used = []
        for pause, cpu_seconds in runs:
            clock.now += pause
            if gate.refuses(clock.now) is None:
                use(gate, cpu_seconds)
                used.append((clock.now, cpu_seconds))
        for began, _ in used:
            within = [cpu for at, cpu in used if began <= at < began + BUDGET_SECONDS]

            assert sum(within) <= share * BUDGET_SECONDS + within[-1] + 1e-9

    def test_two_that_run_at_once_may_both_go_over_it_and_are_charged_both(self, a_gate, clock):
        gate, both = a_gate(cpu_budget=0.1), [Meter(None), Meter(None)]
        begun = [gate.begin(meter, clock.now) for meter in both]
        clock.now += 3.0
        for meter in both:
            gate.ended(meter, 3.0)
        ended = clock.now

        assert begun == [None, None]
        assert gate.refuses(ended + BUDGET_SECONDS) == "over_budget"
        assert gate.refuses(ended + BUDGET_SECONDS + 0.1) is None

    def test_a_busy_launch_stays_within_it_and_goes_on_by_the_clock(self, a_gate, clock):
        gate, ran = a_gate(cpu_budget=0.1), []
        for _ in range(60_000):
            clock.now += 0.005
            if gate.enter() is None:
                gate.room.give_back(0)
                gate.begin(meter := Meter(None), clock.now)
                gate.ended(meter, 0.005)
                ran.append(clock.now)
        first = 0
        for last, at in enumerate(ran):
            while ran[first] <= at - BUDGET_SECONDS:
                first += 1
            assert (last - first + 1) * 0.005 <= 0.1 * BUDGET_SECONDS + 1e-6

        assert max(b - a for a, b in itertools.pairwise(ran)) < BUDGET_SECONDS

    @given(pauses=st.lists(st.floats(0.0, 0.5), min_size=20, max_size=100))
    def test_candidates_that_use_less_than_their_share_are_never_refused(self, pauses):
        clock = gates.a_clock()
        gate = gates.a_gate(clock, cpu_budget=0.5)
        for pause in pauses:
            clock.now += pause

            assert gate.refuses(clock.now) is None

            use(gate, pause * 0.45)

    def test_what_a_stuck_candidate_goes_on_using_is_charged_while_it_does(self, a_gate, clock):
        class Endless(Meter):
            """It uses half of a core."""

            def _now(self):
                return clock.now / 2

        gate, endless = a_gate(cpu_budget=0.1, max_stuck=5), Endless(None)
        clock.now += 5.0
        gate.got_stuck(endless)
        at_its_timeout = gate.refuses(clock.now)
        begun = []
        for _ in range(100):
            clock.now += 1.0
            if gate.enter() is None:
                begun.append(gate.begin(Meter(None), clock.now))
        gate.got_free(endless)
        clock.now += BUDGET_SECONDS + 0.2

        assert at_its_timeout == "over_budget"
        assert begun == ["over_budget"] * 9
        assert gate.begin(Meter(None), clock.now) is None

    def test_what_is_charged_before_the_end_is_not_charged_again(self, a_gate, clock):
        class Slow(Meter):
            def _now(self):
                return clock.now

        gate, slow = a_gate(cpu_budget=0.1), Slow(None)
        clock.now += 0.6
        gate.got_stuck(slow)
        gate.got_free(slow, 0.9)

        assert gate.refuses(clock.now) is None

        use(gate, 0.1)

        assert gate.refuses(clock.now) == "over_budget"


class TestMeter:
    def test_it_reads_what_another_thread_uses_until_that_ends(self):
        meters, done = [], threading.Event()

        def spin():
            meters.append(Meter(thread_clock()))
            while not done.is_set():
                pass

        def is_gone():
            # A thread that was joined is still there for a moment.
            with contextlib.suppress(OSError):
                return time.clock_gettime(meters[0]._clock) is None
            return True

        thread = threading.Thread(target=spin)
        thread.start()
        wait_until(lambda: meters and meters[0].used_seconds + meters[0].read() > 0.02)
        done.set()
        thread.join()
        wait_until(is_gone)

        assert meters[0].read() == 0.0
        assert meters[0].used_seconds > 0.02

    def test_it_goes_by_what_is_known_where_the_system_has_no_clock(self, monkeypatch):
        monkeypatch.delattr("time.pthread_getcpuclockid")
        meter = Meter(thread_clock())

        assert [meter.read(), meter.read(0.5), meter.read(0.75)] == [0.0, 0.5, 0.25]

    def test_what_a_shared_thread_uses_is_not_the_candidates(self):
        meter = Meter(thread_clock())
        meter.leave_thread()

        assert meter.read() == 0.0


class TestThreadTime:
    def test_it_asks_the_system_once_in_a_moment(self, monkeypatch):
        asked = []
        monkeypatch.setattr(time, "thread_time", lambda: asked.append(1) or 7.0)
        thread_time = ThreadTime()
        told = [thread_time.until(100.0 + part * MOMENT_SECONDS) for part in (0.0, 0.5, 0.9)]

        assert told == pytest.approx([7.0, 7.0 + 0.5 * MOMENT_SECONDS, 7.0 + 0.9 * MOMENT_SECONDS])
        assert len(asked) == 1
        assert thread_time.until(100.0 + 1.1 * MOMENT_SECONDS) == 7.0
        assert len(asked) == 2

    def test_each_thread_has_its_own_until_a_fork(self):
        others = []
        thread = threading.Thread(target=lambda: others.append(time_of_this_thread()))
        thread.start()
        thread.join()
        own = time_of_this_thread()

        assert time_of_this_thread() is own
        assert others[0] is not own
        _budget.after_fork()
        assert time_of_this_thread() is not own

    def test_what_a_candidate_is_said_to_have_used_is_no_more_than_the_time_it_took(self):
        class Jumping(ThreadTime):
            """Its clock is far off, either way."""

            told = itertools.cycle([0.0, 5.0, 5.0, 0.0])

            def until(self, now):
                return next(self.told)

        def observed():
            return observe(
                len,
                (("ab",), {}),
                contextvars.Context(),
                thread_time=Jumping(),
                swallows=Exception,
            )

        ahead, behind = observed(), observed()

        assert ahead.cpu_seconds == ahead.duration_seconds
        assert behind.cpu_seconds == 0.0


def test_a_meter_knows_what_was_used_until_its_clock_went(monkeypatch):
    told = iter([5.0, 5.5])

    def clock_gettime(clock):
        for seconds in told:
            return seconds
        raise OSError

    monkeypatch.setattr(_budget.time, "clock_gettime", clock_gettime)
    meter = Meter(7)
    meter.look()

    assert meter.read() == 0.5
    assert meter.read() == 0.0
