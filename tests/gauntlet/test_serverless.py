"""A process that stands still between two calls, as serverless functions do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest


FROZEN = """
import sys, time

ahead = 0.0


def freeze():
    print("freeze", flush=True)
    sys.stdin.readline()


def jump():
    global ahead
    ahead += float(sys.argv[1])


if len(sys.argv) > 1:
    # Before anything else has taken hold of the clocks.
    freeze = jump
    perf_counter, monotonic = time.perf_counter, time.monotonic
    time.perf_counter = lambda: perf_counter() + ahead
    time.monotonic = lambda: monotonic() + ahead

import asyncio, json
import darkcall
from darkcall import dark_launch, flush, launch_of
from darkcall.runners import ThreadRunner
from darkcall.sinks import MemorySink

memory = MemorySink()
policy = {"cpu_budget": None, "sinks": [memory], "timeout": 0.5}
# Async candidates are not to wait for the others.
on_loops = {**policy, "runner": ThreadRunner(workers=1)}


def slow(x):
    for _ in range(4):
        time.sleep(0.05)
    return x


async def slow_async(x):
    for _ in range(4):
        await asyncio.sleep(0.05)
    return x


def handler(function):
    return [function(x) for x in range(4)]


sync = dark_launch(candidate=slow, name="sync", **policy)(lambda x: x)
on_a_loop = dark_launch(candidate=slow_async, name="async", **on_loops)(lambda x: x)


@dark_launch(candidate=slow_async, name="on the caller's loop", **on_loops)
async def on_the_callers_loop(x):
    return x


# The threads are there, and the loop.
for function in (sync, on_a_loop):
    function(0)
assert flush(timeout=5)
began = time.perf_counter()
for function in (sync, on_a_loop):
    assert handler(function) == list(range(4))


async def main():
    for x in range(4):
        assert await on_the_callers_loop(x) == x
    await asyncio.sleep(0.05)
    await asyncio.get_running_loop().run_in_executor(None, freeze)
    # Whoever comes next must not take the loops for blocked.
    on_a_loop(4)
    assert await darkcall.aflush(timeout=5)


asyncio.run(main())
seconds = time.perf_counter() - began
is_flushed = flush(timeout=5)
for function in (sync, on_a_loop):
    function(5)
delivers = flush(timeout=5)
print(json.dumps({
    "seconds": seconds,
    "flushed": [is_flushed, delivers],
    "outcomes": {
        launch.name: {key: n for key, n in launch.stats().candidates[name].outcomes.items() if n}
        for launch in darkcall.launches()
        for name in launch.stats().candidates
    },
    "records": len(memory.records),
}))
"""


@pytest.fixture
def run_frozen(tmp_path):
    """Run a script that is stopped for a while each time it says so; gives what it prints last."""

    def run(source, seconds, *arguments, frozen=lambda: None):
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(source), encoding="utf-8")
        with subprocess.Popen(
            [sys.executable, script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            line = ""
            for line in process.stdout:
                if line == "freeze\n":
                    os.kill(process.pid, signal.SIGSTOP)
                    frozen()
                    time.sleep(seconds)
                    os.kill(process.pid, signal.SIGCONT)
                    process.stdin.write("\n")
                    process.stdin.flush()
            errors = process.stderr.read()
        assert process.returncode == 0, errors
        return json.loads(line)

    return run


def assert_that_all_were_compared(answer):
    assert answer["outcomes"] == {
        "sync": {"match": 6},
        "async": {"match": 7},
        "on the caller's loop": {"match": 4},
    }
    assert answer["flushed"] == [True, True]
    assert answer["records"] == 17


def timeouts(answer):
    return sum(counts.get("timeout", 0) for counts in answer["outcomes"].values())


def test_a_freeze_does_not_turn_what_was_under_way_into_timeouts(run_frozen, measured):
    answer = run_frozen(FROZEN, 3.0)

    measured(
        "timeouts after a freeze of 3 s (SIGSTOP), with a timeout of 0.5 s and 12 candidates "
        "under way or waiting",
        timeouts(answer),
        at_most=0,
    )
    assert answer["seconds"] > 3.0
    assert_that_all_were_compared(answer)


def test_a_freeze_of_ten_minutes_does_not_turn_what_was_under_way_into_timeouts(
    run_frozen, measured
):
    # By a clock that jumps, which nobody waits for.
    answer = run_frozen(FROZEN, 0.0, 600.0)

    measured(
        "timeouts after a freeze of 10 minutes (a clock that jumps), with a timeout of 0.5 s and "
        "12 candidates under way or waiting",
        timeouts(answer),
        at_most=0,
    )
    assert answer["seconds"] > 600.0
    assert_that_all_were_compared(answer)


HANDLER = """
import json, sys, time
import darkcall
from darkcall import dark_launch, flush, launch_of
from darkcall.sinks import JsonlSink


def candidate(x):
    time.sleep(0.005)
    return x


darkcall.configure(sinks=[JsonlSink(sys.argv[1])], timeout=0.5, cpu_budget=None)
function = dark_launch(candidate=candidate, name="price")(lambda x: x)


def handler(event, context=None):
    try:
        return [function(x) for x in event]
    finally:
        delivered.append(flush(timeout=1.0))


delivered, seconds = [], []
for _ in range(5):
    began = time.perf_counter()
    assert handler(range(10)) == list(range(10))
    seconds.append(time.perf_counter() - began)
    # Nothing is left to do, and nothing is lost if the function is never thawed.
    print("freeze", flush=True)
    sys.stdin.readline()
counts = launch_of(function).stats().candidates["candidate"]
print(json.dumps([delivered, counts.outcomes["match"], max(seconds)]))
"""


def test_a_flush_at_the_end_of_a_handler_delivers(run_frozen, measured, tmp_path):
    at_each_freeze = []

    def lines():
        return sum(
            '"kind":"totals"' not in line
            for file in tmp_path.glob("records/*.jsonl")
            for line in file.read_text(encoding="utf-8").splitlines()
        )

    delivered, matched, seconds = run_frozen(
        HANDLER, 0.7, tmp_path / "records", frozen=lambda: at_each_freeze.append(lines())
    )

    assert delivered == [True] * 5
    assert at_each_freeze == [10, 20, 30, 40, 50]
    assert matched == 50
    measured(
        "a handler of 10 calls, with a candidate of 5 ms, that flushes at its end, seconds",
        seconds,
        at_most=1.0,
    )
