"""A record, and one in which each field has something to say."""

from __future__ import annotations

from darkcall._model import Record


FULL = {
    "reason": "why",
    "waited_seconds": 0.25,
    "candidate_seconds": 0.5,
    "candidate_cpu_seconds": 0.125,
    "sample_rate": 0.05,
    "signature": "ab12",
    "differences": [{"path": "$.a", "kind": "value"}],
    "stopped": "too many",
    "control_raised": {"type": "ValueError", "message": "no"},
    "candidate_raised": {"type": "KeyError"},
    "context": {"tenant": "x"},
    "arguments": {"cart": [1, 2]},
    "control_value": "12",
    "candidate_value": False,
    "input_digest": "c0ffee",
    "confirmation": "deterministic",
}


def a_record(number=0, outcome="match", **fields):
    return Record(
        call_id=f"call-{number}",
        launch="shop.price",
        candidate="v2",
        outcome=outcome,
        at=1_700_000_000.25,
        host="web-1",
        pid=4711,
        control_seconds=0.001,
        **fields,
    )
