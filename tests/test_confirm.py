"""Confirmation: both sides run once more on what differs, and what is said of it."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import types
import weakref

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkcall import _budget, _gate, _guard, aflush, close, flush, is_dark, launch_of
from darkcall._budget import Quota
from darkcall.compare import equal
from darkcall.runners import InlineRunner
from looking import outcomes, stats_of, wait_until


INLINE = InlineRunner()


def answering(*answers):
    """Make a function that gives one answer after the other, and raises those that can be."""
    left = iter(answers)

    def answer(x):
        given = next(left)
        if isinstance(given, Exception):
            raise given
        return given

    return answer


def confirmation(launched, control, candidate, **knobs):
    function, memory = launched(
        answering(*control), answering(*candidate), confirm=True, **{"runner": INLINE, **knobs}
    )
    function(1)
    (record,) = memory.records
    assert record.outcome in {"mismatch", "candidate_error"}
    return record.confirmation


@pytest.mark.parametrize(
    ("control", "candidate", "word"),
    [
        ((1, 1), (2, 2), "deterministic"),
        ((1, 2), (2, 2), "flaky_control"),
        ((1, 3), (2, 2), "flaky_control"),
        ((1, 1), (2, 1), "flaky_candidate"),
        ((1, 1), (2, 3), "flaky_candidate"),
        ((1, 3), (2, 3), "first_sight"),
        ((1, 3), (2, 4), "first_sight"),
        ((1, 1), (ValueError("a"), ValueError("a")), "deterministic"),
        ((1, 1), (ValueError("a"), 1), "flaky_candidate"),
        ((1, ValueError("a")), (2, 2), "flaky_control"),
        ((1, 1), (2, KeyError("a")), "flaky_candidate"),
        (([1], [1]), ([2], [2]), "deterministic"),
    ],
)
def test_it_is_told_who_gave_another_answer_than_before(launched, control, candidate, word):
    assert confirmation(launched, control, candidate) == word


def test_a_control_that_raised_first_is_asked_again(launched):
    function, memory = launched(
        answering(ValueError("a"), ValueError("a")), answering(2, 2), confirm=True, runner=INLINE
    )
    with pytest.raises(ValueError, match="a"):
        function(1)

    assert memory.records[0].confirmation == "deterministic"


def test_both_near_their_first_answers_and_near_each_other_is_first_sight(launched):
    word = confirmation(launched, (10.0, 10.5), (11.5, 11.0), compare=equal.within(abs=1.0))

    assert word == "first_sight"


def test_what_is_ignored_is_no_other_answer(launched):
    def ignore(control, candidate):
        return abs(control.value - candidate.value) < 0.5

    assert confirmation(launched, (1, 1.25), (2, 2.25), ignore=ignore) == "deterministic"


def test_results_are_normalized_before_they_are_compared_again(launched):
    assert confirmation(launched, (1.1, 1.2), (2.1, 2.2), normalize=int) == "deterministic"


def test_what_cannot_be_compared_again_is_not_classed(launched):
    def compare(control, candidate):
        if 3 in {control, candidate}:
            raise ValueError
        return control == candidate

    assert confirmation(launched, (1, 1), (2, 3), compare=compare) is None
    assert confirmation(launched, (1, 3), (2, 2), compare=compare) is None


def test_by_default_and_on_a_match_nothing_runs_again(launched):
    ran = []

    def control(x):
        ran.append(x)
        return x

    function, memory = launched(control, lambda x: -x, runner=INLINE)
    function(1)
    same, _ = launched(control, lambda x: x, runner=INLINE, confirm=True)
    same(2)

    assert ran == [1, 2]
    assert memory.records[0].confirmation is None


def test_the_control_runs_first_and_both_in_the_dark_on_copies_of_their_own(launched):
    ran = []

    def noting(name, answer):
        def run(items):
            ran.append((name, is_dark(), list(items)))
            items.append(name)
            return answer

        return run

    function, memory = launched(
        noting("control", 1), noting("candidate", 2), runner=INLINE, confirm=True
    )
    function([7])

    assert ran == [
        ("control", False, [7]),
        ("candidate", True, [7]),
        ("control", True, [7]),
        ("candidate", True, [7]),
    ]
    assert memory.records[0].confirmation == "deterministic"


def test_the_record_is_that_of_the_first_run(launched):
    state = []

    def candidate(x):
        state.append(x)
        return state

    function, memory = launched(
        lambda x: [], candidate, runner=INLINE, confirm=True, keep="everything"
    )
    function(1)
    (record,) = memory.records

    assert record.candidate_value == [1]
    assert record.outcome == "mismatch"
    assert outcomes(function) == {"mismatch": 1}


@pytest.mark.parametrize("isolate", ["share", lambda args, kwargs: (args, kwargs)])
def test_arguments_that_were_not_copied_are_used_up(launched, isolate):
    assert confirmation(launched, (1, 1), (2, 2), isolate=isolate) is None


def test_an_async_side_is_not_run_again(launched, threads):
    async def control(x):
        return x

    async def candidate(x):
        return -x

    functions = [
        launched(control, candidate, runner=threads, confirm=True),
        launched(control, lambda x: -x, runner=threads, confirm=True),
        launched(lambda x: x, candidate, runner=threads, confirm=True),
    ]

    async def main():
        await functions[0][0](1)
        await functions[1][0](1)
        functions[2][0](1)
        assert await aflush()

    asyncio.run(main())

    for function, memory in functions:
        assert [record.confirmation for record in memory.records] == [None]
        assert outcomes(function) == {"mismatch": 1}


def test_noise_is_not_confirmed(launched):
    function, memory = launched(
        answering(1, 2), lambda x: 1, runner=INLINE, confirm=True, noise=1.0
    )
    function(1)

    assert [record.confirmation for record in memory.records] == [None, None]
    assert [record.outcome for record in memory.records] == ["match", "mismatch"]


def test_the_caller_does_not_wait_for_it(launched, threads):
    let_go = threading.Event()

    def control(x):
        if is_dark():
            assert let_go.wait(20)
        return x

    function, memory = launched(control, lambda x: -x, runner=threads, confirm=True, timeout=30)
    assert function(1) == 1
    assert not memory.records
    let_go.set()
    assert flush()

    assert memory.records[0].confirmation == "deterministic"


made = []


class Held:
    """Something that can be copied, and of which it can be seen when it is gone."""

    def __setstate__(self, state):
        made.append(weakref.ref(self))

    def __getstate__(self):
        return {"a": 1}


def test_what_it_held_is_freed_without_a_collection_of_garbage(launched):
    def raising(held):
        raise ValueError

    function, memory = launched(lambda held: held, raising, runner=INLINE, confirm=True)
    gc.disable()
    try:
        function(Held())
        assert len(made) >= 4
        assert [one() for one in made] == [None] * len(made)
    finally:
        gc.enable()
    assert memory.records[0].confirmation == "deterministic"


class TestOneThatHangs:
    @pytest.fixture
    def hung(self):
        hung = types.SimpleNamespace(let_go=threading.Event())
        yield hung
        hung.let_go.set()

    def launch(self, launched, hung, runner, **knobs):
        def control(x):
            if is_dark():
                hung.let_go.wait(20)
            return x

        return launched(control, lambda x: -x, runner=runner, confirm=True, **knobs)

    def test_is_a_stuck_thread_and_leaves_the_mismatch_unconfirmed(self, launched, threads, hung):
        function, memory = self.launch(launched, hung, threads, timeout=0.05)
        function(1)
        assert flush()

        assert [record.outcome for record in memory.records] == ["mismatch"]
        assert memory.records[0].confirmation is None
        assert stats_of(function).stuck == 1
        hung.let_go.set()
        wait_until(lambda: stats_of(function).stuck == 0)
        assert outcomes(function) == {"mismatch": 1}

    def test_stops_the_launch_as_others_do(self, launched, threads, hung):
        function, _ = self.launch(launched, hung, threads, timeout=0.03, max_stuck=1)
        function(1)
        assert flush()
        function(1)

        assert outcomes(function) == {"mismatch": 1, "dropped": 1}
        assert stats_of(function).reasons == {"stuck": 1}

    def test_does_not_hold_a_close_and_its_mismatch_is_recorded(self, launched, threads, hung):
        function, memory = self.launch(launched, hung, threads, timeout=None)
        function(1)
        wait_until(lambda: not threads._queue)
        close(timeout=0.05)

        assert outcomes(function) == {"mismatch": 1}
        assert [record.confirmation for record in memory.records] == [None]

    def test_is_told_afterwards_where_the_caller_waits(self, launched, monkeypatch):
        def slowly(x):
            if is_dark():
                threading.Event().wait(0.03)
            return -x

        function, memory = launched(
            lambda x: x if not is_dark() else slowly(x),
            lambda x: -x,
            runner=INLINE,
            confirm=True,
            timeout=0.02,
        )
        function(1)

        assert memory.records[0].confirmation is None
        assert outcomes(function) == {"mismatch": 1}
        assert stats_of(function).stuck == 0


class TestBounds:
    def test_its_cpu_time_counts_against_the_budget(self, launched, monkeypatch):
        charged = []
        ended = _gate.Gate.ended
        monkeypatch.setattr(
            _gate.Gate,
            "ended",
            lambda gate, meter, used: charged.append(used) or ended(gate, meter, used),
        )

        def busy(x):
            return sum(range(100_000)) + x

        function, _ = launched(busy, lambda x: busy(x) + 1, runner=INLINE, confirm=True)
        function(1)
        first, again = charged

        # Twice as much, by and large: both sides.
        assert 4 * again > first > 0.0

    def test_a_budget_that_is_used_up_leaves_it_out(self, launched, monkeypatch):
        answers = iter([None, "over_budget"])
        monkeypatch.setattr(_gate.Gate, "begin", lambda *_: next(answers))

        assert confirmation(launched, (1,), (2,)) is None

    def test_a_candidate_that_always_differs_is_confirmed_a_few_times(self, launched, monkeypatch):
        monkeypatch.setattr(_budget, "QUOTA_SECONDS", 1000.0)
        ran = itertools.count()

        def candidate(x):
            next(ran)
            return -x

        function, memory = launched(lambda x: x, candidate, runner=INLINE, confirm=True)
        for number in range(1, 51):
            function(number)
        confirmed = [record.confirmation for record in memory.records]

        assert confirmed == ["deterministic"] * 4 + [None] * 46
        assert next(ran) == 54

    def test_each_kind_of_difference_is_confirmed(self, launched, monkeypatch):
        monkeypatch.setattr(_budget, "QUOTA_SECONDS", 1000.0)
        function, memory = launched(
            lambda key: {}, lambda key: {key: 1}, runner=INLINE, confirm=True
        )
        for _ in range(20):
            function("often")
        function("seldom")

        assert memory.records[-1].confirmation == "deterministic"

    def test_an_error_of_the_candidate_counts_once_for_the_breaker(self, launched, monkeypatch):
        monkeypatch.setattr(_gate, "BREAKER_FAILURES", 2)
        function, _ = launched(lambda x: x, lambda x: 1 / 0, runner=INLINE, confirm=True)
        for _ in range(3):
            function(1)

        assert outcomes(function) == {"candidate_error": 2, "dropped": 1}


class TestQuota:
    def test_of_each_kind_the_first_few_and_of_the_rest_one_a_second(self, clock):
        quota = Quota(lambda: clock.now)

        assert [quota.take("a") for _ in range(5)] == [True] * 4 + [False]
        assert [quota.take("b") for _ in range(4)] == [True] * 3 + [False]
        clock.now += 0.9
        assert not quota.take("a")
        clock.now += 0.1
        assert quota.take("a")
        assert not quota.take("b")

    def test_it_remembers_so_many_kinds(self, clock, monkeypatch):
        monkeypatch.setattr(_budget, "QUOTA_KINDS", 2)
        quota = Quota(lambda: clock.now)

        assert [quota.take(kind) for kind in "abcd"] == [True, True, True, False]
        assert quota.take("a")

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        asked=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 2)), max_size=60),
    )
    def test_it_never_grants_more_than_it_says(self, asked):
        now = 0.0
        quota = Quota(lambda: now)
        granted = 0
        for kind, passed in asked:
            now += passed
            granted += quota.take(kind)

        assert granted <= 3 * len({kind for kind, _ in asked}) + now + 1


def test_a_copy_that_cannot_be_opened_again_leaves_it_out(launched):
    opened = []

    class Fragile:
        def __setstate__(self, state):
            opened.append(state)
            if len(opened) == 2:
                raise ValueError
            self.__dict__.update(state)

        def __getstate__(self):
            return {"a": 1}

    function, memory = launched(lambda x: 1, lambda x: 2, runner=INLINE, confirm=True)
    function(Fragile())

    assert memory.records[0].confirmation is None
    assert memory.records[0].outcome == "mismatch"
    assert launch_of(function).stats().pending == 0


def test_a_record_that_cannot_be_made_leaves_the_outcome(launched, monkeypatch):
    from darkcall import _trial  # noqa: PLC0415 -- what is replaced for this test alone

    def broken(*_):
        raise ValueError

    monkeypatch.setattr(_trial, "record_of", broken)
    function, memory = launched(lambda x: 1, lambda x: 2, runner=INLINE, confirm=True)
    function(1)
    _guard.reset()

    assert outcomes(function) == {"mismatch": 1}
    assert not memory.records


def test_one_whose_describing_takes_too_long_is_not_confirmed(launched, monkeypatch):
    from darkcall import _trial  # noqa: PLC0415 -- as above

    monkeypatch.setattr(_trial, "CONCLUDING_SECONDS", 0.0)
    function, memory = launched(lambda x: 1, lambda x: 2, runner=INLINE, confirm=True)
    function(1)

    assert outcomes(function) == {"uncomparable": 1}
    assert not memory.records
