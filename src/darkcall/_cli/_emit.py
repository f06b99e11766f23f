"""Tests of what was recorded, and what no test could be written of."""

from __future__ import annotations

import pathlib
import sys
from typing import TYPE_CHECKING, Final

from darkcall._config import set_enabled
from darkcall._errors import ConfigurationError
from darkcall._text import one_line
from darkcall.analysis import read
from darkcall.analysis._words import counted
from darkcall.testing._emit import MARK, emit
from darkcall.testing._found import imported

from ._here import import_from_here
from ._out import kept_for_the_answer, write, write_document
from ._output_file import write_output


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from darkcall.testing._emit import Emitted

_NOTHING_WRITTEN: Final = 2
_MAX_NAMED: Final = 10


def emit_tests(
    records: Sequence[str],
    output: str,
    *,
    launch: str | None,
    functions: Sequence[str],
    limit: int | None,
) -> int:
    """Write tests, and say what became of each kind of mismatch.

    Args:
        records: Where they are.
        output: The file; ``-`` for standard output.
        launch: Only this launch.
        functions: Functions by name.
        limit: At most so many tests.

    Returns:
        The exit status.

    Raises:
        ConfigurationError: A function is not there, or the file cannot be written.
    """
    if output != "-":
        _refuse_what_is_not_ours(output)
    import_from_here()
    reading = read(*records)
    # What is imported may print, and call what is launched.
    with kept_for_the_answer(), set_enabled(False):
        emitted = emit(reading, [imported(one) for one in functions], launch=launch, limit=limit)
    where = "standard output"
    if emitted.tests and output == "-":
        write_document(emitted.code)
    elif emitted.tests:
        where = str(write_output(emitted.code, output, option="--output"))
    lines = [f"no test of {sentence}" for sentence in emitted.left_out]
    if emitted.tests:
        lines.append(f"{counted(len(emitted.tests), 'test')} written to {where}")
        lines += _passing(emitted)
    else:
        of = f" of {one_line(launch)}" if launch else ""
        why = "none could be written" if emitted.left_out else f"no mismatches{of} to write them of"
        lines.append(f"no tests: {why}, in {counted(reading.records, 'record')}")
    told = "".join(f"{line}\n" for line in lines)
    if output == "-":
        sys.stderr.write(told)
    else:
        write(told)
    return 0 if emitted.tests else _NOTHING_WRITTEN


def _passing(emitted: Emitted) -> Iterator[str]:
    names = emitted.passing
    if names:
        verb = "passes" if len(names) == 1 else "pass"
        more = (
            f" and {counted(len(names) - _MAX_NAMED, 'other')}" if len(names) > _MAX_NAMED else ""
        )
        of = f"{len(names)} of {counted(len(emitted.tests), 'test')}"
        yield f"{of} {verb} today: {', '.join(names[:_MAX_NAMED])}{more}"


def _refuse_what_is_not_ours(name: str) -> None:
    path = pathlib.Path(name)
    try:
        # In a pipe or a device there is nothing to overwrite, and to read it may take forever.
        if path.exists() and not (path.is_file() or path.is_dir()):
            return
        with path.open("rb") as file:
            start = file.read(len(MARK))
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"--output={name!r} cannot be written: {why}") from None
    if start != MARK.encode():
        raise ConfigurationError(
            f"--output={name!r}: darkcall emit did not write that file: choose another name"
        )
