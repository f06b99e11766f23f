"""What may not be copied: the copy would act on the original, or copying would wake it."""

from __future__ import annotations

import re
import types
import weakref
from typing import Any

from darkcall._text import qualname_of


_reasons: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()

_WEAK = (
    weakref.ref,
    weakref.WeakSet,
    weakref.WeakValueDictionary,
    weakref.WeakKeyDictionary,
)


def why_not_copied(value: Any) -> str | None:
    """Tell why a value may not be copied; None if it may.

    Args:
        value: Anything.

    Returns:
        The reason, without anything of the value in it.
    """
    cls = type(value)
    if cls is types.FunctionType:
        return "a function that closes over something that can change would change it"
    reason = _reasons.get(cls)
    if reason is None:
        reason = _reasons[cls] = _reason_for(cls)
    if not reason and _is_unloaded(value):
        return "it is lazy, and copying would load it"
    return reason or None


def _reason_for(cls: type) -> str:
    # Builtin types, as generators, free what is theirs alone.
    if isinstance(getattr(cls, "__del__", None), types.FunctionType):
        return "it has a __del__, which would run for the copy as well"
    if issubclass(cls, _WEAK):
        return "a weak reference would lead to the original"
    if any("__class__" in base.__dict__ for base in cls.__mro__[:-1]):
        # Its own class says that it is another: a proxy, whose target may not be loaded.
        return "it is a proxy, and what it stands for is somebody else's"
    return ""


def _is_unloaded(value: Any) -> bool:
    # A query set of Django: pickling one runs its query, and keeps the rows in it.
    return (
        any(base.__module__ == "django.db.models.query" for base in type(value).__mro__)
        and getattr(value, "_result_cache", value) is None
    )


def why_not_pickled(error: BaseException) -> str:
    """Say why a value cannot be pickled, and nothing of what is in it.

    Args:
        error: What pickling it raised.

    Returns:
        The reason.
    """
    name = qualname_of(type(error)).rpartition(".")[2]
    # Any other text may hold something of the value.
    if type(error) is TypeError and len(error.args) == 1:
        match = re.fullmatch(r"cannot pickle '[\w.]{1,100}' object", str(error.args[0]))
        if match is not None:
            return f"{name}: {match[0]}"
    return name
