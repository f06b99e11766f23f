from __future__ import annotations

import pytest

import gates
from darkcall import _guard
from darkcall._budget import Meter
from darkcall._gate import BREAKER_FAILURES, BREAKER_SECONDS, STUCK_SECONDS, Gate
from gates import get_stuck, use


def fail(gate, times=BREAKER_FAILURES):
    for _ in range(times):
        gate.failed()


def lines(caplog):
    _guard.tell_all(5)
    return caplog.messages


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

        assert gate.enter() == "breaker"
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

        assert [gate.enter() for _ in range(3)] == [None, "breaker", "breaker"]

    def test_it_closes_when_that_call_succeeds(self, a_gate, clock, caplog):
        gate = a_gate()
        fail(gate)
        clock.now += BREAKER_SECONDS
        gate.enter()
        gate.succeeded()

        assert [gate.enter() for _ in range(3)] == [None, None, None]
        assert lines(caplog)[-1] == "shop.price [v2]: works again, the breaker closes"

    def test_it_opens_again_when_that_call_fails(self, a_gate, clock):
        gate = a_gate()
        fail(gate)
        clock.now += BREAKER_SECONDS
        gate.enter()
        clock.now += 5.0
        gate.failed()
        clock.now += BREAKER_SECONDS - 0.1
        still_open = gate.enter()
        clock.now += 0.1

        assert still_open == "breaker"
        assert gate.enter() is None

    def test_it_tries_another_call_when_the_first_came_to_nothing(self, a_gate, clock):
        gate = a_gate()
        fail(gate)
        clock.now += BREAKER_SECONDS
        gate.enter()
        clock.now += BREAKER_SECONDS

        assert gate.enter() is None

    def test_it_counts_from_nothing_after_it_closed(self, a_gate, clock):
        gate = a_gate()
        fail(gate)
        clock.now += BREAKER_SECONDS
        gate.enter()
        gate.succeeded()
        fail(gate, BREAKER_FAILURES - 1)

        assert gate.refuses(clock.now) is None

    def test_success_without_failures_changes_nothing(self, a_gate, clock, caplog):
        gate = a_gate()
        gate.succeeded()

        assert gate.refuses(clock.now) is None
        assert lines(caplog) == []


