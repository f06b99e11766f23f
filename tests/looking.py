"""What several test files ask of a launch and of its records, and how they wait."""

from __future__ import annotations

import inspect
import threading
import time

from darkcall import launch_of
from darkcall.analysis import read


def stats_of(function):
    (stats,) = launch_of(function).stats().candidates.values()
    return stats


def outcomes(function):
    return {name: n for name, n in stats_of(function).outcomes.items() if n}


def wait_until(condition, seconds=10):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.001)


def records_in(source):
    reading = read(source)
    records = list(reading)
    assert not any(reading.skipped.values()), reading.skipped
    return records


#: The same for a script of the gauntlet, which imports ``time`` and ``launch_of``.
LOOKING = "\n\n".join(map(inspect.getsource, (stats_of, outcomes, wait_until)))


def in_threads(function, threads):
    """Call a function in so many threads at once, and wait until all have returned."""
    start = threading.Barrier(threads)

    def call():
        start.wait()
        function()

    calling = [threading.Thread(target=call) for _ in range(threads)]
    for one in calling:
        one.start()
    for one in calling:
        one.join()
