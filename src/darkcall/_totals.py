"""What one process counted for one launch: told beside the records, which cannot tell it."""

from __future__ import annotations

from typing import Any

import attrs


@attrs.frozen
class Totals:
    """The counts of one launch in one process, as they were at one moment.

    A call that was dropped, or not even chosen, makes no record.  So that whoever reads the
    records knows of it, sinks that ask for it (``takes_totals = True``) receive these: with the
    first record of a launch, about once a minute while its calls are compared (more often while
    the process is young), at each flush, and for the last time when darkcall closes, or soon after
    the launch went with its function.  They count from the beginning of the process, so the newest
    tells all, and one that is lost takes nothing with it.

    Attributes:
        source: What the ``call_id`` of this launch's records begin with, up to the last hyphen.
        launch: The launch's name.
        at: When they were read, in seconds since 1970-01-01 UTC.
        since: Since when they count, likewise.
        host: The name of the machine.
        pid: The process.
        off: As in :class:`~darkcall.Stats`.
        nested: Likewise.
        unsampled: Likewise.
        shadowed: Likewise.
        candidates: By name, for each candidate: ``shadowed``, ``outcomes`` and ``reasons`` (those
            that came about), ``pending``, ``late``, ``cpu_bound``, and ``code``, a digest of
            its code, where there is one to be had.  The control that ran again is among them as
            ``control``; its ``shadowed`` are the calls on which it did.
        control_code: A digest of the control's code; None where there is none to be had.
        sample_rate: The share of calls that is sampled; None where unknown.
        is_final: Whether none come after them: darkcall closed, or the launch is gone.
        kind: What tells a line of these from a record.
        schema: The version of this shape.
    """

    source: str
    launch: str
    at: float
    since: float
    host: str
    pid: int
    off: int
    nested: int
    unsampled: int
    shadowed: int
    candidates: dict[str, dict[str, Any]]
    control_code: str | None = None
    sample_rate: float | None = None
    is_final: bool = False
    kind: str = "totals"
    schema: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return them as a dict that :mod:`json` can write, without empty fields."""
        data = {"schema": self.schema, "kind": self.kind, **attrs.asdict(self)}
        return {field: value for field, value in data.items() if value is not None}
