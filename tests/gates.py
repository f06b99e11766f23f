"""A gate by a clock that a test moves, and what workers tell it."""

from __future__ import annotations

import types

from darkcall._budget import Meter
from darkcall._gate import Gate


BOUNDS = {"max_pending": 1000, "max_pending_bytes": 1000, "max_stuck": 2, "cpu_budget": None}


def a_clock():
    return types.SimpleNamespace(now=1000.0)


def a_gate(clock, **bounds):
    return Gate("shop.price [v2]", clock=lambda: clock.now, **{**BOUNDS, **bounds})


def use(gate, cpu_seconds):
    gate.ended(Meter(None), cpu_seconds)


def get_stuck(gate, times=1):
    meters = [Meter(None) for _ in range(times)]
    for meter in meters:
        gate.got_stuck(meter)
    return meters[-1]
