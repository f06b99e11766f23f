"""A file, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import pathlib

from darkcall._errors import ConfigurationError


def write_output(text: str, name: str, *, option: str = "--html") -> pathlib.Path:
    """Write a file; whoever has it open sees the old one or the new one, never a part.

    Args:
        text: What is in it.
        name: The file.
        option: Where its name was typed.

    Returns:
        Its whole path.

    Raises:
        ConfigurationError: It cannot be written.
    """
    data = text.encode("utf-8", "backslashreplace")
    try:
        # What a link leads to is replaced, not the link.
        path = pathlib.Path(name).resolve()
        if path.exists() and not path.is_file() and not path.is_dir():
            # A pipe or a device: there is nothing to replace.
            path.write_bytes(data)
        else:
            _replace(path, data)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"{option}={name!r} cannot be written: {why}") from None
    return path


def _replace(path: pathlib.Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
