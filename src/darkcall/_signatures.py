"""Whether a candidate can take what its control takes."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from ._errors import SignatureMismatchError
from ._text import escaped


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def unpartial(function: Any) -> Any:
    """Give what a partial calls in the end; any other callable as it is."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def call_of(function: Any) -> Any:
    """Give the method that calling an object runs; None for a class, which makes an object."""
    # A proxy's class is not asked: it knows nothing of the object behind.
    return None if isinstance(function, type) else getattr(function, "__call__", None)  # noqa: B004


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether calling it gives a coroutine, as far as can be known.

    Args:
        function: Any callable.

    Returns:
        True for coroutine functions, partials of them, and objects with an async call.
    """
    function = unpartial(function)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call_of(function))


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """Read a signature; None where there is none, as with some builtins."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def check_signatures(control: Callable[..., Any], candidate: Callable[..., Any]) -> None:
    """Refuse a candidate that could not take the control's arguments.

    Args:
        control: The existing function.
        candidate: The new one.

    Raises:
        SignatureMismatchError: A call that the control takes, the candidate would not.
    """
    __tracebackhide__ = True  # so that pytest ends at whoever gave them
    if not callable(candidate):
        msg = (
            f"candidate={candidate!r} will not do: give a callable, 'package.module:function', "
            "or a mapping of names to these"
        )
        raise TypeError(msg)
    theirs, ours = signature_of(control), signature_of(candidate)
    if theirs is None or ours is None:
        return
    why = _why_not(list(theirs.parameters.values()), list(ours.parameters.values()))
    if why is not None:
        msg = (
            f"the candidate could not take the control's arguments: {why}\n"
            f"  control:   {_name_of(control)}{theirs}\n"
            f"  candidate: {_name_of(candidate)}{ours}"
        )
        raise SignatureMismatchError(msg)


def _why_not(
    control: Sequence[inspect.Parameter], candidate: Sequence[inspect.Parameter]
) -> str | None:
    takes_any_positional = any(p.kind is p.VAR_POSITIONAL for p in candidate)
    takes_any_named = any(p.kind is p.VAR_KEYWORD for p in candidate)
    positional = [p for p in candidate if p.kind in _POSITIONAL]
    named = {p.name: p for p in candidate if p.kind in _NAMED}
    met: set[str] = set()
    for place, parameter in enumerate(p for p in control if p.kind in _POSITIONAL):
        counterpart = positional[place] if place < len(positional) else None
        if counterpart is None and not takes_any_positional:
            return f"it takes no positional argument for {parameter.name!r}"
        if counterpart is not None:
            met.add(counterpart.name)
            if _is_optional(parameter) and not _is_optional(counterpart):
                return f"{parameter.name!r} may be left out of a call, {counterpart.name!r} not"
        if (
            parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            and not (place == 0 and parameter.name in {"self", "cls"})
            and not takes_any_named
            and (counterpart is None or named.get(parameter.name) is not counterpart)
        ):
            return f"it takes no argument named {parameter.name!r} at that place"
    for parameter in (p for p in control if p.kind is p.KEYWORD_ONLY):
        counterpart = named.get(parameter.name)
        if counterpart is None and not takes_any_named:
            return f"it takes no argument named {parameter.name!r}"
        if counterpart is not None:
            met.add(counterpart.name)
            if _is_optional(parameter) and not _is_optional(counterpart):
                return f"{parameter.name!r} may be left out of a call of the control only"
    return _why_not_the_rest(control, candidate, met)


def _why_not_the_rest(
    control: Sequence[inspect.Parameter], candidate: Sequence[inspect.Parameter], met: set[str]
) -> str | None:
    # What a control passes on as *args and **kwargs cannot be known from here, so it
    # may be what the candidate asks for.
    passes_positional = any(p.kind is p.VAR_POSITIONAL for p in control)
    passes_named = any(p.kind is p.VAR_KEYWORD for p in control)
    for parameter in candidate:
        if parameter.name in met or _is_optional(parameter):
            continue
        if parameter.kind in _POSITIONAL and passes_positional:
            continue
        if parameter.kind in _NAMED and passes_named:
            continue
        return f"it asks for {parameter.name!r}, which the control does not take"
    return None


def _is_optional(parameter: inspect.Parameter) -> bool:
    return parameter.default is not parameter.empty or parameter.kind in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )


def _name_of(function: Callable[..., Any]) -> str:
    return escaped(getattr(function, "__qualname__", type(function).__qualname__))
