"""The files of a JSONL directory: their names, their number, their compression."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import sys


if sys.platform != "win32":  # pragma: no branch -- it depends on the machine
    import fcntl

_OURS = re.compile(r"darkcall-.+\.jsonl(\.gz|\.gz\.part)?")
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# O_EXCL refuses whatever stands there already, symbolic links included.
_CREATE = (
    os.O_CREAT
    | os.O_EXCL
    | os.O_WRONLY
    | os.O_APPEND
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_LAST_STANDARD_STREAM = 2


def create(path: pathlib.Path) -> int:
    """Create a file that its owner alone may read, and return its descriptor.

    Raises:
        OSError: It cannot be created, or is there already.
    """
    return _open(path, _CREATE)


def _open(path: pathlib.Path, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    if descriptor > _LAST_STANDARD_STREAM or sys.platform == "win32":
        return descriptor
    # The process has no such stream: what anybody prints must not end up in the file.
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _LAST_STANDARD_STREAM + 1)
    finally:
        os.close(descriptor)


def identity_of(descriptor: int) -> tuple[int, int] | None:
    """Tell which file a descriptor leads to, at the moment; None if to none."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def mark_as_open(descriptor: int) -> None:
    """Let other processes see, as long as it is open, that a file is being written."""
    # Windows does not let anybody remove an open file to begin with.
    if sys.platform != "win32":  # pragma: no branch -- it depends on the machine
        # Where a file system has no locks, the writer notices that its file is gone.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_open(path: pathlib.Path) -> bool:
    """Whether a process, this one included, has marked a file as open."""
    if sys.platform != "win32":  # pragma: no branch -- it depends on the machine
        descriptor = _open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


def remove_oldest(directory: pathlib.Path, *, keep: int) -> None:
    """Remove the oldest files of ours that nobody writes, until ``keep`` are left.

    Raises:
        OSError: The directory cannot be read.
    """
    ages = []
    with os.scandir(directory) as entries:
        for entry in entries:
            # Another process may remove files, too.
            with contextlib.suppress(OSError):
                if _OURS.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    age = entry.stat(follow_symlinks=False).st_mtime_ns
                    ages.append((age, pathlib.Path(entry.path)))
    excess = len(ages) - keep
    for _, path in sorted(ages):
        if excess <= 0:
            break
        with contextlib.suppress(OSError):
            if not is_open(path):
                path.unlink()
                excess -= 1


def prepare_to_compress() -> None:
    """Import what that takes: a fork in its middle would keep the child from importing it."""
    # Most directories are not compressed.
    import gzip  # noqa: F401, PLC0415
    import shutil  # noqa: F401, PLC0415


def compress(path: pathlib.Path) -> None:
    """Replace a file by its gzipped self; a kill in between leaves at least one of them.

    Raises:
        OSError: It cannot; the file is as it was.
    """
    import gzip  # noqa: PLC0415 -- as above
    import shutil  # noqa: PLC0415 -- as above

    part = path.with_name(f"{path.name}.gz.part")
    try:
        # The fastest level: records wait meanwhile.
        with (
            os.fdopen(_open(path, _READ), "rb") as source,
            os.fdopen(create(part), "wb") as raw,
            gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw) as target,
        ):
            shutil.copyfileobj(source, target, 1 << 18)
        part.replace(path.with_name(f"{path.name}.gz"))
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    path.unlink()
