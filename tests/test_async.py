from __future__ import annotations

import asyncio
import contextlib
import contextvars
import errno
import functools
import gc
import sys
import threading
import time
import warnings

import anyio
import pytest
import uvloop

from darkcall import _gate, _threads, aflush, close, flush, is_dark, launch_of
from darkcall.runners import InlineRunner
from darkcall.runners import loop as loops
from looking import outcomes, stats_of, wait_until


INLINE = InlineRunner()


@pytest.fixture(autouse=True)
def no_word_of_asyncio(caplog):
    """Whatever the event loop has to complain of fails the test."""
    yield
    gc.collect()
    assert [one.getMessage() for one in caplog.records if one.name == "asyncio"] == []


@pytest.fixture(autouse=True)
def nothing_runs_on():
    yield
    assert flush(timeout=5)
    assert not loops._runs


@pytest.fixture
def quick(monkeypatch):
    """A candidate that does not end when it is cancelled is stuck after a moment."""
    monkeypatch.setattr(loops, "GRACE_SECONDS", 0.05)


async def control(x):
    return x


async def at_once(x):
    return x


async def until(condition):
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.001)


class TestOnTheCallersLoop:
    def test_the_caller_gets_the_controls_own_object(self, launched, threads):
        result = [1]

        async def the_control(x):
            return result

        function, _ = launched(the_control, at_once, runner=threads)

        async def main():
            found = await function([1])
            assert await aflush()
            return found

        assert asyncio.run(main()) is result
        assert outcomes(function) == {"match": 1}

    def test_the_caller_gets_the_very_exception(self, launched, threads):
        error = ValueError("a")

        async def failing(x):
            raise error

        function, _ = launched(failing, failing, runner=threads)

        async def main():
            with pytest.raises(ValueError, match="a") as caught:
                await function(1)
            assert await aflush()
            return caught.value

        assert asyncio.run(main()) is error
        assert outcomes(function) == {"match": 1}

    def test_an_async_candidate_runs_there_as_a_task_in_the_dark(self, launched, threads):
        seen = []

        async def candidate(x):
            seen.append((asyncio.get_running_loop(), threading.current_thread(), is_dark()))
            return x

        function, _ = launched(control, candidate, runner=threads)

        async def main():
            await function(1)
            assert await aflush()
            return asyncio.get_running_loop(), threading.current_thread(), True

        assert asyncio.run(main()) == seen[0]
        assert outcomes(function) == {"match": 1}

    def test_a_sync_candidate_runs_in_a_thread(self, launched, threads):
        seen = []

        def candidate(x):
            seen.append(threading.current_thread())
            return x

        function, _ = launched(control, candidate, runner=threads)

        async def main():
            await function(1)
            assert await aflush()

        asyncio.run(main())
        assert outcomes(function) == {"match": 1}
        assert seen[0] is not threading.current_thread()

    def test_the_caller_does_not_wait_for_the_candidate(self, launched, threads):
        async def candidate(x):
            await let_go.wait()
            return x

        function, _ = launched(control, candidate, runner=threads)

        async def main():
            nonlocal let_go
            let_go = asyncio.Event()
            assert await function(1) == 1
            pending = stats_of(function).pending
            let_go.set()
            assert await aflush()
            return pending

        let_go = None
        assert asyncio.run(main()) == 1
        assert outcomes(function) == {"match": 1}

    def test_a_call_of_a_candidate_is_nested(self, launched, threads):
        async def candidate(x):
            return await function(x)

        function, _ = launched(control, candidate, runner=threads)

        async def main():
            await function(1)
            assert await aflush()

        asyncio.run(main())
        assert launch_of(function).stats().nested == 1
        assert outcomes(function) == {"match": 1}

    def test_the_candidate_sees_the_callers_variables_and_cannot_change_them(
        self, launched, threads
    ):
        tenant = contextvars.ContextVar("tenant")
        seen = []

        async def candidate(x):
            seen.append(tenant.get())
            tenant.set("changed")
            await asyncio.sleep(0)
            seen.append(tenant.get())
            return x

        def sync_candidate(x):
            seen.append(tenant.get())
            tenant.set("changed")
            return x

        function, _ = launched(control, {"v2": candidate, "v3": sync_candidate}, runner=threads)

        async def main():
            tenant.set("acme")
            await function(1)
            tenant.set("the next")
            assert await aflush()
            return tenant.get()

        assert asyncio.run(main()) == "the next"
        assert sorted(seen) == ["acme", "acme", "changed"]

    def test_a_pending_candidate_is_not_collected(self, launched, threads):
        async def candidate(x):
            # Nothing but this very frame refers to what it waits for.
            waiting = asyncio.get_running_loop().create_future()
            reached.append(True)
            await waiting

        reached = []
        function, _ = launched(control, candidate, runner=threads, timeout=0.1)

        async def main():
            await function(1)
            await until(lambda: reached)
            for _ in range(3):
                gc.collect()
                await asyncio.sleep(0)
            assert await aflush()

        asyncio.run(main())
        assert outcomes(function) == {"timeout": 1}

    def test_an_overdue_candidate_is_really_cancelled(self, launched, threads):
        cleaned_up = []

        async def candidate(x):
            try:
                await asyncio.sleep(20)
            finally:
                await asyncio.sleep(0)
                cleaned_up.append(True)

        function, _ = launched(control, candidate, runner=threads, timeout=0.02)

        async def main():
            await function(1)
            assert await aflush()
            await until(lambda: cleaned_up)

        asyncio.run(main())
        assert outcomes(function) == {"timeout": 1}
        assert stats_of(function).stuck == 0
        assert stats_of(function).late == 0

    def test_a_candidate_that_does_not_end_when_cancelled_is_stuck_until_it_ends(
        self, launched, threads, quick
    ):
        async def candidate(x):
            while not let_go.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)
            return x

        let_go = threading.Event()
        function, _ = launched(control, candidate, runner=threads, timeout=0.02, max_stuck=1)

        async def main():
            await function(1)
            assert await aflush()
            await until(lambda: stats_of(function).stuck == 1)
            await function(2)
            let_go.set()
            await until(lambda: stats_of(function).late == 1)

        asyncio.run(main())
        assert outcomes(function) == {"timeout": 1, "dropped": 1}
        assert stats_of(function).stuck == 0
        assert stats_of(function).reasons == {"stuck": 1}

    @pytest.mark.parametrize(
        "error",
        [asyncio.CancelledError(), SystemExit(3), KeyboardInterrupt(), GeneratorExit()],
    )
    @pytest.mark.parametrize("awaits", [True, False])
    def test_whatever_a_candidate_raises_itself_is_its_error(
        self, launched, threads, error, awaits
    ):
        async def candidate(x):
            if awaits:
                await asyncio.sleep(0)
            raise error

        function, memory = launched(control, candidate, runner=threads)

        async def main():
            for x in range(3):
                assert await function(x) == x
            assert await aflush()

        asyncio.run(main())
        assert outcomes(function) == {"candidate_error": 3}
        assert memory.records[0].candidate_raised["type"].endswith(type(error).__name__)

    def test_pending_candidates_are_cancelled_and_counted_when_the_loop_ends(
        self, launched, threads
    ):
        cleaned_up = []

        async def candidate(x):
            reached.append(True)
            try:
                await asyncio.sleep(20)
            finally:
                cleaned_up.append(True)

        reached = []
        function, _ = launched(control, candidate, runner=threads, timeout=None)

        async def main():
            for x in range(3):
                await function(x)
            await until(lambda: len(reached) == 3)

        asyncio.run(main())
        assert flush(timeout=5)
        assert outcomes(function) == {"dropped": 3}
        assert stats_of(function).reasons == {"cancelled": 3}
        assert len(cleaned_up) == 3

    def test_candidates_that_were_not_begun_when_the_loop_ended_are_counted(
        self, launched, threads
    ):
        function, _ = launched(control, at_once, runner=threads)

        for x in range(20):
            asyncio.run(function(x))
        assert flush(timeout=5)

        stats = stats_of(function)
        assert stats.pending == 0
        assert set(outcomes(function)) <= {"match", "dropped"}
        assert set(stats.reasons) <= {"cancelled", "loop_closed"}

    def test_a_loop_that_stands_still_is_told_from_one_that_has_ended(self, launched, threads):
        function, _ = launched(control, at_once, runner=threads, timeout=None)
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(function(1))
            stands_still = flush(timeout=0.05)
        finally:
            loop.close()

        assert not stands_still
        assert flush(timeout=5)
        assert outcomes(function) == {"dropped": 1}
        assert stats_of(function).reasons == {"loop_closed": 1}

    def test_a_candidate_under_way_when_its_loop_is_closed_is_counted_quietly(
        self, launched, threads
    ):
        async def candidate(x):
            reached.append(True)
            await asyncio.sleep(20)

        async def main():
            await function(1)
            await until(lambda: reached)

        reached = []
        function, _ = launched(control, candidate, runner=threads, timeout=None)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        loop.close()

        assert flush(timeout=5)
        assert outcomes(function) == {"dropped": 1}

    @pytest.mark.parametrize("error", [ValueError, SystemExit])
    def test_the_last_words_of_a_candidate_whose_loop_is_closed_harm_nobody(
        self, launched, threads, error
    ):
        async def candidate(x):
            reached.append(True)
            try:
                await asyncio.sleep(20)
            finally:
                said.append(is_dark())
                raise error

        async def main():
            await function(1)
            await until(lambda: reached)

        reached, said = [], []
        function, _ = launched(control, candidate, runner=threads, timeout=None)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        loop.close()

        assert flush(timeout=5)
        assert outcomes(function) == {"dropped": 1}
        assert said == [True]

    def test_a_cancelled_control_is_cancelled_and_counted(self, launched, threads):
        async def waiting(x):
            await asyncio.sleep(20)

        function, _ = launched(waiting, at_once, runner=threads)

        async def main():
            task = asyncio.create_task(function(1))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await aflush()

        asyncio.run(main())
        assert outcomes(function) == {"skipped": 1}
        assert stats_of(function).reasons == {"interrupted": 1}

    def test_a_candidate_outlives_its_caller(self, launched, threads):
        async def candidate(x):
            await asyncio.sleep(0.02)
            return x

        function, _ = launched(control, candidate, runner=threads)

        async def main():
            caller = asyncio.create_task(function(1))
            await caller
            caller.cancel()
            assert await aflush()

        asyncio.run(main())
        assert outcomes(function) == {"match": 1}

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
    def test_eager_tasks_do_not_run_the_candidate_while_the_caller_waits(self, launched, threads):
        order = []

        async def candidate(x):
            order.append("candidate")
            return x

        function, _ = launched(control, candidate, runner=threads)

        async def main():
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
            await function(1)
            order.append("caller")
            assert await aflush()

        asyncio.run(main())
        assert order == ["caller", "candidate"]
        assert outcomes(function) == {"match": 1}

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_uvloop_is_a_loop_like_another(self, launched, threads):
        async def late(x):
            await asyncio.sleep(20)

        function, _ = launched(control, {"v2": at_once, "v3": late}, runner=threads, timeout=0.05)

        async def main():
            for x in range(5):
                assert await function(x) == x
            assert await aflush()

        uvloop.run(main())
        stats = launch_of(function).stats()
        assert stats.candidates["v2"].outcomes["match"] == 5
        assert stats.candidates["v3"].outcomes["timeout"] == 5

    def test_anyio_is_a_loop_like_another(self, launched, threads):
        async def candidate(x):
            await anyio.sleep(0.001)
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 0)
            return x

        function, _ = launched(control, candidate, runner=threads)

        async def main():
            async with anyio.create_task_group() as group:
                for x in range(5):
                    group.start_soon(function, x)
            assert await aflush()

        anyio.run(main)
        assert outcomes(function) == {"match": 5}

    def test_task_groups_and_timeouts_of_the_candidates_own_work_inside(self, launched, threads):
        async def candidate(x):
            try:
                async with asyncio.timeout(0.005):
                    await asyncio.sleep(20)
            except TimeoutError:
                pass
            async with asyncio.TaskGroup() as group:
                task = group.create_task(control(x))
            return task.result()

        function, _ = launched(control, candidate, runner=threads)

        async def main():
            await function(1)
            assert await aflush()

        asyncio.run(main())
        assert outcomes(function) == {"match": 1}

    def test_the_cpu_time_of_other_tasks_is_not_the_candidates(self, launched, threads):
        async def candidate(x):
            await asyncio.sleep(0.03)
            return x

        def busy(seconds):
            ends = time.thread_time() + seconds
            while time.thread_time() < ends:
                pass

        function, memory = launched(control, candidate, runner=threads)

        async def main():
            await function(1)
            await asyncio.sleep(0.01)
            busy(0.03)
            assert await aflush()

        asyncio.run(main())
        assert memory.records[0].candidate_cpu_seconds < 0.02
        assert memory.records[0].candidate_seconds > 0.02

    def test_a_candidate_may_await_what_is_no_coroutine(self, launched, threads):
        class Answer:
            def __init__(self, x):
                self.x = x

            def __await__(self):
                yield from asyncio.sleep(0).__await__()
                return self.x

        class Candidate:
            async def __call__(self, x):
                return await Answer(x)

        function, _ = launched(control, Candidate(), runner=threads)

        async def main():
            await function(1)
            assert await aflush()

        asyncio.run(main())
        assert outcomes(function) == {"match": 1}

    def test_what_comes_late_is_charged_to_the_budget(self, launched, threads):
        async def candidate(x):
            try:
                await asyncio.sleep(20)
            except asyncio.CancelledError:
                ends = time.thread_time() + 0.05
                while time.thread_time() < ends:
                    pass
            return x

        function, _ = launched(control, candidate, runner=threads, timeout=0.01, cpu_budget=0.002)

        async def main():
            await function(1)
            await until(lambda: stats_of(function).late == 1)
            await function(2)
            assert await aflush()

        asyncio.run(main())
        assert outcomes(function) == {"timeout": 1, "dropped": 1}
        assert stats_of(function).reasons == {"over_budget": 1}


