"""Stored records, one after the other, and a count of what is no record.

In scope: what :mod:`darkcall.sinks` writes, read with the standard library alone, in
little memory, however broken it is.  Not in scope: questions about what was read.
"""

from __future__ import annotations

import collections
import gzip
import sqlite3
import zlib
from typing import TYPE_CHECKING, Any, get_args

from darkcall._errors import ConfigurationError

from . import _lines, _rows
from ._record import Reason
from ._sources import files_of


if TYPE_CHECKING:
    import io
    import os
    import pathlib
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
        sources: Files of JSON lines, gzipped or not, SQLite databases, directories of them, and
            patterns of either as text, with ``*``, ``?``, ``[...]`` and ``**``.  Of a directory,
            ``*.jsonl``, ``*.jsonl.gz``, ``*.db``, ``*.sqlite`` and ``*.sqlite3`` are read.

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
    return Reading([file.path for file in files_of(sources)])


def opened(path: pathlib.Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError:
        # Its writer may have compressed it meanwhile.
        return path.with_name(f"{path.name}.gz").open("rb")
