"""Flush or close several sinks at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._outlet import Outlet


def flush_all(outlets: Iterable[Outlet], timeout_seconds: float) -> bool:
    """Flush several sinks at once; one that hangs takes no time from the others.

    Args:
        outlets: The sinks' outlets.
        timeout_seconds: How long to wait at most for all of them together, in seconds.

    Returns:
        Whether every sink took and flushed what was offered before, in time.
    """
    deadline = time.monotonic() + timeout_seconds
    asked = [(outlet, outlet.ask("flush", deadline)) for outlet in outlets]
    answers = [outlet.settle(request) for outlet, request in asked]
    return all(answers)


def close_all(outlets: Iterable[Outlet], deadline: float) -> bool:
    """Close several sinks at once; one that hangs takes no time from the others.

    Args:
        outlets: The sinks' outlets.
        deadline: When to stop waiting, on the clock of :func:`time.monotonic`.

    Returns:
        Whether every sink took what waited, and closed, in time; those that did not close
        are left behind.
    """
    asked = [(outlet, outlet.ask("close", deadline)) for outlet in outlets]
    answers = [outlet.settle(request) for outlet, request in asked]
    return all(answers)
