"""Flush, close, exit and fork: what holds for the process as a whole."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from . import _config, _guard, _report
from ._dark import is_dark
from ._policy import checked_seconds
from .sinks._outlet import close_all, flush_all


if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from .runners import Runner

#: How long the process waits at its exit, in seconds.
CLOSE_SECONDS = 2.0
#: What it is given at the least to log what went wrong, in seconds.
TELLING_SECONDS = 0.2

_installing = threading.Lock()
_is_installed = False
_child: _Child | None = None


def install_hooks() -> None:
    """Have the process deliver what is pending when it exits, and start anew in a fork."""
    global _is_installed  # noqa: PLW0603 -- once for the process
    with _installing:
        if _is_installed:
            return
        _is_installed = True
    atexit.register(close, CLOSE_SECONDS)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_follow_multiprocessing, after_in_child=_after_fork)
    _follow_multiprocessing()


class _Child:
    """What multiprocessing hangs the hook of a child process on."""


def _follow_multiprocessing() -> None:
    """Have child processes deliver, too: they end without the hooks of atexit."""
    global _child  # noqa: PLW0603 -- once for the process
    util: Any = sys.modules.get("multiprocessing.util")
    if util is None or _child is not None:
        return
    _child = _Child()
    util.register_after_fork(_child, _deliver_at_the_end)
    if sys.modules["multiprocessing"].parent_process() is not None:
        _deliver_at_the_end(_child)


def _deliver_at_the_end(_child: _Child) -> None:
    util: Any = sys.modules["multiprocessing.util"]
    util.Finalize(None, close, args=(CLOSE_SECONDS,), exitpriority=10)


def flush(timeout: float | dt.timedelta = 5.0) -> bool:
    """Wait until every call that returned before is compared, and its records are written.

    Args:
        timeout: How long to wait, in seconds or as a timedelta.

    Returns:
        Whether all of it is done.  False at once inside a candidate or a sink, which
        would wait for itself.

    Raises:
        ConfigurationError: ``timeout`` is no duration.

    Example:
        >>> flush(timeout=1.0)
        True
    """
    seconds = checked_seconds("flush", timeout)
    if is_dark():
        return False
    deadline, resources = time.perf_counter() + seconds, _ready()
    is_done = _flush_runners(resources, deadline)
    is_done = flush_all(resources.outlets, _left(deadline)) and is_done
    _guard.tell_all(_left(deadline))
    return is_done


def _ready() -> _config.Resources:
    for launch in _config.launches():
        launch._settle_lost()
    return _config.resources()


def _flush_runners(resources: _config.Resources, deadline: float) -> bool:
    is_done = _flush_each(resources.runners, deadline)
    loop: Any = sys.modules.get("darkcall.runners.loop")
    if loop is not None:
        # What ended on a loop goes back to a runner to be compared.
        is_done = loop.flush(_left(deadline)) and is_done
        is_done = _flush_each(resources.runners, deadline) and is_done
    return is_done


def _flush_each(runners: Iterable[Runner], deadline: float) -> bool:
    is_done = True
    for runner in runners:
        is_done = runner.flush(_left(deadline)) and is_done
    return is_done


async def aflush(timeout: float | dt.timedelta = 5.0) -> bool:  # noqa: ASYNC109 -- flush's twin
    """Flush without blocking the event loop, on which async candidates run.

    Args:
        timeout: How long to wait, in seconds or as a timedelta.

    Returns:
        Whether all of it is done.

    Raises:
        ConfigurationError: ``timeout`` is no duration.

    Example:
        >>> import asyncio
        >>> asyncio.run(aflush(timeout=1.0))
        True
    """
    # Imported when needed: asyncio is slow to import.
    import asyncio  # noqa: PLC0415

    return await asyncio.to_thread(flush, timeout)


def close(timeout: float | dt.timedelta = CLOSE_SECONDS) -> bool:
    """Flush, then end all threads and close all sinks; what is not done is dropped.

    It is called at the exit of the process.  A call that comes later starts anew.

    Args:
        timeout: How long to wait for all of it, in seconds or as a timedelta.

    Returns:
        Whether nothing was dropped.

    Raises:
        ConfigurationError: ``timeout`` is no duration.

    Example:
        >>> close(timeout=1.0)
        True
    """
    seconds = checked_seconds("close", timeout)
    if is_dark():
        return False
    deadline, resources = time.perf_counter() + seconds, _ready()
    is_done = _flush_runners(resources, deadline)
    loop: Any = sys.modules.get("darkcall.runners.loop")
    if loop is not None:
        loop.close()
    for runner in resources.runners:
        is_done = runner.close(_left(deadline)) and is_done
    is_done = close_all(resources.outlets, time.monotonic() + _left(deadline)) and is_done
    _config.renew_outlets()
    _guard.tell_all(max(_left(deadline), TELLING_SECONDS))
    return is_done


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.perf_counter())


def _after_fork() -> None:
    """Start anew: no thread of the parent's is here, and what waited is the parent's."""
    global _installing  # noqa: PLW0603 -- its holder may be the parent's
    _installing = threading.Lock()
    _config.after_fork()
    _guard.reset()
    _report.after_fork()
    resources = _config.resources()
    for runner in resources.runners:
        runner.after_fork()
    for outlet in resources.outlets:
        outlet.after_fork()
    loop: Any = sys.modules.get("darkcall.runners.loop")
    if loop is not None:
        loop.after_fork()
    for launch in _config.launches():
        launch._after_fork()
