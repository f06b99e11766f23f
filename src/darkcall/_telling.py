"""Tell sinks what a launch counted: which calls made no record, and which code ran."""

from __future__ import annotations

import collections
import math
import time
import weakref
from contextlib import suppress
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

#: Of launches that went with their functions, until the last of them is told; bounded, since a
#: program may make launches without end that have nothing to record.
_left: Final[collections.deque[Teller]] = collections.deque(maxlen=1_000)


#: So many of them are looked at in passing: more than are added by each launch that comes by.
_IN_PASSING: Final = 4


def tell_of_the_gone(most: int | None = None, *, is_closing: bool = False) -> None:
    """Tell the last totals of launches that went with their functions.

    Args:
        most: How many to look at; None for all.
        is_closing: Whether to tell those, too, of whose calls some are pending.
    """
    # Another worker may be at it.
    with suppress(IndexError):
        for _ in range(len(_left) if most is None else min(most, len(_left))):
            teller = _left.popleft()
            if not teller.tell_the_last(is_closing=is_closing):
                _left.append(teller)


def after_fork() -> None:
    """Leave those to the parent, in a forked child."""
    _left.clear()


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
        "_name",
        "_outlets",
        "_sample_rate",
        "_since",
        "_telling",
        "_was_final",
        "_what_is_left",
        "due",
    )

    def __init__(self, launch: Launch, index: int) -> None:
        # It is to go when its function does.
        self._launch = weakref.ref(launch)
        self._name = launch.name
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
        # When the launch is gone: its counts; or the launch after all, while calls are pending.
        self._what_is_left: dict[str, Any] | Launch | None = None
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
        if self._what_is_left is not None:
            self.tell_the_last(is_closing=False)
        elif (launch := self._launch()) is not None and self._telling.acquire(blocking=False):
            try:
                if now >= self.due:
                    # Before anything else: other workers need not come here.
                    now = _clock()
                    wait = max(LEAST_SECONDS, SHARE_OF_AGE * (now - self._began))
                    self.due = now + min(wait, INTERVAL_SECONDS)
                    self._tell(launch, is_final=False)
            finally:
                self._telling.release()
            tell_of_the_gone(_IN_PASSING)

    def tell(self, launch: Launch, timeout: float, *, is_final: bool = False) -> None:
        """Tell them if there is anything new, while darkcall flushes or closes.

        Args:
            launch: The launch, which whoever asks holds.
            timeout: How long there is left, in seconds.
            is_final: Whether darkcall closes.
        """
        if self._outlets and self._telling.acquire(timeout=min(timeout, _PATIENCE_SECONDS)):
            try:
                self._tell(launch, is_final=is_final)
            finally:
                self._telling.release()

    def leave(self, launch: Launch) -> None:
        """Hear that the launch goes, whatever thread the garbage collector runs on.

        Nothing is told here: this may be in the middle of anything.

        Args:
            launch: The launch, which is kept if there is still something to count.
        """
        # An interpreter that exits takes modules apart.
        with suppress(Exception):
            if self._outlets and any(getattr(launch.stats(), field) for field in _WHILE_ON):
                # What the function holds is not to stay for longer than it must.
                self._what_is_left = launch if self._may_change(launch) else self._counted(launch)
                self.due = -math.inf
                _left.append(self)

    def _may_change(self, launch: Launch) -> bool:
        codes = (self._control_code, *(one.code for one in launch.candidates))
        # To find out what is not known reads a file, which is for workers.
        return launch.is_pending or not all(one is None or one.is_known for one in codes)

    def tell_the_last(self, *, is_closing: bool) -> bool:
        """Tell the last totals of a launch that is gone.

        Args:
            is_closing: Whether to tell them with calls that are pending, too.

        Returns:
            Whether there are none left to tell.
        """
        left = self._what_is_left
        if left is None:
            return True
        if not isinstance(left, dict) and left.is_pending and not is_closing:
            return False
        if not self._telling.acquire(blocking=False):
            return False
        try:
            self._what_is_left = None
            self.due = math.inf
            self._tell(left, is_final=True)
        finally:
            self._telling.release()
        return True

    def _tell(self, source: Launch | dict[str, Any], *, is_final: bool) -> None:
        try:
            outlets = self._outlets
            counted = source if isinstance(source, dict) else self._counted(source)
            told = (_sinks_of(outlets), counted)
            is_new = told != self._last or (is_final and not self._was_final)
            if is_new and any(counted[field] for field in _WHILE_ON):
                totals = self._totals(counted, is_final=is_final)
                for outlet in outlets:
                    outlet.offer_totals(totals)
                self._last, self._was_final = told, is_final
        except Exception as error:  # noqa: BLE001 -- records go on without
            _guard.fault(f"telling the totals of {self._name}", error)

    def _totals(self, counted: dict[str, Any], *, is_final: bool) -> Totals:
        return Totals(
            source=_report.source_of(self._index),
            launch=self._name,
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
