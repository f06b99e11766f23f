"""Which way of comparing goes with which type."""

from __future__ import annotations

import enum
import functools
import types
from collections import OrderedDict, abc, deque
from typing import TYPE_CHECKING, Final

from . import _arrays, _containers, _exceptions, _frames, _leaves, _objects
from ._names import derives_from, is_from, mro_of, vars_of


if TYPE_CHECKING:
    from ._walk import Handler

_READ_ONCE: Final = "it can be read only once; normalize=list makes it a list"
_AWAITABLE: Final = "it has yet to be awaited"
_HIDDEN: Final = "it has no == of its own and its state cannot be seen; compare=equal.by(...)"

_KNOWN: Final[dict[type, Handler]] = {
    # A sentinel, which is shared with the candidate, not copied: it is what it is.
    object: _objects.identity,
    dict: _containers.dicts,
    list: _containers.sequences,
    tuple: _containers.sequences,
    set: _containers.sets,
    frozenset: _containers.sets,
    complex: _leaves.number,
    memoryview: _containers.memory_views,
    range: _leaves.opaque,
    type(dict().values()): _containers.sequences,  # noqa: C408 (a view of no dict in use)
    types.FunctionType: _objects.functions,
    types.CellType: _objects.cells,
    types.MethodType: _objects.parts("__func__", "__self__"),
    types.ModuleType: _objects.identity,
    functools.partial: _objects.parts("func", "args", "keywords"),
}
_CONTAINERS: Final = {
    OrderedDict: _containers.ordered_dicts,
    dict: _containers.dicts,
    list: _containers.sequences,
    tuple: _containers.sequences,
    set: _containers.sets,
    frozenset: _containers.sets,
    deque: _containers.sequences,
    abc.Mapping: _containers.mappings,
    abc.Set: _containers.sets,
    abc.Sequence: _containers.sequences,
}
_TEXTS: Final = (str, bytes, bytearray, memoryview)


def handler_for(kind: type) -> Handler:
    """How to compare two values of a type."""
    known = _KNOWN.get(kind) or _by_library(kind) or _by_protocol(kind)
    return known or _container(kind) or _object(kind)


def _by_library(kind: type) -> Handler | None:
    for module, names, handler in (
        ("numpy", ("ndarray",), _arrays.arrays),
        ("numpy", ("generic",), _arrays.scalars),
        ("pandas", ("DataFrame",), _frames.pandas_frames),
        ("pandas", ("Series", "Index"), _frames.pandas_series),
        ("pandas.api.extensions", ("ExtensionArray",), _frames.pandas_arrays),
        ("polars", ("DataFrame",), _frames.polars_frames),
        ("polars", ("Series",), _frames.polars_series),
        ("polars", ("LazyFrame",), _objects.refusing("its rows are not loaded; .collect() it")),
        ("array", ("array",), _containers.arrays),
        ("datetime", ("datetime", "time"), _leaves.time),
        ("django.db.models", ("QuerySet",), _objects.query_sets),
    ):
        if derives_from(kind, module, *names):
            return handler
    if is_from(kind, "decimal", "Decimal") or is_from(kind, "fractions", "Fraction"):
        return _leaves.number
    return None


def _by_protocol(kind: type) -> Handler | None:
    if issubclass(kind, type | enum.Enum):
        return _objects.identity
    if issubclass(kind, abc.Iterator):
        return _objects.refusing(_READ_ONCE)
    if issubclass(kind, abc.Awaitable | abc.AsyncIterator):
        return _objects.refusing(_AWAITABLE)
    return None


def _container(kind: type) -> Handler | None:
    found = next((base for base in _CONTAINERS if issubclass(kind, base)), None)
    if found is None or issubclass(kind, _TEXTS) or derives_from(kind, "collections", "UserString"):
        return None
    handler: Handler = _CONTAINERS[found]
    if found is tuple and any("_fields" in vars_of(base) for base in mro_of(kind)):
        handler = _containers.named_tuples
    definer = _objects.own_equality(kind)
    if definer is not None and not _objects.is_stdlib(definer):
        return _objects.trusting(handler)
    # The items of other containers are kept in attributes, which need no second look.
    if vars_of(found).get("__module__") is None:
        return _objects.both(handler, _objects.Attributes(kind, added=True))
    return handler


def _object(kind: type) -> Handler:
    definer = _objects.own_equality(kind)
    if issubclass(kind, BaseException):
        handler = _objects.both(_exceptions.exceptions, _objects.Attributes(kind, added=True))
        return handler if definer is None else _objects.trusting(handler)
    basic = _leaves.is_number(kind) or issubclass(kind, _TEXTS)
    if definer is not None and basic and _objects.is_stdlib(definer):
        return _objects.both(_leaves.base_value, _objects.Attributes(kind, added=True))
    attributes = _objects.Attributes(kind)
    if definer is None or _is_namespace(kind):
        return _objects.refusing(_HIDDEN) if attributes.hides_state else attributes
    if _objects.compares_fields(definer):
        return _objects.Attributes(kind, names=_objects.compared_names(definer))
    if _objects.is_stdlib(definer):
        return _leaves.opaque
    return _objects.trusting(None if attributes.hides_state else attributes)


def _is_namespace(kind: type) -> bool:
    return kind is types.SimpleNamespace or is_from(kind, "argparse", "Namespace")


def loose_handler_for(  # noqa: PLR0911 (a table)
    control: type, candidate: type
) -> Handler | None:
    """How to compare two values of different types whose values may say the same."""
    kinds = (control, candidate)
    if bool in kinds:
        return _leaves.opaque if _all(kinds, "numpy", "bool_") else None
    if all(_leaves.is_number(kind) for kind in kinds):
        return _leaves.number
    if _all(kinds, "datetime", "datetime"):
        return _leaves.time
    for base in (str, bytes):
        if all(issubclass(kind, base) for kind in kinds):
            return _leaves.base_value
    if any(issubclass(kind, _TEXTS) for kind in kinds):
        return None
    for protocol in (abc.Mapping, abc.Set, abc.Sequence):
        if all(issubclass(kind, protocol) for kind in kinds):
            return _CONTAINERS[protocol]
    return None


def _all(kinds: tuple[type, ...], module: str, name: str) -> bool:
    return all(kind is bool or derives_from(kind, module, name) for kind in kinds)