class TestRoom:
    def test_who_asked_to_wait_waits_for_room_and_leaves_the_loop_free(self, launched, threads):
        async def candidate(x):
            await asyncio.sleep(0.01)
            return x

        function, _ = launched(control, candidate, runner=threads, max_pending=1, when_full="block")

        async def main():
            ticks = 0

            async def tick():
                nonlocal ticks
                while True:
                    ticks += 1
                    await asyncio.sleep(0.001)

            ticking = asyncio.create_task(tick())
            for x in range(5):
                await function(x)
            ticking.cancel()
            assert await aflush()
            return ticks

        assert asyncio.run(main()) > 10
        assert outcomes(function) == {"match": 5}

    def test_who_is_cancelled_while_waiting_for_room_is_accounted_for(self, launched, threads):
        async def candidate(x):
            await let_go.wait()
            return x

        function, _ = launched(control, candidate, runner=threads, max_pending=1, when_full="block")

        async def main():
            nonlocal let_go
            let_go = asyncio.Event()
            await function(1)
            waiting = asyncio.create_task(function(2))
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            let_go.set()
            assert await aflush()

        let_go = None
        asyncio.run(main())
        assert outcomes(function) == {"match": 1, "skipped": 1}
        assert stats_of(function).reasons == {"interrupted": 1}

    def test_many_that_wait_for_room_all_get_it(self, launched, threads):
        function, _ = launched(control, at_once, runner=threads, max_pending=2, when_full="block")

        async def main():
            await asyncio.gather(*(function(x) for x in range(20)))
            assert await aflush()

        asyncio.run(main())
        assert outcomes(function) == {"match": 20}

    def test_a_full_launch_drops_and_counts(self, launched, threads):
        async def candidate(x):
            await let_go.wait()
            return x

        function, _ = launched(control, candidate, runner=threads, max_pending=2)

        async def main():
            nonlocal let_go
            let_go = asyncio.Event()
            for x in range(5):
                await function(x)
            let_go.set()
            assert await aflush()

        let_go = None
        asyncio.run(main())
        assert outcomes(function) == {"match": 2, "dropped": 3}


