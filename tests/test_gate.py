from __future__ import annotations

import contextlib
import math
import threading
import types

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darkcall import _guard
from darkcall._gate import (
    BREAKER_FAILURES,
    BREAKER_SECONDS,
    BUDGET_SECONDS,
    Budget,
    Gate,
    Room,
)


@pytest.fixture
def clock():
    return types.SimpleNamespace(now=1000.0)


@pytest.fixture
def a_gate(clock):
    def make(**bounds):
        bounds = {
            "max_pending": 1000,
            "max_pending_bytes": 1000,
            "max_stuck": 2,
            "cpu_budget": None,
            **bounds,
        }
        return Gate("shop.price [v2]", clock=lambda: clock.now, **bounds)

    return make


def fail(gate, times=BREAKER_FAILURES):
    for _ in range(times):
        gate.failed()


def lines(caplog):
    _guard.tell_all(5)
    return caplog.messages


class TestRoom:
    def test_it_holds_so_many_calls_and_no_more(self):
        room = Room(2, 1000)

        assert [room.take() for _ in range(3)] == [True, True, False]

    def test_a_place_that_was_given_back_can_be_taken_again(self):
        room = Room(1, 1000)
        room.take()
        room.give_back(0)

        assert room.take()

    def test_it_is_full_when_no_place_is_left(self):
        room = Room(1, 1000)
        before = room.is_full
        room.take()

        assert (before, room.is_full) == (False, True)

    def test_it_is_full_when_the_waiting_calls_weigh_too_much(self):
        room = Room(10, 1000)
        room.take()
        room.weigh(1000)

        assert room.is_full
        assert not room.take()

    def test_a_call_takes_its_weight_with_it(self):
        room = Room(10, 1000)
        room.take()
        room.weigh(1000)
        room.give_back(1000)

        assert room.nbytes == 0
        assert room.take()

    @pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3), (3, 3), (2, 5), (5, 2)])
    def test_its_size_can_change_while_places_are_taken(self, before, after):
        room = Room(before, 1000)
        for _ in range(before):
            room.take()
        room.resize(after, 500)
        free_at_once = sum(room.take() for _ in range(10))
        for _ in range(before + free_at_once):
            room.give_back(0)

        assert free_at_once == max(0, after - before)
        assert sum(room.take() for _ in range(10)) == after
        assert room.max_bytes == 500

    @given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=6), data=st.data())
    def test_whatever_size_it_had_before_it_has_the_last_one_in_the_end(self, sizes, data):
        room, taken = Room(sizes[0], 1000), 0
        for size in sizes:
            room.resize(size, 1000)
            taken += sum(room.take() for _ in range(data.draw(st.integers(0, 6))))
            for _ in range(data.draw(st.integers(0, taken))):
                room.give_back(0)
                taken -= 1
        for _ in range(taken):
            room.give_back(0)

        assert sum(room.take() for _ in range(10)) == sizes[-1]

    def test_two_calls_do_not_give_back_one_place_that_is_too_many(self):
        room = Room(2, 1000)
        room.take()
        room.take()
        room.resize(1, 1000)

        class Meanwhile(contextlib.nullcontext):
            """Another call gives its place back just before this one."""

            def __enter__(self):
                room._lock = threading.RLock()
                room.give_back(0)

        room._lock = Meanwhile()
        room.give_back(0)

        assert [room.take(), room.take()] == [True, False]

    def test_its_bytes_are_exact_under_many_threads(self):
        room = Room(10_000, 10**9)
        start = threading.Barrier(8)

        def weigh():
            start.wait()
            for _ in range(2_000):
                if room.take():
                    room.weigh(3)
                    room.give_back(3)

        threads = [threading.Thread(target=weigh) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert room.nbytes == 0
        assert sum(room.take() for _ in range(10_001)) == 10_000


class TestBreaker:
    def test_it_stays_closed_while_failures_are_not_in_a_row(self, a_gate, clock):
        gate = a_gate()
        for _ in range(5):
            fail(gate, BREAKER_FAILURES - 1)
            gate.succeeded()

        assert gate.refuses(clock.now) is None

    def test_it_opens_after_so_many_failures_in_a_row(self, a_gate, clock, caplog):
        gate = a_gate()
        fail(gate)

        assert gate.enter(clock.now) == "breaker"
        assert [line for line in lines(caplog) if "the breaker opens" in line] == [
            (
                "shop.price [v2]: failed 20 times in a row, the breaker opens; one call is tried "
                "every 30 s"
            )
        ]

    def test_failures_of_calls_under_way_are_told_once(self, a_gate, caplog):
        gate = a_gate()
        fail(gate, BREAKER_FAILURES + 5)

        assert len(lines(caplog)) == 1

    def test_it_lets_one_call_through_when_it_was_open_for_long_enough(self, a_gate, clock):
        gate = a_gate()
        fail(gate)
        clock.now += BREAKER_SECONDS

        assert [gate.enter(clock.now) for _ in range(3)] == [None, "breaker", "breaker"]

    def test_it_closes_when_that_call_succeeds(self, a_gate, clock, caplog):
        gate = a_gate()
        fail(gate)
        clock.now += BREAKER_SECONDS
        gate.enter(clock.now)
        gate.succeeded()

        assert [gate.enter(clock.now) for _ in range(3)] == [None, None, None]
        assert lines(caplog)[-1] == "shop.price [v2]: works again, the breaker closes"

    def test_it_opens_again_when_that_call_fails(self, a_gate, clock):
        gate = a_gate()
        fail(gate)
        clock.now += BREAKER_SECONDS
        gate.enter(clock.now)
        clock.now += 5.0
        gate.failed()
        clock.now += BREAKER_SECONDS - 0.1
        still_open = gate.enter(clock.now)
        clock.now += 0.1

        assert still_open == "breaker"
        assert gate.enter(clock.now) is None

    def test_it_tries_another_call_when_the_first_came_to_nothing(self, a_gate, clock):
        gate = a_gate()
        fail(gate)
        clock.now += BREAKER_SECONDS
        gate.enter(clock.now)
        clock.now += BREAKER_SECONDS

        assert gate.enter(clock.now) is None

    def test_it_counts_from_nothing_after_it_closed(self, a_gate, clock):
        gate = a_gate()
        fail(gate)
        clock.now += BREAKER_SECONDS
        gate.enter(clock.now)
        gate.succeeded()
        fail(gate, BREAKER_FAILURES - 1)

        assert gate.refuses(clock.now) is None

    def test_success_without_failures_changes_nothing(self, a_gate, clock, caplog):
        gate = a_gate()
        gate.succeeded()

        assert gate.refuses(clock.now) is None
        assert lines(caplog) == []


class TestStuck:
    def test_it_stops_when_too_many_candidates_hold_their_threads(self, a_gate, clock, caplog):
        gate = a_gate(max_stuck=2)
        gate.got_stuck()
        with_one = gate.refuses(clock.now)
        gate.got_stuck()

        assert with_one is None
        assert gate.refuses(clock.now) == "stuck"
        assert gate.refuses(clock.now + 1e9) == "stuck"
        assert len(lines(caplog)) == 1

    def test_it_starts_again_when_one_of_them_ends(self, a_gate, clock):
        gate = a_gate(max_stuck=1)
        gate.got_stuck()
        gate.got_free()

        assert gate.stuck == 0
        assert gate.refuses(clock.now) is None

    def test_a_breaker_that_closes_does_not_start_a_stuck_launch(self, a_gate, clock):
        gate = a_gate(max_stuck=1)
        fail(gate)
        gate.got_stuck()
        gate.succeeded()

        assert gate.refuses(clock.now) == "stuck"


class TestBudget:
    def test_it_shuts_when_it_is_used_up_and_opens_when_the_use_is_long_past(self, a_gate, clock):
        gate = a_gate(cpu_budget=0.1)
        gate.used(0.5)
        with_half_of_it = gate.refuses(clock.now)
        clock.now += 1.0
        gate.used(0.5)

        assert with_half_of_it is None
        assert gate.enter(clock.now) == "over_budget"
        assert gate.enter(clock.now + BUDGET_SECONDS - 2.0) == "over_budget"
        assert gate.enter(clock.now + BUDGET_SECONDS) is None

    def test_without_a_budget_nothing_is_ever_used_up(self, a_gate, clock):
        gate = a_gate(cpu_budget=None)
        gate.used(1e9)

        assert gate.refuses(clock.now) is None

    def test_one_long_run_shuts_it_for_the_whole_span(self, a_gate, clock):
        gate = a_gate(cpu_budget=0.1)
        gate.used(100.0)

        assert gate.refuses(clock.now + BUDGET_SECONDS * 0.99) == "over_budget"
        assert gate.refuses(clock.now + BUDGET_SECONDS * 1.02) is None

    def test_a_share_too_small_for_arithmetic_shuts_it_all_the_same(self):
        assert Budget(1e-300).charge(1000.0, 1.0) >= 1000.0 + BUDGET_SECONDS

    def test_it_remembers_little_however_many_runs_there_are(self):
        budget = Budget(0.1)
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
        clock = types.SimpleNamespace(now=0.0)
        gate = Gate(
            "shop.price [v2]",
            max_pending=1,
            max_pending_bytes=1,
            max_stuck=1,
            cpu_budget=share,
            clock=lambda: clock.now,
        )
        used = []
        for pause, cpu_seconds in runs:
            clock.now += pause
            if gate.refuses(clock.now) is None:
                gate.used(cpu_seconds)
                used.append((clock.now, cpu_seconds))
        for began, _ in used:
            within = [cpu for at, cpu in used if began <= at < began + BUDGET_SECONDS]

            assert sum(within) <= share * BUDGET_SECONDS + within[-1] + 1e-9

    @given(pauses=st.lists(st.floats(0.0, 0.5), min_size=20, max_size=100))
    def test_candidates_that_use_less_than_their_share_are_never_refused(self, pauses):
        clock = types.SimpleNamespace(now=0.0)
        gate = Gate(
            "shop.price [v2]",
            max_pending=1,
            max_pending_bytes=1,
            max_stuck=1,
            cpu_budget=0.5,
            clock=lambda: clock.now,
        )
        for pause in pauses:
            clock.now += pause

            assert gate.refuses(clock.now) is None

            gate.used(pause * 0.45)


class TestRebound:
    """A gate whose bounds change keeps what was counted against them."""

    def rebound(self, gate, **bounds):
        bounds = {
            "max_pending": 1000,
            "max_pending_bytes": 1000,
            "max_stuck": 2,
            "cpu_budget": None,
            **bounds,
        }
        gate.rebound(**bounds)

    def test_a_higher_cap_lets_a_stuck_launch_go_on(self, a_gate, clock):
        gate = a_gate(max_stuck=1)
        gate.got_stuck()
        self.rebound(gate, max_stuck=2)

        assert gate.refuses(clock.now) is None

    def test_a_lower_cap_stops_a_launch_that_has_reached_it(self, a_gate, clock):
        gate = a_gate(max_stuck=2)
        gate.got_stuck()
        self.rebound(gate, max_stuck=1)

        assert gate.refuses(clock.now) == "stuck"

    def test_an_open_breaker_stays_open(self, a_gate, clock):
        gate = a_gate()
        fail(gate)
        self.rebound(gate, max_pending=1)

        assert gate.refuses(clock.now) == "breaker"

    def test_without_a_budget_any_longer_a_launch_goes_on(self, a_gate, clock):
        gate = a_gate(cpu_budget=0.1)
        gate.used(100.0)
        self.rebound(gate, cpu_budget=None)
        gate.used(100.0)

        assert gate.refuses(clock.now) is None

    def test_a_budget_that_is_new_counts_from_nothing(self, a_gate, clock):
        gate = a_gate(cpu_budget=None)
        gate.used(100.0)
        self.rebound(gate, cpu_budget=0.1)
        at_first = gate.refuses(clock.now)
        gate.used(1.0)

        assert at_first is None
        assert gate.refuses(clock.now) == "over_budget"

    def test_what_was_used_counts_against_a_smaller_share(self, a_gate, clock):
        gate = a_gate(cpu_budget=0.5)
        gate.used(1.0)
        self.rebound(gate, cpu_budget=0.1)

        assert gate.refuses(clock.now) == "over_budget"

    def test_a_larger_share_lets_a_launch_go_on(self, a_gate, clock):
        gate = a_gate(cpu_budget=0.1)
        gate.used(1.0)
        self.rebound(gate, cpu_budget=0.5)

        assert gate.refuses(clock.now) is None


def test_a_gate_that_is_full_says_so(a_gate, clock):
    gate = a_gate(max_pending=1)

    assert [gate.enter(clock.now) for _ in range(2)] == [None, "full"]


def test_the_first_of_several_reasons_is_the_gravest(a_gate, clock):
    gate = a_gate(max_stuck=1, cpu_budget=0.1)
    gate.used(100.0)
    fail(gate)
    with_two = gate.refuses(clock.now)
    gate.got_stuck()

    assert with_two == "breaker"
    assert gate.refuses(clock.now) == "stuck"
    assert gate._shut_until == math.inf


def test_a_gate_goes_by_the_real_clock_unless_told_otherwise():
    gate = Gate("shop.price [v2]", max_pending=1, max_pending_bytes=1, max_stuck=1, cpu_budget=None)

    assert gate.enter(gate._clock()) is None
