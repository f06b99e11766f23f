"""Many records in one: counts and sketches of how long calls took."""

from __future__ import annotations

from typing import Any

import attrs


@attrs.frozen
class Rollup:
    """What became of the records of one candidate in a span of time that are not kept in full.

    Each record is counted once: it is written in full, or counted here.

    Attributes:
        source: What the ``call_id`` of the records begin with, up to the last hyphen.
        launch: The launch's name.
        candidate: The candidate's name.
        began: When the first of the calls began, in seconds since 1970-01-01 UTC.
        ended: When the last of them began, likewise.
        host: The name of the machine.
        pid: The process.
        outcomes: How many records there were, by outcome.
        signatures: How many of them had a signature, by signature.
        reasons: How many of them had a reason, by reason.
        sample_rate: The share of calls that was sampled; None where unknown.
        context: What the user's ``context`` returned for all of these calls; None if nothing, or
            if there were too many different ones to count each.
        is_mixed: Whether ``context`` is None because there were too many different ones.
        control_seconds: A sketch of how long the control took.
        candidate_seconds: A sketch of how long the candidate took.
        ratio: A sketch of the candidate's time divided by the control's, call by call.
        cpu_seconds: The CPU time of all candidates for which it was measured, in seconds.
        cpu_measured: For how many it was measured.
        inputs: The smallest of the different ``input_digest``, sorted, at most 64: from them the
            number of different inputs is estimated.
        inputs_counted: How many records had an ``input_digest``.
        confirmations: How many of them had a ``confirmation``, by what it was.
        kind: What tells a line of these from a record.
        schema: The version of this shape.

    What are too many different ones to be told apart count together under ``(others)``.

    A sketch is ``{"zeros": n, "counts": {index: n}}``: ``counts`` has, for each index as text, how
    many values lie above ``GAMMA ** (index - 1)`` and at most at ``GAMMA ** index``; values
    that are not above 1e-9 are ``zeros``; see ``darkcall._sketch``.
    """

    source: str
    launch: str
    candidate: str
    began: float
    ended: float
    host: str
    pid: int
    outcomes: dict[str, int]
    signatures: dict[str, int] = attrs.field(factory=dict)
    reasons: dict[str, int] = attrs.field(factory=dict)
    sample_rate: float | None = None
    context: dict[str, Any] | None = None
    is_mixed: bool = False
    control_seconds: dict[str, Any] = attrs.field(factory=dict)
    candidate_seconds: dict[str, Any] = attrs.field(factory=dict)
    ratio: dict[str, Any] = attrs.field(factory=dict)
    cpu_seconds: float = 0.0
    cpu_measured: int = 0
    inputs: list[str] = attrs.field(factory=list)
    inputs_counted: int = 0
    confirmations: dict[str, int] = attrs.field(factory=dict)
    kind: str = "rollup"
    schema: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return it as a dict that :mod:`json` can write, without empty fields."""
        data = {"schema": self.schema, "kind": self.kind, **attrs.asdict(self)}
        return {field: value for field, value in data.items() if value not in (None, {}, [])}
