"""Step 6: run a candidate in the dark, in the call's context, and see what it does."""

from __future__ import annotations

import sys
import time
import types
from typing import TYPE_CHECKING, Any

from ._dark import DARK, in_this_process
from ._model import Observation, ObservationDraft


if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from contextvars import Context

    from ._budget import ThreadTime

    Arguments = tuple[tuple[Any, ...], dict[str, Any]]


_clock = time.perf_counter
_new = object.__new__


def observe(
    function: Callable[..., Any],
    arguments: Arguments,
    context: Context,
    *,
    thread_time: ThreadTime,
    swallows: type[BaseException],
) -> Observation:
    """Call a candidate.

    Args:
        function: The candidate.
        arguments: Its arguments, which it may do anything with.
        context: The caller's context variables; the candidate sees them, and what it
            changes is not seen outside.
        thread_time: The CPU time of this thread.
        swallows: What it may raise without ending this thread's work.

    Returns:
        What it did.
    """
    args, kwargs = arguments
    value = exception = None
    began = _clock()
    cpu_began = thread_time.until(began)
    try:
        copied = context.copy()
        # Where there are no variables at all, the caller has no decimal context either.
        if copied:
            copied.run(_leave_the_callers_decimals)
        value = in_this_process(copied.run, _call_in_the_dark, function, args, kwargs)
    except swallows as error:
        exception = error.with_traceback(None)
    ended = _clock()
    cpu_seconds = thread_time.until(ended) - cpu_began
    # By type: a value may fail, or lie, when it is asked for its class.
    if type(value) is types.CoroutineType:
        # Nobody will await it; Python would warn of that in the user's log.
        value.close()
    observation: Any = _new(ObservationDraft)
    try:
        observation.value = value
        observation.exception = exception
        observation.duration_seconds = seconds = ended - began
        # Of what is told, more may be off than was used.
        is_possible = 0.0 <= cpu_seconds <= seconds
        observation.cpu_seconds = (
            cpu_seconds if is_possible else min(max(cpu_seconds, 0.0), seconds)
        )
        observation.__class__ = Observation
        return observation  # type: ignore[no-any-return]
    finally:
        # The tracebacks of what it was raised from lead to this frame: a cycle if it stayed.
        del value, exception, observation


def _call_in_the_dark(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    DARK.set(True)
    return function(*args, **kwargs) if kwargs else function(*args)


def _leave_the_callers_decimals() -> None:
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

    DARK.set(True)
    _leave_the_callers_decimals()
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
