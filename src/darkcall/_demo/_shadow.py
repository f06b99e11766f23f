"""The dark launch itself."""

from __future__ import annotations

import contextvars
import itertools
import textwrap
from typing import TYPE_CHECKING, Final

from darkcall import Difference, dark_launch, flush

from ._rewrites import dedent_naive, dedent_rewrite


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from darkcall.sinks import Sink

    from ._docstrings import Docstring

    Dedent = Callable[[str], str]

CANDIDATES: Final = {"naive": dedent_naive, "rewrite": dedent_rewrite}
#: The launch on every docstring.
LAUNCH: Final = "demo.dedent"
FLUSH_SECONDS: Final = 60.0

place_of_docstring = contextvars.ContextVar("place_of_docstring", default="")


def launched(sink: Sink) -> Dedent:
    """Launch both rewrites beside ``textwrap.dedent``, as a batch job does.

    Args:
        sink: Where the records go.

    Returns:
        ``textwrap.dedent``, decorated.
    """
    launch = dark_launch(
        candidate=CANDIDATES,
        name=LAUNCH,
        compare=line_by_line,
        context=lambda _text: {"docstring": place_of_docstring.get()},
        # Every call is to be compared, however long it takes.
        when_full="block",
        cpu_budget=None,
        sinks=[sink],
    )
    return launch(textwrap.dedent)


def launched_as_in_production(sink: Sink) -> Dedent:
    """Launch both rewrites again, with the knobs as they are by default.

    Args:
        sink: Where the records go.

    Returns:
        ``textwrap.dedent``, decorated.
    """
    return dark_launch(candidate=CANDIDATES, name="demo.timed", sinks=[sink])(textwrap.dedent)


def shadow_all(dedent: Dedent, docstrings: Iterable[Docstring]) -> int:
    """Call the decorated function on each docstring, and wait until all is recorded.

    Args:
        dedent: The decorated function.
        docstrings: What to call it on.

    Returns:
        How many calls were made.
    """
    calls = 0
    for docstring in docstrings:
        place_of_docstring.set(docstring.place)
        dedent(docstring.text)
        calls += 1
    flush(FLUSH_SECONDS)
    return calls


def line_by_line(control: str, candidate: str) -> Iterator[Difference]:
    r"""Compare two texts so that a signature tells what went wrong, not where.

    Args:
        control: What ``textwrap.dedent`` returned.
        candidate: What a rewrite returned.

    Yields:
        A difference for each line that differs.

    Example:
        >>> [(found.path, found.kind) for found in line_by_line("a\n\nb", "a\n \n b")]
        [('$[1]', 'blank line'), ('$[2]', 'indentation')]
    """
    pairs = itertools.zip_longest(control.split("\n"), candidate.split("\n"))
    for index, (line, other) in enumerate(pairs):
        if line != other:
            yield Difference(f"$[{index}]", _kind_of(line, other), line, other)


def _kind_of(line: str | None, other: str | None) -> str:
    if line is None or other is None:
        return "extra" if line is None else "missing"
    if not line.strip() and not other.strip():
        return "blank line"
    return "indentation" if line.lstrip() == other.lstrip() else "text"
