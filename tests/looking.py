"""What several test files ask of a launch, and how they wait for something to happen."""

from __future__ import annotations

import time

from darkcall import launch_of


def stats_of(function):
    (stats,) = launch_of(function).stats().candidates.values()
    return stats


def outcomes(function):
    return {name: n for name, n in stats_of(function).outcomes.items() if n}


def wait_until(condition):
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.001)
