"""``dark_launch``: what may be decorated, and what each shape of callable becomes."""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from ._errors import ConfigurationError
from ._launch import Launch
from ._lifecycle import install_hooks
from ._model import CONTROL_NAME
from ._policy import Knobs, check_names
from ._reference import check_reference
from ._signatures import call_of, is_async, unpartial
from ._wrappers import ATTRIBUTE, as_function, as_proxy


if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F")

#: The name of a candidate that was given none.
DEFAULT_NAME = "candidate"

_CONTEXT_MANAGER_CODES = tuple(
    manager.__code__
    for manager in (contextlib.contextmanager(iter), contextlib.asynccontextmanager(aiter))
)


def dark_launch(
    *,
    candidate: Callable[..., Any] | str | Mapping[str, Callable[..., Any] | str],
    name: str | None = None,
    **knobs: Unpack[Knobs],
) -> Callable[[F], F]:
    """Run a new implementation beside the decorated one, on the same calls.

    The caller gets what the decorated function, the control, returns or raises, and does
    not wait for the candidate.  What the candidate did is compared and recorded.

    Args:
        candidate: The new implementation: a callable, ``"package.module:function"`` (which
            is imported at its first use), or a mapping of names to either.
        name: The launch's name in records; ``module.qualname`` by default.
        **knobs: What else holds for this launch; see :class:`darkcall.Knobs`.  What is
            not named here is as ``darkcall.configure`` has it.

    Returns:
        A decorator that leaves the type of what it decorates as it is.

    Raises:
        TypeError: The decorated object, or a candidate, is nothing that can be launched;
            or there is no such knob.
        ConfigurationError: A knob cannot have that value.
        SignatureMismatchError: A candidate could not take the control's arguments.

    Example:
        >>> def total_v2(prices):
        ...     return sum(prices)
        >>> @dark_launch(candidate=total_v2)
        ... def total(prices):
        ...     result = 0
        ...     for price in prices:
        ...         result += price
        ...     return result
        >>> total([1, 2, 3])
        6
    """
    check_names(knobs, "dark_launch")
    candidates = _named(candidate)
    if name is not None and (not isinstance(name, str) or not name):
        msg = f"name={name!r} will not do: give a text that is not empty, or None"
        raise ConfigurationError(msg)

    def decorate(control: F) -> F:
        decorated: Any = _decorated(control, candidates, name, knobs)
        return decorated  # type: ignore[no-any-return]

    return decorate


def launch_of(function: Any) -> Launch:
    """Give the launch of a decorated function.

    Args:
        function: What ``dark_launch`` returned, bound or unbound, or a property of it.

    Returns:
        Its launch.

    Raises:
        TypeError: It is not decorated with ``dark_launch``.

    Example:
        >>> @dark_launch(candidate=lambda x: x + x, name="docs.double")
        ... def double(x):
        ...     return 2 * x
        >>> launch_of(double)
        <Launch docs.double (on): candidate>
    """
    if isinstance(function, property):
        function = function.fget
    elif isinstance(function, functools.cached_property):
        function = function.func
    elif isinstance(function, staticmethod | classmethod):
        function = function.__func__
    launch = getattr(function, ATTRIBUTE, None)
    if not isinstance(launch, Launch):
        msg = f"{function!r} is not decorated with dark_launch"
        raise TypeError(msg)
    return launch


def _named(candidate: Any) -> dict[str, Any]:
    candidates = dict(candidate) if isinstance(candidate, Mapping) else {DEFAULT_NAME: candidate}
    if not candidates:
        msg = "candidate={} will not do: give one candidate at least"
        raise ConfigurationError(msg)
    for name, target in candidates.items():
        if not isinstance(name, str) or not name:
            msg = f"a candidate's name is a text that is not empty, not {name!r}"
            raise ConfigurationError(msg)
        if name == CONTROL_NAME:
            msg = (
                f"a candidate cannot be named {CONTROL_NAME!r}: in records that is the control, "
                "run again for noise; give it another name"
            )
            raise ConfigurationError(msg)
        if isinstance(target, str):
            check_reference(target)
    return candidates


def _decorated(control: Any, candidates: Mapping[str, Any], name: str | None, knobs: Knobs) -> Any:
    # By type: a proxy says that it is of its control's class, and is not.
    if issubclass(type(control), staticmethod | classmethod):
        return type(control)(_decorated(control.__func__, candidates, name, knobs))
    if issubclass(type(control), property):
        if control.fget is None:
            msg = "a property without a getter cannot be launched"
            raise TypeError(msg)
        return control.getter(_decorated(control.fget, candidates, name, knobs))
    _refuse_what_cannot_be_launched(control)
    launch = Launch(control, candidates, name or _name_of(control), knobs)
    install_hooks()
    wrap = as_function if type(control) is types.FunctionType else as_proxy
    return wrap(launch, is_async=is_async(control))


def _refuse_what_cannot_be_launched(control: Any) -> None:
    if not callable(control) or isinstance(control, staticmethod | classmethod):
        msg = f"dark_launch decorates callables, and {control!r} is not one"
        if hasattr(type(control), "__get__"):
            msg += ": place dark_launch below what made it, next to the function"
        raise TypeError(msg)
    if isinstance(control, type):
        msg = (
            f"dark_launch cannot decorate the class {control.__qualname__}: decorate its "
            "methods, or a function that makes its instances"
        )
        raise TypeError(msg)
    function = unpartial(control)
    code = getattr(function, "__code__", None)
    name = _name_of(control)
    if code in _CONTEXT_MANAGER_CODES:
        msg = (
            f"dark_launch cannot decorate the context manager {name}, whose result can be "
            "entered only once: decorate the functions that its body calls"
        )
        raise TypeError(msg)
    if any(
        inspect.isgeneratorfunction(one) or inspect.isasyncgenfunction(one)
        for one in (function, call_of(function))
    ):
        msg = (
            f"dark_launch cannot decorate the generator function {name}, whose result can be "
            "read only once: decorate a function that returns a list, or the functions that "
            "the generator calls"
        )
        raise TypeError(msg)


def _name_of(control: Any) -> str:
    function = unpartial(control)
    if not hasattr(function, "__qualname__"):
        function = type(function)
    # Methods of builtin types have no module, or None.
    module = getattr(function, "__module__", None) or type(function).__module__
    return f"{module}.{function.__qualname__}"
