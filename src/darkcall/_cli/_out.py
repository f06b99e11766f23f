"""What goes to standard output: whatever it is, and whoever has stopped reading it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console


if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

_STDOUT: Final = 1
_STDERR: Final = 2


def console() -> Console:
    """Make a console for standard output that takes nothing for markup."""
    return Console(file=sys.stdout, markup=False, emoji=False, highlight=False)


def say(content: RenderableType, *, wrap: bool = True) -> bool:
    """Print what Rich can print; without escape codes where nobody would understand them.

    Args:
        content: What to print.
        wrap: Whether lines that are too long are wrapped.

    Returns:
        Whether anybody reads it.
    """
    screen = console()
    with screen.capture() as captured:
        screen.print(content, soft_wrap=not wrap)
    text = captured.get()
    if not screen.is_terminal:
        # Rich fills tables up to their width: that is in the way of whoever pastes it.
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    return write(text)


def say_json(data: Any, *, indent: int | None = 2) -> bool:
    """Print a JSON document.

    Args:
        data: What :mod:`json` can write.
        indent: By how much to indent it; None for one line.

    Returns:
        Whether anybody reads it.
    """
    return write(f"{json.dumps(data, allow_nan=False, indent=indent)}\n")


def write(text: str) -> bool:
    """Print text, with escapes for characters that the encoding has not.

    Args:
        text: Any text.

    Returns:
        Whether anybody reads it.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.replace(" µs", " us").encode(encoding, "backslashreplace").decode(encoding)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _read_no_longer()
        return False
    return True


def write_document(text: str) -> bool:
    """Print what is read as UTF-8, in whatever encoding the rest would be.

    Args:
        text: The whole document.

    Returns:
        Whether anybody reads it.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    return write(text)


@contextlib.contextmanager
def kept_for_the_answer() -> Iterator[None]:
    """Have all that is printed meanwhile go to standard error, by child processes too."""
    stdout = sys.stdout
    with contextlib.redirect_stdout(sys.stderr), contextlib.ExitStack() as at_end:
        # Not where one of them is closed.
        with contextlib.suppress(OSError):
            kept = os.dup(_STDOUT)
            at_end.callback(os.close, kept)
            os.dup2(_STDERR, _STDOUT)
            at_end.callback(os.dup2, kept, _STDOUT)
        if stdout is not None:
            # What was printed to ``sys.__stdout__`` may still lie in there.
            at_end.callback(stdout.flush)
        yield


def _read_no_longer() -> None:
    """Have the rest go nowhere: the interpreter would try once more at its end, and complain."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
