"""Candidates in worker processes: what they see, how they end, and how the processes do."""

from __future__ import annotations

import contextlib
import multiprocessing.spawn
import os
import signal
import sys
import time
import weakref
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import elsewhere
from darkcall import (
    ConfigurationError,
    _config,
    _guard,
    _threads,
    configure,
    dark_launch,
    flush,
    launch_of,
)
from darkcall.runners import ProcessRunner, _process, process
from looking import outcomes, stats_of, wait_until


@pytest.fixture(autouse=True)
def _nothing_is_left_behind():
    """Leave the processes of ``lasting`` alone, which all others are not."""
    yield
    flush(timeout=1.0)
    _guard.reset()


@pytest.fixture(scope="module")
def lasting():
    """One process for many tests: to start one, with coverage in it, takes half a second."""
    runner = ProcessRunner()
    yield runner
    runner.close(timeout=1.0)


@pytest.fixture
def runner(monkeypatch):
    monkeypatch.setattr(process, "RESTART_SECONDS", 0.01)
    runner = ProcessRunner()
    yield runner
    runner.close(timeout=0.1)


@pytest.fixture
def seen(launched, runner):
    """Run a candidate on one call in another process; gives the record."""

    def see(candidate, *args, control=elsewhere.double, **knobs):
        # Processes of low priority get little of a machine that is busy.
        patient = {"runner": runner, "keep": "everything", "timeout": 15.0}
        function, memory = launched(control, candidate, **{**patient, **knobs})
        with contextlib.suppress(Exception):
            function(*args)
        assert flush(timeout=20)
        (record,) = memory.records
        return record

    return see


@contextlib.contextmanager
def python_at(path):
    """Have processes be started with another interpreter."""
    executable = multiprocessing.spawn.get_executable()
    multiprocessing.spawn.set_executable(path)
    try:
        yield
    finally:
        multiprocessing.spawn.set_executable(executable)


def pids(runner):
    return {one.pid for one in runner.remote._all}


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestACandidate:
    @pytest.fixture
    def runner(self, lasting):
        return lasting

    def test_it_runs_in_another_process_of_low_priority_and_in_the_dark(self, seen):
        value = seen(elsewhere.where, 1).candidate_value

        assert value["pid"] != os.getpid()
        assert value["nice"] == min(os.nice(0) + 19, 19)
        assert value["is_dark"]

    @pytest.mark.parametrize("x", [4, 0.5, "text", (1, "a"), [1, [2]], b"bytes"])
    def test_what_it_returns_is_compared(self, seen, x):
        assert seen(elsewhere.by_addition, x).outcome == "match"

    @pytest.mark.parametrize(
        "x",
        [
            elsewhere.Color.RED,
            elsewhere.Mode.READ | elsewhere.Mode.WRITE,
            {"key": elsewhere.Color.RED},
            elsewhere.Line("tea", ["new"]),
            elsewhere.Square(3),
            elsewhere.Model(name="x", color=elsewhere.Color.RED),
            np.arange(5),
            pd.DataFrame({"a": [1, 2]}),
        ],
        ids=lambda x: type(x).__name__,
    )
    def test_values_of_any_class_cross(self, seen, x):
        assert seen(elsewhere.same, x, control=lambda x: x).outcome == "match"

    def test_what_differs_is_recorded_as_it_is_from_threads(self, seen):
        record = seen(elsewhere.double, [1, 2], control=lambda x: [*x, 1, 3])

        assert record.outcome == "mismatch"
        (difference,) = record.differences
        assert (difference["path"], difference["control"], difference["candidate"]) == (
            "$[3]",
            3,
            2,
        )
        assert record.arguments == {"x": [1, 2]}

    def test_it_sees_the_arguments_as_they_were_and_changes_none(self, seen):
        items = [1, 2, 3]

        assert seen(elsewhere.append, items, control=elsewhere.sum_and_append).outcome == "match"
        assert items == [1, 2, 3, 4]

    def test_its_times_are_measured_where_it_runs(self, seen):
        record = seen(elsewhere.burn_for, 0.02, control=lambda x: x)

        assert record.outcome == "match"
        assert record.candidate_seconds >= 0.02
        assert record.candidate_cpu_seconds == pytest.approx(0.02, rel=0.5)

    def test_an_exception_of_any_class_is_compared(self, seen):
        record = seen(elsewhere.raise_odd, 7, control=elsewhere.raise_odd)

        assert record.outcome == "match"
        assert record.candidate_raised == record.control_raised

    def test_an_async_one_is_awaited(self, seen):
        assert seen(elsewhere.double_later, 4).outcome == "match"

    def test_it_may_be_given_by_name(self, seen):
        assert seen("elsewhere:double", 4).outcome == "match"

    @pytest.mark.parametrize("candidate", [elsewhere.Price.of, "elsewhere:Price.of"])
    def test_it_may_be_a_bound_class_method(self, seen, candidate):
        assert seen(candidate, 4, control=lambda x: 3 * x).outcome == "match"

    def test_it_may_be_a_method_with_its_self(self, seen):
        price = elsewhere.Price(3)
        record = seen(elsewhere.Price.times, price, 4, control=lambda self, x: self.amount * x)

        assert record.outcome == "match"

    def test_what_it_calls_that_is_launched_is_called_plainly(self, seen):
        assert seen(elsewhere.call_what_is_launched, 4).outcome == "match"

    def test_signals_to_the_whole_service_do_not_end_it(self, seen):
        assert seen(elsewhere.told_to_end, 4, control=lambda x: "here").outcome == "match"

    @pytest.mark.parametrize(
        "candidate", [elsewhere.come_back_from_a_fork, elsewhere.come_back_from_a_fork_later]
    )
    def test_a_child_that_it_forks_does_not_answer_in_its_place(self, seen, candidate):
        for x in range(3):
            assert seen(candidate, x, control=lambda x: x).outcome == "match"

    def test_its_children_end_by_the_signals_that_it_is_kept_from(self, seen):
        assert seen(elsewhere.terminate_a_child, 4, control=lambda x: x).outcome == "match"

    def test_it_finds_its_standard_input_empty(self, seen):
        assert seen(elsewhere.read_input, 4, control=lambda x: b"").outcome == "match"


