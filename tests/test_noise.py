"""The control run again in the dark: its order, its records, its counts and its bounds."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import itertools
import os
import sys
import threading
import time
import weakref

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import elsewhere
from darkcall import (
    ConfigurationError,
    Outcome,
    _call,
    _gate,
    aflush,
    close,
    configure,
    dark_launch,
    flush,
    is_dark,
    launch_of,
)
from darkcall.runners import InlineRunner, ProcessRunner, ThreadRunner
from darkcall.sinks import MemorySink
from looking import in_threads, outcomes, wait_until


INLINE = InlineRunner()


def noise_of(function):
    return launch_of(function).stats().noise


def noise_outcomes(function):
    return {outcome: times for outcome, times in noise_of(function).outcomes.items() if times}


def names(memory):
    return [record.candidate for record in memory.records]


@pytest.fixture(params=["inline", "threads"])
def runner(request, threads):
    return INLINE if request.param == "inline" else threads


def test_the_order_is_control_candidate_control(launched, runner):
    ran = []

    def control(x):
        ran.append(("control", is_dark()))
        return x

    def candidate(x):
        ran.append(("candidate", is_dark()))
        return x

    function, memory = launched(control, candidate, runner=runner, noise=1.0)
    assert function(3) == 3
    assert flush()

    assert ran == [("control", False), ("candidate", True), ("control", True)]
    assert sorted(names(memory)) == ["candidate", "control"]
    assert len({record.call_id for record in memory.records}) == 1
    assert noise_outcomes(function) == {"match": 1}


def test_it_comes_after_the_last_of_several_candidates(launched):
    let_go, ran = threading.Event(), []

    def slow(x):
        let_go.wait(10)
        ran.append("slow")
        return x

    def fast(x):
        ran.append("fast")
        return x

    def control(x):
        ran.append("control")
        return x

    runner = ThreadRunner(workers=3)
    function, memory = launched(
        control, {"slow": slow, "fast": fast}, runner=runner, noise=1.0, timeout=20
    )
    function(1)
    wait_until(lambda: "fast" in names(memory))
    assert noise_of(function).pending == 1
    let_go.set()
    assert flush()
    runner.close(1.0)

    assert ran == ["control", "fast", "slow", "control"]


def test_a_control_that_disagrees_with_itself_is_a_mismatch_of_the_control(launched):
    answers = itertools.count()
    function, memory = launched(
        lambda: {"a": next(answers), "b": 1}, lambda: {"a": 0, "b": 1}, runner=INLINE, noise=1.0
    )
    function()
    again = memory.records[1]

    assert again.candidate == "control"
    assert again.outcome == "mismatch"
    assert [one["path"] for one in again.differences] == ["$.a"]
    assert launch_of(function).stats().candidates["candidate"].outcomes["match"] == 1


def test_it_is_compared_as_a_candidate_is(launched):
    answers = itertools.count()
    ways = {
        "normalize": {"normalize": lambda _: 0},
        "ignore": {"ignore": lambda _control, _candidate: True},
        "compare": {"compare": lambda _control, _candidate: True},
    }
    seen = {}
    for name, knobs in ways.items():
        function, _ = launched(lambda: next(answers), lambda: -1, runner=INLINE, noise=1.0, **knobs)
        function()
        seen[name] = noise_outcomes(function)

    assert seen == {"normalize": {"match": 1}, "ignore": {"ignored": 1}, "compare": {"match": 1}}


def test_its_seconds_are_those_of_the_worker_and_the_controls_those_of_the_caller(launched):
    def control():
        if is_dark():
            return
        time.sleep(0.02)

    function, memory = launched(control, lambda: None, runner=INLINE, noise=1.0)
    function()
    again = memory.records[1]

    assert again.control_seconds >= 0.02 > again.candidate_seconds
    assert again.control_seconds == memory.records[0].control_seconds


def test_each_run_has_arguments_of_its_own(launched):
    def control(items):
        items.append(len(items))
        return list(items)

    function, memory = launched(control, control, runner=INLINE, noise=1.0, keep="everything")
    given_items = [7]
    assert function(given_items) == [7, 1]

    assert [record.outcome for record in memory.records] == ["match", "match"]
    assert given_items == [7, 1]


def test_what_isolates_the_arguments_is_asked_once_more_for_it_on_the_callers_thread(launched):
    threads, pairs = [], itertools.count()

    def isolate(_args, _kwargs):
        threads.append(threading.get_ident())
        return ([next(pairs)],), {}

    seen = []

    def control(items):
        if is_dark():
            seen.append(items)
        return 0

    def candidate(items):
        seen.append(items)
        return 0

    function, _ = launched(control, candidate, runner=INLINE, noise=1.0, isolate=isolate)
    function([5])

    assert threads == [threading.get_ident()] * 2
    assert sorted(seen) == [[0], [1]]


def test_shared_arguments_are_shared_with_it(launched):
    seen = []
    function, _ = launched(
        lambda x: seen.append([x][0]), lambda x: None, runner=INLINE, noise=1.0, isolate="share"
    )
    mine = object()
    function(mine)

    assert seen == [mine, mine]


def test_methods_run_again_on_a_copy_of_self():
    memory = MemorySink()

    class Shop:
        def __init__(self):
            self.asked = 0

        @dark_launch(
            candidate=lambda self: self.asked + 1, noise=1.0, runner=INLINE, sinks=[memory]
        )
        def ask(self):
            self.asked += 1
            return self.asked

        @classmethod
        @dark_launch(candidate=lambda cls: cls, noise=1.0, runner=INLINE, sinks=[memory])
        def cls(cls):
            return cls

    shop = Shop()
    assert (shop.ask(), shop.asked) == (1, 1)
    assert Shop.cls() is Shop

    assert [record.outcome for record in memory.records] == ["match"] * 4


def test_what_is_no_plain_function_runs_again(launched):
    function, memory = launched(
        functools.partial(max, 3), lambda x: max(3, x), runner=INLINE, noise=1
    )
    assert function(5) == 5

    assert [record.outcome for record in memory.records] == ["match", "match"]


def test_a_control_that_raises_raises_again(launched):
    def control():
        raise ValueError("no")

    function, memory = launched(control, control, runner=INLINE, noise=1.0)
    with pytest.raises(ValueError, match="no"):
        function()

    assert [record.outcome for record in memory.records] == ["match", "match"]


def test_calls_of_decorated_functions_inside_are_plain(launched):
    inner, _ = launched(lambda x: x, lambda x: x, runner=INLINE)
    function, _ = launched(inner.__wrapped__, lambda x: x, runner=INLINE, noise=1.0)
    outer, _ = launched(lambda x: inner(x) + 0, lambda x: x, runner=INLINE, noise=1.0)
    outer(1)
    function(1)

    assert launch_of(inner).stats().nested == 1
    assert launch_of(inner).stats().shadowed == 1


class TestAsync:
    def test_an_async_control_runs_again_as_a_task_of_the_callers_loop(self, launched, runner):
        seen = []

        async def control(x):
            seen.append(asyncio.get_running_loop())
            await asyncio.sleep(0)
            return x

        async def candidate(x):
            await asyncio.sleep(0)
            return x

        function, memory = launched(control, candidate, runner=runner, noise=1.0)

        async def main():
            assert await function(1) == 1
            assert await aflush()
            return asyncio.get_running_loop()

        loop = asyncio.run(main())

        assert seen == [loop, loop]
        assert sorted(names(memory)) == ["candidate", "control"]
        assert noise_outcomes(function) == {"match": 1}

    def test_what_it_hangs_in_is_cancelled_at_its_timeout(self, launched, threads):
        async def control(x):
            if is_dark():
                await asyncio.sleep(30)
            return x

        async def candidate(x):
            return x

        function, _ = launched(control, candidate, runner=threads, noise=1.0, timeout=0.05)

        async def main():
            await function(1)
            assert await aflush()

        asyncio.run(main())

        assert noise_outcomes(function) == {"timeout": 1}
        assert outcomes(function) == {"match": 1}


class TestWhichCalls:
    def test_none_by_default(self, launched):
        function, memory = launched(lambda x: x, lambda x: x, runner=INLINE)
        function(1)

        assert noise_of(function) is None
        assert names(memory) == ["candidate"]

    def test_a_share_of_the_shadowed_calls_chosen_at_random(self, launched, monkeypatch):
        draws = itertools.cycle([0.05, 0.5, 0.09, 0.1, 0.99])
        monkeypatch.setattr(_call, "_draw", lambda: next(draws))
        function, memory = launched(lambda x: x, lambda x: x, runner=INLINE, noise=0.1)
        for number in range(10):
            function(number)

        assert noise_of(function).shadowed == names(memory).count("control") == 4

    def test_a_call_that_no_candidate_sees_is_not_run_again(self, launched, monkeypatch):
        monkeypatch.setattr(_gate, "BREAKER_FAILURES", 1)
        function, _ = launched(
            lambda x: x, {"a": lambda x: 1 / 0, "b": lambda x: 1 / 0}, runner=INLINE, noise=1.0
        )
        for number in range(3):
            function(number)

        assert noise_of(function).shadowed == 1
        assert launch_of(function).stats().reasons == {"breaker": 4}

    def test_it_can_be_switched_on_and_off_while_calls_come(self, launched):
        function, _ = launched(lambda x: x, lambda x: x, runner=INLINE)
        launch = launch_of(function)
        function(1)
        launch.update(noise=1.0)
        function(1)
        with configure(noise=0.5):
            function(1)
        launch.update(noise=0.0)
        function(1)

        assert noise_of(function).outcomes["match"] == 2

    def test_a_configured_share_holds_for_launches_that_were_given_none(self, launched):
        function, _ = launched(lambda x: x, lambda x: x, runner=INLINE)
        with configure(noise=1.0):
            function(1)

        assert noise_of(function).shadowed == 1


class TestBounds:
    def test_a_candidate_that_times_out_is_followed_by_it(self, launched, threads):
        let_go = threading.Event()
        function, memory = launched(
            lambda x: x, lambda x: let_go.wait(20), runner=threads, noise=1.0, timeout=0.05
        )
        function(1)
        assert flush()
        let_go.set()

        assert sorted((record.candidate, record.outcome) for record in memory.records) == [
            ("candidate", "timeout"),
            ("control", "match"),
        ]

    def test_flush_waits_for_it(self, launched, threads):
        def control(x):
            if is_dark():
                time.sleep(0.05)
            return x

        function, memory = launched(control, lambda x: x, runner=threads, noise=1.0)
        function(1)
        assert flush()

        assert names(memory) == ["candidate", "control"]

    def test_a_candidate_that_is_dropped_takes_it_along(self, launched, threads, monkeypatch):
        monkeypatch.setattr(_gate.Gate, "begin", lambda *_: "over_budget")
        function, memory = launched(lambda x: x, lambda x: x, runner=threads, noise=1.0)
        function(1)
        assert flush()

        assert noise_of(function).reasons == {"over_budget": 1}
        assert noise_outcomes(function) == {"dropped": 1}
        assert not memory.records

    def test_what_cannot_be_kept_is_skipped_for_it_too(self, launched):
        function, memory = launched(lambda x: 1, lambda x: 1, runner=INLINE, noise=1.0)
        function(threading.Lock())

        assert [(record.candidate, record.outcome) for record in memory.records] == [
            ("candidate", "skipped"),
            ("control", "skipped"),
        ]

    def test_it_has_places_of_its_own_and_gives_them_back(self, launched, threads):
        began, let_go = threading.Event(), threading.Event()

        def control(x):
            if is_dark():
                began.set()
                let_go.wait(20)
            return x

        function, _ = launched(
            control, lambda x: x, runner=threads, noise=1.0, max_pending=1, timeout=None
        )
        function([1])
        assert began.wait(10)
        wait_until(lambda: outcomes(function) == {"match": 1})
        function([2])
        wait_until(lambda: outcomes(function) == {"match": 2})
        assert noise_of(function).reasons == {"full": 1}
        assert noise_of(function).pending == 1
        let_go.set()
        assert flush()
        gate = launch_of(function)._rerun.gate

        assert noise_outcomes(function) == {"match": 1, "dropped": 1}
        assert (len(gate.room.places), gate.room.nbytes) == (1, 0)

    def test_a_caller_that_asked_to_wait_for_room_does_not_wait_for_its(self, launched, threads):
        let_go = threading.Event()

        def control(x):
            if is_dark():
                let_go.wait(20)
            return x

        function, _ = launched(
            control,
            lambda x: x,
            runner=threads,
            noise=1.0,
            max_pending=1,
            timeout=None,
            when_full="block",
        )
        for number in range(3):
            function(number)
        let_go.set()
        assert flush()

        assert outcomes(function) == {"match": 3}
        assert noise_outcomes(function)["match"] >= 1

    def test_its_failures_leave_the_breaker_of_the_candidate_closed(self, launched, monkeypatch):
        monkeypatch.setattr(_gate, "BREAKER_FAILURES", 2)

        def control(x):
            if is_dark():
                raise RuntimeError
            return x

        function, _ = launched(control, lambda x: x, runner=INLINE, noise=1.0)
        for number in range(5):
            function(number)

        assert outcomes(function) == {"match": 5}
        assert noise_outcomes(function) == {"candidate_error": 2, "dropped": 3}

    def test_one_that_hangs_stops_itself_and_not_the_candidates(self, launched, threads):
        let_go = threading.Event()

        def control(x):
            if is_dark():
                let_go.wait(20)
            return x

        function, _ = launched(
            control, lambda x: x, runner=threads, noise=1.0, timeout=0.03, max_stuck=1
        )
        for number in range(3):
            function(number)
            assert flush()
        noise = noise_of(function)
        let_go.set()

        assert outcomes(function) == {"match": 3}
        assert noise.stuck == 1
        assert noise.outcomes["timeout"] == 1
        assert noise.reasons == {"stuck": 2}

    def test_what_is_not_done_when_darkcall_closes_is_dropped(self, launched, threads):
        let_go = threading.Event()
        function, _ = launched(
            lambda x: x, lambda x: let_go.wait(20), runner=threads, noise=1.0, timeout=None
        )
        function(1)
        assert not close(timeout=0.05)
        let_go.set()

        assert noise_of(function).reasons == {"exit": 1}
        assert noise_of(function).pending == 0

    def test_a_runner_that_raises_is_accounted_for(self, launched):
        class Choosy(InlineRunner):
            def submit(self, work):
                if work.candidate.name == "control":
                    raise OSError
                super().submit(work)

        function, _ = launched(lambda x: x, lambda x: x, runner=Choosy(), noise=1.0)
        function(1)

        assert noise_of(function).reasons == {"fault": 1}

    def test_a_call_that_is_interrupted_is_accounted_for(self, launched):
        ran = []

        def control(x):
            ran.append(is_dark())
            raise KeyboardInterrupt

        function, _ = launched(control, lambda x: x, runner=INLINE, noise=1.0)
        with pytest.raises(KeyboardInterrupt):
            function(1)
        noise = noise_of(function)

        assert ran == [False]
        assert noise.reasons == {"interrupted": 1}
        assert noise.pending == 0
        assert launch_of(function).stats().reasons == {"interrupted": 1}

    def test_a_comparison_that_is_interrupted_leaves_nothing_to_run(self, launched):
        def compare(_control, _candidate):
            raise KeyboardInterrupt

        function, _ = launched(lambda x: x, lambda x: x, runner=INLINE, noise=1.0, compare=compare)
        with pytest.raises(KeyboardInterrupt):
            function(1)
        noise = noise_of(function)

        assert noise.shadowed == 1
        assert noise.outcomes["skipped"] == 1

    def test_one_that_was_settled_as_lost_does_not_begin_when_the_candidate_ends(self, launched):
        kept, ran = [], []

        class Keeping(InlineRunner):
            def submit(self, work):
                kept.append(work)

        def control(x):
            ran.append(is_dark())
            return x

        function, memory = launched(control, lambda x: x, runner=Keeping(), noise=1.0)
        function(1)
        (job,) = kept
        job.follower.job.settle(Outcome.SKIPPED, "interrupted")
        INLINE.submit(job)

        assert (kept, ran) == ([job], [False])
        assert names(memory) == ["candidate"]
        assert noise_of(function).reasons == {"interrupted": 1}


def test_what_a_call_held_is_freed_without_a_collection_of_garbage(launched):
    class Held:
        pass

    def control(_):
        held = Held()
        seen.append(weakref.ref(held))
        return held

    seen = []
    function, memory = launched(
        control, lambda _: None, runner=INLINE, noise=1.0, confirm=True, isolate="share"
    )
    gc.disable()
    try:
        for way in (Held(), 3):
            function(way)
        memory.clear()
        del way
        assert [one() for one in seen] == [None] * len(seen)
    finally:
        gc.enable()


def test_a_forked_child_counts_from_nothing(launched):
    function, _ = launched(lambda x: x, lambda x: x, runner=INLINE, noise=1.0)
    function(1)
    launch_of(function)._after_fork()
    assert noise_of(function) is None
    function(2)

    assert noise_outcomes(function) == {"match": 1}


class Interrupt(BaseException):
    """Addressed to the thread, as a Ctrl-C is."""


def interrupted(function, at):
    """Interrupt the at-th call of darkcall's own within a call; tell whether there was one."""
    left = itertools.count(at, -1)

    def tracer(frame, _event, _argument):
        if f"{os.sep}darkcall{os.sep}" in frame.f_code.co_filename and not next(left):
            sys.settrace(None)
            raise Interrupt

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        function([3])
    except Interrupt:
        return True
    finally:
        sys.settrace(before)
    # What it was raised in may be a callback of the interpreter's, which passes nothing on.
    return next(left) < 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_wherever_a_call_is_interrupted_it_is_accounted_for(launched):
    for at in itertools.count():
        kept = []

        class Keeping(InlineRunner):
            def submit(self, work, kept=kept):
                kept.append(work)

        function, _ = launched(
            lambda x: x,
            {"a": lambda x: x, "b": lambda x: 1 / 0},
            runner=(INLINE, Keeping())[at % 2],
            noise=1.0,
            confirm=True,
        )
        was_interrupted = interrupted(function, at // 2)
        launch_of(function).stats()
        while kept:
            INLINE.submit(kept.pop())
        stats = launch_of(function).stats()

        assert stats.pending == 0
        assert stats.noise is None or stats.noise.pending == 0
        if at % 2 == 0 and not was_interrupted:
            break
    assert at > 100


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    ways=st.lists(
        st.sampled_from(["match", "mismatch", "raises", "unkept", "interrupted"]), max_size=12
    ),
    share=st.sampled_from([0.0, 0.5, 1.0]),
    candidates=st.integers(1, 3),
)
def test_the_counts_add_up_whatever_comes(launched, ways, share, candidates):
    def control(way, _):
        if way == "interrupted":
            raise KeyboardInterrupt
        return is_dark() if way == "mismatch" else way

    def candidate(way, _):
        if way == "raises":
            raise ValueError
        return way

    function, memory = launched(
        control,
        {f"v{number}": candidate for number in range(candidates)},
        runner=INLINE,
        noise=share,
    )
    for way in ways:
        with contextlib.suppress(KeyboardInterrupt):
            function(way, threading.Lock() if way == "unkept" else None)
        stats = launch_of(function).stats()
        for one in stats.candidates.values():
            assert one.shadowed == stats.shadowed == sum(one.outcomes.values())
        assert stats.noise is None or stats.noise.pending == 0
    noise = noise_of(function)

    assert len(ways) * (share == 1.0) <= (noise.shadowed if noise else 0) <= len(ways)
    recorded = names(memory).count("control")
    assert recorded == (noise.shadowed - noise.reasons.get("interrupted", 0) if noise else 0)


