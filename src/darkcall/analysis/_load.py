"""From files to tables of records, totals and rollups, each once, in bounded memory.

In scope: finding, reading and counting.  Not in scope: what the tables say.
"""

from __future__ import annotations

import os
import pathlib
import tempfile
import time
from typing import TYPE_CHECKING, Any, Protocol, Self, get_args

from darkcall._errors import ConfigurationError

from ._bulk import Bulk
from ._record import Reason
from ._sources import files_of
from ._summary import Sources


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import duckdb

    from ._sources import File

_MEMORY = "500MB"
_SMALL_BYTES = 400 << 20
_GROUP_BYTES = 1 << 29
_GROUP_FILES = 200
_AHEAD_SECONDS = 60.0

TABLES = """
CREATE TABLE records (source VARCHAR, number BIGINT, launch VARCHAR, candidate VARCHAR,
    outcome VARCHAR, ts DOUBLE, host VARCHAR, pid BIGINT, control_seconds DOUBLE,
    candidate_seconds DOUBLE, cpu_seconds DOUBLE, sample_rate DOUBLE, reason VARCHAR,
    signature VARCHAR, confirmation VARCHAR, input UBIGINT, context VARCHAR, body VARCHAR,
    nbytes INTEGER);
CREATE TABLE totals (source VARCHAR, launch VARCHAR, ts DOUBLE, since DOUBLE, host VARCHAR,
    pid BIGINT, off BIGINT, nested BIGINT, unsampled BIGINT, shadowed BIGINT, candidates VARCHAR,
    control_code VARCHAR, sample_rate DOUBLE, is_final BOOLEAN);
CREATE TABLE rollups (source VARCHAR, launch VARCHAR, candidate VARCHAR, began DOUBLE,
    ended DOUBLE, host VARCHAR, pid BIGINT, sample_rate DOUBLE, context VARCHAR,
    is_mixed BOOLEAN, outcomes VARCHAR, signatures VARCHAR, reasons VARCHAR,
    control_seconds VARCHAR, candidate_seconds VARCHAR, ratio VARCHAR, cpu_seconds DOUBLE,
    cpu_measured BIGINT, inputs VARCHAR, inputs_counted BIGINT, confirmations VARCHAR);
"""
_SAME_KEY = "hash(source, number, candidate)"
_DOUBLED = f"SELECT {_SAME_KEY} AS key FROM records GROUP BY 1 HAVING count(*) > 1"  # noqa: S608
# Of two that cannot both be true, the one that says less for the candidate.
_SURPLUS = f"""DELETE FROM records WHERE rowid IN (SELECT id FROM (
    SELECT rowid AS id, row_number() OVER (PARTITION BY source, number, candidate ORDER BY
        list_position(['mismatch', 'candidate_error', 'timeout', 'uncomparable', 'skipped',
            'ignored', 'match'], outcome), rowid) AS place
    FROM records WHERE {_SAME_KEY} IN (SELECT key FROM doubled)) WHERE place > 1)"""  # noqa: S608
_PROCESSES = """SELECT count(DISTINCT (host, pid)), count(DISTINCT host) FROM (
    SELECT DISTINCT host, pid FROM records UNION SELECT host, pid FROM totals
    UNION SELECT host, pid FROM rollups)"""
_ROLLED_UP = """SELECT coalesce(sum(list_sum(map_values(outcomes::JSON::MAP(VARCHAR, HUGEINT)))), 0)
    FROM rollups"""


class Progress(Protocol):
    """What is told how far the reading is."""

    def __call__(self, done: int, total: int, /) -> object:
        """Take the bytes that were read, and how many there are in all."""


