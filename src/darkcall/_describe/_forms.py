"""The form in which a value of each type is written: a table from types to functions."""

from __future__ import annotations

import binascii
import builtins
import collections
import contextlib
import enum
import functools
import itertools
import re
import sys
import types
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from darkcall._text import MAX_NAME, PLAIN_NAMES, escaped, qualname_of

from . import _tables


if TYPE_CHECKING:
    from darkcall._paths import State

    from ._walk import Walk

Form: TypeAlias = Callable[["Walk", Any, str, "State", int], Any]

# A metaclass may define these names anew; the slots of ``type`` itself cannot lie.
_mro_of: Final = type.__dict__["__mro__"].__get__
_dict_of: Final = type.__dict__["__dict__"].__get__
_module_of: Final = type.__dict__["__module__"].__get__
_basicsize_of: Final = type.__dict__["__basicsize__"].__get__
_dictoffset_of: Final = type.__dict__["__dictoffset__"].__get__
_itemsize_of: Final = type.__dict__["__itemsize__"].__get__
_weakrefoffset_of: Final = type.__dict__["__weakrefoffset__"].__get__
args_of: Final = BaseException.__dict__["args"].__get__

_POINTER_BYTES: Final = sys.maxsize.bit_length() // 8 + 1
#: Up to here an int can be turned into decimal digits, whatever limit is set.
_MAX_INT_BITS: Final = 2048
#: Beyond it, readers of JSON that take numbers for floats change an int.
MAX_JSON_INT: Final = 2**53
_SLOT_TYPES: Final = frozenset({types.GetSetDescriptorType, types.MemberDescriptorType})
_MAX_SEARCHED: Final = 100_000
#: A node that holds one of these does not say all about the value.
_INEXACT: Final = ("truncated", "redacted", "repr", "message", "cycle", "undescribable")
_ADDRESS: Final = re.compile(r" at 0x[0-9A-Fa-f]++")


def type_name(value: Any) -> str:
    """Name a value's type, whatever its class says about itself.

    Returns:
        ``int`` for builtins, ``decimal.Decimal`` otherwise; one line, bounded.

    Example:
        >>> import decimal
        >>> type_name(1), type_name(decimal.Decimal(1))
        ('int', 'decimal.Decimal')
    """
    return class_name(type(value))


def class_name(kind: type) -> str:
    """Name a class as :func:`type_name` does."""
    if id(kind) in PLAIN_NAMES:
        return PLAIN_NAMES[id(kind)]
    name = qualname_of(kind)
    try:
        module = _module_of(kind)
    except AttributeError:
        module = None
    if module == "builtins" and vars(builtins).get(name, kind) is kind:
        return name
    # pathlib's classes live in pathlib._local on CPython 3.13 alone.
    shown = module[:MAX_NAME].removesuffix("._local") if type(module) is str else "?"
    return escaped(f"{shown}.{name}")


def is_exact(described: Any) -> bool:
    """Tell whether a description says all about the value, so that it can be made again.

    Args:
        described: What :func:`darkcall._describe.describe` returned, or what was read from JSON.

    Returns:
        False if any part was cut, hidden, or is shown by its ``repr`` alone.

    Example:
        >>> is_exact([1, {"$": "tuple", "items": [2]}]), is_exact([{"$": "int", "redacted": True}])
        (True, False)
    """
    waiting = [described]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "$" in node and any(mark in node for mark in _INEXACT):
                return False
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return True


def form_of(kind: type, forms: dict[type, Form]) -> Form:
    """Find the form of a class, or of the nearest base class that has one.

    Args:
        kind: Any class.
        forms: What :func:`forms_in_use` returned.
    """
    bases = _mro_of(kind)
    if enum.Enum in bases:
        return _enumerated
    for base in bases[:-1]:
        if form := forms.get(base):
            is_whole = base is kind or form in _WHOLE
            return form if is_whole else functools.partial(_with_fields, form, base)
    return _by_fields