class TestOnTheLoopInTheBackground:
    def test_async_candidates_of_a_sync_control_run_there(self, launched, threads):
        seen = []

        async def candidate(x):
            seen.append((threading.current_thread().name, is_dark()))
            await asyncio.sleep(0)
            return x

        function, _ = launched(lambda x: x, candidate, runner=threads)
        for x in range(3):
            function(x)

        assert flush(timeout=5)
        assert outcomes(function) == {"match": 3}
        assert set(seen) == {("darkcall-loop", True)}

    def test_an_overdue_one_is_really_cancelled(self, launched, threads):
        cleaned_up = []

        async def candidate(x):
            try:
                await asyncio.sleep(20)
            finally:
                cleaned_up.append(True)

        function, _ = launched(lambda x: x, candidate, runner=threads, timeout=0.02)
        function(1)

        assert flush(timeout=5)
        wait_until(lambda: cleaned_up)
        assert outcomes(function) == {"timeout": 1}

    def test_one_that_blocks_it_costs_the_loop_and_no_other_call(self, launched, threads, quick):
        async def blocking(x):
            let_go.wait(20)
            return x

        async def waiting(x):
            await asyncio.sleep(0.01)
            return x

        let_go = threading.Event()
        function, _ = launched(
            lambda x: x,
            {"waiting": waiting, "blocking": blocking, "behind": at_once},
            runner=threads,
            timeout=0.05,
        )
        function(1)
        first = flush(timeout=5)
        counts = launch_of(function).stats().candidates
        stuck = counts["blocking"].stuck
        later, _ = launched(lambda x: x, at_once, runner=threads)
        later(2)
        second = flush(timeout=5)
        let_go.set()
        wait_until(lambda: launch_of(function).stats().candidates["blocking"].stuck == 0)

        assert first
        assert second
        assert stuck == 1
        assert outcomes(later) == {"match": 1}
        assert counts["blocking"].outcomes["timeout"] == 1
        assert counts["waiting"].pending == counts["behind"].pending == 0

    def test_a_loop_that_was_replaced_ends_when_its_candidates_do(self, launched, threads, quick):
        async def blocking(x):
            seen.append(threading.current_thread())
            let_go.wait(20)
            return x

        seen = []
        let_go = threading.Event()
        function, _ = launched(lambda x: x, blocking, runner=threads, timeout=0.02)
        function(1)
        assert flush(timeout=5)
        let_go.set()

        wait_until(lambda: seen[0] not in threading.enumerate())

    def test_one_that_does_not_end_when_cancelled_leaves_the_loop_to_others(
        self, launched, threads, quick
    ):
        async def stubborn(x):
            while not let_go.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)
            return x

        let_go = threading.Event()
        function, _ = launched(lambda x: x, stubborn, runner=threads, timeout=0.02)
        function(1)
        first = flush(timeout=5)
        wait_until(lambda: stats_of(function).stuck == 1)
        let_go.set()
        wait_until(lambda: stats_of(function).late == 1)

        assert first
        assert outcomes(function) == {"timeout": 1}
        assert stats_of(function).stuck == 0

    def test_closing_cancels_what_runs_there_and_the_next_call_starts_anew(self, launched, threads):
        async def candidate(x):
            reached.append(True)
            try:
                await asyncio.sleep(0 if let_go.is_set() else 20)
            finally:
                cleaned_up.append(True)
            return x

        reached, cleaned_up = [], []
        let_go = threading.Event()
        function, _ = launched(lambda x: x, candidate, runner=threads, timeout=None)
        function(1)
        wait_until(lambda: reached)
        is_done = close(timeout=0.05)
        wait_until(lambda: cleaned_up)
        let_go.set()
        function(2)

        assert not is_done
        assert flush(timeout=5)
        assert outcomes(function) == {"dropped": 1, "match": 1}
        assert stats_of(function).reasons == {"exit": 1}

    def test_one_that_stops_it_costs_the_loop_and_no_later_call(self, launched, threads):
        async def candidate(x):
            if x == 0:
                asyncio.get_running_loop().stop()
                await asyncio.sleep(20)
            return x

        function, _ = launched(lambda x: x, candidate, runner=threads)
        function(0)
        first = flush(timeout=5)
        wait_until(loops._background.is_closed)
        function(1)

        assert first
        assert flush(timeout=5)
        assert outcomes(function) == {"dropped": 1, "match": 1}

    def test_what_one_began_on_its_own_ends_with_the_loop(self, launched, threads):
        async def candidate(x):
            tasks.append(asyncio.create_task(asyncio.sleep(20)))
            return x

        tasks = []
        function, _ = launched(lambda x: x, candidate, runner=threads)
        function(1)

        assert close(timeout=5)
        wait_until(tasks[0].done)
        assert tasks[0].cancelled()

    def test_a_call_whose_loop_cannot_be_started_is_counted(self, launched, threads, monkeypatch):
        assert close(timeout=5)
        started = _threads.start

        def no_loop(target, name):
            if name == "darkcall-loop":
                raise RuntimeError
            started(target, name)

        function, _ = launched(lambda x: x, at_once, runner=threads)
        monkeypatch.setattr(_threads, "start", no_loop)
        function(1)
        first = flush(timeout=5)
        monkeypatch.undo()
        function(2)

        assert first
        assert flush(timeout=5)
        assert outcomes(function) == {"skipped": 1, "match": 1}
        assert stats_of(function).reasons == {"fault": 1}

    def test_a_call_is_counted_that_the_system_has_no_loop_for(
        self, launched, threads, monkeypatch
    ):
        def no_descriptor():
            raise OSError(errno.EMFILE, "Too many open files")

        assert close(timeout=5)
        function, _ = launched(lambda x: x, at_once, runner=threads)
        monkeypatch.setattr(asyncio, "new_event_loop", no_descriptor)
        function(1)
        assert flush(timeout=5)
        monkeypatch.undo()
        function(2)

        assert flush(timeout=5)
        assert stats_of(function).reasons == {"fault": 1}
        assert outcomes(function) == {"skipped": 1, "match": 1}

    def test_failing_ones_open_the_breaker(self, launched, threads):
        async def candidate(x):
            raise ValueError

        function, _ = launched(lambda x: x, candidate, runner=threads)
        for x in range(_gate.BREAKER_FAILURES):
            function(x)
        assert flush(timeout=5)
        function(0)

        assert outcomes(function) == {
            "candidate_error": _gate.BREAKER_FAILURES,
            "dropped": 1,
        }

    def test_a_control_that_runs_outside_any_loop_of_asyncio_has_its_candidates_there(
        self, launched, threads
    ):
        async def candidate(x):
            seen.append(threading.current_thread().name)
            return x

        seen = []
        function, _ = launched(control, candidate, runner=threads, when_full="block", max_pending=1)
        for x in range(2):
            with pytest.raises(StopIteration) as ended:
                function(x).send(None)
            assert ended.value.value == x
            assert flush(timeout=5)

        assert seen == ["darkcall-loop"] * 2
        assert outcomes(function) == {"match": 2}


