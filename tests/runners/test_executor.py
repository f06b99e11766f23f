"""Candidates on executors: the standard ones, and a cluster of Dask's."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import elsewhere
from darkcall import ConfigurationError, flush
from darkcall.runners import ExecutorRunner
from looking import outcomes, stats_of, wait_until


@contextlib.contextmanager
def dask():
    import distributed  # noqa: PLC0415 -- takes seconds

    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


EXECUTORS = {
    "threads": lambda: ThreadPoolExecutor(1),
    "processes": lambda: ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")),
    "dask": dask,
}


@pytest.fixture(scope="module", params=EXECUTORS)
def executor(request):
    with EXECUTORS[request.param]() as executor:
        yield executor


@pytest.fixture
def seen(launched, executor):
    """Run a candidate on one call on an executor; gives the record."""
    runner = ExecutorRunner(executor)

    def see(candidate, x, control=elsewhere.double, **knobs):
        function, memory = launched(
            control, candidate, **{"runner": runner, "keep": "everything", **knobs}
        )
        with contextlib.suppress(Exception):
            function(x)
        assert flush(timeout=30)
        (record,) = memory.records
        return record

    yield see
    runner.close(timeout=1.0)


class TestACandidate:
    @pytest.mark.parametrize("x", [4, "text", [1, [2]]])
    def test_what_it_returns_is_compared(self, seen, x):
        assert seen(elsewhere.by_addition, x).outcome == "match"
        assert seen(elsewhere.by_addition, x, control=lambda x: x).outcome == "mismatch"

    def test_it_runs_in_the_dark(self, seen):
        assert seen(elsewhere.where, 1).candidate_value["is_dark"]

    def test_what_it_raises_is_compared(self, seen):
        assert seen(elsewhere.raise_odd, 7, control=elsewhere.raise_odd).outcome == "match"
        assert seen(elsewhere.raise_odd, 7).outcome == "candidate_error"

    def test_what_it_does_to_its_arguments_is_not_seen(self, seen):
        items = [1, 2, 3]

        assert seen(elsewhere.append, items, control=elsewhere.sum_and_append).outcome == "match"
        assert items == [1, 2, 3, 4]

    def test_an_async_one_is_awaited(self, seen):
        assert seen(elsewhere.double_later, 4).outcome == "match"

    def test_one_that_is_over_its_deadline_is_a_timeout(self, seen):
        assert seen(elsewhere.sleep_for, 0.5, timeout=0.05).outcome == "timeout"


@pytest.fixture
def pool():
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_one_over_its_deadline_is_late_when_it_ends(launched, pool):
    function, _ = launched(
        lambda x: x, elsewhere.sleep_for, runner=ExecutorRunner(pool), timeout=0.05
    )
    function(0.5)
    assert flush(timeout=20)
    assert outcomes(function) == {"timeout": 1}
    assert stats_of(function).stuck == 1
    wait_until(lambda: stats_of(function).late == 1)
    assert stats_of(function).stuck == 0


def test_one_that_did_not_begin_in_time_is_cancelled(launched, pool):
    go_on = threading.Event()
    pool.submit(go_on.wait)
    function, _ = launched(
        elsewhere.double, elsewhere.double, runner=ExecutorRunner(pool), timeout=0.05
    )
    function(1)
    assert flush(timeout=20)
    wait_until(lambda: stats_of(function).stuck == 0)
    go_on.set()

    assert outcomes(function) == {"timeout": 1}
    assert stats_of(function).late == 0


def test_one_that_takes_its_process_with_it_is_an_error_of_the_candidate(launched):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        function, memory = launched(
            elsewhere.double, elsewhere.killed, runner=ExecutorRunner(executor)
        )
        function(1)
        assert flush(timeout=20)
        function(2)
        assert flush(timeout=20)

    first, second = memory.records
    assert (first.outcome, first.reason) == ("candidate_error", "worker_died")
    assert first.candidate_raised["message"] == ("the executor gave no answer: BrokenProcessPool")
    assert (second.outcome, second.reason) == (
        "skipped",
        "the executor takes nothing: BrokenProcessPool",
    )


def test_an_executor_that_was_shut_down_makes_calls_skipped(launched, pool):
    pool.shutdown()
    function, memory = launched(elsewhere.double, elsewhere.double, runner=ExecutorRunner(pool))
    function(1)
    assert flush(timeout=20)

    assert memory.records[0].reason == "the executor takes nothing: RuntimeError"


def test_an_executor_of_the_parent_process_makes_calls_skipped_in_a_forked_child(
    launched, pool, monkeypatch
):
    function, memory = launched(elsewhere.double, elsewhere.double, runner=ExecutorRunner(pool))
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    function(1)
    wait_until(lambda: memory.records)

    assert memory.records[0].reason.startswith("the executor is the parent process's")


def test_what_is_given_up_before_it_was_submitted_is_left_alone(pool):
    ExecutorRunner(pool).remote.errand().give_up()


def test_it_uses_as_many_workers_of_the_executor_as_it_is_told(launched):
    begun = []

    class Executor:
        def submit(self, function, argument):
            begun.append(future := Future())
            return future

    function, _ = launched(
        elsewhere.double, elsewhere.double, runner=ExecutorRunner(Executor(), workers=3)
    )
    for x in range(5):
        function(x)
    wait_until(lambda: len(begun) == 3)
    time.sleep(0.05)
    assert len(begun) == 3
    for future in begun:
        future.cancel()
    wait_until(lambda: len(begun) == 5)
    for future in begun:
        future.cancel()
    assert flush(timeout=20)


def test_a_candidate_that_has_no_name_is_refused_at_decoration(launched, pool):
    with pytest.raises(ConfigurationError, match="cannot run in another process"):
        launched(lambda x: x, lambda x: x, runner=ExecutorRunner(pool))


def test_what_is_no_executor_is_refused():
    with pytest.raises(ConfigurationError, match="give an executor of"):
        ExecutorRunner(object())
    with pytest.raises(ConfigurationError, match="ExecutorRunner\\(workers=0\\)"):
        ExecutorRunner(ThreadPoolExecutor(1), workers=0)


def test_it_shows_its_executor():
    assert repr(ExecutorRunner(ThreadPoolExecutor(1), workers=3)).startswith(
        "ExecutorRunner(<concurrent.futures.thread.ThreadPoolExecutor object"
    )