class TestWhatCannotCross:
    @pytest.fixture
    def runner(self, lasting):
        return lasting

    def test_an_argument_that_cannot_be_sent_makes_the_call_skipped(self, seen):
        record = seen(elsewhere.double, (len, lambda: 3), control=lambda x: x)

        assert record.outcome == "skipped"
        assert "an argument cannot be sent to another process" in record.reason

    def test_a_result_that_cannot_be_sent_back_is_uncomparable(self, seen):
        record = seen(elsewhere.generator, 3, control=lambda x: x)

        assert record.outcome == "uncomparable"
        assert "returned (generator) cannot be sent back: TypeError: cannot pickle" in record.reason

    def test_an_exception_that_cannot_be_sent_back_is_uncomparable(self, seen):
        record = seen(elsewhere.raise_unsendable, "text")

        assert record.outcome == "uncomparable"
        assert "raised (Unsendable) cannot be sent back" in record.reason

    def test_a_result_larger_than_a_copy_may_be_is_uncomparable(self, seen):
        record = seen(elsewhere.large, 20_000, control=lambda x: x, max_copy_bytes=10_000)

        assert record.outcome == "uncomparable"
        assert "it would exceed max_copy_bytes=10000" in record.reason

    def test_a_result_that_cannot_be_opened_is_uncomparable(self, seen):
        record = seen(elsewhere.unopenable, 1, control=lambda x: x)

        assert record.outcome == "uncomparable"
        assert record.reason == "opening what the candidate did failed: AttributeError"

    def test_arguments_that_cannot_be_opened_there_make_the_call_skipped(self, seen):
        record = seen(
            elsewhere.double,
            elsewhere.Unopenable(),
            control=lambda x: 1,
            isolate="share",
            keep="nothing",
        )

        assert record.outcome == "skipped"
        # The text of the error may hold what it should not.
        assert record.reason == "opening the arguments in another process failed: AttributeError"


