"""Flush, close, exit and fork: what holds for the process as a whole."""

from __future__ import annotations

import atexit
import importlib
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from . import _budget, _children, _config, _dark, _guard, _report, _telling, _threads, runners
from ._candidate import dropped_at_close
from ._dark import is_dark
from ._policy import checked_seconds
from .runners import ThreadRunner
from .sinks._together import close_all, flush_all


if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable

    from .runners import Runner

#: What a close is given at the least to log what went wrong, in seconds.
LOGGING_SECONDS: Final = 0.2

_leave_to_install = [True]


def install_hooks() -> None:
    """Have the process deliver what is pending when it exits, and start anew in a fork."""
    # Popping is one step, which a signal handler that decorates cannot come between.
    try:
        _leave_to_install.pop()
    except IndexError:
        return
    if getattr(threading, "_SHUTTING_DOWN", False):
        # The hook would come too late.
        _config.end()
    # Here, and not by whoever has a line to log: a fork in its middle would keep the child
    # from importing it.
    importlib.import_module("logging")
    atexit.register(close_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_follow_children, after_in_child=_after_fork)
    _follow_children()


def _follow_children() -> None:
    _children.follow(close_at_exit)


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
    _tell_totals(deadline)
    is_done = flush_all(resources.outlets, _left(deadline)) and is_done
    _guard.tell_all(_left(deadline))
    return is_done


def _ready() -> _config.Resources:
    for launch in _config.launches():
        launch._settle_lost()
    return _config.resources()


def _flush_runners(resources: _config.Resources, deadline: float) -> bool:
    is_done = _flush_work(resources, deadline)
    if any(launch.runs_again for launch in _config.launches()):
        # A control that runs again begins when the candidates have ended.
        is_done = _flush_work(resources, deadline) and is_done
    return is_done


def _flush_work(resources: _config.Resources, deadline: float) -> bool:
    is_done = _flush_each(resources.runners, deadline)
    loop = _loop()
    if loop is not None:
        # What ended on a loop goes back to a runner to be compared.
        is_done = loop.flush(_left(deadline)) and is_done
        is_done = _flush_each(resources.runners, deadline) and is_done
    return is_done


def _tell_totals(deadline: float, *, is_final: bool = False) -> None:
    _tell_of_those_there_are(deadline, is_final=is_final)
    _telling.tell_of_the_gone(is_closing=is_final)


def _tell_of_those_there_are(deadline: float, *, is_final: bool) -> None:
    # By itself: one that goes meanwhile is held here until it returns.
    for launch in _config.launches():
        launch._teller.tell(launch, _left(deadline), is_final=is_final)


def _loop() -> Any:
    """Give the module of async candidates, if there were any."""
    # In its package once it is imported as a whole, which another thread may be doing now.
    return getattr(runners, "loop", None)


def _flush_each(those: Iterable[Runner], deadline: float) -> bool:
    is_done = True
    for runner in those:
        is_done = _succeeds("flushing", runner, runner.flush, deadline) and is_done
    return is_done


def _succeeds(doing: str, runner: Runner, method: Callable[[float], bool], deadline: float) -> bool:
    try:
        return method(_left(deadline))
    except Exception as error:  # noqa: BLE001 -- a runner of the user's own
        _guard.fault(f"{doing} {type(runner).__qualname__}", error)
        return False


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


def close(timeout: float | dt.timedelta | None = None) -> bool:
    """Flush, then end all threads and close all sinks; what is not done is dropped.

    How many calls are dropped is logged.  A call that comes later starts anew.  At the
    exit of the process darkcall does the same by itself, and then nothing starts anew.

    Args:
        timeout: How long to wait for all of it, in seconds or as a timedelta; None for
            the ``close_timeout`` of ``configure``, which is 2.0 by default.

    Returns:
        Whether nothing was dropped.

    Raises:
        ConfigurationError: ``timeout`` is no duration.

    Example:
        >>> close(timeout=1.0)
        True
    """
    seconds = _config.close_seconds() if timeout is None else checked_seconds("close", timeout)
    if is_dark():
        return False
    return _close(seconds)


def close_at_exit() -> None:
    """Close, for good: calls that come later are plain calls."""
    _config.end()
    _close(_config.close_seconds(), for_good=True)


def _close(seconds: float, *, for_good: bool = False) -> bool:
    deadline, resources = time.perf_counter() + seconds, _ready()
    dropped_before = dropped_at_close.value
    _flush_runners(resources, deadline)
    is_done = _close_runners(resources, deadline, for_good=for_good)
    # What was dropped by now counts, and the sinks still take it.
    _tell_totals(deadline, is_final=True)
    is_done = _close_sinks(resources, deadline, for_good=for_good) and is_done
    if dropped := dropped_at_close.value - dropped_before:
        _guard.say(
            _guard.WARNING,
            f"calls that were not compared when darkcall closed: {dropped} (dropped: exit); "
            f"it had {seconds:g} s, configure(close_timeout=...) gives it more",
            key=object(),
        )
    _guard.tell_all(max(_left(deadline), LOGGING_SECONDS))
    if for_good:
        _guard.leave_handlers_behind()
    return is_done and not dropped


def _close_runners(resources: _config.Resources, deadline: float, *, for_good: bool) -> bool:
    loop = _loop()
    is_done = True
    try:
        if loop is not None:
            # Workers may be about to start a candidate.
            loop.shut()
            loop.close()
        ThreadRunner._is_shut = for_good
        for runner in resources.runners:
            is_done = _succeeds("closing", runner, runner.close, deadline) and is_done
    finally:
        # Whatever interrupts it: what comes later starts anew.
        if loop is not None and not for_good:
            loop.reopen()
    return is_done


def _close_sinks(resources: _config.Resources, deadline: float, *, for_good: bool) -> bool:
    try:
        return close_all(resources.outlets, time.monotonic() + _left(deadline))
    finally:
        # As above.
        if not for_good:
            _config.renew_outlets()


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.perf_counter())


def _after_fork() -> None:
    """Start anew: no thread of the parent's is here, and what waited is the parent's."""
    _dark.after_fork()
    _budget.after_fork()
    _threads.after_fork()
    ThreadRunner._is_shut = False
    _config.after_fork()
    _guard.reset()
    _report.after_fork()
    _telling.after_fork()
    for launch in _config.launches():
        launch._after_fork()
    loop = _loop()
    if loop is not None:
        loop.after_fork()
    resources = _config.resources()
    for outlet in resources.outlets:
        outlet.after_fork()
    for runner in resources.runners:
        try:
            runner.after_fork()
        except Exception as error:  # noqa: BLE001 -- a runner of the user's own
            _guard.fault(f"resetting {type(runner).__qualname__}", error)
