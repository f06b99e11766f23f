"""Records in a list, for tests and for a look around."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

from ._checks import whole_number


if TYPE_CHECKING:
    from darkcall._model import Record


class MemorySink:
    """Keep the newest records in memory.

    It is called on the thread that made the record, so a record is there as soon as
    :func:`darkcall.flush` says so.

    Args:
        max_records: How many are kept; older ones make room.

    Raises:
        ConfigurationError: ``max_records`` is not a positive whole number.

    Example:
        >>> from darkcall._model import Record
        >>> sink = MemorySink(max_records=2)
        >>> for number in range(3):
        ...     sink(Record(f"call-{number}", "shop.price", "v2", "match", 1.5, "h", 7, 0.1))
        >>> [record.call_id for record in sink.records]
        ['call-1', 'call-2']
    """

    never_blocks = True

    def __init__(self, *, max_records: int = 10_000) -> None:
        whole_number("max_records", max_records, least=1)
        # A bounded deque appends and forgets in one step, without a lock that a
        # signal handler or a fork could find taken.
        self._records: collections.deque[Record] = collections.deque(maxlen=max_records)
        #: What calling it comes to.
        self.keep = self._records.append

    @property
    def records(self) -> list[Record]:
        """What was kept until now, oldest first: a list of one's own."""
        return list(self._records.copy())

    def __call__(self, record: Record) -> None:
        """Keep a record."""
        self.keep(record)

    def clear(self) -> None:
        """Forget all records."""
        self._records.clear()

    def __repr__(self) -> str:
        return f"<MemorySink {len(self._records)} of at most {self._records.maxlen} records>"
