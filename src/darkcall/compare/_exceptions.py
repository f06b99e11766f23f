"""Exceptions: as values, and as what the two sides raised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from darkcall._model import Difference
from darkcall._paths import render

from ._names import type_name


if TYPE_CHECKING:
    from collections.abc import Iterator

    from darkcall._paths import State, Step

    from ._walk import Child, Walk, Where

_MAX_EXCEPTIONS: Final = 100


def same_exception(control: BaseException, candidate: BaseException) -> list[Difference]:
    """Compare what the two sides raised: same class and same message.

    So are the explicit causes (``raise ... from``), and the exceptions of groups, in
    order. Notes, tracebacks and implicit contexts do not count. Of each chain or group
    the first hundred exceptions are looked at.

    Args:
        control: What the control raised.
        candidate: What the candidate raised.

    Returns:
        A list of differences, empty if the two are the same.

    Example:
        >>> same_exception(KeyError("a"), KeyError("a"))
        []
        >>> [found.kind for found in same_exception(KeyError("a"), KeyError("b"))]
        ['message']
    """
    return _compared(control, candidate, messages=True)


def same_exception_type(control: BaseException, candidate: BaseException) -> list[Difference]:
    """Compare the classes of what the two sides raised, and of the exceptions of groups.

    Args:
        control: What the control raised.
        candidate: What the candidate raised.

    Returns:
        A list of differences, empty if the classes are the same.

    Example:
        >>> same_exception_type(KeyError("a"), KeyError("b"))
        []
        >>> [found.kind for found in same_exception_type(KeyError("a"), OSError("a"))]
        ['exception']
    """
    return _compared(control, candidate, messages=False)


def _compared(
    control: BaseException, candidate: BaseException, *, messages: bool
) -> list[Difference]:
    found: list[Difference] = []
    waiting: list[tuple[tuple[Step, ...], Any, Any]] = [((), control, candidate)]
    seen = 0
    while waiting and seen < _MAX_EXCEPTIONS:
        seen += 1
        steps, x, y = waiting.pop()
        if x is y:
            continue
        if x is None or y is None or type(x) is not type(y):
            found.append(Difference(render(steps), "exception", x, y))
            continue
        if messages and (texts := (message_of(x), message_of(y)))[0] != texts[1]:
            found.append(Difference(render(steps), "message", *texts))
        if messages and len(steps) < _MAX_EXCEPTIONS:
            waiting.append(((*steps, "__cause__"), x.__cause__, y.__cause__))
        if isinstance(x, BaseExceptionGroup):
            inner = (x.exceptions, y.exceptions)
            if len(inner[0]) != len(inner[1]):
                found.append(Difference(render(steps), "length", *map(len, inner)))
            pairs = list(enumerate(zip(*inner, strict=False)))[:_MAX_EXCEPTIONS]
            waiting += [((*steps, "exceptions", i), *pair) for i, pair in reversed(pairs)]
    return found


def message_of(error: BaseException) -> str:
    """An exception's text; if that cannot be had, which exception prevented it.

    Example:
        >>> message_of(ValueError("no price"))
        'no price'
    """
    try:
        # Not the subclass of str that a __str__ may return.
        return str.__str__(str(error))
    except Exception as failure:  # noqa: BLE001 (user code)
        return f"<its text cannot be had: {type_name(type(failure))}>"


def exceptions(
    _walk: Walk, control: Any, candidate: Any, _where: Where, _state: State
) -> Iterator[Child]:
    """Compare two exceptions that were returned as values, or lie in values."""
    if isinstance(control, BaseExceptionGroup):
        yield "message", control.message, candidate.message
        yield "exceptions", control.exceptions, candidate.exceptions
    else:
        yield "args", control.args, candidate.args
    yield "__cause__", control.__cause__, candidate.__cause__
