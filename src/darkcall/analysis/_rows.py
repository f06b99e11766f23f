"""What is in a SQLite database, which may be damaged, or written meanwhile."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, Any

from darkcall._storage import COLUMNS, JSON_COLUMNS, OTHER_TABLES

from ._counts import kind_of
from ._record import NoRecordError, checked, parsed


if TYPE_CHECKING:
    import collections
    import pathlib
    from collections.abc import Iterator

    from ._counts import Kind
    from ._record import Reason

#: A row with a longer value is not read; what the sink writes is far shorter.
MAX_VALUE_BYTES = 1 << 18
#: How long to wait while another process holds the database, in seconds.
BUSY_SECONDS = 5.0
_BATCH = 16

_TABLES = "SELECT name FROM sqlite_master WHERE type='table' AND rootpage>0"
_ROWS = "SELECT rowid, * FROM {} WHERE rowid > ? ORDER BY rowid LIMIT ?"
_NEXT = "SELECT rowid FROM {} WHERE rowid > ? ORDER BY rowid LIMIT 1"
_BEFORE_ALL = -(1 << 63)

_Row = tuple[int, dict[str, Any]]


def is_database(path: pathlib.Path) -> bool:
    """Whether a file is a SQLite database, or empty.

    Not told by its first bytes: who closes the file of a database drops all locks that
    SQLite holds on it for the same process.
    """
    try:
        with contextlib.closing(_opened(path)) as connection, _said_in_text():
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.DatabaseError as error:
        return getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_NOTADB
    return True


def records_in(
    path: pathlib.Path,
    skipped: collections.Counter[Reason],
    others: collections.Counter[Kind],
) -> Iterator[dict[str, Any]]:
    """Give the records of a database, and count the rows that hold none.

    Args:
        path: The database; it is not changed.
        skipped: Where to count what is nothing of darkcall's.
        others: Where to count totals and rollups.

    Raises:
        sqlite3.Error: The database cannot be read to its end.
    """
    for kind, data in items_in(path, skipped):
        if kind == "record":
            yield data
        else:
            others[kind] += 1


def items_in(
    path: pathlib.Path, skipped: collections.Counter[Reason]
) -> Iterator[tuple[Kind, dict[str, Any]]]:
    """Give the records, totals and rollups of a database, and count the rows that are neither.

    Args:
        path: The database; it is not changed.
        skipped: Where to count.

    Raises:
        sqlite3.Error: The database cannot be read to its end.
    """
    with contextlib.closing(_opened(path)) as connection, _said_in_text():
        tables = connection.execute(_TABLES).fetchall()
        if not tables:
            # Its writer was killed before it made one.
            return
        if (b"records",) not in tables:
            raise sqlite3.DatabaseError("it has no table of records")
        for row in _rows("records", connection, skipped):
            try:
                record = checked(_data_of(row))
            except NoRecordError as no:
                skipped[no.reason] += 1
            else:
                yield "record", record
        for table in OTHER_TABLES.values():
            if (table.encode(),) in tables:
                yield from _others(_rows(table, connection, skipped), skipped)


def _others(
    rows: Iterator[dict[str, Any]], skipped: collections.Counter[Reason]
) -> Iterator[tuple[Kind, dict[str, Any]]]:
    for row in rows:
        try:
            cell = row.get("data")
            data: Any = parsed(cell) if type(cell) is bytes else None
            kind = kind_of(data)
            if kind == "record":
                raise NoRecordError("not_a_record")  # noqa: TRY301 - counted as those of others
        except NoRecordError as no:
            skipped[no.reason] += 1
        else:
            yield kind, data


@contextlib.contextmanager
def _said_in_text() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        # The names of columns, and what SQLite says of them, may be any bytes.
        raise sqlite3.DatabaseError("its schema is no text") from None


def _opened(path: pathlib.Path) -> sqlite3.Connection:
    path = path.resolve()
    uri = f"{path.as_uri()}?{'immutable=1' if _is_stored_away(path) else 'mode=ro'}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    # SQLite believes that any bytes are text.
    connection.text_factory = bytes
    return connection


def _is_stored_away(path: pathlib.Path) -> bool:
    """Whether nobody writes a database and SQLite cannot make its files beside it.

    Or they would be as read-only as the database, and keep its writer out later.
    """
    is_open = path.with_name(f"{path.name}-wal").exists()
    return not is_open and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _rows(
    table: str, connection: sqlite3.Connection, skipped: collections.Counter[Reason]
) -> Iterator[dict[str, Any]]:
    last = _BEFORE_ALL
    while True:
        try:
            # A writer's log grows for as long as somebody reads: so not all at one go.
            rows = _after(last, table, connection, at_most=_BATCH)
        except sqlite3.Error:
            rows, following = _step(last, table, connection, skipped)
        else:
            if not rows:
                return
            following = rows[-1][0]
        for _, row in rows:
            yield row
        if following <= last:
            raise sqlite3.DatabaseError("its rows go round in circles")
        last = following


def _after(last: int, table: str, connection: sqlite3.Connection, *, at_most: int) -> list[_Row]:
    cursor = connection.execute(_ROWS.format(table), (last, at_most))
    names = [column[0] for column in cursor.description]
    return [(row[0], dict(zip(names, row, strict=True))) for row in cursor]


def _step(
    last: int,
    table: str,
    connection: sqlite3.Connection,
    skipped: collections.Counter[Reason],
) -> tuple[list[_Row], int]:
    """Read the next row alone, or count it: one of those that follow cannot be read."""
    found = connection.execute(_NEXT.format(table), (last,)).fetchone()
    if found is None:
        raise sqlite3.DatabaseError("it is damaged behind its last row")
    try:
        return _after(last, table, connection, at_most=1), found[0]
    except sqlite3.Error as error:
        is_long = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_TOOBIG
        skipped["too_long" if is_long else "unreadable"] += 1
        return [], found[0]


def _data_of(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value_of(name, row[name]) for name in COLUMNS if row.get(name) is not None}


def _value_of(name: str, cell: Any) -> Any:
    if type(cell) is not bytes:
        return cell
    if name in JSON_COLUMNS:
        return parsed(cell)
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError:
        raise NoRecordError("not_a_record") from None
