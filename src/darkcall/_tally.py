"""Counters that stay exact under threads, signal handlers and garbage collection."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Iterator


class Tally:
    """A counter whose increment is one C call.

    ``n += 1`` on shared state loses counts between threads, and a lock would
    deadlock when a signal handler interrupts its holder.  ``itertools.count``
    steps atomically and without a lock.

    Attributes:
        add: Count one more; returns how many there were before.
    """

    __slots__ = ("_count", "add")

    def __init__(self) -> None:
        self._count = itertools.count()
        self.add = self._count.__next__

    def __iter__(self) -> Iterator[int]:
        """Step as an iterator, so that C code can count while it makes something."""
        return self._count

    @property
    def value(self) -> int:
        """How often ``add`` was called."""
        # The value can be read without a step from the repr alone ("count(3)"):
        # copying and pickling an itertools object ended with CPython 3.14.
        return int(repr(self._count)[6:-1])

    def __repr__(self) -> str:
        return f"<Tally {self.value}>"
