"""Names of types, read without running code of theirs."""

from __future__ import annotations

import sys
from typing import Any, Final

from darkcall._text import MAX_NAME, PLAIN_NAMES, one_line, qualname_of


_MODULE: Final[Any] = type.__dict__["__module__"]
_HEAP_TYPE: Final = 1 << 9


def mro_of(kind: type) -> tuple[type, ...]:
    """The classes that a class looks its attributes up in, itself first."""
    # The slot of type itself: a metaclass may define an __mro__ that raises.
    found: tuple[type, ...] = type.__dict__["__mro__"].__get__(kind)
    return found


def vars_of(kind: type) -> dict[str, object]:
    """What a class itself defines, by name."""
    found: dict[str, object] = type.__dict__["__dict__"].__get__(kind)
    return found


def module_of(kind: type) -> str:
    """The name of the module that defines a class; empty if it does not say."""
    # A metaclass may define a __module__ of its own, so the slots of type are asked.
    is_static = not type.__dict__["__flags__"].__get__(kind) & _HEAP_TYPE
    module = _MODULE.__get__(kind) if is_static else vars_of(kind).get("__module__")
    return module if type(module) is str else ""


def type_name(kind: type) -> str:
    """A type as text: ``int`` for builtins, ``decimal.Decimal`` otherwise.

    Example:
        >>> type_name(int), type_name(type(sys.flags))
        ('int', 'sys.flags')
    """
    if id(kind) in PLAIN_NAMES:
        return PLAIN_NAMES[id(kind)]
    name, module = qualname_of(kind), module_of(kind)
    return name if module in {"", "builtins"} else one_line(f"{module}.{name}", MAX_NAME)


def is_from(kind: type, module: str, *names: str) -> bool:
    """Whether a class is one of those that an already imported module calls so."""
    found = sys.modules.get(module)
    return found is not None and any(kind is getattr(found, name, None) for name in names)


def derives_from(kind: type, module: str, *names: str) -> bool:
    """Whether a class is, or inherits from, one that an imported module calls so."""
    found = sys.modules.get(module)
    if found is None:
        return False
    bases = {id(getattr(found, name, None)) for name in names}
    return any(id(base) in bases for base in mro_of(kind))
