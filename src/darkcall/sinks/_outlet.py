"""A thread and a bounded queue for each sink, so that none harms a caller or another sink."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from darkcall import _guard, _threads
from darkcall._dark import in_the_dark, in_this_process
from darkcall._model import SinkStats
from darkcall._tally import Tally
from darkcall._totals import Totals

from . import _sink_thread
from ._checks import whole_number
from ._face import attribute_of, cause_of, method_of, name_of, refuse_what_is_no_sink
from ._queue import Queue
from ._request import Action, Request
from .memory import MemorySink


if TYPE_CHECKING:
    from darkcall._model import Record

#: Any callable that takes a record.  It may also have ``flush(timeout_seconds)``,
#: ``close()``, ``write_batch(records)``, ``after_fork()``, ``never_blocks = True`` and
#: ``takes_totals = True``: then it is given :class:`~darkcall.Totals`, too.
Sink = Callable[["Record"], object]

MAX_WAITING = 2_000
MAX_WAITING_BYTES = 32 << 20
MAX_BATCH = 500
#: How long a worker waits for a sink that keeps up with nothing, in seconds.
PATIENCE_SECONDS = 10.0
_TICK_SECONDS = 0.001


class Outlet:
    """Hand records to one sink, on a daemon thread of its own.

    Args:
        sink: The sink.
        max_waiting: How many records may wait for it; more are dropped and counted.
        max_waiting_bytes: Once those that wait weigh so much, more are dropped, too.

    Raises:
        ConfigurationError: ``sink`` is no callable, or one that cannot be a sink.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        max_waiting: int = MAX_WAITING,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        refuse_what_is_no_sink(sink)
        self.sink = sink
        self.name = name_of(sink)
        self._max_waiting = whole_number("max_waiting", max_waiting, least=1)
        self._max_waiting_bytes = whole_number("max_waiting_bytes", max_waiting_bytes, least=1)
        self.takes_totals = attribute_of(sink, "takes_totals") is True
        self._never_blocks = attribute_of(sink, "never_blocks") is True
        self._write_batch = method_of(sink, "write_batch")
        self._keep = sink.keep if type(sink) is MemorySink else None
        self._must_last = _sink_thread.must_last(sink)
        self._start_anew()

    def _start_anew(self) -> None:
        _sink_thread.lasting.discard(self)
        self._queue = Queue(self._max_waiting, self._max_waiting_bytes)
        # The bell is locked while there is no news.  It is rung by whoever brings some,
        # from any thread or signal handler, and never held.
        self.bell = _threads.Lock()
        self.bell.acquire()
        self._leave_to_start = collections.deque([True])
        self._leave_to_work = collections.deque([True])
        self._is_unused = True
        self._ident: int | None = None
        self._close_by: float | None = None
        self._came_too_late = 0
        # Closed: no more records are taken.  Ended: the sink is closed, its thread may go.
        self._closed = False
        self._ended = False
        self._offered = Tally()
        self._written = Tally()
        self._failed = Tally()
        self._dropped = Tally()
        # Totals are no records: these only tell whether any are under way.
        self._totals_taken = Tally()
        self._totals_done = Tally()

    def start(self) -> None:
        """Start the thread ahead of the first record: at the exit there is none to be had."""
        if not self._never_blocks:
            self._start()

    def offer_patiently(self, record: Record) -> None:
        """Hand a record over once there is room for it; waits as long as is bearable.

        For launches whose callers asked to wait rather than to lose anything.
        """
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while self._queue.is_full and not self._closed:
            if time.monotonic() >= give_up_at:
                self.offer(record)
                return
            _threads.sleep(_TICK_SECONDS)
        # Not asked again whether there is room: another worker may have taken it since,
        # and to wait was to lose nothing.
        self._take(record, may_drop=False)

    def offer(self, record: Record) -> None:
        """Hand a record over, or drop it; neither waits nor raises."""
        self._take(record, may_drop=True)

    def _take(self, record: Record, *, may_drop: bool) -> None:
        self._offered.add()
        if self._closed:
            self._dropped.add()
        elif self._keep is not None:
            # It cannot fail: what would guard it takes several times as long.
            self._keep(record)
            self._written.add()
        elif self._never_blocks:
            self._write_here(record)
        elif may_drop and self._queue.is_full:
            self._dropped.add()
            _guard.say(_guard.WARNING, f"{self.name} is too slow: records are dropped")
        else:
            self._put(record)

    def _put(self, item: Record | Totals) -> None:
        self._is_unused = False
        self._queue.put(item)
        _sink_thread.lasting.add(self)
        self._wake()
        if self._closed:
            self._drop_what_waits()
            self.may_go()

    def offer_totals(self, totals: Totals) -> None:
        """Hand totals over, behind the records that wait; neither waits nor raises.

        A sink that is too slow goes without, unless they are the last: the next tell all.
        """
        if self._closed:
            return
        if self._never_blocks:
            self._write_here(totals)
        elif totals.is_final or not self._queue.is_full:
            self._totals_taken.add()
            self._put(totals)

    def count_on_from(self, other: Outlet) -> None:
        """Take over the counts of an outlet that was closed, and stood before the same sink."""
        self._offered, self._written = other._offered, other._written
        self._failed, self._dropped = other._failed, other._dropped

    def stats(self) -> SinkStats:
        """Return the counts up to now; in a forked child, those since the fork."""
        written, failed, dropped = self._written.value, self._failed.value, self._dropped.value
        # Read last, so that what happens meanwhile counts as waiting.
        offered = self._offered.value
        return SinkStats(offered, written, failed, dropped, offered - written - failed - dropped)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the sink took what was offered before, and flushed it.

        Args:
            timeout_seconds: How long to wait at most, in seconds.

        Returns:
            Whether it did, in time.
        """
        return self.settle(self.ask("flush", time.monotonic() + timeout_seconds))

    def close(self, deadline: float) -> bool:
        """Let the sink take what waits and close it; whatever is offered later is dropped.

        Args:
            deadline: When to stop waiting, on the clock of :func:`time.monotonic`.

        Returns:
            Whether the sink took what waited, and closed, in time; it is left behind if
            it did not close.
        """
        return self.settle(self.ask("close", deadline))

    def after_fork(self) -> None:
        """Start anew in a forked child: what waits is the parent's to write."""
        self._start_anew()
        reset = method_of(self.sink, "after_fork")
        if reset is not None:
            self._succeeds("resetting", reset)

    def ask(self, action: Action, deadline: float) -> Request:
        """Queue a request behind the records that wait."""
        request = Request(action, deadline)
        if self._closed:
            request.answer(succeeded=self._ended)
        elif self._never_blocks:
            self._perform(request)
        elif self._has_nothing_to(action):
            request.answer(succeeded=True)
            if action == "close":
                self._end()
        else:
            if action == "close":
                self._close_by = deadline
            self._queue.put(request)
            self._wake()
        return request

    def settle(self, request: Request) -> bool:
        """Wait for a request's answer; give the sink up if none comes."""
        if self._ident != _threads.get_ident():
            request.wait()
        if request.is_done:
            return request.succeeded
        if request.action == "close":
            self._leave_behind()
        else:
            self._queue.withdraw(request)
        return False

    def _has_nothing_to(self, action: str) -> bool:
        if self.stats().waiting or self._totals_taken.value != self._totals_done.value:
            return False
        # A sink may hang, so whoever asks leaves alone what has no thread and took nothing.
        return method_of(self.sink, action) is None or (self._is_unused and not self._start())

    def _leave_behind(self) -> None:
        self._closed = True
        dropped = self._drop_what_waits()
        _guard.say(
            _guard.WARNING,
            f"{self.name} did not end in time: it is left behind, {dropped} records are dropped",
            key=("left behind", self.name),
        )

    def _drop_what_waits(self) -> int:
        return self._queue.drop_records(self._dropped)

    def _wake(self) -> None:
        if self._leave_to_start and not self._start():
            self._work_here()
        _sink_thread.ring(self.bell)

    def _start(self) -> bool:
        try:
            self._leave_to_start.pop()
        except IndexError:
            return True
        try:
            _sink_thread.start(self)
        except RuntimeError:
            # The interpreter exits, or the system has no thread left.
            self._leave_to_start.append(True)
            return False
        except BaseException:
            self._leave_to_start.append(True)
            raise
        return True

    def _work_here(self) -> None:
        try:
            self._leave_to_work.pop()
        except IndexError:
            return
        try:
            while self._queue:
                self._take_turn()
        finally:
            self._leave_to_work.append(True)
            self.may_go()

    @property
    def has_work(self) -> bool:
        """Whether anything waits."""
        return bool(self._queue)

    def begin_work(self) -> bool:
        """Make the calling thread the sink's own; False if there is another."""
        try:
            self._leave_to_work.pop()
        except IndexError:
            # A start that was interrupted was made good by a second one.
            return False
        self._ident = _threads.get_ident()
        return True

    def may_go(self) -> None:
        """Last no longer than somebody holds it, unless the sink hears of the exit."""
        if self._ended or not self._must_last:
            _sink_thread.lasting.discard(self)

    def work(self) -> bool:
        """Take what waits, on the sink's own thread; False once the sink is closed."""
        try:
            while self._queue:
                self._take_turn()
            _guard.tell()
        except BaseException as error:  # noqa: BLE001, the thread must outlive everything
            _guard.fault(f"the thread of {self.name}", error)
        return not self._ended

    def _take_turn(self) -> None:
        batch, nbytes, request = self._queue.take(MAX_BATCH if self._write_batch else 1)
        if batch:
            try:
                self._write(batch)
            finally:
                self._queue.weigh(-nbytes)
                self._totals_done.add_all(one for one in batch if type(one) is Totals)
        if request is not None:
            self._perform(request)

    def _write(self, batch: list[Record | Totals]) -> None:
        if self._close_by is not None and time.monotonic() > self._close_by:
            records = _records_of(batch)
            self._came_too_late += len(records)
            self._dropped.add_all(records)
            # That calls are dropped is in the totals, if anywhere.
            batch = [item for item in batch if type(item) is Totals]
            if not batch:
                return
        written = self._written_of(batch)
        self._written.add_all(_records_of(batch[:written]))
        self._failed.add_all(_records_of(batch[written:]))

    def _written_of(self, batch: list[Record | Totals]) -> int:
        try:
            if self._write_batch is None:
                in_this_process(self.sink, batch[0])
                return 1
            told = in_this_process(self._write_batch, batch)
        except BaseException as error:  # noqa: BLE001, a sink may raise SystemExit
            _guard.fault(f"writing to {self.name}{cause_of(error)}", error)
            return 0
        return told if type(told) is int and 0 <= told <= len(batch) else len(batch)

    def _write_here(self, item: Record | Totals) -> None:
        is_record = type(item) is not Totals
        try:
            in_this_process(in_the_dark, self.sink, item)
        except BaseException as error:
            if is_record:
                self._failed.add()
            _guard.fault(f"writing to {self.name}{cause_of(error)}", error)
            if _sink_thread.is_the_programs(error):
                raise
        else:
            if is_record:
                self._written.add()

    def _perform(self, request: Request) -> None:
        method = method_of(self.sink, request.action)
        if self._ended:
            succeeded = True
        elif request.action == "close":
            succeeded = method is None or self._succeeds("closing", method)
            self._end()
            if self._came_too_late:
                succeeded = False
                _guard.say(
                    _guard.WARNING,
                    f"{self.name} was too slow to take all that waited when it was closed: "
                    f"{self._came_too_late} records are dropped",
                )
        else:
            left = max(request.deadline - time.monotonic(), 0.0)
            succeeded = method is None or self._succeeds("flushing", method, left)
        request.answer(succeeded=succeeded)

    def _end(self) -> None:
        self._closed = True
        self._ended = True
        self._drop_what_waits()
        _sink_thread.ring(self.bell)

    def _succeeds(self, doing: str, method: Callable[..., object], *args: object) -> bool:
        try:
            return in_this_process(method, *args) is not False
        except BaseException as error:
            _guard.fault(f"{doing} {self.name}{cause_of(error)}", error)
            if _sink_thread.is_the_programs(error):
                raise
            return False

    def __repr__(self) -> str:
        return f"<Outlet {self.name} {self.stats()}>"


def _records_of(batch: list[Record | Totals]) -> list[Record | Totals]:
    return [item for item in batch if type(item) is not Totals]
