"""Whether this code runs in the dark: inside a candidate, a comparison or a sink."""

from __future__ import annotations

import os
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, TypeVar


if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: Another object in each process; to ask the system for the process takes six times as long.
_process = object()

DARK: ContextVar[object] = ContextVar("darkcall_dark", default=False)
#: Makes calls of decorated functions plain ones, and is not the dark.
_PLAINLY = "plainly"


def in_the_dark(function: Callable[..., T], *args: Any) -> T:
    """Call a function so that a call of a decorated function inside is a plain call.

    It runs in a copy of the context: there is nothing to set back, so no interrupt can
    come between and leave the thread in the dark.

    Args:
        function: What to call.
        *args: Its arguments.

    Returns:
        What it returns.

    Example:
        >>> in_the_dark(is_dark), is_dark()
        (True, False)
    """
    return copy_context().run(_call, function, args)


def _call(function: Callable[..., T], args: tuple[Any, ...]) -> T:
    DARK.set(True)
    return function(*args)


def plainly(function: Callable[..., T], *args: Any) -> T:
    """Call a function so that a call of a decorated function inside is a plain call.

    It does not run in the dark: for a control that is run by itself.

    Args:
        function: What to call.
        *args: Its arguments.

    Returns:
        What it returns.

    Example:
        >>> plainly(is_dark)
        False
    """
    return copy_context().run(_call_plainly, function, args)


def _call_plainly(function: Callable[..., T], args: tuple[Any, ...]) -> T:
    # To the wrapper, which asks at each call, anything that is true says enough.
    DARK.set(_PLAINLY)
    return function(*args)


def in_this_process(function: Callable[..., T], *args: Any) -> T:
    """Call a candidate or a sink; a child that it forks ends where it would come back.

    The child would otherwise go on as a second worker, with the call that is its parent's.

    Args:
        function: What to call.
        *args: Its arguments.

    Returns:
        What it returns.

    Example:
        >>> in_this_process(max, 1, 2)
        2
    """
    process = _process
    try:
        return function(*args)
    finally:
        if _process is not process:
            os._exit(0)


def after_fork() -> None:
    """Tell a forked child from its parent."""
    global _process  # noqa: PLW0603 -- one for the process
    _process = object()


def is_dark() -> bool:
    """Tell whether the code that asks runs inside a candidate.

    Use it to guard a side effect that the control has had already.  A thread that a
    candidate starts by itself does not inherit the answer; a task does.

    Returns:
        True inside a candidate, a comparison or a sink; False in ordinary code.

    Example:
        >>> is_dark()
        False
    """
    return DARK.get() is True