class TestAFreshProcess:
    def test_it_prints_where_this_process_prints(self, seen, capfd):
        assert seen(elsewhere.printed, "hello", control=lambda x: x).outcome == "match"
        assert capfd.readouterr().out == "hello"

    def test_a_candidate_that_cannot_be_found_there_makes_the_call_skipped(
        self, seen, monkeypatch, tmp_path
    ):
        (tmp_path / "only_here.py").write_text("def double(x):\n    return 2 * x\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        import only_here  # noqa: PLC0415

        (tmp_path / "only_here.py").unlink()
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        record = seen(only_here.double, 4)

        assert record.outcome == "skipped"
        assert record.reason == (
            "importing the candidate in another process failed: "
            "ModuleNotFoundError: No module named 'only_here'"
        )

    def test_a_candidate_that_cannot_be_imported_there_is_tried_again_after_a_while(
        self, launched, runner, monkeypatch, tmp_path
    ):
        monkeypatch.syspath_prepend(str(tmp_path))
        module = tmp_path / "there_later.py"
        module.write_text("def double(x):\n    return 2 * x\n")
        import there_later  # noqa: PLC0415 -- it was not there before

        module.unlink()
        monkeypatch.setattr(_process, "RETRY_SECONDS", 0.5)
        function, memory = launched(elsewhere.double, there_later.double, runner=runner)
        for x in range(2):
            function(x)
        assert flush(timeout=20)
        module.write_text("def double(x):\n    return 2 * x\n")
        time.sleep(0.5)
        function(2)
        assert flush(timeout=20)

        assert [record.outcome for record in memory.records] == ["skipped", "skipped", "match"]


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("candidate", "why"),
        [
            (lambda x: x, "it is made where it is used"),
            (elsewhere.half, "a partial has no name of its own"),
            (elsewhere.Price(2), "a Price has no name of its own"),
            (elsewhere.Price(2).times, "elsewhere has something else under that name"),
            (elsewhere.replaced, "elsewhere has something else under that name"),
        ],
    )
    def test_at_decoration_what_another_process_would_not_find(self, runner, candidate, why):
        with pytest.raises(ConfigurationError, match="cannot run in another process") as caught:
            dark_launch(candidate=candidate, runner=runner)(lambda *args, **kwargs: 1)

        assert why in str(caught.value)
        assert "move it to the top level of a module" in str(caught.value)

    def test_a_runner_for_all_by_whom_a_launch_cannot_live(self, runner):
        @dark_launch(candidate=lambda x: x)
        def control(x):
            return x

        with pytest.raises(ConfigurationError, match="cannot run in another process"):
            configure(runner=runner)
        with pytest.raises(ConfigurationError, match="cannot run in another process"):
            launch_of(control).update(runner=runner)
        assert control(4) == 4
        assert flush()
        assert outcomes(control) == {"match": 1}

    def test_not_one_beside_a_launch_that_has_a_runner_of_its_own(
        self, runner, threads, monkeypatch
    ):
        # Launches of other tests that have none may still be there.
        monkeypatch.setattr(_config, "_launches", weakref.WeakValueDictionary())

        @dark_launch(candidate=lambda x: x, runner=threads)
        def control(x):
            return x

        with configure(runner=runner):
            control(4)
            assert flush()
        assert outcomes(control) == {"match": 1}

    @pytest.mark.parametrize(
        "knobs",
        [{"workers": 0}, {"nice": 20}, {"nice": -1}, {"nice": "x"}, {"max_wait_seconds": -1}],
    )
    def test_what_is_out_of_range(self, knobs):
        (name,) = knobs
        with pytest.raises(ConfigurationError, match=f"ProcessRunner\\({name}="):
            ProcessRunner(**knobs)

    def test_a_system_that_is_not_posix(self, monkeypatch):
        monkeypatch.delattr(os, "posix_spawn")

        with pytest.raises(ConfigurationError, match="needs a POSIX system"):
            ProcessRunner()


