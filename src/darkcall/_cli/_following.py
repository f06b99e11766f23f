"""Records as they come in: the last ones of each file, and then what is added to it.

A JSONL sink begins a new file now and then and compresses the old one: both are the same file here.
"""

from __future__ import annotations

import contextlib
import gzip
import heapq
import itertools
import operator
import os
import zlib
from typing import TYPE_CHECKING, Any, Final

from darkcall._storage import MAX_LINE_BYTES
from darkcall.analysis import read
from darkcall.analysis._record import NoRecordError, checked, parsed
from darkcall.analysis._sources import files_of


if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterable, Iterator

    Record = dict[str, Any]
    Size = tuple[int, ...]

_BLOCK: Final = 1 << 16


def sizes_of(sources: Iterable[str]) -> dict[pathlib.Path, Size]:
    """Tell how large each file is and when it was written, to see whether there is more.

    Args:
        sources: As :func:`darkcall.analysis.summarise` takes them.

    Raises:
        ConfigurationError: A source does not exist.
    """
    return {file.path: _size_of(file.path) for file in files_of(sources)}


def _size_of(path: pathlib.Path) -> Size:
    sizes: list[int] = []
    # What is new in a database stands beside it for a while.
    for name in (path, path.with_name(f"{path.name}-wal")):
        with contextlib.suppress(OSError):
            status = name.stat()
            sizes += (status.st_size, status.st_mtime_ns)
    return tuple(sizes)


class Following:
    """The records of some sources, from the last ones on.

    Args:
        sources: As :func:`darkcall.analysis.summarise` takes them.
        wanted: Which records to give.
    """

    def __init__(self, sources: list[str], wanted: Callable[[Record], bool]) -> None:
        self._sources = sources
        self._wanted = wanted
        self._sizes: dict[pathlib.Path, Size] = {}
        self._ends: dict[str, int] = {}

    def last(self, count: int) -> list[Record]:
        """Give the last records, the newest last, and follow from there.

        Args:
            count: How many.

        Raises:
            ConfigurationError: A source does not exist.
        """
        self._sizes = sizes_of(self._sources)
        found: list[Record] = []
        for path in self._sizes:
            with contextlib.suppress(OSError):
                found += self._last_of(path, count)
        return heapq.nlargest(count, found, key=operator.itemgetter("at"))[::-1]

    def _last_of(self, path: pathlib.Path, count: int) -> Iterator[Record]:
        if path.name.endswith(".jsonl"):
            with path.open("rb") as file:
                self._ends[_name_of(path)] = end = _end_of_lines(file)
                records = filter(self._wanted, _records_in(_lines_backwards(file, end)))
                yield from itertools.islice(records, count)
        else:
            # From the beginning: neither a compressed file nor a database is read backwards.
            yield from heapq.nlargest(count, self._added_to(path), key=operator.itemgetter("at"))

    def added(self) -> list[Record]:
        """Give what came in since the last time, in the order of their calls.

        Raises:
            ConfigurationError: A source does not exist any more.
        """
        sizes = sizes_of(self._sources)
        found: list[Record] = []
        for path, size in sizes.items():
            if size != self._sizes.get(path):
                with contextlib.suppress(OSError):
                    found += self._added_to(path)
        self._sizes = sizes
        return sorted(found, key=operator.itemgetter("at"))

    def _added_to(self, path: pathlib.Path) -> Iterator[Record]:
        name = _name_of(path)
        if not path.name.endswith((".jsonl", ".jsonl.gz")):
            start = self._ends.get(name, 0)
            for number, record in enumerate(read(path), start=1):
                if number > start:
                    self._ends[name] = number
                    if self._wanted(record):
                        yield record
            return
        opened: Any = gzip.open if path.name.endswith(".gz") else open
        with opened(path, "rb") as file:
            yield from filter(self._wanted, _records_in(self._lines_added_to(name, file)))

    def _lines_added_to(self, name: str, file: Any) -> Iterator[bytes]:
        # A compressed file that is damaged gives what comes before.
        with contextlib.suppress(OSError, EOFError, zlib.error):
            file.seek(self._ends.get(name, 0))
            for line in file:
                if not line.endswith(b"\n"):
                    # Its writer is about to write the rest.
                    return
                self._ends[name] = self._ends.get(name, 0) + len(line)
                yield line


def _name_of(path: pathlib.Path) -> str:
    return str(path).removesuffix(".gz")


def _records_in(lines: Iterable[bytes]) -> Iterator[Record]:
    for line in lines:
        if len(line) <= MAX_LINE_BYTES:
            with contextlib.suppress(NoRecordError):
                yield checked(parsed(line.strip()))


def _end_of_lines(file: Any) -> int:
    """Return where the last whole line ends."""
    end: int = file.seek(0, os.SEEK_END)
    for start, block in _blocks_backwards(file, end):
        place = block.rfind(b"\n")
        if place >= 0:
            return start + place + 1
    return 0


def _lines_backwards(file: Any, end: int) -> Iterator[bytes]:
    rest = b""
    for _, block in _blocks_backwards(file, end):
        first, *lines = (block + rest).split(b"\n")
        yield from reversed(lines)
        rest = first
        if len(rest) > 2 * MAX_LINE_BYTES:
            # Far too long to be a record: only where it begins is of interest.
            rest = rest[: MAX_LINE_BYTES + 1]
    yield rest


def _blocks_backwards(file: Any, end: int) -> Iterator[tuple[int, bytes]]:
    while end > 0:
        start = max(0, end - _BLOCK)
        file.seek(start)
        yield start, file.read(end - start)
        end = start
