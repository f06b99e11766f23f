"""Records, totals and rollups in a SQLite database that several processes may write at once."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sqlite3
import time
from typing import TYPE_CHECKING, NoReturn

from darkcall import _guard, _threads
from darkcall._errors import ConfigurationError, DarkcallError
from darkcall._forks import ForkGate
from darkcall._model import Record
from darkcall._storage import COLUMNS, COLUMNS_ADDED_LATER, JSON_COLUMNS, OTHER_TABLES

from ._line import json_text, line_for
from ._place import make_directory, path_of


if TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence

    from darkcall._rollup import Rollup
    from darkcall._totals import Totals

USER_VERSION = 1

#: How long a write tries again while another process holds the database.
BUSY_SECONDS = 5.0
#: How long it waits inside SQLite each time, and a fork with it.
ATTEMPT_SECONDS = 0.1

# Closing a database whose file was replaced used to remove the log of the new one.  Since
# when it does not is nowhere written; this is the oldest version that was tried.
_CLOSES_WHAT_WAS_REPLACED = sqlite3.sqlite_version_info >= (3, 40)

_CAN_ASK_FOR_EFFECTIVE_IDS = os.access in os.supports_effective_ids

_TABLES = {"records": COLUMNS} | {
    table: {"data": "TEXT NOT NULL"} for table in OTHER_TABLES.values()
}
_CREATE = {
    table: f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, "
    + ", ".join(f"{name} {kind}" for name, kind in columns.items())
    + ")"
    for table, columns in _TABLES.items()
}
_INSERT = {
    table: f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"  # noqa: S608, nothing but the names above
    for table, columns in _TABLES.items()
}
_INFO = {table: f"PRAGMA table_info({table})" for table in _TABLES}
_Row = tuple[str, tuple[object, ...]]


class SqliteSink:
    """Insert records into the table ``records`` of a SQLite database.

    Totals and rollups go into tables ``totals`` and ``rollups``, as JSON text.

    Several processes may write one database at once.  What waits is committed together,
    so a record can be read as soon as the sink has taken it.  Only their owner may read
    the database and the two files beside it.

    Args:
        path: The database; made if it does not exist.

    Raises:
        ConfigurationError: ``path`` is no path to a file.

    Example:
        >>> import sqlite3
        >>> from darkcall._model import Record
        >>> sink = SqliteSink("records.db")
        >>> sink(Record("call-1", "shop.price", "v2", "match", 1.5, "host", 7, 0.1))
        >>> sink.close()
        >>> reader = sqlite3.connect("records.db")
        >>> reader.execute("SELECT launch, outcome FROM records").fetchall()
        [('shop.price', 'match')]
        >>> reader.close()
    """

    takes_totals = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if path == ":memory:" or str(path).startswith("file:"):
            raise ConfigurationError(
                f"path={path!r} must be the path of a file; MemorySink keeps records in memory"
            )
        self._path = path_of("path", path)
        self._connection: sqlite3.Connection | None = None
        self._pid = 0
        self._file: tuple[int, int] | None = None
        self._gate = ForkGate(self._disconnect)

    def __call__(self, record: Record | Totals | Rollup) -> None:
        """Insert a record, totals or a rollup, and commit it.

        Raises:
            OSError: The database could not be made, or is read-only.
            sqlite3.Error: It could not be written.
            DarkcallError: The database is not one that can be written to.
        """
        self.write_batch([record])

    def write_batch(self, records: Sequence[Record | Totals | Rollup]) -> None:
        """Insert records: all of them, or none.

        Raises:
            OSError: The database could not be made, or is read-only.
            sqlite3.Error: They could not be written.
            DarkcallError: The database is not one that can be written to.
        """
        rows = [_row_of(record) for record in records]
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                with self._gate.inside:
                    self._insert(rows)
                    if self._file != _identity_of(self._path):
                        # It was removed or replaced: what was written is in the old one.
                        self._disconnect()
                        self._insert(rows)
            except sqlite3.OperationalError as error:
                # The first switch to WAL fails at once, whatever the timeout.
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                if time.monotonic() > deadline:
                    raise
                _threads.sleep(0.01)
            else:
                return

    def _opens_again(self) -> bool:
        return True

    def close(self) -> None:
        """Close the database; the next record opens it again."""
        with self._gate.inside:
            self._disconnect()

    def _insert(self, rows: list[_Row]) -> None:
        connection = self._connected()
        try:
            connection.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                connection.executemany(_INSERT[table], [row for its, row in rows if its == table])
            connection.execute("COMMIT")
        except BaseException:
            self._disconnect()
            raise

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None and self._pid != os.getpid():
            self._gate.broken = True
        if self._gate.broken:
            self._refuse("this process was forked while its parent wrote, and cannot write safely")
        if self._connection is None:
            self._prepare_the_file()
            self._connection = self._opened()
            self._pid = os.getpid()
            self._file = _identity_of(self._path)
        return self._connection

    def _prepare_the_file(self) -> None:
        make_directory(self._path.parent)
        # SQLite itself would let the group read it; the files beside it get its mode.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        # SQLite would open it for reading, and make the files beside it read-only, for good.
        if not os.access(self._path, os.W_OK, effective_ids=_CAN_ASK_FOR_EFFECTIVE_IDS):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self._path))

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=ATTEMPT_SECONDS, isolation_level=None, check_same_thread=False
        )
        # Once the interpreter ends, or in a forked child, nobody may close it in passing.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            [version] = connection.execute("PRAGMA user_version").fetchone()
            if version > USER_VERSION:
                self._refuse(
                    f"it has version {version}, and this darkcall knows {USER_VERSION}:"
                    " upgrade darkcall, or choose another file"
                )
            if version < USER_VERSION or _what_lacks(connection):
                connection.execute("BEGIN IMMEDIATE")
                self._complete(connection)
                connection.execute(f"PRAGMA user_version={USER_VERSION}")
                connection.execute("COMMIT")
        except BaseException:
            _close(connection)
            raise
        return connection

    def _complete(self, connection: sqlite3.Connection) -> None:
        for create in _CREATE.values():
            connection.execute(create)
        lacking = _what_lacks(connection)
        for table, name in lacking:
            if table != "records" or name not in COLUMNS_ADDED_LATER:
                self._refuse(f"its table {table} is somebody else's: choose another file")
        for _, name in lacking:
            # An earlier darkcall made the table, and may go on writing to it.
            connection.execute(f"ALTER TABLE records ADD COLUMN {name} {COLUMNS[name]}")

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and (
            _CLOSES_WHAT_WAS_REPLACED or self._file == _identity_of(self._path)
        ):
            _close(connection)

    def _refuse(self, why: str) -> NoReturn:
        message = f"SqliteSink does not write to {self._path}: {why}"
        _guard.say(_guard.ERROR, message)
        raise DarkcallError(message)

    def __repr__(self) -> str:
        return f"<SqliteSink {str(self._path)!r}>"


def _close(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):
        connection.close()
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(connection))


def _identity_of(path: pathlib.Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _what_lacks(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Give each column that a database lacks, with its table."""
    return [
        (table, name)
        for table, columns in _TABLES.items()
        for name in columns.keys() - {row[1] for row in connection.execute(_INFO[table])}
    ]


def _row_of(item: Record | Totals | Rollup) -> _Row:
    if not isinstance(item, Record):
        # As short as in a file: whoever reads it reads no more.
        return OTHER_TABLES[item.kind], (line_for(item).decode("ascii").rstrip("\n"),)
    data = item.to_dict()
    cells = (_cell(name, data[name]) if name in data else None for name in COLUMNS)
    return "records", tuple(cells)


def _cell(name: str, value: object) -> object:
    if name in JSON_COLUMNS:
        return json_text(value)
    if isinstance(value, str):
        # SQLite takes no lone surrogates.
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value