class TestAProcess:
    def test_it_is_killed_with_a_candidate_that_is_over_its_deadline(self, seen, runner):
        seen(elsewhere.double, 1)
        before = pids(runner)
        record = seen(elsewhere.burn, 1, timeout=0.1)

        assert record.outcome == "timeout"
        wait_until(lambda: not any(is_there(pid) for pid in before))
        assert seen(elsewhere.double, 1).outcome == "match"
        assert not pids(runner) & before

    def test_it_is_killed_in_time_where_no_thread_can_be_started(
        self, launched, runner, monkeypatch
    ):
        function, _ = launched(elsewhere.double, elsewhere.double, runner=runner)
        function(1)
        assert flush(timeout=20)
        before = pids(runner)
        hangs, _ = launched(elsewhere.double, elsewhere.burn, runner=runner, timeout=0.2)

        def start(*_):
            raise RuntimeError

        monkeypatch.setattr(_threads, "start", start)
        hangs(1)
        assert flush(timeout=20)

        assert outcomes(hangs) == {"timeout": 1}
        wait_until(lambda: not any(map(is_there, before)))

    def test_a_candidate_that_was_killed_is_neither_stuck_nor_late(self, launched, runner):
        function, _ = launched(elsewhere.double, elsewhere.burn, runner=runner, timeout=0.1)
        function(1)
        assert flush(timeout=20)
        wait_until(lambda: stats_of(function).stuck == 0)
        assert stats_of(function).late == 0

    @pytest.mark.parametrize(
        ("candidate", "how"),
        [
            (elsewhere.segfault, "was ended by SIGSEGV"),
            (elsewhere.killed, "was ended by SIGKILL"),
            (elsewhere.end_itself, "ended by itself, with the status 3"),
            (elsewhere.end_by_a_real_time_signal, "was ended by the signal 40"),
            (elsewhere.become_a_daemon, "ended by itself, with the status 0"),
        ],
    )
    def test_one_that_ends_is_an_error_of_the_candidate(self, seen, candidate, how):
        record = seen(candidate, 3)

        assert record.outcome == "candidate_error"
        assert record.reason == "worker_died"
        assert record.candidate_raised == {
            "type": "darkcall.runners.EndedError",
            "message": f"the worker process {how}",
        }
        assert seen(elsewhere.double, 1).outcome == "match"

    def test_one_that_ends_is_an_error_where_the_control_raised_as_well(self, seen):
        record = seen(elsewhere.killed, 3, control=elsewhere.raise_odd)

        assert (record.outcome, record.reason) == ("candidate_error", "worker_died")

    def test_that_one_ended_may_be_ignored(self, seen):
        record = seen(elsewhere.killed, 3, ignore=lambda _control, _candidate: True)

        assert record.outcome == "ignored"

    def test_one_that_ended_while_it_waited_is_replaced_and_nobody_notices(self, seen, runner):
        seen(elsewhere.double, 1)
        (pid,) = pids(runner)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: all(one.has_ended for one in runner.remote._all))

        assert seen(elsewhere.double, 1).outcome == "match"
        assert pid not in pids(runner)

    def test_as_many_run_at_once_as_there_are_workers(self, launched):
        runner = ProcessRunner(workers=2)
        function, memory = launched(lambda x: x, elsewhere.sleep_for, runner=runner)
        for _ in range(2):
            function(0)
        assert flush(timeout=20)
        memory.clear()
        began = time.perf_counter()
        for _ in range(2):
            function(0.5)
        assert flush(timeout=20)
        assert time.perf_counter() - began < 0.9
        assert len(pids(runner)) == 2
        runner.close(timeout=1.0)

    def test_one_that_cannot_be_started_makes_calls_skipped_until_it_is_tried_again(
        self, seen, monkeypatch
    ):
        monkeypatch.setattr(process, "RESTART_SECONDS", 1.0)
        with python_at("/not/there"):
            record = seen(elsewhere.double, 1)

        assert record.outcome == "skipped"
        assert record.reason == (
            "no worker process can be started: [Errno 2] No such file or directory: '/not/there'"
        )
        assert seen(elsewhere.double, 1).outcome == "skipped"
        time.sleep(1.0)
        assert seen(elsewhere.double, 1).outcome == "match"

    def test_the_next_is_tried_later_each_time(self, monkeypatch, runner):
        monkeypatch.setattr(process, "RESTART_SECONDS", 0.01)
        pauses = []
        for _ in range(14):
            runner.remote.refused("it did not start")
            pauses.append(runner.remote._pause_seconds)

        assert pauses[:3] == [0.01, 0.02, 0.04]
        assert pauses[-1] == process.RETRY_SECONDS

    @pytest.mark.parametrize("executable", [None, "", "a\0b"])
    def test_a_python_that_is_none_makes_calls_skipped(self, seen, monkeypatch, executable):
        monkeypatch.setattr(multiprocessing.spawn, "get_executable", lambda: executable)

        assert "no worker process can be started" in seen(elsewhere.double, 1).reason

    def test_arguments_of_the_program_are_passed_on_as_texts(self, seen, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["program", Path("file"), lambda: None])

        assert seen(elsewhere.double, 1).outcome == "match"

    def test_what_replacing_one_takes_counts_for_the_budget(self, launched, runner):
        function, _ = launched(elsewhere.double, elsewhere.killed, runner=runner, cpu_budget=0.001)
        for x in range(3):
            function(x)
            assert flush(timeout=20)

        assert outcomes(function) == {"candidate_error": 2, "dropped": 1}
        assert stats_of(function).reasons["over_budget"] == 1

    def test_one_that_ends_when_it_starts_makes_calls_skipped(self, seen):
        with python_at("/bin/false"):
            record = seen(elsewhere.double, 1)

        assert record.outcome == "skipped"
        assert record.reason == (
            "no worker process can be started: "
            "the worker process ended by itself, with the status 1"
        )

    def test_a_call_that_waited_for_too_long_is_dropped(self, launched):
        runner = ProcessRunner(max_wait_seconds=0.1)
        function, _ = launched(lambda x: x, elsewhere.sleep_for, runner=runner)
        function(0.3)
        function(0.0)
        assert flush(timeout=20)
        runner.close(timeout=1.0)

        assert outcomes(function) == {"match": 1, "dropped": 1}
        assert stats_of(function).reasons == {"expired": 1}

    def test_what_its_candidates_use_of_the_cpu_counts_for_the_budget(self, launched, runner):
        function, _ = launched(lambda x: x, elsewhere.burn_for, runner=runner, cpu_budget=0.01)
        function(0.15)
        assert flush(timeout=20)
        function(0.15)
        assert flush(timeout=20)

        assert stats_of(function).reasons == {"over_budget": 1}

    def test_what_a_killed_candidate_used_counts_as_well(self, launched, runner):
        function, _ = launched(
            elsewhere.double, elsewhere.burn, runner=runner, cpu_budget=0.001, timeout=0.3
        )
        function(1)
        assert flush(timeout=20)
        function(1)
        assert flush(timeout=20)

        assert stats_of(function).reasons == {"over_budget": 1}


