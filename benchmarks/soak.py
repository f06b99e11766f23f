"""A mixed load in one process, for minutes: what it holds must stay flat, its counts exact.

Controls and candidates are sync and async; candidates match, differ, raise, compute and
take too long now and then.  Meanwhile launches are updated, paused, made and forgotten,
defaults change, and the process forks.  Memory, threads and descriptors are sampled.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import gc
import itertools
import logging
import os
import pathlib
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import warnings

import darkcall
from darkcall import configure, dark_launch, flush, launch_of, set_enabled
from darkcall.sinks import JsonlSink, LogSink, MemorySink, SqliteSink


PAUSE_SECONDS = 0.01
STEP_SECONDS = 0.25
TIMEOUT_SECONDS = 0.1
#: How much the last quarter may exceed the second one: the first one is for warming up.
MORE_MEGABYTES = 2.0
MORE_THREADS = 2
MORE_DESCRIPTORS = 2
COLUMNS = ("seconds", "calls", "pending", "MB", "threads", "descriptors")
#: No record is made of these.
DROPPED = "dropped"


def price(number):
    if number % 50 == 3:
        raise ValueError("no such cart")
    return {"total": number * 1.5, "lines": [{"sku": f"tea-{number}", "price": number}] * 5}


def price_v2(number):
    kind = number % 100
    if kind < 5:
        return {**price(number + 4), "total": -1}
    if kind < 8:
        raise LookupError(f"no price for cart {number}")
    if kind == 10:
        compute(seconds=0.004)
    if number % 400 == 20:
        time.sleep(2 * TIMEOUT_SECONDS)
    return price(number)


def compute(*, seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(100))


async def quote(number):
    await asyncio.sleep(0)
    return price(number)


async def quote_v2(number):
    await asyncio.sleep(10 if number % 100 == 20 else 0.001)
    return price(number) if number % 100 == 20 else price_v2(number)


def always_wrong(number):
    raise RuntimeError(f"wrong for {number}")


class Host:
    """A process that calls launches from several threads and a loop."""

    def __init__(self, place):
        logger = logging.getLogger("soak")
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        self.database = place / "records.db"
        self.sinks = [
            MemorySink(max_records=200),
            LogSink(logger),
            JsonlSink(place / "records", max_bytes=100_000, max_files=4, compress=True),
            SqliteSink(self.database),
        ]
        self.stopped = threading.Event()
        self.made = []
        self.children = collections.Counter()
        self.forgotten = collections.Counter()
        self.problems = []
        launch = self.launch
        self.sync = {
            "sync": launch(price, price_v2, "sync"),
            "two": launch(price, {"one": price_v2, "other": price}, "two"),
            "kept": launch(price, price_v2, "kept", keep="everything", cpu_budget=0.05),
            "wrong": launch(price, always_wrong, "wrong"),
            "sync, async": launch(price, quote_v2, "sync, async"),
        }
        self.asynchronous = {
            "async": launch(quote, quote_v2, "async"),
            "async, sync": launch(quote, price_v2, "async, sync"),
        }

    def launch(self, control, candidate, name, **knobs):
        knobs = {"timeout": TIMEOUT_SECONDS, "cpu_budget": None, **knobs}
        return dark_launch(candidate=candidate, name=name, sinks=self.sinks, **knobs)(control)

    @property
    def functions(self):
        return {**self.sync, **self.asynchronous}

    def stats(self):
        return {name: launch_of(function).stats() for name, function in self.functions.items()}

    def call(self):
        made = self.counter()
        for number in itertools.count():
            for name, function in self.sync.items():
                with contextlib.suppress(ValueError):
                    function(number)
                made[name] += 1
            if self.stopped.wait(PAUSE_SECONDS):
                return

    def call_on_a_loop(self):
        asyncio.run(self.call_async())

    async def call_async(self):
        made = self.counter()
        for number in itertools.count():
            for name, function in self.asynchronous.items():
                with contextlib.suppress(ValueError):
                    await function(number)
                made[name] += 1
            if self.stopped.is_set():
                return
            await asyncio.sleep(PAUSE_SECONDS)

    def counter(self):
        # Each thread has its own.
        self.made.append(made := collections.Counter())
        return made

    def change(self):
        launch = launch_of(self.sync["sync"])
        steps = [
            lambda: launch.update(sample=0.5),
            lambda: launch.update(sample=1.0, timeout=TIMEOUT_SECONDS),
            self.pause,
            lambda: self.within(configure(cpu_budget=0.2, max_pending=50)),
            self.fork,
            lambda: self.within(set_enabled(False)),
            self.make_and_forget,
            lambda: flush(timeout=1.0),
        ]
        for step in itertools.cycle(steps):
            step()
            if self.stopped.wait(STEP_SECONDS):
                return

    def pause(self):
        launch = launch_of(self.asynchronous["async"])
        launch.pause()
        time.sleep(0.02)
        launch.resume()

    def within(self, restorable):
        with restorable:
            time.sleep(0.02)

    def make_and_forget(self):
        function = self.launch(price, price_v2, "for a moment")
        for number in range(11, 20):
            function(number)
        if not flush(timeout=5.0):
            self.problems.append("a launch for a moment was not flushed")
        self.forgotten += records_of(launch_of(function).stats())

    def fork(self):
        child = os.fork()
        if child == 0:
            os._exit(self.be_a_child())
        self.children[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])] += 1

    def be_a_child(self):
        function = self.sync["two"]
        for number in range(11, 16):
            function(number)
        delivered = flush(timeout=5.0)
        stats = launch_of(function).stats()
        is_exact = stats.calls == 5 and stats.sinks["SqliteSink"].written == 10
        return 0 if delivered and is_exact else 1

    def check_counts(self):
        """Tell where the counts are not exact, once nothing goes on any more."""
        made = sum(self.made, collections.Counter())
        records = self.forgotten
        for name, stats in self.stats().items():
            records = records + records_of(stats)
            self.check(f"{name}: calls", made[name], stats.calls)
            for candidate, counts in stats.candidates.items():
                what = f"{name} [{candidate}]"
                self.check(f"{what}: pending", 0, counts.pending)
                self.check(f"{what}: outcomes", stats.shadowed, sum(counts.outcomes.values()))
        for name, counts in launch_of(self.sync["sync"]).stats().sinks.items():
            self.check(f"{name}: offered", records.total(), counts.offered)
            taken = counts.written + counts.failed + counts.dropped + counts.waiting
            self.check(f"{name}: written, failed, dropped, waiting", counts.offered, taken)
            self.check(f"{name}: waiting", 0, counts.waiting)
            if name == "SqliteSink":
                self.check(f"{name}: rows", counts.written, self.rows())
        self.check("children that failed", 0, self.children.total() - self.children[0])

    def hear_of(self, failed):
        self.problems.append(f"{failed.thread}: {failed.exc_type.__name__}: {failed.exc_value}")

    def check(self, what, expected, found):
        if expected != found:
            self.problems.append(f"{what}: {found}, not {expected}")

    def rows(self):
        with contextlib.closing(sqlite3.connect(self.database)) as reader:
            query = "SELECT count(*) FROM records WHERE pid = ?"
            return reader.execute(query, [os.getpid()]).fetchone()[0]


def records_of(stats):
    """Count the records that were made, by their outcome."""
    counted = collections.Counter(stats.outcomes)
    del counted[DROPPED]
    return counted


def sample(host, began):
    gc.collect()
    stats = host.stats().values()
    with pathlib.Path("/proc/self/statm").open(encoding="ascii") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {
        "seconds": round(time.monotonic() - began, 1),
        "calls": sum(one.calls for one in stats),
        "pending": sum(one.pending for one in stats),
        "MB": round(resident / 1e6, 1),
        "threads": entries_of("/proc/self/task"),
        "descriptors": entries_of("/proc/self/fd"),
    }


def entries_of(directory):
    return sum(1 for _ in pathlib.Path(directory).iterdir())


def show(row):
    print("".join(f"{row[column]:>13}" for column in COLUMNS), flush=True)


def judge(samples):
    """Tell for each thing sampled whether it is flat."""
    quarter = len(samples) // 4
    second, last = samples[quarter : 2 * quarter], samples[-quarter:]
    print("\nmedian of the second quarter, of the last one, and how much more is allowed")
    is_flat = True
    for column, more in (
        ("MB", MORE_MEGABYTES),
        ("threads", MORE_THREADS),
        ("descriptors", MORE_DESCRIPTORS),
    ):
        before = statistics.median(one[column] for one in second)
        after = statistics.median(one[column] for one in last)
        is_flat &= (fits := after <= before + more)
        said = "flat" if fits else "GROWS"
        print(f"{column:>13}{before:>10.1f}{after:>10.1f}{more:>10.1f}   {said}")
    return is_flat


def soak(host, seconds):
    """Run the load, and return what was sampled."""
    targets = [host.call, host.call, host.call_on_a_loop, host.change]
    threads = [threading.Thread(target=target) for target in targets]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    samples = []
    every = min(5.0, seconds / 20)
    for number in itertools.count(1):
        time.sleep(max(0.0, began + number * every - time.monotonic()))
        samples.append(sample(host, began))
        show(samples[-1])
        if time.monotonic() - began >= seconds:
            break
    host.stopped.set()
    for thread in threads:
        thread.join()
    return samples


def main() -> int:
    """Run the load; return 1 if something grows or a count is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    options = parser.parse_args()
    # To fork while threads run is what it is about.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork")
    logging.getLogger("darkcall").addHandler(logging.NullHandler())
    show({column: column for column in COLUMNS})
    with tempfile.TemporaryDirectory() as place:
        host = Host(pathlib.Path(place))
        threading.excepthook = host.hear_of
        samples = soak(host, options.seconds)
        if not flush(timeout=15.0):
            host.problems.append("the flush at the end did not come to its end")
        host.check_counts()
        is_flat = judge(samples)
        totals = collections.Counter()
        for stats in host.stats().values():
            totals += collections.Counter(stats.outcomes)
        print(f"\noutcomes: {dict(totals)}")
        print(f"children: {dict(host.children)}, by exit code")
        print("counts: exact" if not host.problems else "\n".join(host.problems))
        darkcall.close(timeout=5.0)
        show(sample(host, time.monotonic()))
    return 0 if is_flat and not host.problems else 1


if __name__ == "__main__":
    sys.exit(main())