class TestInline:
    def test_the_caller_waits_for_the_candidate(self, launched):
        async def candidate(x):
            await asyncio.sleep(0.001)
            return x

        function, memory = launched(control, candidate, runner=INLINE)

        async def main():
            await function(1)
            return [record.outcome for record in memory.records]

        assert asyncio.run(main()) == ["match"]

    def test_the_caller_waits_for_the_candidate_when_the_control_raises(self, launched):
        async def failing(x):
            raise ValueError

        function, memory = launched(failing, failing, runner=INLINE)

        async def main():
            with pytest.raises(ValueError):  # noqa: PT011 -- it has no message
                await function(1)
            return [record.outcome for record in memory.records]

        assert asyncio.run(main()) == ["match"]

    def test_an_overdue_candidate_is_cancelled(self, launched):
        async def candidate(x):
            await asyncio.sleep(20)

        function, memory = launched(control, candidate, runner=INLINE, timeout=0.01)

        async def main():
            await function(1)
            return [record.outcome for record in memory.records]

        assert asyncio.run(main()) == ["timeout"]

    def test_a_sync_candidate_of_an_async_control_runs_before_it_returns(self, launched):
        function, _ = launched(control, lambda x: x, runner=INLINE)

        asyncio.run(function(1))
        assert outcomes(function) == {"match": 1}

    def test_an_async_candidate_of_a_sync_control_runs_before_it_returns(self, launched):
        async def candidate(x):
            await asyncio.sleep(0.001)
            return x

        function, memory = launched(lambda x: x, candidate, runner=INLINE)
        function(1)

        assert [record.outcome for record in memory.records] == ["match"]

    def test_one_that_blocks_its_loop_does_not_hold_the_caller_for_ever(self, launched, quick):
        async def candidate(x):
            let_go.wait(20)
            return x

        let_go = threading.Event()
        function, _ = launched(lambda x: x, candidate, runner=INLINE, timeout=0.02)
        function(1)
        counts = outcomes(function)
        let_go.set()
        wait_until(lambda: stats_of(function).stuck == 0)

        assert counts == {"timeout": 1}

    def test_a_call_on_one_loop_does_not_wait_for_candidates_on_another(self, launched, threads):
        async def candidate(x):
            let_go.wait(10)
            return x

        let_go = threading.Event()
        slow, _ = launched(lambda x: x, candidate, runner=threads)
        quick, _ = launched(control, at_once, runner=INLINE)
        slow(1)
        wait_until(lambda: loops._runs)
        asyncio.run(quick(1))
        counts = outcomes(quick)
        let_go.set()

        assert counts == {"match": 1}


