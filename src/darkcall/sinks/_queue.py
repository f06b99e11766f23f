"""What waits for a sink: records, bounded by count and by bytes, and requests among them.

Totals wait among the records, and count like them for the bounds.
"""

from __future__ import annotations

import collections
import contextlib
import operator
import sys
from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall import _threads
from darkcall._model import Record
from darkcall._totals import Totals

from ._request import Request


if TYPE_CHECKING:
    from collections.abc import Callable

    from darkcall._tally import Tally

#: The fields that hold a number, which weighs so many bytes at most.
_NUMBERS: Final = frozenset(
    {
        "at",
        "pid",
        "control_seconds",
        "waited_seconds",
        "candidate_seconds",
        "candidate_cpu_seconds",
        "sample_rate",
        "schema",
    }
)
_NUMBER_BYTES: Final = 32


def _getter_for(kind: type) -> Callable[[Any], tuple[Any, ...]]:
    return operator.attrgetter(
        *(field.name for field in attrs.fields(kind) if field.name not in _NUMBERS)
    )


_values_of = _getter_for(Record)
_values_of_totals = _getter_for(Totals)


class Queue:
    """Records and requests in the order in which they came.

    Args:
        max_records: How many records may wait.
        max_bytes: How much they may weigh, with those that are being written.
    """

    __slots__ = ("_items", "_max_bytes", "_max_records", "_nbytes", "_weighing")

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._items: collections.deque[tuple[Record | Totals, int] | Request] = collections.deque()
        self._nbytes = 0
        # Re-entrant, for a signal handler that interrupts its holder.
        self._weighing = _threads.RLock()

    @property
    def is_full(self) -> bool:
        """Whether a record more would be too many."""
        return len(self._items) >= self._max_records or self._nbytes >= self._max_bytes

    def put(self, item: Record | Totals | Request) -> None:
        """Append a record or a request, full or not."""
        if isinstance(item, Request):
            self._items.append(item)
        else:
            nbytes = weight_of(item)
            self.weigh(nbytes)
            self._items.append((item, nbytes))

    def weigh(self, nbytes: int) -> None:
        """Add to what the records weigh; below zero for those that were written."""
        with self._weighing:
            self._nbytes += nbytes

    def take(self, most: int) -> tuple[list[Record | Totals], int, Request | None]:
        """Take records up to the next request.

        Args:
            most: How many records at most.

        Returns:
            The records, what they weigh until they are written, and the request that
            came after them, if any.
        """
        records: list[Record | Totals] = []
        nbytes = 0
        while len(records) < most:
            try:
                item = self._items.popleft()
            except IndexError:
                break
            if isinstance(item, Request):
                return records, nbytes, item
            records.append(item[0])
            nbytes += item[1]
        return records, nbytes, None

    def withdraw(self, request: Request) -> None:
        """Take a request out that nobody waits for any longer."""
        with contextlib.suppress(ValueError, IndexError):
            self._items.remove(request)

    def drop_records(self, counter: Tally) -> int:
        """Take all records out, and leave the requests.

        Args:
            counter: Counts each record; totals are no records.

        Returns:
            How many records there were.
        """
        requests, dropped = [], 0
        while True:
            try:
                item = self._items.popleft()
            except IndexError:
                break
            if isinstance(item, Request):
                requests.append(item)
            else:
                self.weigh(-item[1])
                if type(item[0]) is not Totals:
                    counter.add()
                    dropped += 1
        self._items.extend(requests)
        return dropped

    def __len__(self) -> int:
        return len(self._items)


def weight_of(record: Record | Totals) -> int:
    """Weigh a record with all that it holds.

    The length of its JSON would not do: an empty tuple takes ten times as much memory as
    its description has characters.

    Args:
        record: A record: plain data, of bounded size.

    Returns:
        Its size in bytes; text that several records share counts for each of them.

    Example:
        >>> small = Record("c-1", "shop.price", "v2", "match", 1.5, "h", 7, 0.1)
        >>> large = Record("c-2", "shop.price", "v2", "match", 1.5, "h", 7, 0.1, reason="x" * 4000)
        >>> 4000 < weight_of(large) - weight_of(small) < 4100
        True
    """
    nbytes = sys.getsizeof(record) + len(_NUMBERS) * _NUMBER_BYTES
    values_of = _values_of_totals if type(record) is Totals else _values_of
    level: list[Any] = [value for value in values_of(record) if value is not None]
    while level:
        nbytes += sum(map(sys.getsizeof, level))
        parts: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                parts += value
                parts += value.values()
            elif isinstance(value, list):
                parts += value
        level = parts
    return nbytes
