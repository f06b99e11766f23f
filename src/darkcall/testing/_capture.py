"""``capture``: the records of a block, as a list."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Unpack

from ._watching import watching


if TYPE_CHECKING:
    from collections.abc import Iterator

    from darkcall._model import Record
    from darkcall._policy import Knobs


@contextlib.contextmanager
def capture(**knobs: Unpack[Knobs]) -> Iterator[list[Record]]:
    """Collect the records of all calls in a block.

    Each call of each launch is shadowed, on whatever thread or event loop, and its candidates
    have run and are compared when it returns: there is nothing to flush, and the same calls give
    the same records.  No other sink gets them.  It holds for the whole process: calls that other
    threads make meanwhile are among them.

    Args:
        **knobs: Knobs that launches have meanwhile, whatever they were given by themselves:
            ``keep="everything"``, say.  All but ``sinks`` and ``runner``.

    Returns:
        A context manager that gives a list, which grows with each call.

    Raises:
        TypeError: There is no such knob.
        ConfigurationError: A knob cannot have that value, or ``DARKCALL=off`` is set.

    Example:
        >>> from darkcall import dark_launch
        >>> @dark_launch(candidate=lambda x: x + x, name="docs.double")
        ... def double(x):
        ...     return 2 * x
        >>> with capture() as records:
        ...     double(4)
        8
        >>> [(record.launch, record.outcome) for record in records]
        [('docs.double', 'match')]
    """
    records: list[Record] = []
    with watching(records.append, knobs, caller="capture"):
        yield records