class TestTheEnd:
    def test_close_ends_the_processes_and_a_later_call_starts_one(self, seen, runner):
        seen(elsewhere.double, 1)
        before = pids(runner)
        assert runner.close(timeout=1.0)
        assert not any(is_there(pid) for pid in before)

        assert seen(elsewhere.double, 1).outcome == "match"

    def test_close_does_not_wait_for_a_candidate_beyond_its_timeout(self, launched, runner):
        function, _ = launched(elsewhere.double, elsewhere.burn, runner=runner)
        function(1)
        wait_until(lambda: pids(runner))
        began = time.perf_counter()
        assert not runner.close(timeout=0.2)
        assert time.perf_counter() - began < 1.5
        wait_until(lambda: stats_of(function).pending == 0)
        assert stats_of(function).reasons == {"exit": 1}

    def test_flush_waits_for_what_runs_elsewhere(self, launched, runner):
        function, memory = launched(lambda x: x, elsewhere.sleep_for, runner=runner, timeout=None)
        function(0.0)
        assert flush(timeout=20)
        function(0.5)
        assert not flush(timeout=0.1)
        assert len(memory.records) == 1
        assert flush(timeout=20)
        assert len(memory.records) == 2


def test_it_shows_its_settings():
    assert repr(ProcessRunner(workers=3, nice=5)) == "ProcessRunner(workers=3, nice=5)"
