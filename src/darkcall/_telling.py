"""Tell sinks what a launch counted: which calls made no record, and which code ran."""

from __future__ import annotations

import math
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

from . import _guard, _report, _threads
from ._code import CodeVersion
from ._model import CONTROL_NAME
from ._totals import Totals


if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._launch import Launch
    from ._model import CandidateStats
    from .sinks._outlet import Outlet

_clock = time.perf_counter

#: While records are made, totals are told once in so many seconds,
INTERVAL_SECONDS: Final = 60.0
#: and sooner in a young process: once in this share of the time for which it counts, or of most of
#: its calls no totals would tell,
SHARE_OF_AGE: Final = 0.04
#: but not more often than once in so many seconds.
LEAST_SECONDS: Final = 1.0

#: How long a flush or a close waits for a worker that is about it, in seconds.
_PATIENCE_SECONDS: Final = 1.0
_FIELDS: Final = ("off", "nested", "unsampled", "shadowed")
#: Where darkcall is switched off, it writes nothing.
_WHILE_ON: Final = _FIELDS[1:]


class Teller:
    """Hands the totals of one launch to those of its sinks that take them.

    Args:
        launch: The launch.
        index: Tells launches of one name apart, within the process.

    Attributes:
        due: From when on a record has them told, a reading of ``time.perf_counter``; infinite
            if no sink takes any.
    """

    __slots__ = (
        "_began",
        "_control_code",
        "_index",
        "_last",
        "_launch",
        "_outlets",
        "_sample_rate",
        "_since",
        "_telling",
        "_was_final",
        "due",
    )

    def __init__(self, launch: Launch, index: int) -> None:
        # It is to go when its function does.
        self._launch = weakref.ref(launch)
        self._index = index
        self._control_code = CodeVersion(launch.control, time.time())
        self._outlets: list[Outlet] = []
        self._sample_rate: float | None = None
        self._begin()

    def _begin(self) -> None:
        # Re-entrant, for a signal handler that flushes.
        self._telling = _threads.RLock()
        self._since = time.time()
        self._began = _clock()
        self._last: object = None
        self._was_final = False
        self.due = -math.inf if self._outlets else math.inf

    def after_fork(self) -> None:
        """Begin anew, as the counts do."""
        self._begin()

    def aim(self, outlets: Sequence[Outlet], sample_rate: float | None) -> None:
        """Take note of the launch's sinks; new ones hear of it with the next record.

        Args:
            outlets: The sinks, each behind a queue of its own.
            sample_rate: The share of calls that is sampled; None where unknown.
        """
        self._sample_rate = sample_rate
        before = _sinks_of(self._outlets)
        self._outlets = [outlet for outlet in outlets if outlet.takes_totals]
        # A sink that was closed and is used again has another outlet.
        if _sinks_of(self._outlets) != before:
            self.due = -math.inf if self._outlets else math.inf

    def tell_in_passing(self, now: float) -> None:
        """Tell them, on a worker, unless another one does or just did.

        Args:
            now: When the worker found that they are due, a reading of ``time.perf_counter``.
        """
        if self._telling.acquire(blocking=False):
            try:
                if now >= self.due:
                    # Before anything else: other workers need not come here.
                    now = _clock()
                    wait = max(LEAST_SECONDS, SHARE_OF_AGE * (now - self._began))
                    self.due = now + min(wait, INTERVAL_SECONDS)
                    self._tell(is_final=False)
            finally:
                self._telling.release()

    def tell(self, timeout: float, *, is_final: bool = False) -> None:
        """Tell them if there is anything new, while darkcall flushes or closes.

        Args:
            timeout: How long there is left, in seconds.
            is_final: Whether darkcall closes.
        """
        if self._outlets and self._telling.acquire(timeout=min(timeout, _PATIENCE_SECONDS)):
            try:
                self._tell(is_final=is_final)
            finally:
                self._telling.release()

    def _tell(self, *, is_final: bool) -> None:
        launch = self._launch()
        if launch is None:
            return
        try:
            outlets = self._outlets
            counted = self._counted(launch)
            told = (_sinks_of(outlets), counted)
            is_new = told != self._last or (is_final and not self._was_final)
            if is_new and any(counted[field] for field in _WHILE_ON):
                totals = self._totals(launch, counted, is_final=is_final)
                for outlet in outlets:
                    outlet.offer_totals(totals)
                self._last, self._was_final = told, is_final
        except Exception as error:  # noqa: BLE001 -- records go on without
            _guard.fault(f"telling the totals of {launch.name}", error)

    def _totals(self, launch: Launch, counted: dict[str, Any], *, is_final: bool) -> Totals:
        return Totals(
            source=_report.source_of(self._index),
            launch=launch.name,
            at=time.time(),
            since=self._since,
            host=_report.host(),
            pid=_report.pid(),
            is_final=is_final,
            **counted,
        )

    def _counted(self, launch: Launch) -> dict[str, Any]:
        stats = launch.stats()
        codes = {one.name: one.code.digest for one in launch.candidates if one.code is not None}
        candidates = dict(stats.candidates)
        if stats.noise is not None:
            candidates[CONTROL_NAME] = stats.noise
        return {
            **{field: getattr(stats, field) for field in _FIELDS},
            "candidates": {
                name: _candidate_of(one, codes.get(name)) for name, one in candidates.items()
            },
            "control_code": self._control_code.digest,
            "sample_rate": self._sample_rate,
        }


def _sinks_of(outlets: list[Outlet]) -> list[int]:
    return [id(outlet.sink) for outlet in outlets]


def _candidate_of(stats: CandidateStats, code: str | None) -> dict[str, Any]:
    outcomes = {outcome: times for outcome, times in stats.outcomes.items() if times}
    counted: dict[str, Any] = {
        "shadowed": stats.shadowed,
        "outcomes": outcomes,
        "reasons": dict(stats.reasons),
        "pending": stats.pending,
        "late": stats.late,
        "cpu_bound": stats.cpu_bound,
    }
    return counted if code is None else {**counted, "code": code}
