"""A candidate that computes for long in a thread of the host is told of, once."""

from __future__ import annotations

import asyncio

from darkcall import flush, launch_of
from darkcall._candidate import CPU_BOUND_RUNS
from darkcall.runners import ProcessRunner
from elsewhere import burn_for, sleep_for
from looking import stats_of, wait_until


def run(function, calls, x):
    for _ in range(calls):
        function(x)
        assert flush(timeout=20)


def said(caplog):
    return [line for line in caplog.messages if "delays callers" in line]


def test_it_is_told_once_with_the_runner_that_helps(launched, caplog):
    function, _ = launched(lambda x: x, burn_for)
    # On a busy machine some of them wait for the CPU for longer than they use it.
    for _ in range(20):
        run(function, CPU_BOUND_RUNS, 0.002)
        if stats_of(function).cpu_bound > CPU_BOUND_RUNS:
            break
    wait_until(lambda: said(caplog))

    (line,) = said(caplog)
    assert "[candidate]: took the CPU for" in line
    assert "runner=ProcessRunner()" in line


def test_it_is_told_at_the_tenth_run_of_which_it_was_most(launched, caplog):
    function, _ = launched(lambda x: x, lambda x: x)
    (candidate,) = launch_of(function).candidates
    for cpu_seconds in [0.0049, *[0.0051] * (CPU_BOUND_RUNS - 1)]:
        candidate.took_the_cpu(cpu_seconds, 0.010)
    assert flush()
    assert not said(caplog)
    assert stats_of(function).cpu_bound == CPU_BOUND_RUNS - 1
    candidate.took_the_cpu(0.0051, 0.010)
    run(function, 1, 0)

    wait_until(lambda: said(caplog))
    assert "took the CPU for 5.1 ms of 10.0 ms, on 10 calls by now" in said(caplog)[0]


def test_one_that_waits_is_not_told_of(launched, caplog):
    function, _ = launched(lambda x: x, sleep_for)
    run(function, CPU_BOUND_RUNS, 0.002)

    assert not said(caplog)
    assert stats_of(function).cpu_bound == 0


def test_one_that_is_short_is_not_told_of(launched, caplog):
    function, _ = launched(lambda x: x, burn_for)
    run(function, CPU_BOUND_RUNS, 0.0)

    assert not said(caplog)
    assert stats_of(function).cpu_bound == 0


def test_one_that_runs_while_the_caller_waits_is_not_told_of(dark, caplog):
    function = dark(candidate=burn_for)(lambda x: x)
    run(function, CPU_BOUND_RUNS, 0.002)

    assert not said(caplog)


async def _burn_for(x):
    return burn_for(x)


def test_an_async_one_is_told_of_as_well(launched, caplog):
    async def control(x):
        return x

    async def calls():
        function, _ = launched(control, _burn_for)
        # Some of them wait for the interpreter's lock for long.
        for _ in range(3 * CPU_BOUND_RUNS):
            await function(0.002)
            await asyncio.sleep(0.01)
        await asyncio.to_thread(flush, 20)

    asyncio.run(calls())

    wait_until(lambda: said(caplog))


def test_one_in_another_process_is_not_told_of(launched, caplog):
    runner = ProcessRunner()
    function, _ = launched(lambda x: x, burn_for, runner=runner)
    run(function, CPU_BOUND_RUNS, 0.002)
    runner.close(timeout=1.0)

    assert not said(caplog)
    assert stats_of(function).cpu_bound == 0
