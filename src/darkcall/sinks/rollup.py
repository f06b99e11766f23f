"""A stage in front of a sink that writes one line for many calls."""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING, Any

from darkcall import _guard, _threads
from darkcall._errors import ConfigurationError
from darkcall._model import Record
from darkcall._totals import Totals

from ._checks import whole_number
from ._face import attribute_of, cause_of, method_of, name_of, refuse_what_is_no_sink
from ._fold import Folds
from ._sink_thread import is_the_programs


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from darkcall._rollup import Rollup

_Key = tuple[str, str, str, float | None]


class RollupSink:
    """Hand few records to a sink, and counts of all others.

    Matches become one :class:`~darkcall._rollup.Rollup` for each launch, candidate, sample rate
    and context in a span of time.  Records of other outcomes are handed on in full, but only the
    first few of each kind in a span; the others are counted in the rollup by signature and
    reason.  So each record is in the sink once: in full, or in a count.  A kind is an outcome with
    its signature or, where it has none, its reason.

    A span ends with the first record that comes after it, whatever its launch, at a flush and at
    the close.  There is no thread that would end it: the rollups of a program that has gone quiet
    are written at its next call or flush.  What a process that is killed had not written is lost,
    a span at most.  The sink is called for one record at a time.

    Args:
        sink: Where records and rollups go: a ``JsonlSink``, a ``SqliteSink``, or any callable that
            takes both.
        seconds: How long a span is, in seconds.
        max_per_signature: How many records of each kind are handed on in full in a span; no more
            than 300 for a candidate.
        max_contexts: How many different contexts of a candidate are counted one by one in a span;
            the others are counted together, and the rollup says ``is_mixed``.

    Raises:
        ConfigurationError: ``sink`` cannot be a sink, or takes no rollups, or an option has a
            value that it cannot take.

    Example:
        >>> from darkcall._model import Record
        >>> from darkcall.sinks import MemorySink
        >>> memory = MemorySink()
        >>> sink = RollupSink(memory)
        >>> for number in range(1000):
        ...     sink(Record(f"a-0-{number}", "shop.price", "v2", "match", 1.5, "h", 7, 0.1))
        >>> sink.flush(1.0)
        True
        >>> [rollup.outcomes for rollup in memory.records]
        [{'match': 1000}]
    """

    def __init__(
        self,
        sink: Callable[[Any], object],
        *,
        seconds: float = 60.0,
        max_per_signature: int = 2,
        max_contexts: int = 100,
    ) -> None:
        refuse_what_is_no_sink(sink)
        if attribute_of(sink, "takes_rollups") is False:
            raise ConfigurationError(
                f"a {name_of(sink)} takes no rollups: give it the records, beside this sink"
            )
        self._sink = sink
        self._seconds = _positive("seconds", seconds)
        self._max_per_signature = whole_number("max_per_signature", max_per_signature, least=0)
        self._max_contexts = whole_number("max_contexts", max_contexts, least=0)
        #: Whether the sink behind it does.
        self.takes_totals = attribute_of(sink, "takes_totals") is True
        self._begin_in_this_process()

    def _begin_in_this_process(self) -> None:
        self._pid = os.getpid()
        self._lock = _threads.Lock()
        self._open: dict[_Key, Folds] = {}
        self._totals: dict[str, Totals] = {}
        # When the span is over: by the time of the calls; and by a clock that nobody sets, should
        # theirs have been set back.
        self._until = -math.inf
        self._over_at = -math.inf

    def __call__(self, item: Record | Totals | Rollup) -> None:
        """Count a record, or hand it on; it does not raise where the sink behind it does."""
        self.write_batch([item])

    def write_batch(self, items: Sequence[Record | Totals | Rollup]) -> None:
        """Count records, or hand them on.

        A record that the sink behind it does not take is counted in the rollup, and the log says
        so: so all of them are taken.  Totals wait for the rollups of their launch.
        """
        self.after_fork()
        now = time.monotonic()
        with self._lock:
            for item in items:
                if isinstance(item, Record):
                    self._take(item, now)
                elif isinstance(item, Totals):
                    self._take_totals(item)
                else:
                    self._hand_on(item)

    def flush(self, timeout_seconds: float) -> bool:
        """Write what was counted up to now, and flush the sink.

        Args:
            timeout_seconds: How long the sink may take for its own flush, in seconds.

        Returns:
            Whether all was written; what was not is kept for the next time.
        """
        self.after_fork()
        began = time.monotonic()
        with self._lock:
            is_written = self._write_all()
        flush = method_of(self._sink, "flush")
        left = max(timeout_seconds - (time.monotonic() - began), 0.0)
        return (flush is None or flush(left) is not False) and is_written

    def close(self) -> bool:
        """Write what was counted up to now, and close the sink; the next record begins anew.

        Returns:
            Whether all was written; what was not is kept, should there be a next time.
        """
        self.after_fork()
        with self._lock:
            is_written = self._write_all()
        close = method_of(self._sink, "close")
        return (close is None or close() is not False) and is_written

    def after_fork(self) -> None:
        """Leave what was counted to the parent, in a forked child."""
        if self._pid != os.getpid():
            self._begin_in_this_process()
            reset = method_of(self._sink, "after_fork")
            if reset is not None:
                reset()

    def _take(self, record: Record, now: float) -> None:
        at = record.at
        if at >= self._until or now >= self._over_at:
            self._begin_span(at, now)
        source = record.call_id.rpartition("-")[0]
        key = (source, record.launch, record.candidate, record.sample_rate)
        folds = self._open.get(key)
        if folds is None:
            folds = self._open[key] = Folds(self._max_per_signature, self._max_contexts)
        if record.outcome != "match" and folds.may_be_in_full(record) and self._hand_on(record):
            return
        folds.add(record, source)

    def _begin_span(self, at: float, now: float) -> None:
        self._until = (at // self._seconds + 1) * self._seconds
        self._over_at = now + self._seconds
        if self._write_all():
            self._open = {}
        for folds in self._open.values():
            folds.begin_span()

    def _take_totals(self, totals: Totals) -> None:
        # Whoever reads totals is to find in the rollups before them all that they count.
        if self.takes_totals:
            source = totals.source
            self._totals[source] = totals
            if totals.is_final:
                for key, folds in self._open.items():
                    if key[0] == source:
                        self._write(folds)
            if not self._has_open(source):
                self._write_totals(source)

    def _has_open(self, source: str) -> bool:
        return any(folds.by_context for key, folds in self._open.items() if key[0] == source)

    def _write_all(self) -> bool:
        """Write rollups and the totals that wait for them; those that fail go on with the next."""
        for folds in self._open.values():
            self._write(folds)
        for source in list(self._totals):
            if not self._has_open(source):
                self._write_totals(source)
        return not self._totals and not any(folds.by_context for folds in self._open.values())

    def _write(self, folds: Folds) -> None:
        for text, fold in list(folds.by_context.items()):
            if self._hand_on(fold.rollup()):
                folds.forget(text)

    def _write_totals(self, source: str) -> None:
        if self._hand_on(self._totals[source]):
            del self._totals[source]

    def _hand_on(self, item: Record | Totals | Rollup) -> bool:
        try:
            self._sink(item)
        except BaseException as error:
            if is_the_programs(error):
                raise
            _guard.fault(f"writing to {name_of(self._sink)}{cause_of(error)}", error)
            return False
        return True

    def __repr__(self) -> str:
        return f"<RollupSink in front of {name_of(self._sink)}>"


def _positive(name: str, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    raise ConfigurationError(f"{name}={value!r} must be a number of seconds above zero")
