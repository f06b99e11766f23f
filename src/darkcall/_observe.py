"""Step 6: run a candidate in the dark, in the call's context, and see what it does."""

from __future__ import annotations

import sys
import time
import types
from typing import TYPE_CHECKING, Any

from ._dark import DARK, in_this_process
from ._model import Observation


if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from contextvars import Context

    Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def observe(
    function: Callable[..., Any],
    arguments: Arguments,
    context: Context,
    *,
    swallows: type[BaseException],
) -> Observation:
    """Call a candidate.

    Args:
        function: The candidate.
        arguments: Its arguments, which it may do anything with.
        context: The caller's context variables; the candidate sees them, and what it
            changes is not seen outside.
        swallows: What it may raise without ending this thread's work.

    Returns:
        What it did.
    """
    args, kwargs = arguments
    value = exception = None
    cpu_began, began = time.thread_time(), time.perf_counter()
    try:
        run = context.copy().run
        value = in_this_process(run, _call_in_the_dark, function, args, kwargs)
    except swallows as error:
        exception = error.with_traceback(None)
    seconds = time.perf_counter() - began
    cpu_seconds = time.thread_time() - cpu_began
    # By type: a value may fail, or lie, when it is asked for its class.
    if type(value) is types.CoroutineType:
        # Nobody will await it; Python would warn of that in the user's log.
        value.close()
    try:
        return Observation(value, exception, seconds, cpu_seconds)
    finally:
        # The tracebacks of what it was raised from lead to this frame: a cycle if it stayed.
        del value, exception


def _call_in_the_dark(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    _go_dark()
    return function(*args, **kwargs)


def _go_dark() -> None:
    DARK.set(True)
    decimal: Any = sys.modules.get("decimal")
    if decimal is not None:
        # A copied context holds the caller's own decimal context, which can change.
        decimal.setcontext(decimal.getcontext().copy())


async def observe_async(
    function: Callable[..., Awaitable[Any]], arguments: Arguments
) -> Observation:
    """Await a candidate, in a task of its own.

    Args:
        function: The candidate.
        arguments: Its arguments, which it may do anything with.

    Returns:
        What it did.

    Raises:
        CancelledError: The task was cancelled from outside.
    """
    from asyncio import CancelledError  # noqa: PLC0415 -- slow to import

    _go_dark()
    value: Any = None
    exception: BaseException | None = None
    meter = _StepTimes()
    args, kwargs = arguments
    began = time.perf_counter()
    try:
        value = await _metered(function(*args, **kwargs), meter)
    except GeneratorExit:
        raise
    except CancelledError as error:
        if _is_being_cancelled():
            raise
        exception = error.with_traceback(None)
    except BaseException as error:  # noqa: BLE001 -- SystemExit would end the loop
        exception = error.with_traceback(None)
    try:
        return Observation(value, exception, time.perf_counter() - began, meter.cpu_seconds)
    finally:
        # As above.
        del value, exception


def _is_being_cancelled() -> bool:
    # Not where the error passes: the task keeps that, its traceback the frame, and a
    # variable there the task.
    from asyncio import current_task  # noqa: PLC0415 -- slow to import

    task = current_task()
    return task is not None and task.cancelling() > 0


class _StepTimes:
    cpu_seconds = 0.0


@types.coroutine
def _metered(awaitable: Awaitable[Any], meter: _StepTimes) -> Generator[Any, Any, Any]:
    """Await, and add up the CPU time of the steps: a loop's thread does other work too."""
    steps: Any = awaitable.__await__()
    advance, given = steps.send, None
    while True:
        began = time.thread_time()
        try:
            waiting_for = advance(given)
        except StopIteration as end:
            return end.value
        finally:
            meter.cpu_seconds += time.thread_time() - began
            # The traceback of an error that passes leads to this frame.
            given = None
        try:
            given = yield waiting_for
            advance = steps.send
        except BaseException as error:  # noqa: BLE001 -- the awaitable is to see it
            given, advance = error, steps.throw
