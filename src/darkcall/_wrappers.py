"""The decorated function itself, one wrapper for each kind of control.

An ordinary function or method gets a plain function: it binds, pickles and introspects
by itself, and it is faster than a proxy.  What a plain function cannot stand for
(partials, builtins, callable objects) gets a proxy of wrapt.
"""

from __future__ import annotations

import functools
import random
import time
from typing import TYPE_CHECKING, Any

from . import _call
from ._dark import DARK


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._job import Job
    from ._launch import Launch
    from ._tally import Tally

#: pytest leaves the frames of this module out: what passes here was raised by the control, or is
#: what a test asked for.
__tracebackhide__ = True

#: Where the decorated function keeps its launch.
ATTRIBUTE = "__darkcall_launch__"


def calling(  # noqa: C901, PLR0915 -- each try guards one step of the call
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
    clock, is_dark, is_chosen = time.perf_counter, DARK.get, _call.is_chosen
    admit, hand_over, draw = _call.admit, _call.hand_over, random.random
    lost, only = launch._lost, launch.only_candidate

    def dark(*args: Any, **kwargs: Any) -> Any:  # noqa: C901, PLR0912, PLR0915 -- as above
        nonlocal lost
        # Any: where nothing passes, there are terms.
        terms: Any = launch._terms
        counts = launch._counts
        if terms is None:
            passing: Tally | None = counts.off
        elif is_dark():
            passing = counts.nested
        elif (terms.rate < 1.0 and draw() >= terms.rate) or (
            terms.sampler is not None and not is_chosen(launch, terms.sampler, args, kwargs)
        ):
            passing = counts.unsampled
        elif only is None or terms.blocks or lost:
            # What is lost may hold all of the places, and is settled where a call is admitted.
            passing = None
        else:
            gate = only.gate
            room = gate.room
            try:
                refusal = gate.refuses(clock()) if gate.shut_until else None
            except Exception:  # noqa: BLE001 -- where the stack ends; it is asked again below
                refusal = None
            if refusal is None and (not room.places or room.nbytes >= room.max_bytes):
                refusal = "full"
            passing = None if refusal is None else counts.refused[refusal]
        if passing is not None:
            for _ in passing:  # pragma: no branch -- it has no end
                break
            # Without an empty mapping to take apart, a call costs a tenth less.
            return control(*args, **kwargs) if kwargs else control(*args)
        jobs: list[Job] = []
        number: Any = None
        is_shadowed = False
        try:
            # Known before anything can strike.
            for number in counts.shadowed:  # noqa: B007  # pragma: no branch -- it has no end
                break
            is_shadowed = admit(launch, terms, jobs, number, args, kwargs)
        except BaseException as fault:
            # Not by a call: where the stack ends there may be no room for one.
            causes: list[type[BaseException]] = [Exception]
            lost += ((counts, jobs, number, causes),)
            causes[0] = type(fault)
            if not issubclass(type(fault), Exception):
                raise
        if not is_shadowed:
            return control(*args, **kwargs)
        try:
            began = clock()
            result = control(*args, **kwargs) if kwargs else control(*args)
        except Exception as error:
            try:
                hand_over(launch, counts, jobs, began, None, error)
            except BaseException as fault:
                lost += ((counts, jobs, number, [type(fault)]),)
                if not issubclass(type(fault), Exception):
                    raise
            if terms.look_back is not None:
                terms.look_back(jobs, error)
            raise
        except BaseException as interrupt:
            lost += ((counts, jobs, number, [type(interrupt)]),)
            raise
        try:
            hand_over(launch, counts, jobs, began, result)
        except BaseException as fault:
            lost += ((counts, jobs, number, [type(fault)]),)
            if not issubclass(type(fault), Exception):
                raise
        if terms.look_back is not None:
            terms.look_back(jobs, None)
        return result

    return dark


def awaiting(  # noqa: C901, PLR0915 -- each try guards one step of the call
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
    from .runners._finish import finish  # noqa: PLC0415

    clock, is_dark, is_chosen = time.perf_counter, DARK.get, _call.is_chosen
    admit, hand_over, draw = _call.admit, _call.hand_over, random.random
    must_wait, current = _call.must_wait, loop.current
    lost, only = launch._lost, launch.only_candidate

    async def dark(*args: Any, **kwargs: Any) -> Any:  # noqa: C901, PLR0912, PLR0915 -- as above
        nonlocal lost
        # Any: where nothing passes, there are terms.
        terms: Any = launch._terms
        counts = launch._counts
        if terms is None:
            passing: Tally | None = counts.off
        elif is_dark():
            passing = counts.nested
        elif (terms.rate < 1.0 and draw() >= terms.rate) or (
            terms.sampler is not None and not is_chosen(launch, terms.sampler, args, kwargs)
        ):
            passing = counts.unsampled
        elif only is None or terms.blocks or lost:
            # What is lost may hold all of the places, and is settled where a call is admitted.
            passing = None
        else:
            gate = only.gate
            room = gate.room
            refusal = gate.refuses(clock()) if gate.shut_until else None
            if refusal is None and (not room.places or room.nbytes >= room.max_bytes):
                refusal = "full"
            passing = None if refusal is None else counts.refused[refusal]
        if passing is not None:
            for _ in passing:  # pragma: no branch -- it has no end
                break
            return await control(*args, **kwargs)
        jobs: list[Job] = []
        number: Any = None
        is_shadowed = False
        try:
            for number in counts.shadowed:  # noqa: B007  # pragma: no branch -- as above
                break
            while terms.blocks and must_wait(launch, terms) and current() is not None:
                await loop.sleep(_call.ROOM_SECONDS)
            is_shadowed = admit(launch, terms, jobs, number, args, kwargs, may_block=False)
        except BaseException as fault:
            causes: list[type[BaseException]] = [Exception]
            lost += ((counts, jobs, number, causes),)
            causes[0] = type(fault)
            if not issubclass(type(fault), Exception):
                raise
        if not is_shadowed:
            return await control(*args, **kwargs)
        try:
            began = clock()
            result = await (control(*args, **kwargs) if kwargs else control(*args))
        except Exception as error:
            try:
                hand_over(launch, counts, jobs, began, None, error, current())
                if terms.runner.is_inline:
                    await finish(jobs)
            except BaseException as fault:
                lost += ((counts, jobs, number, [type(fault)]),)
                if not issubclass(type(fault), Exception):
                    raise
            if terms.look_back is not None:
                terms.look_back(jobs, error)
            raise
        except BaseException as interrupt:
            lost += ((counts, jobs, number, [type(interrupt)]),)
            raise
        try:
            hand_over(launch, counts, jobs, began, result, None, current())
            if terms.runner.is_inline:
                await finish(jobs)
        except BaseException as fault:
            lost += ((counts, jobs, number, [type(fault)]),)
            if not issubclass(type(fault), Exception):
                raise
        if terms.look_back is not None:
            terms.look_back(jobs, None)
        return result

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
