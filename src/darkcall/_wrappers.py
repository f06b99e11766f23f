"""The decorated function itself, one wrapper for each kind of control.

An ordinary function or method gets a plain function: it binds, pickles and introspects
by itself, and it is faster than a proxy.  What a plain function cannot stand for
(partials, builtins, callable objects) gets a proxy of wrapt.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

from . import _call


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._launch import Launch

#: Where the decorated function keeps its launch.
ATTRIBUTE = "__darkcall_launch__"


def calling(  # noqa: C901 -- each try guards one step of the call
    launch: Launch, control: Callable[..., Any]
) -> Callable[..., Any]:
    """Make the function that runs a control, and its candidates in the dark.

    Args:
        launch: The launch of a control that is not async.
        control: What runs the control.

    Returns:
        A function that takes, returns and raises what the control does.
    """
    # Not looked up at the call: an interpreter that exits takes the modules apart, and
    # there may be calls after that.
    clock, choose, begin = time.perf_counter, _call.choose, _call.begin
    admit, hand_over = _call.admit, _call.hand_over
    counts_as_lost = launch._lost.append

    def dark(*args: Any, **kwargs: Any) -> Any:  # noqa: C901 -- as above
        try:
            terms = choose(launch, args, kwargs)
        except Exception:  # noqa: BLE001 -- as that the stack ends: the control may need less
            launch._counts.unsampled.add()
            terms = None
        if terms is None:
            return control(*args, **kwargs)
        counts = launch._counts
        entries: _call.Entries = []
        try:
            begin(launch, entries)
            admission = admit(launch, terms, entries, args, kwargs)
        except BaseException as fault:
            counts_as_lost((counts, entries, type(fault)))
            if not issubclass(type(fault), Exception):
                raise
            admission = None
        if admission is None:
            return control(*args, **kwargs)
        try:
            began = clock()
            result = control(*args, **kwargs)
        except Exception as error:
            try:
                hand_over(launch, admission, entries, began, error=error)
            except BaseException as fault:
                counts_as_lost((counts, entries, type(fault)))
                if not issubclass(type(fault), Exception):
                    raise
            raise
        except BaseException as interrupt:
            counts_as_lost((counts, entries, type(interrupt)))
            raise
        try:
            hand_over(launch, admission, entries, began, result=result)
        except BaseException as fault:
            counts_as_lost((counts, entries, type(fault)))
            if not issubclass(type(fault), Exception):
                raise
        return result

    return dark


def awaiting(  # noqa: C901 -- each try guards one step of the call
    launch: Launch, control: Callable[..., Any]
) -> Callable[..., Any]:
    """Make the coroutine function that awaits a control; as ``calling`` does.

    Args:
        launch: The launch of an async control.
        control: What runs the control.

    Returns:
        A coroutine function.
    """
    # Imported when needed: asyncio is slow to import.
    from .runners import loop  # noqa: PLC0415

    clock, choose, begin = time.perf_counter, _call.choose, _call.begin
    must_wait = _call.must_wait
    admit, hand_over = _call.admit, _call.hand_over
    counts_as_lost = launch._lost.append

    async def dark(*args: Any, **kwargs: Any) -> Any:
        try:
            terms = choose(launch, args, kwargs)
        except Exception:  # noqa: BLE001 -- as above
            launch._counts.unsampled.add()
            terms = None
        if terms is None:
            return await control(*args, **kwargs)
        counts = launch._counts
        entries: _call.Entries = []
        try:
            begin(launch, entries)
            while must_wait(launch, terms) and loop.current() is not None:
                await loop.sleep(_call.ROOM_SECONDS)
            admission = admit(launch, terms, entries, args, kwargs, may_block=False)
        except BaseException as fault:
            counts_as_lost((counts, entries, type(fault)))
            if not issubclass(type(fault), Exception):
                raise
            admission = None
        if admission is None:
            return await control(*args, **kwargs)
        try:
            began = clock()
            result = await control(*args, **kwargs)
        except Exception as error:
            await finish(admission, entries, began, error=error)
            raise
        except BaseException as interrupt:
            counts_as_lost((counts, entries, type(interrupt)))
            raise
        await finish(admission, entries, began, result=result)
        return result

    async def finish(
        admission: _call.Admission, entries: _call.Entries, began: float, **did: Any
    ) -> None:
        try:
            hand_over(launch, admission, entries, began, loop=loop.current(), **did)
            if admission.terms.runner.is_inline:
                await loop.finish()
        except BaseException as fault:
            counts_as_lost((admission.counts, entries, type(fault)))
            if not issubclass(type(fault), Exception):
                raise

    return dark


def as_function(launch: Launch, *, is_async: bool) -> Callable[..., Any]:
    """Wrap an ordinary function or coroutine function in another.

    Args:
        launch: Its launch.
        is_async: Whether it is a coroutine function.

    Returns:
        A function that looks like the control to whoever inspects it.
    """
    make = awaiting if is_async else calling
    # Without a __signature__ of its own: functools.wraps around a bound method would copy
    # it, self included, and inspect would not evaluate annotations that are text.
    dark = functools.wraps(launch.control)(make(launch, launch.control))
    setattr(dark, ATTRIBUTE, launch)
    return dark


def as_proxy(launch: Launch, *, is_async: bool) -> Callable[..., Any]:
    """Wrap any other callable in a proxy of its own type.

    Args:
        launch: Its launch.
        is_async: Whether calling it gives a coroutine.

    Returns:
        A proxy: what is not the call goes to the control.
    """
    # Imported when needed: wrapt is slow to import, and most programs never get here.
    from ._proxy import DarkProxy  # noqa: PLC0415

    make = awaiting if is_async else calling
    control = launch.control
    method = DarkProxy(launch, make(launch, functools.partial(_call_bound, control)))
    dark = make(launch, control)
    # Some frameworks look at the signature of __call__ instead of the object's.
    if launch._signature is not None:
        dark.__signature__ = launch._signature  # type: ignore[attr-defined]
    return DarkProxy(launch, dark, method)


def _call_bound(control: Any, instance: Any, /, *args: Any, **kwargs: Any) -> Any:
    # What is wrapped by wrapt does not treat an instance as it does a first argument.
    return control.__get__(instance, type(instance))(*args, **kwargs)