def test_the_counts_add_up_over_many_threads(launched, threads):
    function, memory = launched(
        lambda x: x,
        {"a": lambda x: x, "b": lambda x: -x},
        runner=threads,
        noise=0.5,
        max_pending=10**6,
    )

    def call():
        for number in range(1, 200):
            function(number)

    in_threads(call, 4)
    assert flush(timeout=30)
    stats = launch_of(function).stats()

    assert 0 < stats.noise.shadowed < stats.shadowed == 4 * 199
    assert noise_outcomes(function) == {"match": stats.noise.shadowed}
    assert names(memory).count("control") == stats.noise.shadowed


def test_a_candidate_may_not_be_named_control():
    with pytest.raises(ConfigurationError, match=r"cannot be named 'control'.*another name"):
        dark_launch(candidate={"control": lambda x: x})


class TestOtherProcesses:
    def test_the_control_is_found_there_by_its_name_and_is_plain(self):
        for number in range(2):
            elsewhere.where_again(number)
            assert flush(timeout=30)
        elsewhere.process_runner.close(timeout=1.0)
        candidate, control, *later = elsewhere.again_memory.records

        assert [record.candidate for record in later] == ["candidate", "control"]

        assert (candidate.candidate, control.candidate) == ("candidate", "control")
        assert {one["path"] for one in control.differences} == {"$.is_dark", "$.pid"}
        assert candidate.confirmation is control.confirmation is None

    def test_a_control_that_is_made_where_it_is_used_is_refused(self):
        def control(x):
            return x

        function = dark_launch(candidate=elsewhere.double, runner=ProcessRunner())(control)
        refusal = r"control of .* runs again .* made where it is used.*leave out noise"
        with pytest.raises(ConfigurationError, match=refusal):
            launch_of(function).update(noise=0.1)
        with pytest.raises(ConfigurationError, match=refusal):
            dark_launch(candidate=elsewhere.double, runner=ProcessRunner(), noise=0.1)(control)
        assert launch_of(function).stats().noise is None

    def test_a_configured_share_passes_over_a_control_that_is_not_found_there(self, launched):
        function, memory = launched(
            lambda x: x + x, elsewhere.double, runner=ProcessRunner(), timeout=15.0
        )
        with configure(noise=1.0):
            assert launch_of(function)._terms.rerun is None
            launch_of(function).update(runner=INLINE)
            function(1)

        assert names(memory) == ["candidate", "control"]

    def test_one_that_is_hidden_behind_another_name_is_refused(self, launched, monkeypatch):
        def control(x):
            return x

        control.__module__, control.__qualname__ = "elsewhere", "double"
        runner = ProcessRunner()
        monkeypatch.setattr(elsewhere, "double", control, raising=True)
        function, memory = launched(control, "elsewhere:by_addition", noise=0.0, runner=runner)
        with pytest.raises(ConfigurationError, match="something else under that name"):
            launch_of(function).update(noise=1.0)
        assert not memory.records
