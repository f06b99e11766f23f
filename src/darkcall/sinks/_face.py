"""What a sink shows of itself; it may be any object, so asking may fail."""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any

from darkcall._errors import ConfigurationError
from darkcall._text import qualname_of


if TYPE_CHECKING:
    from collections.abc import Callable


def refuse_what_is_no_sink(sink: object) -> None:
    """Refuse what would lose each record that it is given.

    Raises:
        ConfigurationError: ``sink`` is no callable, a class, or a coroutine function.
    """
    if inspect.isclass(sink):
        raise ConfigurationError(f"{name_of(sink)} is a class: make a sink of it first")
    if not callable(sink):
        raise ConfigurationError(
            f"a {type(sink).__qualname__} is no sink: a sink is a callable that takes a record"
        )
    if _is_coroutine_function(sink) or _is_coroutine_function(type(sink).__call__):
        raise ConfigurationError(
            f"{name_of(sink)} is a coroutine function, which nothing would await: sinks run on"
            " a thread of their own, where a plain function may block"
        )


def _is_coroutine_function(function: object) -> bool:
    try:
        return inspect.iscoroutinefunction(function)
    except BaseException:  # noqa: BLE001, it looks at attributes
        return False


def name_of(sink: object) -> str:
    """Return a short name for threads and log lines."""
    name = attribute_of(sink, "__name__")
    if not isinstance(name, str):
        name = qualname_of(type(sink))
    return "".join(char if char.isprintable() else "?" for char in name[:60])


def attribute_of(sink: object, name: str) -> Any:
    """Return an attribute, or None where there is none to be had."""
    try:
        return getattr(sink, name, None)
    except BaseException:  # noqa: BLE001, a property of the user's may raise anything
        return None


def method_of(sink: object, name: str) -> Callable[..., object] | None:
    """Return a method, or None where there is none to be had."""
    method = attribute_of(sink, name)
    return method if callable(method) else None


def cause_of(error: BaseException) -> str:
    """Return what is known about an error and tells nothing about a record, in brackets."""
    try:
        if isinstance(error, OSError) and error.errno is not None:
            return f" ({os.strerror(error.errno)})"
        code = getattr(error, "sqlite_errorname", None)
        return f" ({code})" if type(code) is str and code.startswith("SQLITE_") else ""
    except BaseException:  # noqa: BLE001, the error may be a class of the user's
        return ""
