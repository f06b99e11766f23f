"""Lines into the tables of a database, many at a time; each that is odd, with care."""

from __future__ import annotations

import collections
import gzip
import json
import sqlite3
import zlib
from typing import TYPE_CHECKING, Any

from darkcall._storage import MAX_LINE_BYTES

from . import _kinds, _lines, _proofs, _read, _rows
from ._record import NoRecordError, Reason, checked, parsed


if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    import duckdb

    from ._sources import File

#: Lines are handed over in files of about so many bytes.
PIECE_BYTES = 1 << 24
_ODD_AT_A_TIME = 1000

# No line that is JSON holds the character that would part it into columns.
_LINES_OF = """read_csv($paths, columns={'line': 'VARCHAR'}, auto_detect=false, header=false,
    delim='\x01', quote='', escape='', new_line='\\n', compression='none', ignore_errors=true,
    hive_partitioning=false, max_line_size=LONGEST, buffer_size=BUFFER)"""
_ROWS_OF = _LINES_OF.replace("LONGEST", "1048576").replace("BUFFER", "8388608")
_LONG_ROWS_OF = _LINES_OF.replace("LONGEST", "8388608").replace("BUFFER", "16777216")

_TOTALS = (
    "source", "launch", "at", "since", "host", "pid", "off", "nested", "unsampled", "shadowed",
    "candidates", "control_code", "sample_rate", "is_final",
)  # fmt: skip
_ROLLUP = (
    "source", "launch", "candidate", "began", "ended", "host", "pid", "sample_rate", "context",
    "is_mixed", "outcomes", "signatures", "reasons", "control_seconds", "candidate_seconds",
    "ratio", "cpu_seconds", "cpu_measured", "inputs", "inputs_counted",
)  # fmt: skip
_DEFAULTS: dict[str, Any] = {
    "is_final": False, "is_mixed": False, "signatures": {}, "reasons": {}, "control_seconds": {},
    "candidate_seconds": {}, "ratio": {}, "cpu_seconds": 0.0, "cpu_measured": 0, "inputs": [],
    "inputs_counted": 0,
}  # fmt: skip


class Bulk:
    """Fills the tables of a database with what stands in files.

    Args:
        connection: The database, with its tables.
        directory: Where files may be made for a while; its name has none of the characters
            that make a pattern.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, directory: pathlib.Path) -> None:
        self.skipped: collections.Counter[Reason] = collections.Counter()
        self._connection = connection
        self._directory = directory
        self._made = 0
        self._trusted: list[bytes] = []
        self._trusted_bytes = 0

    def take(self, files: list[File]) -> None:
        """Load some files: at once, if nothing is odd about them."""
        if files and not self._is_taken_at_once(files):
            for file in files:
                self.take_with_care(file.path)

    def take_with_care(self, path: pathlib.Path) -> None:
        """Load a file that may be compressed, a database, cut off, or gone."""
        try:
            if not path.name.endswith((".jsonl", ".jsonl.gz")) and _rows.is_database(path):
                self._take_rows(path)
            else:
                self._take_lines(path)
        except (OSError, EOFError, zlib.error, sqlite3.Error):
            self.skipped["unreadable"] += 1
        self.finish()

    def finish(self) -> None:
        """Load what was held back until there is more of it."""
        if not self._trusted:
            return
        path = self._new_path()
        path.write_bytes(b"".join(self._trusted))
        self._trusted.clear()
        self._trusted_bytes = 0
        lines = _LONG_ROWS_OF
        self._connection.execute(_proofs.TRUSTED.replace("{lines}", lines), {"paths": [str(path)]})
        path.unlink()

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
        """Load lines, if every byte is accounted for: no line was left out, none is read twice."""
        import duckdb  # noqa: PLC0415 - an extra

        start = self._next_row()
        texts = {"paths": list(map(str, paths))}
        try:
            self._connection.execute(_proofs.MATCHES.replace("{lines}", _ROWS_OF), texts)
        except duckdb.Error:
            taken = -1
        else:
            taken = self._one(
                "SELECT coalesce(sum(nbytes), 0) FROM records WHERE rowid >= $1", start
            )
        if taken != nbytes:
            self._connection.execute("DELETE FROM records WHERE rowid >= $1", [start])
            return False
        self._look_again(start)
        return True

    def _look_again(self, start: int) -> None:
        """Take the lines that are no matches as they are usually written; at last, one by one."""
        left = "FROM records WHERE rowid >= $start AND launch IS NULL"
        end = self._next_row()
        if not self._one(f"SELECT count(*) {left.replace('$start', '$1')}", start):
            return
        again = f"(SELECT body AS line {left} AND rowid < {end})"
        self._connection.execute(_proofs.RECORDS.replace("{lines}", again), {"start": start})
        odd = self._connection.cursor().execute(
            "SELECT body FROM records WHERE rowid >= $1 AND launch IS NULL", [end]
        )
        while rows := odd.fetchmany(_ODD_AT_A_TIME):
            for (text,) in rows:
                self._take_line(text.encode() + b"\n")
        self._connection.execute(
            "DELETE FROM records WHERE rowid >= $1 AND launch IS NULL", [start]
        )
        self.finish()

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
        for table in ("totals", "rollups"):
            for data in _rows.texts_in(path, table, self.skipped):
                self._take_data(data, "not_json")
        for record in _rows.records_in(path, self.skipped):
            self._trust(record)

    def _take_line(self, line: bytes, whole: bytes | None = None) -> None:
        text = (line if whole is None else whole).strip(b" \t\r\n")
        if len(line) > MAX_LINE_BYTES:
            self.skipped["too_long"] += 1
        elif text:
            self._take_data(text, "not_json" if line.endswith(b"\n") else "torn")

    def _take_data(self, text: bytes, broken: Reason) -> None:
        try:
            data = parsed(text)
            if type(data) is dict and "kind" in data:
                self._take_kind(_kinds.checked_kind(data))
            else:
                self._trust(checked(data))
        except NoRecordError as no:
            self.skipped[broken if no.reason == "not_json" else no.reason] += 1

    def _trust(self, record: dict[str, Any]) -> None:
        line = _text_of(record).encode() + b"\n"
        self._trusted.append(line)
        self._trusted_bytes += len(line)
        if self._trusted_bytes > PIECE_BYTES:
            self.finish()

    def _take_kind(self, data: dict[str, Any]) -> None:
        table, names = ("totals", _TOTALS) if data["kind"] == "totals" else ("rollups", _ROLLUP)
        row = [_cell_of(data.get(name, _DEFAULTS.get(name))) for name in names]
        places = ", ".join("?" * len(row))
        self._connection.execute(f"INSERT INTO {table} VALUES ({places})", row)  # noqa: S608 - ours

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
    if isinstance(value, dict | list):
        return _text_of(value)
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode()
    return value
