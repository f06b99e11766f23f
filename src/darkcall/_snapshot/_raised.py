"""Keep an exception as it was, without its traceback and the frames that it holds."""

from __future__ import annotations

import types
from typing import Any, Final


#: Chains of causes and nested groups deeper than this are cut.
MAX_LINKS: Final = 100
#: So many causes, contexts and members of groups are kept with an exception in all.
MAX_ERRORS: Final = 1000

_SLOT_TYPES: Final = (types.MemberDescriptorType, types.GetSetDescriptorType)
#: AttributeError and NameError hold the very object that lacked the attribute.
_NOT_STATE: Final = frozenset(
    {
        "__cause__",
        "__context__",
        "__dict__",
        "__suppress_context__",
        "__traceback__",
        "__weakref__",
        "args",
        "obj",
    }
)

#: Class, args, attributes, C-level slots, cause, context, suppress, members of a group.
State = tuple[Any, ...]


def state_of(error: BaseException, met: dict[int, State | None] | None = None) -> State:
    """Take an exception apart into what makes it up.

    It is neither pickled nor copied as a whole: both call the class again, which fails
    for each exception whose ``__init__`` takes other arguments than its ``args``.

    Args:
        error: Any exception.
        met: The states of those that were taken apart before, by identity, for one value
            that holds several: each of them may lead to all of the others.

    Returns:
        A tuple that ``exception_from`` takes.
    """
    met = {} if met is None else met
    state = _state_of(error, met, MAX_LINKS)
    return state or (Exception, ("...",), {}, {}, None, None, False, ())


def _state_of(error: BaseException, met: dict[int, State | None], links: int) -> State | None:
    # Members that were raised again while their group was handled lead back to it: each
    # exception is taken apart once, and what holds itself is cut there.
    if id(error) in met or links <= 0 or len(met) >= MAX_ERRORS:
        return met.get(id(error))
    met[id(error)] = None
    slots = {
        name: value
        for cls in type(error).__mro__
        for name, member in vars(cls).items()
        if isinstance(member, _SLOT_TYPES)
        and name not in _NOT_STATE
        and (value := getattr(error, name, None)) is not None
    }
    members: tuple[State | None, ...] = ()
    if isinstance(error, BaseExceptionGroup):
        slots.pop("exceptions", None)
        members = tuple(_state_of(member, met, links - 1) for member in error.exceptions)
    context = None if error.__suppress_context__ else error.__context__
    met[id(error)] = state = (
        type(error),
        error.args if not members else error.args[:1],
        dict(vars(error)),
        slots,
        None if error.__cause__ is None else _state_of(error.__cause__, met, links - 1),
        None if context is None else _state_of(context, met, links - 1),
        error.__suppress_context__,
        members,
    )
    return state


def exception_from(state: State, made: dict[int, BaseException] | None = None) -> BaseException:
    """Make an exception that equals the one that was taken apart.

    Args:
        state: What ``state_of`` returned.
        made: The exceptions that were made before, by the identity of their states: what
            two of them have in common is made once, or it would double with each link.

    Returns:
        A new exception without a traceback.
    """
    made = {} if made is None else made
    if id(state) in made:
        return made[id(state)]
    cls, args, _, slots, *_, members = state
    if not members:
        made[id(state)] = error = _blank(cls)
        return _filled(error, state, made)
    inner = [exception_from(member, made) for member in members if member is not None]
    # A group of none cannot be made: what was cut is stood for.
    inner = inner or [Exception("...")]
    made[id(state)] = error = _base_new(cls)(cls, slots["message"], inner)
    return _filled(error, (cls, (*args, inner), *state[2:]), made)


def reduced(error: BaseException, met: dict[int, State | None]) -> tuple[Any, ...]:
    """Say how an exception is pickled.

    Args:
        error: Any exception; it may hold itself.
        met: As ``state_of`` takes it.

    Returns:
        What a ``__reduce__`` returns.
    """
    state = state_of(error, met)
    if isinstance(error, BaseExceptionGroup):
        return exception_from, (state,)
    # Made before it is filled: what it holds may hold it.
    return _blank, (type(error),), state, None, None, _filled


def _blank(cls: type[BaseException]) -> BaseException:
    error: BaseException = _base_new(cls)(cls)
    return error


def _filled(
    error: BaseException, state: State, made: dict[int, BaseException] | None = None
) -> BaseException:
    made = {} if made is None else made
    _, args, attributes, slots, cause, context, suppress, _ = state
    error.args = args
    vars(error).update(attributes)
    for name, value in slots.items():
        _set_quietly(error, name, value)
    error.__cause__ = None if cause is None else exception_from(cause, made)
    error.__context__ = None if context is None else exception_from(context, made)
    error.__suppress_context__ = suppress
    return error


def _base_new(cls: type[BaseException]) -> Any:
    # The builtin class that lays out the object makes it; a __new__ of the user's own
    # may ask for other arguments than these.
    base: Any = cls
    while base.__module__ != "builtins":
        base = base.__base__
    return base.__new__


def _set_quietly(error: BaseException, name: str, value: Any) -> None:
    try:
        setattr(error, name, value)
    except (AttributeError, TypeError):
        return
