"""Where on the disk a sink writes."""

from __future__ import annotations

import os
import pathlib

from darkcall._errors import ConfigurationError


def path_of(name: str, value: object) -> pathlib.Path:
    """Return a path that keeps its meaning when the process changes directory.

    Raises:
        ConfigurationError: ``value`` is no path, or an empty one.
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise ConfigurationError(f"{name}={value!r} must be a path, as text or a pathlib.Path")
    return pathlib.Path(text).absolute()


def make_directory(path: pathlib.Path) -> None:
    """Make a directory that its owner alone may read, unless it is there.

    Raises:
        OSError: It cannot be made.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
