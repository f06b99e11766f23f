"""What a call costs its caller, as ratios to well-known things that are timed in turn with it.

``python benchmarks/ratios.py`` prints the table; ``tests/gauntlet/test_overhead.py`` holds the
bounds of what a caller pays.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import pickle
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import attrs
import import_time
import wrapt
from beside import standing, tables

from darkcall import dark_launch, flush, launch_of
from darkcall.analysis import read
from darkcall.runners import InlineRunner, ThreadRunner
from darkcall.sinks import JsonlSink, MemorySink


#: Times a number of calls; gives the seconds that one took.
Timer = Callable[[int], float]

CART = {
    "customer": {"id": 4711, "name": "Ada Lovelace", "tags": ["new", "business"]},
    "lines": [
        {"sku": f"tea-{number}", "quantity": number, "price": 9.99, "options": {"gift": False}}
        for number in range(6)
    ],
    "shipping": {"city": "London", "code": "W1", "express": True, "notes": None},
}

_clock = time.perf_counter


@attrs.frozen
class Row:
    """One line of the table.

    Attributes:
        what: What is measured.
        must: The ratio that must hold.
        goal: The ratio to reach.
        ours: Seconds that darkcall adds to a call, one for each round.
        theirs: Seconds that the reference takes, one for each round.
        unit: What both are told in.
        per_unit: How many of the unit there are in one of the figures.
    """

    what: str
    must: float
    goal: float
    ours: list[float]
    theirs: list[float]
    unit: str = "ns"
    per_unit: float = 1e9

    @property
    def ratio(self) -> float:
        """The ratio of the medians of the rounds."""
        return statistics.median(self.ours) / statistics.median(self.theirs)

    @property
    def best(self) -> float:
        """The ratio of the minima of the rounds."""
        return min(self.ours) / min(self.theirs)

    @property
    def cells(self) -> list[str]:
        """What the table says."""
        low, _, high = statistics.quantiles(
            (ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)), n=4
        )
        ours, theirs = (
            f"{self.per_unit * statistics.median(some):,.0f} {self.unit}"
            for some in (self.ours, self.theirs)
        )
        ratios = (self.ratio, self.best, self.must, self.goal)
        ratio, best, must, goal = (f"{one:.2f}" for one in ratios)
        return [ours, theirs, ratio, f"{low:.2f}-{high:.2f}", best, must, goal]

    def __str__(self) -> str:
        return line(self.what, self.cells)


def line(what: str, cells: list[str]) -> str:
    """Lay out a line of the table for a terminal."""
    return f"{what:<54}" + "".join(f"{cell:>12}" for cell in cells)


HEAD = ["adds", "beside", "ratio", "quartiles", "best", "must", "goal"]


def plain(value: Any) -> Any:
    """Return what it is given."""
    return value


async def plain_coroutine(value: Any) -> Any:
    """Return what it is given."""
    return value


class Plain:
    """Has a method."""

    def method(self, value: Any) -> Any:
        """Return what it is given."""
        return value


@wrapt.decorator
def no_op(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
    """Call what is wrapped."""
    return wrapped(*args, **kwargs)


def calls_of(function: Callable[[Any], object], value: Any) -> Timer:
    """Make what times calls of a function with one argument."""

    def timer(calls: int) -> float:
        repeated = itertools.repeat(None, calls)
        began = _clock()
        for _ in repeated:
            function(value)
        return (_clock() - began) / calls

    return timer


def method_calls_of(instance: Any, value: Any) -> Timer:
    """Make what times calls of a method, looked up each time as programs do."""

    def timer(calls: int) -> float:
        repeated = itertools.repeat(None, calls)
        began = _clock()
        for _ in repeated:
            instance.method(value)
        return (_clock() - began) / calls

    return timer


def in_turn(timers: dict[str, Timer], *, rounds: int, calls: int) -> dict[str, list[float]]:
    """Time several things in turn, so that a slow moment of the machine hits all of them."""
    for timer in timers.values():
        timer(calls)
    seconds: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            seconds[name].append(timer(calls))
    return seconds


def added(seconds: dict[str, list[float]], name: str) -> list[float]:
    """Give what something takes beyond the bare call, round by round."""
    bare = statistics.median(seconds["bare"])
    return [one - bare for one in seconds[name]]


@contextmanager
def busy_workers() -> Iterator[tuple[ThreadRunner, ThreadPoolExecutor]]:
    """Give a runner and a pool whose workers wait for something while calls are timed."""
    go_on = threading.Event()
    runner, pool = ThreadRunner(workers=2), ThreadPoolExecutor(2)
    hold = dark_launch(
        candidate=lambda value: go_on.wait() and value,
        runner=runner,
        sinks=[],
        timeout=None,
        cpu_budget=None,
    )(plain)
    for number in range(2):
        hold(number)
        pool.submit(go_on.wait)
    time.sleep(0.1)
    try:
        yield runner, pool
    finally:
        go_on.set()
        runner.close(10)
        pool.shutdown()


def launched(control: Any, candidate: Any = plain, **knobs: Any) -> Any:
    """Launch a candidate with room for all calls of a round, and nothing that takes records."""
    return dark_launch(
        candidate=candidate,
        **{
            "sinks": [],
            "cpu_budget": None,
            "max_pending": 10**6,
            "max_pending_bytes": 1 << 40,
            "timeout": None,
            **knobs,
        },
    )(control)


#: Decorates a control; the candidate and the knobs are as ``launched`` takes them.
Decorate = Callable[..., Any]


def paused(decorate: Decorate, control: Any, candidate: Any) -> Any:
    """Launch a candidate, and switch the launch off."""
    function = decorate(control, candidate)
    launch_of(function).pause()
    return function


def off_seconds(
    rounds: int, calls: int = 5000, decorate: Decorate = launched
) -> dict[str, dict[str, list[float]]]:
    """Time what is switched off, or not sampled, beside a decorator that does nothing."""

    class Off(Plain):
        method = paused(decorate, Plain.method, Plain.method)

    class Sampled(Plain):
        method = decorate(Plain.method, Plain.method, sample=0.01, isolate="share")

    class Wrapped(Plain):
        method = no_op(Plain.method)

    off = paused(decorate, plain, plain)
    functions = in_turn(
        {
            "bare": calls_of(plain, 5),
            "off": calls_of(off, 5),
            "sampled out": calls_of(decorate(plain, plain, sample=0.01), 5),
            "wrapt": calls_of(no_op(plain), 5),
        },
        rounds=rounds,
        calls=calls,
    )
    methods = in_turn(
        {
            "bare": method_calls_of(Plain(), 5),
            "off": method_calls_of(Off(), 5),
            "sampled out": method_calls_of(Sampled(), 5),
            "wrapt": method_calls_of(Wrapped(), 5),
        },
        rounds=rounds,
        calls=calls,
    )
    return {"function": functions, "method": methods}


def off_rows(rounds: int) -> list[Row]:
    """Measure calls that are not shadowed."""
    measured = off_seconds(rounds)
    rows = []
    for what, must, goal in (("off", 0.30, 0.17), ("sampled out", 0.50, 0.25)):
        for kind, seconds in measured.items():
            ours, theirs = added(seconds, what), added(seconds, "wrapt")
            rows.append(Row(f"{what}, {kind} | wrapt no-op", must, goal, ours, theirs))
    return rows


def shadowed_seconds(
    rounds: int,
    workers: tuple[ThreadRunner, ThreadPoolExecutor],
    calls: int = 200,
    decorate: Decorate = launched,
) -> dict[str, list[float]]:
    """Time shadowed calls while the workers are busy, beside what a pool takes."""
    runner, pool = workers
    return in_turn(
        {
            "bare": calls_of(plain, 5),
            "shadowed": calls_of(decorate(plain, plain, runner=runner), 5),
            "submitted": calls_of(lambda value: pool.submit(plain, value), 5),
        },
        rounds=rounds,
        calls=calls,
    )


def shadowed_rows(rounds: int) -> list[Row]:
    """Time shadowed calls while the workers are busy, beside what a pool or a pickle takes."""
    with busy_workers() as (runner, pool):
        seconds = shadowed_seconds(rounds, (runner, pool))
        nested = in_turn(
            {
                "bare": calls_of(plain, CART),
                "shadowed": calls_of(launched(plain, runner=runner), CART),
                "pickled": calls_of(lambda value: (pickle.dumps(value), pickle.dumps(value)), CART),
            },
            rounds=rounds,
            calls=50,
        )
    return [
        Row(
            "shadowed, workers busy | ThreadPoolExecutor.submit",
            0.35,
            0.20,
            added(seconds, "shadowed"),
            seconds["submitted"],
        ),
        Row(
            "shadowed, a nested dict twice | pickle.dumps of both",
            1.5,
            1.0,
            added(nested, "shadowed"),
            nested["pickled"],
        ),
    ]


def rested_row(rounds: int) -> Row:
    """Time the first call after a rest of 50 ms, beside a submit after the same."""
    pool, shadowed = ThreadPoolExecutor(2), launched(plain, runner=ThreadRunner(workers=2))
    timers = {
        "bare": calls_of(plain, 5),
        "shadowed": calls_of(shadowed, 5),
        "submitted": calls_of(lambda value: pool.submit(plain, value), 5),
    }

    def rested(timer: Timer) -> Timer:
        def after_a_rest(calls: int) -> float:
            time.sleep(0.05)
            return timer(calls)

        return after_a_rest

    seconds = in_turn(
        {name: rested(timer) for name, timer in timers.items()}, rounds=rounds, calls=1
    )
    flush()
    pool.shutdown()
    return Row(
        "shadowed, first call after 50 ms | submit",
        0.60,
        0.15,
        added(seconds, "shadowed"),
        seconds["submitted"],
    )


def async_row(rounds: int) -> Row:
    """Time an awaited call with an async candidate, beside making a task that does nothing."""
    shadowed = launched(plain_coroutine, plain_coroutine)

    async def awaited(function: Callable[[Any], Any], calls: int) -> float:
        began = _clock()
        for _ in itertools.repeat(None, calls):
            await function(5)
        return (_clock() - began) / calls

    async def tasks(calls: int) -> float:
        began = _clock()
        made = [asyncio.create_task(plain_coroutine(5)) for _ in itertools.repeat(None, calls)]
        seconds = (_clock() - began) / calls
        await asyncio.gather(*made)
        return seconds

    async def measured() -> dict[str, list[float]]:
        seconds: dict[str, list[float]] = {"bare": [], "shadowed": [], "task": []}
        for _ in range(rounds + 1):
            seconds["bare"].append(await awaited(plain_coroutine, 100))
            seconds["shadowed"].append(await awaited(shadowed, 100))
            await asyncio.to_thread(flush)
            seconds["task"].append(await tasks(100))
        return {name: some[1:] for name, some in seconds.items()}

    seconds = asyncio.run(measured())
    return Row(
        "async, awaited | asyncio.create_task",
        1.0,
        0.5,
        added(seconds, "shadowed"),
        seconds["task"],
    )


def throughput_row(rounds: int) -> Row:
    """Time calls until all are compared and recorded, beside a plain pool that compares."""
    calls = 2000
    memory = MemorySink(max_records=calls)
    shadowed = launched(plain, runner=ThreadRunner(workers=2), sinks=[memory])
    pool = ThreadPoolExecutor(2)
    compared: list[bool] = []

    def by_pool(value: Any) -> Any:
        result = plain(value)
        pool.submit(lambda: compared.append(plain(value) == result))
        return result

    def timed(function: Callable[[Any], object], finish: Callable[[], object]) -> float:
        began = _clock()
        for number in range(calls):
            function(number)
        finish()
        return (_clock() - began) / calls

    def all_by_pool() -> None:
        while len(compared) < calls:
            time.sleep(0.0001)
        compared.clear()

    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(rounds + 1):
        seconds["ours"].append(timed(shadowed, flush))
        seconds["theirs"].append(timed(by_pool, all_by_pool))
    pool.shutdown()
    # Calls a second: twice as many is half of the time.
    return Row(
        "shadowed, compared, recorded | a pool with == and a list",
        0.5,
        0.2,
        seconds["ours"][1:],
        seconds["theirs"][1:],
    )


def jsonl_row(rounds: int) -> Row:
    """Time the CPU from a candidate's end to its mismatch on the disk, beside the line alone."""
    began: list[float] = []
    calls = 200

    def differing(value: Any) -> Any:
        value["lines"][3]["price"] = 1.5
        began.append(time.process_time())
        return value

    with tempfile.TemporaryDirectory() as folder:
        sink = JsonlSink(folder)
        shadowed = launched(plain, differing, runner=InlineRunner(), sinks=[sink])

        def ours(calls: int) -> float:
            seconds = 0.0
            for _ in itertools.repeat(None, calls):
                shadowed(CART)
                seconds += time.process_time() - began.pop()
            # The thread of the sink works on meanwhile, and does the rest here.
            before = time.process_time()
            flush()
            return (seconds + time.process_time() - before) / calls

        ours(1)
        [record] = read(folder)
        descriptor = os.open(f"{folder}/theirs", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

        def theirs(calls: int) -> float:
            before = time.process_time()
            for _ in itertools.repeat(None, calls):
                os.write(descriptor, f"{json.dumps(record)}\n".encode())
            return (time.process_time() - before) / calls

        seconds = in_turn({"ours": ours, "theirs": theirs}, rounds=rounds, calls=calls)
        os.close(descriptor)
        launch_of(shadowed).pause()
        sink.close()
    return Row(
        "a mismatch to disk, CPU | json.dumps and os.write",
        6.0,
        3.0,
        seconds["ours"],
        seconds["theirs"],
    )


def memory_row(rounds: int) -> Row:
    """Measure what a call holds while it waits, beside a work item of a pool with its future."""
    waiting: dict[str, list[float]] = {"ours": [], "theirs": []}
    with busy_workers() as (runner, pool):
        shadowed = launched(plain, runner=runner)
        for _ in range(rounds):
            waiting["ours"].append(standing.bytes_waiting(shadowed))
            waiting["theirs"].append(
                standing.bytes_waiting(lambda value: pool.submit(plain, value))
            )
    return Row(
        "memory of a waiting call | of a submitted one",
        0.25,
        0.12,
        waiting["ours"],
        waiting["theirs"],
        unit="B",
        per_unit=1.0,
    )


def import_row(rounds: int) -> Row:
    """Time the import in fresh interpreters, beside that of what it depends on."""
    seconds = import_time.in_turn(rounds)
    ours, theirs = seconds[import_time.OURS], seconds[import_time.BASE]
    what = f"{import_time.OURS} | {import_time.BASE}"
    return Row(what, 1.6, 1.2, ours, theirs, unit="ms", per_unit=1e3)


def rows(rounds: int) -> Iterator[Row]:
    """Measure the whole table."""
    yield from off_rows(rounds)
    yield from shadowed_rows(rounds)
    yield rested_row(rounds)
    yield async_row(rounds)
    yield throughput_row(rounds)
    yield jsonl_row(rounds)

    yield memory_row(min(rounds, 5))
    yield import_row(min(rounds, 20))


def main() -> int:
    """Print the table; return 1 if a ratio misses what it must hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    tables.add_option(parser)
    options = parser.parse_args()
    if options.rounds < 20 and options.write:
        parser.error("fewer than 20 rounds are not to be written")
    tables.check(options.write, "ratios")
    print(line(f"medians of {options.rounds} rounds", HEAD))
    missed, told = False, []
    for row in rows(options.rounds):
        print(row, flush=True)
        told.append([row.what.replace("|", "beside"), *row.cells])
        missed |= row.ratio > row.must
    wake_ups = standing.wake_ups()
    if wake_ups is not None:
        what = "wake-ups of idle threads within 5 s, after 2 s of rest"
        cells = [str(wake_ups), "", "", "", "", "0", "0"]
        print(line(what, cells))
        told.append([what, *cells])
        missed |= wake_ups > 0
    tables.write(options.write, "ratios", tables.table(["what", *HEAD], told))
    return missed


if __name__ == "__main__":
    sys.exit(main())