def test_calls_that_are_refused_leave_no_coroutine_behind(launched, threads):
    function, _ = launched(control, at_once, runner=threads, max_pending=1)

    async def main():
        await asyncio.gather(*(function(x) for x in range(20)))
        assert await aflush()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(main())
        gc.collect()
    assert [str(one.message) for one in caught] == []


def test_flushing_in_a_candidate_says_no_at_once(launched, threads):
    async def candidate(x):
        return await aflush(timeout=10)

    function, _ = launched(control, candidate, runner=threads, compare=lambda a, b: not b)

    async def main():
        await function(1)
        assert await aflush()

    asyncio.run(main())
    assert outcomes(function) == {"match": 1}


def test_partials_of_coroutine_functions_are_async(launched, threads):
    async def added(y, x):
        return x + y

    function, _ = launched(control, functools.partial(added, 0), runner=threads)

    async def main():
        await function(1)
        assert await aflush()

    asyncio.run(main())
    assert outcomes(function) == {"match": 1}


def test_stats_hold_while_calls_are_under_way(launched, threads):
    async def candidate(x):
        await asyncio.sleep(0.001 * (x % 3))
        return x

    function, _ = launched(control, candidate, runner=threads, max_pending=10)

    async def main():
        seen = []
        calls = asyncio.gather(*(function(x) for x in range(60)))
        while not calls.done() or stats_of(function).pending:
            stats = launch_of(function).stats()
            (counts,) = stats.candidates.values()
            seen.append(
                counts.pending >= 0
                and stats.shadowed == sum(counts.outcomes.values()) + counts.pending
            )
            await asyncio.sleep(0)
        await calls
        return seen

    assert all(asyncio.run(main()))
    assert launch_of(function).stats().calls == 60


def test_a_loop_that_stopped_and_was_forgotten_is_given_up(launched, threads, quick):
    async def slow(x):
        await asyncio.sleep(60)

    function, _ = launched(control, slow, runner=threads, timeout=0.01)
    loop = asyncio.new_event_loop()

    async def main():
        await function(1)
        await until(lambda: loops._runs)

    loop.run_until_complete(main())
    assert flush(timeout=5)
    assert stats_of(function).reasons == {"loop_stopped": 1}
    loop.close()
