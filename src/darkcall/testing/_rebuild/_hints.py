"""The classes that a control's hints name, at any depth."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import types
import typing
from typing import TYPE_CHECKING, Any, Final

from darkcall._describe._forms import class_name
from darkcall._signatures import call_of, unpartial

from ._checkers import names_for_checkers


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MAX_CLASSES: Final = 10_000


def classes_named_by(control: Callable[..., Any]) -> dict[str, type | None]:
    """Find the classes that may be made for a control's arguments.

    These are the classes in the hints of its parameters, those in the hints of their attributes,
    and so on; and for a method, its own class.  A hint that cannot be resolved names none.

    Args:
        control: The control, undecorated.

    Returns:
        The classes by the names that descriptions give them; None for a name of several.
    """
    named: dict[str, type | None] = {}
    waiting: list[Any] = [*_hints_of_parameters(control), *_own_class(control)]
    seen: dict[int, Any] = {}
    while waiting and len(seen) < _MAX_CLASSES:
        hint = waiting.pop()
        if id(hint) in seen:
            continue
        seen[id(hint)] = hint
        if isinstance(hint, type) and not isinstance(hint, types.GenericAlias):
            name = class_name(hint)
            named[name] = hint if named.get(name, hint) is hint else None
            waiting.extend(_hints_of_attributes(hint))
        waiting.extend(_parts_of(hint))
    return named


def _hints_of_parameters(control: Any) -> Iterator[Any]:
    function = unpartial(control)
    if not hasattr(function, "__annotations__"):
        function = call_of(function)
    function = inspect.unwrap(getattr(function, "__func__", function))
    scope = getattr(function, "__globals__", {})
    for name, hint in (getattr(function, "__annotations__", None) or {}).items():
        if name != "return":
            yield from _resolved(hint, scope, {})


def _hints_of_attributes(kind: type) -> Iterator[Any]:
    for base in kind.__mro__:
        for hint in inspect.get_annotations(base).values():
            yield from _resolved(hint, _scope_of(base), {base.__name__: base, **vars(base)})
        # A plain class has its hints where its attributes are set.
        init = base.__dict__.get("__init__")
        if isinstance(init, types.FunctionType):
            yield from _hints_of_parameters(init)
        yield from base.__dict__.get("__orig_bases__", ())
    for attribute in getattr(kind, "__attrs_attrs__", ()):
        yield from _resolved(attribute.type, _scope_of(kind), {})
    # A generic model that was given its types has them here alone.
    for field in getattr(kind, "__pydantic_fields__", {}).values():
        yield field.annotation


def _scope_of(kind: type) -> dict[str, Any]:
    return getattr(sys.modules.get(kind.__module__), "__dict__", {})


def _resolved(hint: Any, scope: dict[str, Any], local: dict[str, Any]) -> Iterator[Any]:
    # One by one: a name that is nowhere to be found is not to hide the others.
    with contextlib.suppress(Exception):
        yield _evaluated(hint, scope, local)


def _evaluated(hint: Any, scope: dict[str, Any], local: dict[str, Any]) -> Any:
    holder = types.SimpleNamespace(__annotations__={"hint": hint})
    try:
        return typing.get_type_hints(holder, scope, local, include_extras=True)["hint"]
    except NameError:
        local = {**names_for_checkers(scope.get("__name__", "")), **local}
        return typing.get_type_hints(holder, scope, local, include_extras=True)["hint"]


def _own_class(control: Any) -> Iterator[Any]:
    """Give the class that a method stands in, if it is found where its name says."""
    function = inspect.unwrap(unpartial(control))
    path = getattr(function, "__qualname__", "").split(".")[:-1]
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    owner = functools.reduce(lambda found, name: getattr(found, name, None), path, module)
    if path and isinstance(owner, type):
        yield owner


def _parts_of(hint: Any) -> Iterator[Any]:
    if isinstance(hint, typing.TypeVar):
        yield from hint.__constraints__
        yield hint.__bound__
    yield getattr(hint, "__supertype__", None)
    if not isinstance(hint, type):
        # What a ``type`` statement says is worked out here.
        with contextlib.suppress(Exception):
            yield hint.__value__
    yield typing.get_origin(hint)
    if typing.get_origin(hint) is typing.Literal:
        yield from map(type, typing.get_args(hint))
        return
    for part in typing.get_args(hint):
        yield from part if isinstance(part, list) else (part,)
