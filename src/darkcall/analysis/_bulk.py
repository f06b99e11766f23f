"""Lines into the tables of a database, many at a time; each that is odd, with care."""

from __future__ import annotations

import collections
import glob
import gzip
import json
import sqlite3
import zlib
from typing import TYPE_CHECKING, Any

from darkcall._storage import MAX_LINE_BYTES, OTHER_TABLES

from . import _lines, _proofs, _read, _rows
from ._counts import kind_of
from ._record import NoRecordError, Reason, parsed


if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    import duckdb

    from ._counts import Kind
    from ._sources import File

#: Lines are handed over in files of about so many bytes.
PIECE_BYTES = 1 << 24
_ODD_AT_A_TIME = 1000

# Each line that is JSON by DuckDB's rules, without space around it; NULL for each other one.
_ROWS_OF = """(SELECT json::VARCHAR AS line FROM read_ndjson_objects($paths, ignore_errors=true,
    compression='none', hive_partitioning=false, maximum_object_size=1048576))"""
# No line that is JSON holds the character that would part it into columns.
_TRUSTED_ROWS_OF = """read_csv($paths, columns={'line': 'VARCHAR'}, auto_detect=false,
    header=false, delim='\x01', quote='', escape='', new_line='\\n', compression='none',
    hive_partitioning=false, max_line_size=8388608, buffer_size=16777216)"""

_COLUMNS: dict[str, dict[str, str]] = {
    "totals": {
        **dict.fromkeys(("source", "launch"), "VARCHAR"),
        **dict.fromkeys(("at", "since"), "DOUBLE"),
        "host": "VARCHAR",
        **dict.fromkeys(("pid", "off", "nested", "unsampled", "shadowed"), "BIGINT"),
        **dict.fromkeys(("candidates", "control_code"), "VARCHAR"),
        "sample_rate": "DOUBLE",
        "is_final": "BOOLEAN",
    },
    "rollup": {
        **dict.fromkeys(("source", "launch", "candidate"), "VARCHAR"),
        **dict.fromkeys(("began", "ended"), "DOUBLE"),
        "host": "VARCHAR",
        "pid": "BIGINT",
        "sample_rate": "DOUBLE",
        "context": "VARCHAR",
        "is_mixed": "BOOLEAN",
        **dict.fromkeys(("outcomes", "signatures", "reasons"), "VARCHAR"),
        **dict.fromkeys(("control_seconds", "candidate_seconds", "ratio"), "VARCHAR"),
        "cpu_seconds": "DOUBLE",
        "cpu_measured": "BIGINT",
        "inputs": "VARCHAR",
        "inputs_counted": "BIGINT",
        "confirmations": "VARCHAR",
    },
}
# What is left out of a rollup because it is empty.
_DEFAULTS: dict[str, Any] = {
    "signatures": {},
    "reasons": {},
    "control_seconds": {},
    "candidate_seconds": {},
    "ratio": {},
    "inputs": [],
    "confirmations": {},
}