def forms_in_use() -> dict[type, Form]:
    """Return the forms of the builtin types and of those whose modules are in use."""
    return _forms(tuple(map(_is_loaded, _MODULES)))


def _is_loaded(module: str) -> bool:
    # While another thread imports the module, its classes are not all there.
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)


def _integer(walk: Walk, value: int, name: str, _state: State, _depth: int) -> Any:
    bits = int.bit_length(value)
    if bits > _MAX_INT_BITS:
        return {"$": name, "truncated": True, "bits": bits}
    walk.charge(bits // 3)
    plain = int.__pos__(value)
    if abs(plain) <= MAX_JSON_INT:
        return plain if name == "int" else {"$": name, "value": plain}
    return {"$": name, "value": int.__repr__(plain)}


def _real(_walk: Walk, value: float, name: str, _state: State, _depth: int) -> Any:
    text = float.__repr__(value)
    if text in {"nan", "inf", "-inf"}:
        return {"$": name, "value": text}
    plain = float.__pos__(value)
    return plain if name == "float" else {"$": name, "value": plain}


def _complex(_walk: Walk, value: complex, name: str, _state: State, _depth: int) -> Any:
    return {"$": name, "value": complex.__repr__(value)}


def _text(walk: Walk, value: str, name: str, _state: State, _depth: int) -> Any:
    return walk.text(name, str.__str__(value))


def _octets(walk: Walk, value: Any, name: str, _state: State, _depth: int) -> Any:
    if type(value) is memoryview:
        length, octets = value.nbytes, value.cast("B")[: walk.characters].tobytes()
    else:
        base = bytes if isinstance(value, bytes) else bytearray
        length, octets = base.__len__(value), bytes(base.__getitem__(value, _first(walk.window)))
    if walk.holds_secret(octets.decode("latin-1")):
        return {"$": name, "redacted": True, "length": length}
    shown = binascii.b2a_base64(octets[: walk.characters], newline=False).decode("ascii")
    walk.charge(len(shown))
    node = {"$": name, "base64": shown}
    return node if length <= walk.characters else {**node, "truncated": True, "length": length}


def _first(count: int) -> slice:
    return slice(0, count)


def _list(walk: Walk, value: list[Any], name: str, state: State, depth: int) -> Any:
    nodes = walk.items(list.__getitem__(value, _first(walk.room)), state, depth)
    return _sequence(nodes, list.__len__(value), name)


def _sequence(nodes: list[Any], length: int, name: str) -> Any:
    if len(nodes) < length:
        return {"$": name, "truncated": True, "length": length, "items": nodes}
    return nodes if name == "list" else {"$": name, "items": nodes}


def _tuple(walk: Walk, value: tuple[Any, ...], name: str, state: State, depth: int) -> Any:
    items = tuple.__getitem__(value, _first(walk.room))
    length = tuple.__len__(value)
    fields = _named_fields(type(value), length)
    if fields:
        return walk.fields({"$": name}, zip(fields, items, strict=False), length, state, depth)
    return _sequence(walk.items(items, state, depth), length, name)


def _named_fields(kind: type, length: int) -> tuple[str, ...]:
    for base in _mro_of(kind):
        fields = _dict_of(base).get("_fields")
        if type(fields) is tuple and len(fields) == length:
            return fields if all(type(field) is str for field in fields) else ()
    return ()


def _iterated(iterate: Callable[[Any], Iterable[Any]], count: Callable[[Any], int]) -> Form:
    def form(walk: Walk, value: Any, name: str, state: State, depth: int) -> Any:
        items = list(itertools.islice(iterate(value), walk.room))
        if isinstance(value, set | frozenset) and len(items) == 2:
            # One may name the other: then that is hidden in every process alike.
            items.sort(key=lambda item: repr(item) if walk.is_secret_name(item) else "~")
        node = _sequence(walk.items(items, state, depth), count(value), name)
        if isinstance(value, set | frozenset):
            # The order of a set of text differs between processes.
            node["items"].sort(key=repr)
        return node

    return form


def _mapping(walk: Walk, value: Any, name: str, state: State, depth: int) -> Any:
    if isinstance(value, dict):
        return walk.mapping(name, dict.items(value), dict.__len__(value), state, depth)
    return walk.mapping(name, value.items(), len(value), state, depth)


def _array(walk: Walk, value: Any, name: str, state: State, depth: int) -> Any:
    node = _sequence(walk.items(value[: walk.room].tolist(), state, depth), len(value), name)
    return {**node, "typecode": value.typecode}


def _by_attributes(*names: str) -> Form:
    def form(walk: Walk, value: Any, name: str, state: State, depth: int) -> Any:
        pairs = [(attribute, getattr(value, attribute)) for attribute in names]
        return walk.fields({"$": name}, pairs, len(pairs), state, depth)

    return form


def _by_method(module: str, base: str, method: str) -> Form:
    def form(walk: Walk, value: Any, name: str, _state: State, _depth: int) -> Any:
        text = getattr(getattr(sys.modules[module], base), method)(value)
        node = walk.text(name, str.__str__(text))
        zone = getattr(getattr(value, "tzinfo", None), "key", None)
        return {**node, "zone": walk.line(zone)} if type(zone) is str else node

    return form


def _enumerated(walk: Walk, value: Any, name: str, state: State, depth: int) -> Any:
    own = dict(_state_of(value)[0])
    label = own.get("_name_")
    node = {"$": name, "name": walk.line(label) if type(label) is str else None}
    return {**node, "value": walk.node(own.get("_value_"), state, depth + 1)}


def _exception(walk: Walk, value: Any, name: str, state: State, depth: int) -> Any:
    if walk.looks_ahead:
        return {"$": name, "items": walk.items(args_of(value), state, depth)}
    return {"$": name, "message": walk.message(value)}


def _by_name(walk: Walk, value: Any, name: str, _state: State, _depth: int) -> Any:
    if isinstance(value, type):
        return {"$": name, "repr": walk.line(class_name(value))}
    return {"$": name, "repr": walk.line(f"{value.__module__}.{value.__qualname__}")}


def _by_fields(walk: Walk, value: Any, name: str, state: State, depth: int) -> Any:
    pairs, length = _state_of(value)
    if _is_opaque(type(value)):
        node: dict[str, Any] = {"$": name, "repr": _repr(walk, value)}
        return walk.fields(node, pairs, length, state, depth) if length else node
    return walk.fields({"$": name}, pairs, length, state, depth)


def _with_fields(  # noqa: PLR0917 -- a form, after two arguments that are bound
    form: Form, base: type, walk: Walk, value: Any, name: str, state: State, depth: int
) -> Any:
    node = form(walk, value, name, state, depth)
    pairs, length = _state_of(value, base)
    if not length:
        return node
    if "fields" in node:
        return {**node, "truncated": True}
    return walk.fields(node, pairs, length, state, depth)


def _repr(walk: Walk, value: Any) -> str:
    text = str.__str__(repr(value))
    if len(text) <= _MAX_SEARCHED:
        text = _ADDRESS.sub("", text)
    return walk.line(text)


def _state_of(value: Any, below: type = object) -> tuple[Iterable[tuple[Any, Any]], int]:
    attributes: dict[Any, Any] = {}
    slots: dict[str, Any] = {}
    for base in itertools.takewhile(lambda base: base is not below, _mro_of(type(value))):
        own = _dict_of(base)
        if type(own.get("__dict__")) in _SLOT_TYPES:
            attributes = own["__dict__"].__get__(value)
        for name in _slots_of(base):
            with contextlib.suppress(AttributeError):
                slots[name] = own[name].__get__(value)
    extra = slots.get("__pydantic_extra__") or {}
    state = [pair for pair in slots.items() if not pair[0].startswith("__")]
    length = len(state) + dict.__len__(attributes) + dict.__len__(extra)
    return itertools.chain(state, dict.items(attributes), dict.items(extra)), length


def _slots_of(kind: Any) -> list[str]:
    own = _dict_of(kind)
    if "__slots__" not in own:
        return []
    return [name for name, member in own.items() if type(member) is types.MemberDescriptorType]


def _is_opaque(kind: Any) -> bool:
    # Room in the object beyond what its slots, __dict__ and __weakref__ take means
    # that a part of its state cannot be seen from Python.
    words = (_dictoffset_of(kind) > 0) + (_weakrefoffset_of(kind) > 0)
    words += sum(len(_slots_of(base)) for base in _mro_of(kind))
    seen = _basicsize_of(object) + words * _POINTER_BYTES
    return bool(_basicsize_of(kind) > seen or _itemsize_of(kind))


_BUILTIN: Final[dict[type, Form]] = {
    int: _integer,
    float: _real,
    complex: _complex,
    str: _text,
    **dict.fromkeys((bytes, bytearray, memoryview), _octets),
    list: _list,
    tuple: _tuple,
    set: _iterated(set.__iter__, set.__len__),
    frozenset: _iterated(frozenset.__iter__, frozenset.__len__),
    collections.deque: _iterated(collections.deque.__iter__, collections.deque.__len__),
    **dict.fromkeys((type({}.keys()), type({}.values()), type({}.items())), _iterated(iter, len)),
    **dict.fromkeys((dict, types.MappingProxyType), _mapping),
    **dict.fromkeys((range, slice), _by_attributes("start", "stop", "step")),
    functools.partial: _by_attributes("func", "args", "keywords"),
    BaseException: _exception,
    **dict.fromkeys((type, types.FunctionType, types.MethodType), _by_name),
}
# What a subclass adds to these is not shown.
_WHOLE: Final = frozenset(
    (_exception, _by_name, _tables.numpy_scalar, _tables.numpy_array, _tables.frame, _tables.series)
)
_TEXTUAL: Final = {
    "datetime": dict.fromkeys(("datetime", "date", "time"), "isoformat") | {"timezone": "__str__"},
    "decimal": {"Decimal": "__str__"},
    "fractions": {"Fraction": "__str__"},
    "ipaddress": dict.fromkeys(
        [f"IPv{n}{what}" for n in (4, 6) for what in ("Address", "Interface", "Network")], "__str__"
    ),
    "pathlib": {"PurePath": "__str__"},
    "uuid": {"UUID": "__str__"},
    "zoneinfo": {"ZoneInfo": "__str__"},
}
# By name, because the modules are imported by who uses them, never here.
_NAMED: Final[dict[str, dict[str, Form]]] = {
    **{
        module: {kind: _by_method(module, kind, method) for kind, method in kinds.items()}
        for module, kinds in _TEXTUAL.items()
    },
    "array": {"array": _array},
    "numpy": {"generic": _tables.numpy_scalar, "ndarray": _tables.numpy_array},
    "pandas": {"DataFrame": _tables.frame, "Series": _tables.series, "Index": _tables.series},
    "polars": {"DataFrame": _tables.frame, "Series": _tables.series},
}
_NAMED["datetime"]["timedelta"] = _by_attributes("days", "seconds", "microseconds")
_MODULES: Final = tuple(_NAMED)


@functools.lru_cache(maxsize=64)
def _forms(loaded: tuple[bool, ...]) -> dict[type, Form]:
    forms = dict(_BUILTIN)
    for module in itertools.compress(_MODULES, loaded):
        for name, form in _NAMED[module].items():
            kind = getattr(sys.modules.get(module), name, None)
            if isinstance(kind, type):
                forms[kind] = form
    return forms