class TestStuck:
    @pytest.fixture
    def try_one(self, clock):
        """Let a call through, have a worker begin it; what both said, and its meter."""

        def do(gate):
            meter = Meter(None)
            return gate.enter(), gate.begin(meter, clock.now), meter

        return do

    def test_it_stops_when_too_many_candidates_hold_their_threads(self, a_gate, clock, caplog):
        gate = a_gate(max_stuck=2)
        get_stuck(gate)
        with_one = gate.refuses(clock.now)
        get_stuck(gate)

        assert with_one is None
        assert gate.refuses(clock.now) == "stuck"
        assert gate.begin(Meter(None), clock.now) == "stuck"
        assert lines(caplog) == [
            (
                "shop.price [v2]: 2 candidates are past their timeout and hold a thread each; "
                "no more are started until one of them ends; one call is tried in 30 s"
            )
        ]

    def test_it_starts_again_when_one_of_them_ends(self, a_gate, clock, caplog):
        gate = a_gate(max_stuck=1)
        gate.got_free(get_stuck(gate))

        assert gate.stuck == 0
        assert [gate.enter() for _ in range(3)] == [None, None, None]
        assert gate.begin(Meter(None), clock.now) is None
        assert lines(caplog)[1:] == [
            "shop.price [v2]: a candidate ended, more are started again",
        ]

    def test_it_lets_one_call_through_after_a_pause(self, a_gate, clock):
        gate = a_gate(max_stuck=1)
        get_stuck(gate)
        clock.now += STUCK_SECONDS - 0.1
        before = gate.enter()
        clock.now += 0.1

        assert before == "stuck"
        assert [gate.enter() for _ in range(3)] == [None, "stuck", "stuck"]

    def test_of_those_that_waited_one_begins(self, a_gate, clock):
        gate = a_gate(max_stuck=1)
        get_stuck(gate)
        clock.now += STUCK_SECONDS
        begun = [gate.begin(Meter(None), clock.now) for _ in range(3)]
        clock.now += STUCK_SECONDS - 0.1

        assert begun == [None, "stuck", "stuck"]
        assert gate.begin(Meter(None), clock.now) == "stuck"
        assert gate.enter() == "stuck"

    def test_it_starts_again_when_the_one_that_is_tried_ends_in_time(
        self, a_gate, clock, caplog, try_one
    ):
        gate = a_gate(max_stuck=1)
        get_stuck(gate)
        clock.now += STUCK_SECONDS
        *refusals, meter = try_one(gate)
        gate.ended(meter, None)

        assert refusals == [None, None]
        assert gate.stuck == 1
        assert [try_one(gate)[:2] for _ in range(3)] == [(None, None)] * 3
        assert len(lines(caplog)) == 2

    def test_it_waits_twice_as_long_when_that_one_gets_stuck_too(self, a_gate, clock, try_one):
        gate = a_gate(max_stuck=1)
        get_stuck(gate)
        pauses = []
        for _ in range(4):
            began = clock.now
            while gate.refuses(clock.now):
                clock.now += 1.0
            pauses.append(clock.now - began)
            *_, meter = try_one(gate)
            gate.got_stuck(meter)

        assert pauses == [STUCK_SECONDS * 2**n for n in range(4)]

    def test_an_endless_candidate_costs_few_threads_in_a_day(
        self, a_gate, clock, try_one, caplog, measured
    ):
        gate = a_gate(max_stuck=8)
        ends = clock.now + 24 * 3600
        while clock.now < ends:
            *refusals, meter = try_one(gate)
            clock.now += 5.0
            if refusals == [None, None]:
                gate.got_stuck(meter)

        measured(
            "threads that a candidate which never returns takes in a day, with max_stuck=8",
            gate.stuck,
            at_most=8 + 11,
        )
        assert len(lines(caplog)) == 1

    def test_it_stops_at_once_and_for_longer_when_the_next_gets_stuck(
        self, a_gate, clock, try_one, caplog
    ):
        gate = a_gate(max_stuck=1)
        get_stuck(gate)
        clock.now += STUCK_SECONDS
        gate.ended(try_one(gate)[2], 0.0)
        get_stuck(gate)

        clock.now += 2 * STUCK_SECONDS - 0.1
        assert gate.enter() == "stuck"
        clock.now += 0.1
        assert gate.enter() is None
        assert len(lines(caplog)) == 3

    def test_many_that_get_stuck_at_once_make_one_pause(self, a_gate, clock):
        gate = a_gate(max_stuck=2)
        get_stuck(gate, 50)

        assert gate.stuck == 50
        clock.now += STUCK_SECONDS
        assert gate.enter() is None

    def test_one_that_began_before_and_ends_in_time_does_not_start_it_again(self, a_gate, clock):
        gate = a_gate(max_stuck=1)
        before = Meter(None)
        gate.begin(before, clock.now)
        get_stuck(gate)
        gate.ended(before, 0.0)

        assert gate.refuses(clock.now) == "stuck"

    def test_below_the_cap_its_pauses_begin_anew(self, a_gate, clock, try_one):
        gate = a_gate(max_stuck=1)
        first = get_stuck(gate)
        clock.now += STUCK_SECONDS
        *_, second = try_one(gate)
        gate.got_stuck(second)
        gate.got_free(first)
        still = gate.refuses(clock.now)
        gate.got_free(second)
        get_stuck(gate)

        assert still == "stuck"
        clock.now += STUCK_SECONDS
        assert gate.enter() is None

    def test_it_tries_another_when_the_first_was_never_begun(self, a_gate, clock, try_one):
        gate = a_gate(max_stuck=1)
        get_stuck(gate)
        clock.now += STUCK_SECONDS
        gate.enter()
        clock.now += STUCK_SECONDS

        assert try_one(gate)[:2] == (None, None)

    def test_one_that_ended_before_it_was_told_to_be_stuck_is_not(self, a_gate):
        gate, meter = a_gate(), Meter(None)
        gate.got_free(meter)
        gate.got_stuck(meter)

        assert gate.stuck == 0

    def test_one_that_ends_is_free_once(self, a_gate):
        gate = a_gate(max_stuck=5)
        get_stuck(gate)
        meter = get_stuck(gate)
        gate.got_free(meter)
        gate.got_free(meter)

        assert gate.stuck == 1

    def test_a_breaker_that_closes_does_not_start_a_stuck_launch(self, a_gate, clock):
        gate = a_gate(max_stuck=1)
        fail(gate)
        get_stuck(gate)
        gate.succeeded()

        assert gate.refuses(clock.now) == "stuck"

    def test_one_call_is_tried_for_the_breaker_and_for_those_that_are_stuck(
        self, a_gate, clock, try_one
    ):
        gate = a_gate(max_stuck=1)
        fail(gate)
        get_stuck(gate)
        clock.now += STUCK_SECONDS
        *first, meter = try_one(gate)
        second = gate.enter()
        gate.ended(meter, 0.0)
        gate.succeeded()

        assert (first, second) == ([None, None], "stuck")
        assert gate.enter() is None