class Bulk:
    """Fills the tables of a database with what stands in files.

    Args:
        connection: The database, with its tables.
        directory: Where files may be made for a while.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, directory: pathlib.Path) -> None:
        self.skipped: collections.Counter[Reason] = collections.Counter()
        self._connection = connection
        self._directory = directory
        self._made = 0
        self._held: dict[Kind, list[bytes]] = {"record": [], "totals": [], "rollup": []}
        self._held_bytes = 0

    def take(self, files: list[File]) -> None:
        """Load some files: at once, if nothing is odd about them."""
        if self._is_taken_at_once(files):
            return
        if len(files) == 1:
            self.take_with_care(files[0].path)
            return
        # One file with an odd line does not make the others slow.
        for file in files:
            self.take([file])

    def take_with_care(self, path: pathlib.Path) -> None:
        """Load a file that may be compressed, a database, cut off, or gone."""
        try:
            if not path.name.endswith((".jsonl", ".jsonl.gz")) and _rows.is_database(path):
                self._take_rows(path)
            else:
                self._take_lines(path)
        except (OSError, EOFError, zlib.error, sqlite3.Error):
            self.skipped["unreadable"] += 1

    def finish(self) -> None:
        """Load what was put off until all of it is there: at once is quicker than in parts."""
        self._look_again()
        self._flush()

    def _flush(self) -> None:
        for kind, lines in self._held.items():
            if not lines:
                continue
            path = self._new_path()
            path.write_bytes(b"".join(lines))
            lines.clear()
            insert = _proofs.TRUSTED if kind == "record" else _insert_of(kind)
            self._connection.execute(
                insert.replace("{lines}", _TRUSTED_ROWS_OF), {"paths": [glob.escape(str(path))]}
            )
            path.unlink()
        self._held_bytes = 0

    def _is_taken_at_once(self, files: list[File]) -> bool:
        # By a name of ours: DuckDB takes some names for patterns, others for columns.
        links = [self._new_path() for _ in files]
        try:
            for link, file in zip(links, files, strict=True):
                link.symlink_to(file.path.absolute())
        except OSError:
            return False
        is_taken = self._is_taken_whole(links, sum(file.nbytes for file in files))
        for link in links:
            link.unlink()
        return is_taken

    def _is_taken_whole(self, paths: list[pathlib.Path], nbytes: int) -> bool:
        """Load lines, if each is JSON and every byte is accounted for: none was left out."""
        import duckdb  # noqa: PLC0415 - an extra

        start = self._next_row()
        texts = {"paths": [glob.escape(str(path)) for path in paths]}
        try:
            self._connection.execute(_proofs.MATCHES.replace("{lines}", _ROWS_OF), texts)
        except duckdb.Error:
            taken = -1
        else:
            taken = self._one(
                "SELECT CASE WHEN count(*) = count(nbytes) THEN coalesce(sum(nbytes), 0)"
                " ELSE -1 END FROM records WHERE rowid >= $1",
                start,
            )
        if taken != nbytes:
            self._connection.execute("DELETE FROM records WHERE rowid >= $1", [start])
            return False
        return True

    def _look_again(self) -> None:
        """Take the lines that are no matches as they are usually written; at last, one by one."""
        left = "FROM records WHERE launch IS NULL"
        end = self._next_row()
        if not self._one(f"SELECT count(*) {left}"):
            return
        again = f"(SELECT body AS line {left} AND rowid < {end})"
        self._connection.execute(_proofs.RECORDS.replace("{lines}", again))
        odd = self._connection.cursor().execute(f"SELECT body {left} AND rowid >= {end}")
        while rows := odd.fetchmany(_ODD_AT_A_TIME):
            for (text,) in rows:
                self._take_line(text.encode() + b"\n")
        self._connection.execute("DELETE FROM records WHERE launch IS NULL")

    def _take_lines(self, path: pathlib.Path) -> None:
        with _read.opened(path) as file:
            is_compressed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not is_compressed:
                self._take_pieces(_lines.lines_in(file))
                return
            with gzip.GzipFile(fileobj=file) as unzipped:
                self._take_pieces(_lines.lines_in(unzipped))

    def _take_pieces(self, lines: Iterator[bytes]) -> None:
        piece: list[bytes] = []
        nbytes = 0
        bom = b"\xef\xbb\xbf"
        try:
            for line in lines:
                whole = line.removeprefix(bom)
                bom = b""
                if len(line) > MAX_LINE_BYTES or not _is_plain(whole):
                    self._take_line(line, whole)
                    continue
                piece.append(whole)
                nbytes += len(whole)
                if nbytes > PIECE_BYTES:
                    self._take_piece(piece)
                    piece, nbytes = [], 0
        finally:
            # What could be read counts, whatever comes after it.
            self._take_piece(piece)

    def _take_piece(self, piece: list[bytes]) -> None:
        if not piece:
            return
        path = self._new_path()
        content = b"".join(piece)
        path.write_bytes(content)
        if not self._is_taken_whole([path], len(content)):
            for line in piece:
                self._take_line(line)
        path.unlink()

    def _take_rows(self, path: pathlib.Path) -> None:
        for kind, data in _rows.items_in(path, self.skipped):
            self._keep(kind, data)

    def _take_line(self, line: bytes, whole: bytes | None = None) -> None:
        text = (line if whole is None else whole).strip(b" \t\r\n")
        if len(line) > MAX_LINE_BYTES:
            self.skipped["too_long"] += 1
        elif text:
            self._take_data(text, "not_json" if line.endswith(b"\n") else "torn")

    def _take_data(self, text: bytes, broken: Reason) -> None:
        try:
            data = parsed(text)
            kind = kind_of(data)
        except NoRecordError as no:
            self.skipped[broken if no.reason == "not_json" else no.reason] += 1
        else:
            self._keep(kind, data)

    def _keep(self, kind: Kind, data: dict[str, Any]) -> None:
        if kind != "record":
            whole = _DEFAULTS | data
            data = {name: _cell_of(whole.get(name)) for name in _COLUMNS[kind]}
        line = _text_of(data).encode() + b"\n"
        self._held[kind].append(line)
        self._held_bytes += len(line)
        if self._held_bytes > PIECE_BYTES:
            self._flush()

    def _new_path(self) -> pathlib.Path:
        self._made += 1
        return self._directory / f"{self._made}.lines"

    def _next_row(self) -> int:
        return self._one("SELECT coalesce(max(rowid) + 1, 0) FROM records")

    def _one(self, query: str, *values: int) -> int:
        found = self._connection.execute(query, list(values)).fetchone()
        return int(found[0]) if found else 0


def _is_plain(line: bytes) -> bool:
    """Whether DuckDB reads a line as it is."""
    if not line.endswith(b"\n") or line == b"\n" or b"\0" in line or b"\r" in line:
        return False
    if line.isascii():
        return True
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _text_of(data: Any) -> str:
    # Half of a pair of surrogates is no text for a database.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _cell_of(value: Any) -> Any:
    return _text_of(value) if isinstance(value, dict | list) else value


def _insert_of(kind: Kind) -> str:
    spec = json.dumps(_COLUMNS[kind])
    return f"""INSERT INTO {OTHER_TABLES[kind]} SELECT unnest(whole)
        FROM (SELECT json_transform(line, '{spec}') AS whole FROM {{lines}})"""  # noqa: S608 - ours