class Loaded:
    """Tables of what was read; a context manager that removes them.

    Attributes:
        connection: The database.
        sources: What was read.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        sources: Sources,
        directory: tempfile.TemporaryDirectory[str],
    ) -> None:
        self.connection = connection
        self.sources = sources
        self._directory = directory

    def close(self) -> None:
        """Close the database, and remove its files; again does nothing."""
        self.connection.close()
        self._directory.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load(
    sources: Iterable[str | os.PathLike[str]],
    *,
    progress: Progress | None = None,
    now: Callable[[], float] = time.time,
) -> Loaded:
    """Read records, totals and rollups into tables, each once.

    What is broken is counted, never raised.  What does not fit in memory goes to a temporary
    directory.

    Args:
        sources: Files of JSON lines, gzipped or not, SQLite databases, directories of these, and
            patterns.
        progress: Is told, now and then, how many bytes were read and how many there are.
        now: The clock, in seconds since 1970-01-01 UTC.

    Raises:
        ConfigurationError: A source does not exist, or DuckDB is not installed.
    """
    begun = time.perf_counter()
    files = files_of(sources)
    directory = tempfile.TemporaryDirectory(prefix="darkcall-", ignore_cleanup_errors=True)
    connection = None
    try:
        nbytes = sum(file.nbytes for file in files)
        connection = _database(pathlib.Path(directory.name), nbytes)
        bulk = Bulk(connection, pathlib.Path(directory.name))
        _take(files, bulk, progress)
        duplicates = _without_duplicates(connection)
        records, ahead = _row(
            connection,
            "SELECT count(*), count(*) FILTER (ts > $1) FROM records",
            now() + _AHEAD_SECONDS,
        )
        processes, hosts = _row(connection, _PROCESSES)
        return Loaded(
            connection,
            Sources(
                files=len(files),
                nbytes=nbytes,
                records=records,
                rolled_up=int(_row(connection, _ROLLED_UP)[0]),
                skipped={reason: bulk.skipped[reason] for reason in get_args(Reason)},
                duplicates=duplicates,
                ahead=ahead,
                processes=processes,
                hosts=hosts,
                seconds=time.perf_counter() - begun,
            ),
            directory,
        )
    except BaseException:
        if connection is not None:
            connection.close()
        directory.cleanup()
        raise


def _database(directory: pathlib.Path, nbytes: int) -> duckdb.DuckDBPyConnection:
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            'the analysis needs DuckDB: pip install "darkcall[report]"'
        ) from None
    # To compress tables takes time, which small ones are not worth.
    is_small = nbytes <= _SMALL_BYTES
    connection = duckdb.connect(
        ":memory:" if is_small else str(directory / "records.duckdb"),
        config={
            "memory_limit": _MEMORY,
            "threads": os.cpu_count() or 1,
            "preserve_insertion_order": False,
            "temp_directory": str(directory / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
        },
    )
    connection.execute("SET enable_progress_bar = false; SET lock_configuration = true;")
    connection.execute(TABLES)
    return connection


def _take(files: list[File], bulk: Bulk, progress: Progress | None) -> None:
    total = sum(file.nbytes for file in files)
    done = 0
    for group in _groups(files):
        if progress is not None:
            progress(done, total)
        if _is_for_all_at_once(group[0]):
            bulk.take(group)
        else:
            bulk.take_with_care(group[0].path)
        done += sum(file.nbytes for file in group)
    bulk.finish()
    if progress is not None:
        progress(done, total)


def _groups(files: list[File]) -> Iterator[list[File]]:
    """Give files together that can be read at once, and each other one alone."""
    group: list[File] = []
    for file in files:
        if not _is_for_all_at_once(file):
            yield [file]
            continue
        group.append(file)
        if sum(each.nbytes for each in group) > _GROUP_BYTES or len(group) >= _GROUP_FILES:
            yield group
            group = []
    if group:
        yield group


def _is_for_all_at_once(file: File) -> bool:
    return file.path.name.endswith(".jsonl") and file.nbytes > 0


def _without_duplicates(connection: duckdb.DuckDBPyConnection) -> int:
    removed = 0
    connection.execute(f"CREATE TEMP TABLE doubled AS {_DOUBLED}")
    if _row(connection, "SELECT count(*) FROM doubled")[0]:
        removed += _row(connection, _SURPLUS)[0]
    connection.execute("DROP TABLE doubled")
    for table in ("totals", "rollups"):
        before = _row(connection, f"SELECT count(*) FROM {table}")[0]  # noqa: S608 - ours
        if before:
            connection.execute(
                f"CREATE OR REPLACE TABLE {table} AS SELECT DISTINCT * FROM {table}"  # noqa: S608
            )
            removed += before - _row(connection, f"SELECT count(*) FROM {table}")[0]  # noqa: S608
    return removed


def _row(connection: duckdb.DuckDBPyConnection, query: str, *values: float) -> tuple[Any, ...]:
    [row] = connection.execute(query, list(values)).fetchall()
    return row