class TestRebound:
    """A gate whose bounds change keeps what was counted against them."""

    def rebound(self, gate, **bounds):
        gate.rebound(**{**gates.BOUNDS, **bounds})

    def test_a_higher_cap_lets_a_stuck_launch_go_on(self, a_gate, clock):
        gate = a_gate(max_stuck=1)
        get_stuck(gate)
        self.rebound(gate, max_stuck=2)

        assert gate.refuses(clock.now) is None

    def test_a_lower_cap_stops_a_launch_that_has_reached_it(self, a_gate, clock):
        gate = a_gate(max_stuck=2)
        get_stuck(gate)
        self.rebound(gate, max_stuck=1)

        assert gate.refuses(clock.now) == "stuck"

    def test_an_open_breaker_stays_open(self, a_gate, clock):
        gate = a_gate()
        fail(gate)
        self.rebound(gate, max_pending=1)

        assert gate.refuses(clock.now) == "breaker"

    def test_without_a_budget_any_longer_a_launch_goes_on(self, a_gate, clock):
        gate = a_gate(cpu_budget=0.1)
        use(gate, 100.0)
        self.rebound(gate, cpu_budget=None)
        use(gate, 100.0)

        assert gate.refuses(clock.now) is None

    def test_a_budget_that_is_new_counts_from_nothing(self, a_gate, clock):
        gate = a_gate(cpu_budget=None)
        use(gate, 100.0)
        self.rebound(gate, cpu_budget=0.1)
        at_first = gate.refuses(clock.now)
        use(gate, 1.0)

        assert at_first is None
        assert gate.refuses(clock.now) == "over_budget"

    def test_what_was_used_counts_against_a_smaller_share(self, a_gate, clock):
        gate = a_gate(cpu_budget=0.5)
        use(gate, 1.0)
        self.rebound(gate, cpu_budget=0.1)

        assert gate.refuses(clock.now) == "over_budget"

    def test_a_larger_share_lets_a_launch_go_on(self, a_gate, clock):
        gate = a_gate(cpu_budget=0.1)
        use(gate, 1.0)
        self.rebound(gate, cpu_budget=0.5)

        assert gate.refuses(clock.now) is None


def test_a_gate_that_is_full_says_so(a_gate, clock):
    gate = a_gate(max_pending=1)

    assert [gate.enter() for _ in range(2)] == [None, "full"]


def test_the_first_of_several_reasons_is_the_gravest(a_gate, clock):
    gate = a_gate(max_stuck=1, cpu_budget=0.1)
    use(gate, 100.0)
    fail(gate)
    with_two = gate.refuses(clock.now)
    get_stuck(gate)

    assert with_two == "breaker"
    assert gate.refuses(clock.now) == "stuck"


def test_a_gate_goes_by_the_real_clock_unless_told_otherwise():
    gate = Gate("shop.price [v2]", max_pending=1, max_pending_bytes=1, max_stuck=1, cpu_budget=None)

    assert gate.enter() is None


def test_a_gate_is_full_when_no_place_is_left(a_gate):
    gate = a_gate(max_pending=2)

    assert [gate.enter() for _ in range(3)] == [None, None, "full"]
    gate.room.give_back(0)
    assert gate.enter() is None


def test_a_gate_is_full_when_the_waiting_calls_weigh_too_much(a_gate):
    gate = a_gate(max_pending_bytes=1000)
    gate.room.weigh(1000)

    assert gate.enter() == "full"
    gate.room.weigh(-1)
    assert gate.enter() is None
