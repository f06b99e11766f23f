"""Records, totals and rollups in files, one JSON document a line."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from typing import TYPE_CHECKING

from darkcall import _guard, _threads
from darkcall._storage import MAX_LINE_BYTES

from . import _folder
from ._checks import flag, whole_number
from ._face import cause_of
from ._line import line_for
from ._place import make_directory, path_of


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from darkcall._model import Record
    from darkcall._rollup import Rollup
    from darkcall._totals import Totals

_DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class JsonlSink:
    r"""Append records to files in a directory, one JSON document a line.

    Each process writes files of its own, which only their owner may read.  A record is
    in its file when :func:`darkcall.flush` returns, and stays there if the process is
    killed; a kill in the middle of a write cuts the last line of the last file.  A line
    is at most 32 KB long: a longer record loses its values, and says so in its field
    ``truncated``.

    Args:
        directory: Where the files are; made, for its owner alone, if it does not exist.
        max_bytes: The size at which a file is finished and the next one begun, in bytes.
        max_files: How many files the directory may hold, those of other processes
            included: the oldest ones that nobody writes are removed.  None: no limit.
        compress: Whether finished files are gzipped.

    Raises:
        ConfigurationError: An option has a value that it cannot take.

    Example:
        >>> import pathlib
        >>> from darkcall._model import Record
        >>> sink = JsonlSink("records")
        >>> sink(Record("call-1", "shop.price", "v2", "match", 1.5, "host", 7, 0.1))
        >>> [file] = pathlib.Path("records").iterdir()
        >>> file.read_text()
        '{"schema":1,"call_id":"call-1","launch":"shop.price",..."control_seconds":0.1}\n'
        >>> sink.close()
    """

    takes_totals = True

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        max_bytes: int = 64 << 20,
        max_files: int | None = None,
        compress: bool = False,
    ) -> None:
        self._directory = path_of("directory", directory)
        self._max_bytes = whole_number("max_bytes", max_bytes, least=MAX_LINE_BYTES)
        self._max_files = (
            None if max_files is None else whole_number("max_files", max_files, least=1)
        )
        self._compress = flag("compress", compress)
        if compress:
            _folder.prepare_to_compress()
        self._descriptor: int | None = None
        self._begin_files_of_this_process()

    def _begin_files_of_this_process(self) -> None:
        # A process id comes again after a while, or on another machine: a token does not.
        self._token = secrets.token_hex(4)
        self._pid = os.getpid()
        self._lock = _threads.Lock()
        self._number = 0
        self._path = self._directory
        self._file: tuple[int, int] | None = None
        self._size = 0
        self._ends_torn = False
        self._left = b""

    def __call__(self, record: Record | Totals | Rollup) -> None:
        """Append a record, totals or a rollup.

        Raises:
            OSError: It could not be written.
        """
        self.after_fork()
        line = line_for(record)
        # A thread that was left behind may come back while its successor writes.
        with self._lock:
            self._write(line, record.host)

    def write_batch(self, records: Sequence[Record | Totals | Rollup]) -> int:
        """Append records, as many at once as 32 KB hold.

        Returns:
            How many were written; why others were not is in the log.
        """
        self.after_fork()
        written = 0
        for lines in self._chunks(records):
            written += len(lines)
            with self._lock:
                try:
                    self._write(b"".join(lines), records[0].host)
                except Exception as error:  # noqa: BLE001 -- the other chunks are to be tried, too
                    self._tell(error)
                    written -= min(self._left.count(b"\n"), len(lines))
        return written

    def _chunks(self, records: Sequence[Record | Totals | Rollup]) -> Iterator[list[bytes]]:
        lines: list[bytes] = []
        nbytes = 0
        for record in records:
            try:
                line = line_for(record)
            except Exception as error:  # noqa: BLE001 -- one record is not to take others with it
                self._tell(error)
                continue
            nbytes += len(line)
            if nbytes > MAX_LINE_BYTES:
                yield lines
                lines, nbytes = [], len(line)
            lines.append(line)
        if lines:
            yield lines

    def _tell(self, error: Exception) -> None:
        _guard.fault(f"writing to JsonlSink{cause_of(error)}", error)

    def _write(self, lines: bytes, host: str) -> None:
        self._left = lines
        is_full = bool(self._size) and self._size + len(lines) > self._max_bytes
        if is_full or not self._has_its_descriptor():
            self._finish()
        self._append(lines, host)
        if self._was_removed():
            self._let_go()
            self._append(lines, host)

    def _opens_again(self) -> bool:
        # To compress takes its time, for which the exit has to wait.
        return not self._compress

    def close(self) -> None:
        """Finish the file; the next record begins another."""
        self.after_fork()
        with self._lock:
            self._finish()

    def _finish(self) -> None:
        path, is_open = self._path, self._descriptor is not None
        self._let_go()
        if is_open and self._compress:
            try:
                _folder.compress(path)
            except OSError as error:
                _guard.fault(f"compressing a file of JsonlSink{cause_of(error)}", error)

    def after_fork(self) -> None:
        """Leave the parent's file to the parent, in a forked child."""
        if self._pid != os.getpid():
            self._let_go()
            self._begin_files_of_this_process()

    def _append(self, lines: bytes, host: str) -> None:
        self._left = lines
        if self._descriptor is None:
            self._descriptor = self._opened(host)
        # What a full disk left of the line before must not spoil this one.
        if self._ends_torn:
            self._left = b"\n" + lines
        try:
            while self._left:
                written = os.write(self._descriptor, self._left)
                self._size += written
                self._left = self._left[written:]
                self._ends_torn = bool(self._left)
        except OSError as error:
            # A full disk takes up again where it stopped; of others, nobody knows.
            if error.errno not in _DISK_IS_FULL:
                self._give_up()
            raise

    def _opened(self, host: str) -> int:
        make_directory(self._directory)
        self._number += 1
        host = re.sub(r"[^A-Za-z0-9._]", "_", host[:60])
        name = f"darkcall-{host}-{os.getpid()}-{self._token}-{self._number:06}.jsonl"
        self._path = self._directory / name
        descriptor = _folder.create(self._path)
        self._file = _folder.identity_of(descriptor)
        _folder.mark_as_open(descriptor)
        if self._max_files is not None:
            with contextlib.suppress(OSError):
                _folder.remove_oldest(self._directory, keep=self._max_files)
        return descriptor

    def _was_removed(self) -> bool:
        if self._descriptor is None or os.fstat(self._descriptor).st_nlink:
            return False
        # Some file systems count no links at all.
        return not self._path.exists()

    def _give_up(self) -> None:
        path, is_empty = self._path, not self._size
        self._let_go()
        # Or each attempt would leave a file.
        if is_empty:
            with contextlib.suppress(OSError):
                path.unlink()

    def _let_go(self) -> None:
        # In this order: a fork in between must not find a descriptor that is closed.
        is_to_close = self._has_its_descriptor()
        descriptor, self._descriptor = self._descriptor, None
        self._size = 0
        self._ends_torn = False
        if descriptor is not None and is_to_close:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _has_its_descriptor(self) -> bool:
        # Daemons close whatever is open, and the number may be another file's then.
        descriptor = self._descriptor
        return descriptor is None or _folder.identity_of(descriptor) == self._file

    def __repr__(self) -> str:
        return f"<JsonlSink {str(self._directory)!r}>"
