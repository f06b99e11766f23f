"""Which values cannot change, and so may be shared instead of copied."""

from __future__ import annotations

import enum
import re
import sys
import types
import weakref
from typing import TYPE_CHECKING, Any, Final


if TYPE_CHECKING:
    from collections.abc import Iterable


#: Larger tuples and the like are copied rather than walked on the caller's thread.
MAX_NODES: Final = 1000

_SCALAR, _SIZED, _ITEMS, _FIELDS, _CLOSURE, _CHANGEABLE = range(6)

_kinds: dict[type, int] = {
    **dict.fromkeys(
        (
            int,
            float,
            bool,
            complex,
            range,
            # Its instances are used as sentinels, which are compared by identity.
            object,
            re.Pattern,
            types.NoneType,
            types.EllipsisType,
            types.NotImplementedType,
            types.ModuleType,
            types.GenericAlias,
            types.UnionType,
        ),
        _SCALAR,
    ),
    str: _SIZED,
    bytes: _SIZED,
    tuple: _ITEMS,
    frozenset: _ITEMS,
    types.FunctionType: _CLOSURE,
    list: _CHANGEABLE,
    dict: _CHANGEABLE,
    set: _CHANGEABLE,
    bytearray: _CHANGEABLE,
}

#: What most arguments are, and what cannot change whatever it holds.
SCALARS: Final = frozenset(cls for cls, kind in _kinds.items() if kind == _SCALAR)

#: Weak, for programs that make classes without end.
_kinds_of_others: weakref.WeakKeyDictionary[type, int] = weakref.WeakKeyDictionary()

#: By name, because importing their modules would make ``import darkcall`` slow.
_IMMUTABLE_BY_NAME: Final = frozenset(
    {
        "datetime.date",
        "datetime.datetime",
        "datetime.time",
        "datetime.timedelta",
        "datetime.timezone",
        "decimal.Decimal",
        "fractions.Fraction",
        "ipaddress.IPv4Address",
        "ipaddress.IPv4Network",
        "ipaddress.IPv6Address",
        "ipaddress.IPv6Network",
        "pathlib.PosixPath",
        "pathlib.PurePosixPath",
        "pathlib.PureWindowsPath",
        "pathlib.WindowsPath",
        "uuid.UUID",
        "zoneinfo.ZoneInfo",
    }
)


def weigh(value: Any) -> int:
    """Tell how many bytes of text a value holds, or that it can change.

    Args:
        value: Anything.

    Returns:
        -1 if the value can change, or is too large to find out; otherwise the length
        of the text and bytes that it holds, in bytes, roughly.
    """
    cls = type(value)
    if cls in SCALARS:
        return 0
    kind = _kinds.get(cls, -1)
    if kind == _SIZED:
        return len(value)
    if kind == _CHANGEABLE:
        return -1
    return _weigh_deeply(value)


def weigh_all(values: Iterable[Any]) -> int:
    """Tell what several values weigh together, as ``weigh`` does.

    Args:
        values: Anything.

    Returns:
        -1 if any of them can change.
    """
    total = 0
    for value in values:
        if type(value) in SCALARS:
            continue
        weight = weigh(value)
        if weight < 0:
            return -1
        total += weight
    return total


def _weigh_deeply(value: Any) -> int:
    total = 0
    nodes = 0
    waiting = [value]
    while waiting:
        value = waiting.pop()
        nodes += 1
        kind = _kind_of(type(value))
        if kind == _CHANGEABLE or nodes > MAX_NODES:
            return -1
        # By the builtin's own methods: a subclass's may say anything, and come to no end.
        if kind == _SIZED:
            total += str.__len__(value) if isinstance(value, str) else bytes.__len__(value)
        elif kind == _ITEMS:
            base: Any = tuple if isinstance(value, tuple) else frozenset
            if base.__len__(value) > MAX_NODES:
                return -1
            waiting.extend(base.__iter__(value))
        elif kind == _FIELDS:
            waiting.extend(_fields_of(value))
        elif kind == _CLOSURE and value.__closure__ is not None:
            waiting.extend(_contents_of(value.__closure__))
    return total


def _contents_of(cells: Iterable[types.CellType]) -> list[Any]:
    contents = []
    for cell in cells:
        # An empty cell is filled later, and may then hold anything.
        try:
            contents.append(cell.cell_contents)
        except ValueError:
            contents.append([])
    return contents


def _kind_of(cls: type) -> int:
    kind = _kinds.get(cls)
    if kind is None:
        kind = _kinds_of_others.get(cls)
    if kind is None:
        kind = _kinds_of_others[cls] = _classify(cls)
    return kind


def _classify(cls: type) -> int:  # noqa: PLR0911 -- one line for each kind of class
    if issubclass(cls, type | enum.Enum):
        return _SCALAR
    if _is_known_by_name(cls):
        return _SCALAR
    if cls.__module__ == "numpy" and _is_numpy_scalar(cls):
        return _SCALAR
    if _holds_nothing_more(cls):
        if issubclass(cls, tuple | frozenset):
            return _ITEMS
        if issubclass(cls, str | bytes):
            return _SIZED
        if issubclass(cls, int | float | complex):
            return _SCALAR
    if _is_frozen(cls):
        return _FIELDS
    return _CHANGEABLE


def _holds_nothing_more(cls: type) -> bool:
    """Whether instances of a subclass of a builtin are all that the builtin's are."""
    own = cls.__mro__[: next(i for i, c in enumerate(cls.__mro__) if c.__module__ == "builtins")]
    return cls.__dictoffset__ == 0 and not any(base.__dict__.get("__slots__", ()) for base in own)


def _is_known_by_name(cls: type) -> bool:
    name = f"{cls.__module__.removesuffix('._local')}.{cls.__qualname__}"
    if name not in _IMMUTABLE_BY_NAME:
        return False
    return getattr(sys.modules.get(cls.__module__), cls.__qualname__, None) is cls


def _is_numpy_scalar(cls: type) -> bool:
    numpy: Any = sys.modules["numpy"]
    return issubclass(cls, numpy.generic) and not issubclass(cls, numpy.void)


def _is_frozen(cls: type) -> bool:
    # The items of a frozen list, say, can change all the same.
    new: Any = cls.__new__
    if new is not object.__new__:
        return False
    # A subclass that is not decorated itself may have attributes that can change,
    # so what a base class says of itself is not believed.
    own = cls.__dict__
    dataclass_params = own.get("__dataclass_params__")
    if dataclass_params is not None:
        return bool(dataclass_params.frozen)
    # attrs says so of a class since its version 25.4; before, it counts as changeable.
    attrs_props = own.get("__attrs_props__")
    return attrs_props is not None and bool(attrs_props.is_frozen)


def _fields_of(value: Any) -> list[Any]:
    fields = list(_attribute(value, "__dict__", {}).values())
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if slot in {"__weakref__", "__dict__"}:
                continue
            name = f"_{cls.__name__.lstrip('_')}{slot}" if _is_mangled(slot) else slot
            fields.append(_attribute(value, name, None))
    return fields


def _attribute(value: Any, name: str, default: Any) -> Any:
    # A __getattribute__ of the value's own may call what is launched, and so on.
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return default


def _is_mangled(slot: str) -> bool:
    return slot.startswith("__") and not slot.endswith("__")
