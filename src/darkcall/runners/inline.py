"""Run candidates on the caller's thread, one after the other: for tests."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from darkcall import _guard
from darkcall._dark import in_the_dark


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._work import Work


class InlineRunner:
    """Runs each candidate before the decorated function returns.

    The caller waits, so that a test can look at the records right after the call.  A
    deadline cannot interrupt a candidate here; it is told afterwards.

    Example:
        >>> from darkcall import configure, dark_launch
        >>> from darkcall.sinks import MemorySink
        >>> memory = MemorySink()
        >>> @dark_launch(candidate=lambda x: 2 * x, runner=InlineRunner(), sinks=[memory])
        ... def double(x):
        ...     return x + x
        >>> double(4)
        8
        >>> [record.outcome for record in memory.records]
        ['match']
    """

    is_inline = True

    def submit(self, work: Work) -> None:
        """Do the work now.

        Args:
            work: What is to be done.
        """
        try:
            in_the_dark(work.run, _Stopwatch())
        finally:
            _guard.drain()

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 -- nothing ever waits
        """Return True: no work is ever left.

        Args:
            timeout: Not needed.

        Returns:
            True.
        """
        return True

    close = flush

    def after_fork(self) -> None:
        """Do nothing: there is nothing to forget."""

    def __repr__(self) -> str:
        return "InlineRunner()"


class _Stopwatch:
    is_callers_thread = True

    def __init__(self) -> None:
        self._deadline = math.inf
        self._on_abandoned: Callable[[str], None] | None = None

    def start(
        self,
        seconds: float | None,
        on_abandoned: Callable[[str], None],
        interrupt: Callable[[], None] | None = None,  # noqa: ARG002 -- its runner runs all here
    ) -> None:
        self._deadline = math.inf if seconds is None else time.perf_counter() + seconds
        self._on_abandoned = on_abandoned

    def end(self) -> bool:
        if time.perf_counter() <= self._deadline or self._on_abandoned is None:
            return True
        self._on_abandoned("timeout")
        return False
