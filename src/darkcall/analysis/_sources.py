"""Which files are meant: each once, by whatever name it was given."""

from __future__ import annotations

import glob
import os
import pathlib
import stat
from typing import TYPE_CHECKING

import attrs

from darkcall._errors import ConfigurationError


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINES = (".jsonl", ".jsonl.gz")
_DATABASES = (".db", ".sqlite", ".sqlite3")
_GZ = ".gz"


@attrs.frozen
class File:
    """A file to be read.

    Attributes:
        path: Where it is.
        nbytes: Its size when it was found.
    """

    path: pathlib.Path
    nbytes: int


def files_of(sources: Iterable[str | os.PathLike[str]]) -> list[File]:
    """Find the files that sources mean.

    Args:
        sources: Files, directories, and patterns of either as text, with ``*``, ``?``, ``[...]``
            and ``**``.  Of a directory, the files of lines and the databases are meant.

    Returns:
        The files, each once; one that is there compressed and as it was, once.

    Raises:
        ConfigurationError: A source does not exist, or cannot be looked at.
    """
    found: dict[tuple[int, int], File] = {}
    for source in sources:
        for path in _paths_of(source):
            try:
                status = path.stat()
            except OSError:
                # Its writer compressed or removed it just now; the reader will see which.
                found[-1, len(found)] = File(path, 0)
                continue
            found.setdefault((status.st_dev, status.st_ino), File(path, status.st_size))
    return _without_copies(list(found.values()))


def _without_copies(files: list[File]) -> list[File]:
    # Of a file that is there in both forms, the compressed one may be cut off.
    plain = {_true_name(file.path) for file in files}
    return [
        file
        for file in files
        if not file.path.name.endswith(".jsonl" + _GZ)
        or _true_name(file.path).removesuffix(_GZ) not in plain
    ]


def _true_name(path: pathlib.Path) -> str:
    return os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 - as text


def _paths_of(source: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    try:
        path = pathlib.Path(source)
        mode = path.stat().st_mode
    except (OSError, TypeError, ValueError) as error:
        matches = _matches_of(source)
        if not matches:
            why = error.strerror if isinstance(error, OSError) else error
            raise ConfigurationError(f"source={source!r} cannot be read: {why}") from None
        for match in matches:
            yield from _files_at(match)
        return
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        # To open a pipe is to wait for its writer.
        raise ConfigurationError(f"source={source!r} must be a file or a directory")
    try:
        yield from _files_at(path)
    except OSError as error:
        raise ConfigurationError(f"source={source!r} cannot be read: {error.strerror}") from None


def _matches_of(source: object) -> list[pathlib.Path]:
    """What a pattern fits; a name that exists is none, whatever it is made of."""
    if not isinstance(source, str) or "\0" in source or not glob.has_magic(source):
        return []
    return [pathlib.Path(match) for match in sorted(glob.glob(source, recursive=True))]  # noqa: PTH207


def _files_at(path: pathlib.Path) -> list[pathlib.Path]:
    if not path.is_dir():
        return [path] if path.is_file() else []
    with os.scandir(path) as entries:
        names = sorted(entry.name for entry in entries if entry.is_file())
    return [path / name for name in names if name.endswith(_LINES + _DATABASES)]
