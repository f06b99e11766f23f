"""Stored records, one after the other, and a count of what is no record.

In scope: what :mod:`darkcall.sinks` writes, read with the standard library alone, in
little memory, however broken it is.  Not in scope: questions about what was read.
"""

from __future__ import annotations

import collections
import gzip
import os
import pathlib
import sqlite3
import stat
import zlib
from typing import TYPE_CHECKING, Any, get_args

from darkcall._errors import ConfigurationError

from . import _lines, _rows
from ._record import Reason


if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping

    from ._counts import Kind

_LINES = (".jsonl", ".jsonl.gz")
_GZIP = b"\x1f\x8b"


class Reading:
    """The records of some files; they can be gone through once.

    Totals and rollups, which stand beside them, are counted and not given.

    A record is a dict of the shape that ``record.schema.json`` describes.  Records of
    one process come in the order in which they were written.
    """

    def __init__(self, files: list[pathlib.Path]) -> None:
        self._records = 0
        self._skipped: collections.Counter[Reason] = collections.Counter()
        self._others: collections.Counter[Kind] = collections.Counter()
        self._each = self._through(files)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._each

    @property
    def records(self) -> int:
        """How many records there were up to now."""
        return self._records

    @property
    def totals(self) -> int:
        """How many times a process told its totals, up to now; they are no records."""
        return self._others["totals"]

    @property
    def rollups(self) -> int:
        """How many rollups there were up to now; they are no records, but count some."""
        return self._others["rollup"]

    @property
    def skipped(self) -> Mapping[str, int]:
        """How much was skipped up to now, and why; each reason is there, zeros included.

        ``torn``: last lines that were cut off.  ``too_long``: lines of more than 32 KB,
        or rows with a value of more than 256 KB.  ``too_deep``: more than 200 containers inside
        containers.  ``not_json``: what is no JSON, not UTF-8, or has a number that is not
        finite.  ``not_a_record``: JSON of another shape.  ``other_version``: records of
        another version.  ``unreadable``: files, or the rest of them, and rows of a
        database that are damaged or could not be read.
        """
        return {reason: self._skipped[reason] for reason in get_args(Reason)}

    def _through(self, files: list[pathlib.Path]) -> Iterator[dict[str, Any]]:
        for path in files:
            try:
                for record in self._records_of(path):
                    self._records += 1
                    yield record
            except (OSError, EOFError, zlib.error, sqlite3.Error):
                self._skipped["unreadable"] += 1

    def _records_of(self, path: pathlib.Path) -> Iterator[dict[str, Any]]:
        counters = self._skipped, self._others
        if not path.name.endswith(_LINES) and _rows.is_database(path):
            yield from _rows.records_in(path, *counters)
            return
        with opened(path) as file:
            is_compressed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            if is_compressed:
                with gzip.GzipFile(fileobj=file) as unzipped:
                    yield from _lines.records_in(unzipped, *counters)
            else:
                yield from _lines.records_in(file, *counters)

    def __repr__(self) -> str:
        return f"<Reading {self._records} records, {self._skipped.total()} skipped>"


def read(*sources: str | os.PathLike[str]) -> Reading:
    """Read what :class:`~darkcall.sinks.JsonlSink` and ``SqliteSink`` wrote.

    Broken input is skipped and counted, never raised.  Memory does not grow with what is
    read.  Processes may go on writing meanwhile; a database is not changed.

    Args:
        sources: Files of JSON lines, gzipped or not, SQLite databases, and directories,
            of which the files ``*.jsonl`` and ``*.jsonl.gz`` are read.

    Returns:
        The records, and what was skipped.

    Raises:
        ConfigurationError: A source does not exist, or cannot be looked at.

    Example:
        >>> from darkcall._model import Record
        >>> from darkcall.sinks import JsonlSink
        >>> sink = JsonlSink("records")
        >>> sink(Record("call-1", "shop.price", "v2", "match", 1.5, "host", 7, 0.1))
        >>> reading = read("records")
        >>> [(record["launch"], record["outcome"]) for record in reading]
        [('shop.price', 'match')]
        >>> reading.records, sum(reading.skipped.values())
        (1, 0)
        >>> sink.close()
    """
    if not sources:
        raise ConfigurationError("read() needs at least one file or directory")
    return Reading([file for source in sources for file in _files_of(source)])


def _files_of(source: str | os.PathLike[str]) -> list[pathlib.Path]:
    try:
        path = pathlib.Path(source)
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _files_in(path)
    except (OSError, TypeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"source={source!r} cannot be read: {why}") from None
    if not stat.S_ISREG(mode):
        raise ConfigurationError(f"source={source!r} must be a file or a directory")
    return [path]


def _files_in(directory: pathlib.Path) -> list[pathlib.Path]:
    with os.scandir(directory) as entries:
        # Not what only looks like a file: to open a pipe is to wait for its writer.
        names = {entry.name for entry in entries if entry.is_file()}
    # Of a file that is there in both forms, the compressed one may be cut off.
    return [
        directory / name
        for name in sorted(names)
        if name.endswith(_LINES)
        and (name.endswith(".jsonl") or name.removesuffix(".gz") not in names)
    ]


def opened(path: pathlib.Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError:
        # Its writer may have compressed it meanwhile.
        return path.with_name(f"{path.name}.gz").open("rb")
