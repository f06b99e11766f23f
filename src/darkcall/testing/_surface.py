"""What of a class is called, and whether another class can be called so too."""

from __future__ import annotations

import functools
import inspect
import types
from typing import TYPE_CHECKING, Any

from darkcall._errors import ConfigurationError, SignatureMismatchError
from darkcall._signatures import check_signatures, signature_of

from ._operations import OPERATORS, UnhintedError, calling, making, reading, without_instance


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import EllipsisType

    from darkcall._policy import Policy

    from ._operations import Operation, Strategies

    Calls = Mapping[str | EllipsisType, Strategies | None]

#: pytest leaves the frames of this module out: what is raised here is about what was given.
__tracebackhide__ = True


def constructor_of(control: type, candidate: type, init: Strategies, policy: Policy) -> Operation:
    """Find out how instances of both classes are made.

    Args:
        control: The existing class.
        candidate: The new one.
        init: Strategies for the parameters; ``...`` for those of the hints.
        policy: The knobs.

    Returns:
        The operation, which takes a class.

    Raises:
        ConfigurationError: A parameter has no strategy, or a strategy no parameter.
        SignatureMismatchError: The candidate could not be made so.
    """
    try:
        made = making(control, init, policy)
    except UnhintedError as error:
        raise ConfigurationError(
            f"{error}; give init=(...), strategies for what {control.__name__} is made with, from "
            "the left or by name; init=() leaves all to their defaults"
        ) from None
    _check_call(made, control, candidate, candidate, is_hinted=init is ...)
    return made


def operations_of(control: type, candidate: type, calls: Calls, policy: Policy) -> list[Operation]:
    """Find out what is done with instances of both classes.

    Args:
        control: The existing class.
        candidate: The new one.
        calls: Strategies by method; ``...`` for all that are public and not named, and for what
            the hints tell; None for what is not to be called.
        policy: The knobs.

    Returns:
        The operations, which take an instance.

    Raises:
        ConfigurationError: A parameter has no strategy, a strategy no parameter, or a name no
            method.
        SignatureMismatchError: The candidate lacks a method, or could not be called so.
    """
    given = {name: one for name, one in calls.items() if isinstance(name, str)}
    if ... in calls:
        if calls[...] is not ...:
            raise TypeError(
                f"calls[...] is {calls[...]!r}: it stands for what the hints tell, give ..."
            )
        given = {**dict.fromkeys(_public_names(control), ...), **given}
    operations, unhinted = [], []
    for name, strategies in given.items():
        if strategies is None:
            continue
        if not hasattr(control, name):
            raise ConfigurationError(f"calls: {control.__name__} has no {name!r}")
        try:
            one = _operation(control, name, strategies, policy)
        except UnhintedError as error:
            unhinted.append(str(error))
            continue
        _check(one, control, candidate, is_hinted=strategies is ...)
        operations.append(one)
    if unhinted:
        lines = "".join(f"\n  {one}" for one in unhinted)
        raise ConfigurationError(
            f"{control.__name__}: nothing tells what to call some methods with; name what is to be "
            "called, with strategies for the parameters from the left or by name, as "
            "calls={'add': (st.integers(),), ...: ...}; ... stands for all the others, by their "
            f"hints, None for what is not to be called{lines}"
        )
    if not operations:
        raise ConfigurationError(
            f"{control.__name__} has nothing public to call: give calls={{...}}"
        )
    return operations


def _public_names(kind: type) -> Iterator[str]:
    for name in dir(kind):
        if name in OPERATORS:
            raw = inspect.getattr_static(kind, name)
            # What the mixins of collections.abc give is made of what a class has itself.
            if isinstance(raw, types.FunctionType) and raw.__module__ != "collections.abc":
                yield name
        elif not name.startswith("_") and (_is_read(kind, name) or _is_method(kind, name)):
            yield name


def _is_read(kind: type, name: str) -> bool:
    raw = inspect.getattr_static(kind, name, None)
    return inspect.isdatadescriptor(raw) or isinstance(raw, functools.cached_property)


def _is_method(kind: type, name: str) -> bool:
    method = getattr(kind, name, None)
    return callable(method) and not isinstance(method, type)


def _operation(kind: type, name: str, strategies: Strategies, policy: Policy) -> Operation:
    if _is_read(kind, name):
        return reading(kind, name, policy)
    return calling(kind, name, strategies, policy)


def _check(one: Operation, control: type, candidate: type, *, is_hinted: bool) -> None:
    name = one.name
    if _is_read(control, name):
        # An instance may have it as a plain attribute.
        return
    instead = OPERATORS[name].instead if name in OPERATORS else None
    if not hasattr(candidate, name):
        if instead is None or not hasattr(candidate, instead):
            raise SignatureMismatchError(
                f"{candidate.__name__} has no {name!r}, which {control.__name__} has"
            )
        return
    if _is_read(candidate, name):
        raise SignatureMismatchError(
            f"{name!r} is a method of {control.__name__}, and is read of {candidate.__name__}"
        )
    target = without_instance(candidate, name)
    _check_call(one, getattr(control, name), getattr(candidate, name), target, is_hinted=is_hinted)


def _check_call(
    one: Operation,
    control: Callable[..., Any],
    candidate: Callable[..., Any],
    target: Callable[..., Any],
    *,
    is_hinted: bool,
) -> None:
    if is_hinted:
        check_signatures(control, candidate)
    signature = signature_of(target)
    if signature is None:
        return
    args, kwargs = one.longest()
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise SignatureMismatchError(
            f"{candidate.__qualname__}{signature} could not be called as "
            f"{control.__qualname__} is to be: {error}"
        ) from None
