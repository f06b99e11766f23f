"""Worker processes, as ``ProcessRunner`` has them, beside those of pebble and the standard library.

Each calls a function that returns its 700
bytes, 500 times, one call after the other.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from beside import standing, tables
from beside.answers import echo, hang

from darkcall.runners import EndedError, ProcessRunner


Call = Callable[[bytes], object]

HEAD = [
    "",
    "half within, µs",
    "99 % within, µs",
    "CPU of the caller's process, µs",
    "wake-ups in 2 s at rest",
    "a timeout of 0.2 s is told after, s",
    "next answer after, s",
]
TIMEOUT_SECONDS = 0.2


def measured(call: Call, calls: int, idle_seconds: float) -> list[str]:
    """Call, wait, and say what that took."""
    data = bytes(700)
    call(data)
    seconds = []
    cpu_began = time.process_time()
    for _ in range(calls):
        began = time.perf_counter()
        call(data)
        seconds.append(time.perf_counter() - began)
    cpu = (time.process_time() - cpu_began) / calls
    time.sleep(idle_seconds / 4)
    woken = standing.switches()
    time.sleep(idle_seconds)
    woken = standing.switches() - woken
    return [
        f"{1e6 * statistics.median(seconds):.0f}",
        f"{1e6 * statistics.quantiles(seconds, n=100)[-1]:.0f}",
        f"{1e6 * cpu:.0f}",
        f"{woken}",
    ]


def by_darkcall(calls: int, idle_seconds: float) -> list[str]:
    """Measure the processes of a ``ProcessRunner``."""
    runner = ProcessRunner(nice=0)

    def call(data: bytes, function: str = "beside.answers:echo") -> bytes:
        errand = runner.remote.errand()
        errand.prepare("beside.answers:echo", b"")
        killer = threading.Timer(TIMEOUT_SECONDS, errand.give_up)
        if function.endswith("hang"):
            killer.start()
        return errand.run(function, data)

    row = measured(call, calls, idle_seconds)
    began = time.perf_counter()
    try:
        call(b"", "beside.answers:hang")
    except EndedError:
        told = time.perf_counter() - began
    call(b"")
    row += [f"{told:.2f}", f"{time.perf_counter() - began - told:.2f}"]
    runner.close(1.0)
    return row


def by_pebble(calls: int, idle_seconds: float) -> list[str]:
    """Measure the processes of a pool of pebble's."""
    try:
        import pebble  # noqa: PLC0415 -- only where all is installed that others are compared by
    except ImportError:
        return ["not installed", *[""] * 5]
    context = multiprocessing.get_context("spawn")
    with pebble.ProcessPool(max_workers=1, context=context) as pool:
        row = measured(
            lambda data: pool.schedule(echo, args=(data,), timeout=5).result(), calls, idle_seconds
        )
        began = time.perf_counter()
        try:
            pool.schedule(hang, args=(b"",), timeout=TIMEOUT_SECONDS).result()
        except TimeoutError:
            told = time.perf_counter() - began
        pool.schedule(echo, args=(b"",), timeout=5).result()
        row += [f"{told:.2f}", f"{time.perf_counter() - began - told:.2f}"]
        pool.stop()
    return row


def by_executor(calls: int, idle_seconds: float) -> list[str]:
    """Measure the processes of the standard library, which cannot be killed."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return [
            *measured(lambda data: pool.submit(echo, data).result(), calls, idle_seconds),
            "never",
            "never",
        ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--idle-seconds", type=float, default=2.0)
    tables.add_option(parser)
    options = parser.parse_args()
    tables.check(options.write, "processes")
    measures = {
        "darkcall": by_darkcall,
        "pebble.ProcessPool": by_pebble,
        "ProcessPoolExecutor": by_executor,
    }
    rows = [
        [name, *measure(options.calls, options.idle_seconds)] for name, measure in measures.items()
    ]
    text = tables.table(HEAD, rows)
    print(text)
    tables.write(options.write, "processes", text)


if __name__ == "__main__":
    main()
