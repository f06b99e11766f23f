"""The command line: what is typed, what is printed, how it ends.

In scope: words and options, exit codes, pipes and interrupts.  Not in scope: what the answers are
(:mod:`darkcall.analysis`) and how they look (``darkcall.analysis._terminal``).
"""

from __future__ import annotations

import contextlib
import pathlib
import sys
import traceback
from typing import TYPE_CHECKING, Any, Final

import typer

from darkcall._errors import ConfigurationError
from darkcall._text import one_line

from ._commands import app


if TYPE_CHECKING:
    from collections.abc import Sequence

#: Nothing was answered: what was typed makes no sense, or something went wrong.
ERROR: Final = 3
INTERRUPTED: Final = 130

# Typer has no public name for what its parser raises of a wrong word.
_UsageError: Final = typer.BadParameter.__bases__[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The words after the command's name; those of the process by default.

    Returns:
        The exit status: 0 if all is well, that of ``judge`` and ``demo``, 3 after an error, 130
        after an interrupt.
    """
    words = None if argv is None else list(argv)
    try:
        return app(args=words, prog_name="darkcall", standalone_mode=False) or 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseException as error:  # noqa: BLE001 -- 1, which Python would end with, says NOT_READY
        *usage, message = _told(error)
        # Nobody is left to be told where that fails.
        with contextlib.suppress(OSError, AttributeError):
            sys.stderr.write("".join(f"{line}\n" for line in usage))
            sys.stderr.write(f"darkcall: {one_line(message)}\n")
        return ERROR


def _told(error: BaseException) -> list[str]:
    if isinstance(error, _UsageError):
        return _usage(error)
    if isinstance(error, ConfigurationError):
        return [str(error)]
    if isinstance(error, ModuleNotFoundError):
        return [f'this needs {error.name}: pip install "darkcall[report]"']
    if isinstance(error, OSError):
        return [f"{error.filename or 'standard output'}: {error.strerror or error}"]
    return [f"{_place_of(error)}: unexpected {type(error).__name__}: {error}"]


def _usage(error: Any) -> list[str]:
    message, context = error.format_message(), error.ctx
    if context is None:
        return [message]
    return [context.get_usage(), f"{message} (see {context.command_path} --help)"]


def _place_of(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{pathlib.Path(last.filename).name}:{last.lineno}"
