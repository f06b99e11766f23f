from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from darkcall import (
    ConfigurationError,
    _guard,
    _lifecycle,
    _threads,
    aflush,
    close,
    configure,
    dark_launch,
    flush,
    launch_of,
)
from darkcall.runners import InlineRunner, ThreadRunner, loop
from darkcall.sinks import MemorySink


@pytest.fixture
def run_script():
    """Run a script in an interpreter of its own, and return what it printed."""

    def run(script):
        done = subprocess.run(
            [sys.executable, "-W", "error::ResourceWarning", "-c", textwrap.dedent(script)],
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.split()

    return run


@pytest.fixture
def hung():
    """A candidate that hangs until the test ends."""
    let_go = threading.Event()

    def candidate(x):
        candidate.began.set()
        let_go.wait(20)
        return x

    candidate.began = threading.Event()
    candidate.let_go = let_go
    yield candidate
    let_go.set()


def no_thread(*_args):
    raise RuntimeError


def outcomes(function):
    return {name: n for name, n in launch_of(function).stats().outcomes.items() if n}


class SlowSink:
    """Takes its time for each record, and tells what it took."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.records = []
        self.closed = 0

    def __call__(self, record):
        time.sleep(self.seconds)
        self.records.append(record)

    def close(self):
        self.closed += 1


class BrokenRunner(InlineRunner):
    is_broken = False

    def flush(self, timeout):
        if self.is_broken:
            raise LookupError
        return super().flush(timeout)

    close = flush


class TestFlush:
    def test_yes_means_that_the_records_are_with_the_sinks(self, launched, threads):
        sink = SlowSink(0.002)
        function, _ = launched(lambda x: x, lambda x: x, runner=threads, sinks=[sink])
        for count in range(1, 6):
            function(count)

            assert flush(timeout=5)
            assert len(sink.records) == count

    def test_a_candidate_that_hangs_makes_it_say_no_in_time(self, launched, threads, hung):
        function, _ = launched(lambda x: x, hung, runner=threads, timeout=None)
        function(1)
        began = time.perf_counter()

        assert not flush(timeout=0.05)
        assert time.perf_counter() - began < 1.0
        hung.let_go.set()
        assert flush(timeout=5)

    def test_a_sink_that_hangs_makes_it_say_no_in_time(self, launched, threads):
        let_go = threading.Event()
        function, _ = launched(
            lambda x: x, lambda x: x, runner=threads, sinks=[lambda record: let_go.wait(10)]
        )
        function(1)
        began = time.perf_counter()
        is_done = flush(timeout=0.05)
        seconds = time.perf_counter() - began
        let_go.set()

        assert not is_done
        assert seconds < 1.0
        assert flush(timeout=5)

    def test_a_candidate_or_a_sink_that_flushes_is_told_no_at_once(self, launched, threads):
        answers = []

        def candidate(x):
            answers.append((flush(timeout=10), close(timeout=10)))
            return x

        def sink(record):
            answers.append((flush(timeout=10), close(timeout=10)))

        for runner in (threads, InlineRunner()):
            function, _ = launched(lambda x: x, candidate, runner=runner, sinks=[sink])
            function(1)
            assert flush(timeout=5)

        assert answers == [(False, False)] * 4

    def test_each_runner_is_waited_for(self, launched, threads, hung):
        other = ThreadRunner(workers=1)
        quick, memory = launched(lambda x: x, lambda x: x, runner=other)
        slow, _ = launched(lambda x: x, hung, runner=threads, timeout=None)
        slow(1)
        quick(1)
        is_done = flush(timeout=0.05)
        hung.let_go.set()

        assert not is_done
        assert flush(timeout=5)
        assert len(memory.records) == 1
        other.close(timeout=1)

    def test_a_coroutine_flushes_without_blocking_its_loop(self, launched, threads, hung):
        function, _ = launched(lambda x: x, hung, runner=threads, timeout=None)

        async def main():
            function(1)
            flushing = asyncio.create_task(aflush(timeout=5))
            await asyncio.sleep(0.01)
            hung.let_go.set()
            return await flushing

        assert asyncio.run(main())
        assert outcomes(function) == {"match": 1}

    def test_from_several_threads_at_once_each_gets_its_answer(self, launched, threads):
        function, memory = launched(lambda x: x, lambda x: x, runner=threads)
        answers = []

        def call():
            for x in range(20):
                function(x)
                answers.append(flush(timeout=10))

        calling = [threading.Thread(target=call) for _ in range(3)]
        for one in calling:
            one.start()
        for one in calling:
            one.join()

        assert answers == [True] * 60
        assert len(memory.records) == 60


class TestClose:
    def test_what_is_not_done_is_dropped_and_counted(self, launched, hung):
        runner = ThreadRunner(workers=1)
        function, memory = launched(lambda x: x, hung, runner=runner, timeout=None)
        for x in range(4):
            function(x)
        hung.began.wait(5)

        assert not close(timeout=0.05)
        assert outcomes(function) == {"dropped": 4}
        assert launch_of(function).stats().reasons == {"exit": 4}
        assert memory.records == []

    def test_a_candidate_that_ends_afterwards_is_late(self, launched, hung):
        runner = ThreadRunner(workers=1)
        function, _ = launched(lambda x: x, hung, runner=runner, timeout=None)
        function(1)
        hung.began.wait(5)
        close(timeout=0.01)
        hung.let_go.set()
        give_up = time.monotonic() + 5
        while not launch_of(function).stats().late:
            assert time.monotonic() < give_up
            time.sleep(0.001)

        assert outcomes(function) == {"dropped": 1}
        assert launch_of(function).stats().candidates["candidate"].stuck == 0

    def test_a_comparison_under_way_is_dropped(self, launched, hung):
        runner = ThreadRunner(workers=1)
        function, _ = launched(
            lambda x: x, lambda x: x, runner=runner, compare=lambda a, b: hung(a)
        )
        function(1)
        hung.began.wait(5)

        assert not close(timeout=0.05)
        assert outcomes(function) == {"dropped": 1}

    def test_the_next_call_starts_anew(self, launched, threads):
        sink = SlowSink()
        function, _ = launched(lambda x: x, lambda x: x, runner=threads, sinks=[sink])
        for count in range(1, 4):
            function(count)

            assert close(timeout=5)
            assert len(sink.records) == count
            assert sink.closed == count

        assert outcomes(function) == {"match": 3}

    def test_it_tells_in_one_line_how_many_calls_it_dropped(self, launched, hung, caplog):
        runner = ThreadRunner(workers=1)
        function, _ = launched(lambda x: x, hung, runner=runner, timeout=None)
        other, _ = launched(lambda x: x, lambda x: x, runner=runner)
        function(1)
        hung.began.wait(5)
        other(2)
        close(timeout=0.05)
        told = " (dropped: exit); it had 0.05 s, configure(close_timeout=...) gives it more"

        before = "calls that were not compared when darkcall closed: "
        assert caplog.messages == [f"{before}2{told}"]
        caplog.clear()
        hung.let_go.set()
        hung.began.clear()
        hung.let_go.clear()
        function(3)
        hung.began.wait(5)
        close(timeout=0.05)

        # What another close dropped is not told again.
        assert caplog.messages == [f"{before}1{told}"]

    @pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
    def test_each_call_has_its_outcome_when_it_returns(self, launched, caplog, is_async):
        async def candidate(x):
            return x

        caplog.set_level("CRITICAL", "darkcall")
        function, memory = launched(
            lambda x: x, candidate if is_async else lambda x: x, runner=ThreadRunner(workers=2)
        )
        for round_ in range(1, 31):
            for x in range(100):
                function(x)
            close(timeout=0.0001 * round_)

            stats = launch_of(function).stats()
            assert stats.pending == 0
            assert stats.outcomes["match"] + stats.outcomes["dropped"] == 100 * round_
            [sink] = stats.sinks.values()
            assert sink.written == stats.outcomes["match"] == len(memory.records)

    def test_an_async_candidate_that_would_begin_in_its_middle_is_dropped(self, launched):
        async def candidate(x):
            return x

        function, _ = launched(lambda x: x, candidate, runner=InlineRunner())
        loop.shut()
        function(1)
        loop.reopen()
        function(2)

        assert outcomes(function) == {"match": 1, "dropped": 1}
        assert launch_of(function).stats().reasons == {"exit": 1}

    def test_it_says_so_if_a_sink_could_not_take_all_in_time(self, launched, threads, caplog):
        sink = SlowSink(0.02)
        function, _ = launched(lambda x: x, lambda x: x, runner=threads, sinks=[sink])
        for x in range(50):
            function(x)

        assert not close(timeout=0.3)
        [counts] = launch_of(function).stats().sinks.values()
        assert counts.dropped == 50 - counts.written > 0
        [told] = caplog.messages
        assert told.endswith(f"when it was closed: {counts.dropped} records are dropped")

    def test_without_a_timeout_it_takes_as_long_as_is_configured(self, launched, hung):
        function, _ = launched(lambda x: x, hung, runner=ThreadRunner(workers=1), timeout=None)
        function(1)
        hung.began.wait(5)
        began = time.perf_counter()
        with configure(close_timeout=0.05):
            assert not close()

        assert time.perf_counter() - began < 1.0

    def test_a_runner_that_raises_does_not_keep_the_sinks_from_being_closed(self, launched, caplog):
        runner, sink = BrokenRunner(), SlowSink()
        function, _ = launched(lambda x: x, lambda x: x, runner=runner, sinks=[sink])
        function(1)
        runner.is_broken = True

        assert not flush(timeout=1)
        assert not close(timeout=1)
        runner.is_broken = False
        assert sink.closed == 1
        assert caplog.messages == [
            "flushing BrokenRunner failed with LookupError",
            "closing BrokenRunner failed with LookupError",
        ]

    def test_a_sink_that_took_nothing_is_left_alone_if_no_thread_can_be_had(
        self, launched, monkeypatch
    ):
        sink = SlowSink()
        function, _ = launched(lambda x: x, lambda x: x, runner=InlineRunner(), sinks=[sink])
        with monkeypatch.context() as patches:
            patches.setattr(_threads, "start", no_thread)

            assert close(timeout=5)
            assert sink.closed == 0
            # A record that came nevertheless is written, and the sink closed, by whoever can.
            function(1)
            assert close(timeout=5)
        assert (len(sink.records), sink.closed) == (1, 1)

    @pytest.mark.parametrize("where", ["flush", "runner", "sink"])
    def test_after_one_that_was_interrupted_the_next_call_starts_anew(
        self, launched, monkeypatch, where
    ):
        class Interrupted(ThreadRunner):
            def close(self, timeout):
                return interrupt() if where == "runner" else super().close(timeout)

        async def later(x):
            return x

        def interrupt(*_args):
            raise KeyboardInterrupt

        runner, sink = Interrupted(workers=1), SlowSink()
        knobs = {"runner": runner, "sinks": [sink]}
        function, _ = launched(lambda x: x, lambda x: x, **knobs)
        other, _ = launched(lambda x: x, later, **knobs)
        function(1)
        other(1)
        assert flush(timeout=5)
        with monkeypatch.context() as patches:
            if where != "runner":
                patched = {"flush": "_flush_each", "sink": "close_all"}[where]
                patches.setattr(_lifecycle, patched, interrupt)
            with pytest.raises(KeyboardInterrupt):
                close(timeout=5)
        where = None
        function(2)
        other(2)

        assert flush(timeout=5)
        assert outcomes(function) == outcomes(other) == {"match": 2}
        assert len(sink.records) == 4
        assert close(timeout=5)

    def test_it_needs_no_entry_among_the_modules(self, run_script):
        printed = run_script("""
            import sys
            from unittest import mock

            with mock.patch.dict(sys.modules):
                from darkcall import close, dark_launch, flush
                control = dark_launch(candidate=lambda x: x, sinks=[print])(lambda x: x)

            print("darkcall" in sys.modules)
            control(1)
            print(flush(timeout=10), close(timeout=10))
        """)

        assert printed[0] == "False"
        assert printed[-2:] == ["True", "True"]

    def test_closing_twice_is_closing_once(self, launched, threads):
        function, _ = launched(lambda x: x, lambda x: x, runner=threads)
        function(1)

        assert close(timeout=5)
        assert close(timeout=5)

    def test_what_was_said_is_logged(self, caplog):
        _guard.say(_guard.WARNING, "a last word")
        close(timeout=1)
        give_up = time.monotonic() + 5
        while not caplog.messages:
            assert time.monotonic() < give_up
            time.sleep(0.001)

        assert caplog.messages == ["a last word"]

    def test_a_process_without_async_candidates_is_closed_without_asyncio(self, run_script):
        printed = run_script("""
            import sys
            from darkcall import close, dark_launch, launch_of

            @dark_launch(candidate=lambda x: x)
            def control(x):
                return x

            control(1)
            assert close(timeout=10)
            control(2)
            assert close(timeout=10)
            print(launch_of(control).stats().outcomes["match"], "asyncio" in sys.modules)
        """)

        assert printed == ["2", "False"]


class TestExit:
    def test_records_of_the_last_calls_are_written(self, run_script):
        printed = run_script("""
            from darkcall import dark_launch

            def sink(record):
                print(record.outcome, flush=True)

            @dark_launch(candidate=lambda x: x, sinks=[sink])
            def control(x):
                return x

            for x in range(5):
                control(x)
        """)

        assert printed == ["match"] * 5

    def test_a_candidate_that_hangs_does_not_hold_the_process(self, run_script):
        began = time.monotonic()
        printed = run_script("""
            import atexit, logging, threading

            def say():
                print(dict(launch_of(control).stats().reasons))

            # What is registered first runs last.
            atexit.register(say)

            from darkcall import configure, dark_launch, launch_of

            logging.getLogger("darkcall").disabled = True
            configure(close_timeout=0.2)

            @dark_launch(candidate=lambda x: threading.Event().wait(), timeout=None)
            def control(x):
                return x

            control(1)
        """)

        assert printed == ["{'exit':", "1}"]
        assert time.monotonic() - began < 20

    def test_pending_tasks_do_not_hold_the_process_and_nobody_complains(self, run_script):
        run_script("""
            import asyncio, logging, darkcall
            from darkcall import dark_launch

            logging.getLogger("darkcall").disabled = True

            async def forever(x):
                await asyncio.sleep(1000)

            @dark_launch(candidate=forever, timeout=None)
            def control(x):
                return x

            @dark_launch(candidate=forever, timeout=None)
            async def acontrol(x):
                return x

            control(1)
            asyncio.run(acontrol(1))
            darkcall.close(timeout=0.1)
        """)

    def test_what_is_decorated_while_the_process_exits_is_called_plainly(self, run_script):
        printed = run_script("""
            import atexit, threading

            def decorate():
                from darkcall import dark_launch, launch_of

                @dark_launch(candidate=lambda x: print("candidate"))
                def control(x):
                    return x

                print(control(7), launch_of(control).stats().off)

            atexit.register(decorate)
        """)

        assert printed == ["7", "1"]


class TestFork:
    def test_a_child_starts_anew_and_accounts_for_its_own_calls(self, run_script):
        printed = run_script("""
            import asyncio, os, sys, threading, warnings
            from darkcall import dark_launch, flush, launch_of
            from darkcall.sinks import MemorySink

            warnings.simplefilter("ignore", DeprecationWarning)
            memory = MemorySink()
            let_go = threading.Event()

            def candidate(x):
                if x == "parent":
                    let_go.wait(20)
                return x

            async def acandidate(x):
                return candidate(x)

            @dark_launch(candidate=candidate, sinks=[memory])
            def control(x):
                return x

            @dark_launch(candidate=acandidate, sinks=[memory])
            def acontrol(x):
                return x

            acontrol("child")
            assert flush(timeout=10)
            for _ in range(3):
                control("parent")
            child = os.fork()
            if child == 0:
                memory.clear()
                empty = launch_of(control).stats()
                control("child")
                acontrol("child")
                assert flush(timeout=10)
                stats = launch_of(control).stats()
                assert empty.calls == 0, empty
                assert stats.calls == stats.outcomes["match"] == 1, stats
                assert len(memory.records) == 2
                print(*{record.call_id.partition("-")[0] for record in memory.records})
                sys.stdout.flush()
                sys.exit(0)
            status = os.waitpid(child, 0)[1]
            assert os.waitstatus_to_exitcode(status) == 0
            let_go.set()
            assert flush(timeout=10)
            assert launch_of(control).stats().outcomes["match"] == 3
            print(*{record.call_id.partition("-")[0] for record in memory.records})
        """)

        assert len(printed) == 2
        assert printed[0] != printed[1]

    def test_a_child_of_a_process_without_async_candidates_starts_no_loop(self, run_script):
        printed = run_script("""
            import os, sys, warnings
            from darkcall import dark_launch, flush, launch_of
            from darkcall.sinks import MemorySink

            warnings.simplefilter("ignore", DeprecationWarning)

            @dark_launch(candidate=lambda x: x, sinks=[MemorySink()])
            def control(x):
                return x

            control(1)
            child = os.fork()
            control(2)
            assert flush(timeout=10)
            os.write(1, b"%d\\n" % launch_of(control).stats().calls)
            if child:
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert "asyncio" not in sys.modules
        """)

        assert sorted(printed) == ["1", "2"]

    def test_a_runner_that_raises_does_not_keep_a_child_from_starting_anew(self, run_script):
        printed = run_script("""
            import logging, os, sys, warnings
            from darkcall import dark_launch, flush, launch_of
            from darkcall.runners import InlineRunner

            warnings.simplefilter("ignore", DeprecationWarning)
            logging.basicConfig(stream=sys.stdout, format="%(message)s")

            class BrokenRunner(InlineRunner):
                def after_fork(self):
                    raise LookupError

            @dark_launch(candidate=lambda x: x, runner=BrokenRunner(), sinks=[])
            def control(x):
                return x

            control(1)
            assert flush(timeout=10)
            child = os.fork()
            if child:
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            else:
                control(2)
                assert flush(timeout=10)
                assert launch_of(control).stats().outcomes["match"] == 1
        """)

        assert " ".join(printed) == "resetting BrokenRunner failed with LookupError"

    def test_a_child_skips_a_candidate_whose_import_its_parent_was_in_the_middle_of(
        self, run_script
    ):
        printed = run_script("""
            import logging, os, sys, threading, types, warnings
            from darkcall import dark_launch, flush, launch_of
            from darkcall import _forks

            warnings.simplefilter("ignore", DeprecationWarning)
            logging.getLogger("darkcall").disabled = True
            _forks.FORK_WAITS_SECONDS = 0.05
            began, let_go = threading.Event(), threading.Event()

            def import_slowly(name):
                # Whoever measures coverage asks all modules for their files.
                if name != "price":
                    raise AttributeError(name)
                began.set()
                let_go.wait(20)
                return lambda x: x

            sys.modules["v2"] = types.ModuleType("v2")
            sys.modules["v2"].__getattr__ = import_slowly

            @dark_launch(candidate="v2:price", sinks=[])
            def control(x):
                return x

            control(1)
            assert began.wait(10)
            child = os.fork()
            if child:
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
                let_go.set()
                assert flush(timeout=10)
                assert launch_of(control).stats().outcomes["match"] == 1
            else:
                control(2)
                assert flush(timeout=10)
                print(*launch_of(control).stats().reasons)
        """)

        assert " ".join(printed) == (
            "importing the candidate failed: this process was forked while its parent imported it"
        )

    def test_where_there_is_no_fork_there_is_nothing_to_register(self, monkeypatch):
        monkeypatch.setattr(_lifecycle, "_leave_to_install", [True])
        monkeypatch.setattr(_lifecycle.atexit, "register", lambda *args: None)
        monkeypatch.delattr(_lifecycle.os, "register_at_fork")
        _lifecycle.install_hooks()

        assert not _lifecycle._leave_to_install


def test_memory_of_what_was_flushed_is_given_back_to_the_launch(launched, threads):
    function, _ = launched(lambda x: None, lambda x: None, runner=threads, sinks=[MemorySink()])
    for _ in range(50):
        function(["x" * 1_000])

    assert flush(timeout=5)
    room = launch_of(function).candidates[0].gate.room
    assert room.nbytes == 0
    assert len(room.places) == 1_000


@pytest.mark.parametrize(
    ("function", "timeout"),
    [*itertools.product([flush, close], ["1", -1, True, float("nan")]), (flush, None)],
)
def test_what_is_no_duration_is_refused(function, timeout):
    with pytest.raises(ConfigurationError, match="give seconds or a timedelta"):
        function(timeout=timeout)


def test_a_timedelta_is_a_duration():
    assert flush(timeout=dt.timedelta(seconds=1))
    assert close(timeout=dt.timedelta(seconds=1))


def test_a_sink_counts_on_after_a_close():
    written = []
    control = dark_launch(candidate=abs, sinks=[written.append], runner=InlineRunner())(abs)
    control(1)
    assert close()
    control(2)
    assert flush()

    [counts] = launch_of(control).stats().sinks.values()
    assert (counts.offered, counts.written) == (2, 2)
    assert len(written) == 2
