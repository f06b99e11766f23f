"""``capture``: the records of a block, as a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from ._watching import Watching


if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from darkcall._model import Record
    from darkcall._policy import Knobs


def capture(**knobs: Unpack[Knobs]) -> AbstractContextManager[list[Record]]:
    """Collect the records of all calls in a block.

    Each call of each launch is shadowed, on whatever thread or event loop, and its candidates
    have run and are compared when it returns: there is nothing to flush, and the same calls give
    the same records.  No other sink gets them.  That holds for the whole process: calls that other
    threads make meanwhile are among them.

    Launches that are paused stay so, and ``set_enabled(False)`` inside of the block holds.

    Args:
        **knobs: Knobs that launches have meanwhile, whatever they were given by themselves:
            ``keep="everything"``, say.  Where nothing else is said, ``sample`` is 1.0,
            ``timeout`` and ``max_copy_seconds`` are None, ``noise`` is 0.0 and ``confirm`` is
            False: none depends on chance or on the clock.  Not ``sinks`` and ``runner``, and none
            of the bounds on what waits (``when_full``, ``cpu_budget``, ``max_pending``,
            ``max_pending_bytes``, ``max_stuck``): nothing waits.

    Returns:
        A context manager, for one block; it gives a list, which grows with each call.

    Raises:
        TypeError: There is no such knob.
        ConfigurationError: A knob cannot have that value; or, where the block begins,
            ``DARKCALL=off`` is set.

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
    return _Capture(knobs)


class _Capture:
    def __init__(self, knobs: Mapping[str, object]) -> None:
        self._records: list[Record] = []
        self._watching = Watching("capture", knobs, self._records.append)

    def __enter__(self) -> list[Record]:
        self._watching.open()
        return self._records

    def __exit__(self, *_exc: object) -> None:
        self._watching.close()
