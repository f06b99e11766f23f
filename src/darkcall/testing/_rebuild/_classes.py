"""Objects of the classes that hints name: their state is put back, as a copy's is.

No code of theirs runs for it: what was recorded is the state, and ``__init__`` might make another
one of it.  An enum's member is looked up.
"""

from __future__ import annotations

import enum
import struct
import sys
import types
from typing import TYPE_CHECKING, Any, Final

from ._errors import RefusedError
from ._known import number_in, octets_in, text_in


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._nodes import Nodes

_POINTER_BYTES: Final = struct.calcsize("P")
#: What an object says that a class of these bases made, besides its attributes.
_CONTENTS: Final[dict[type, Callable[[dict[str, Any], Nodes], Any]]] = {
    int: lambda node, _nodes: number_in(node, int),
    float: lambda node, _nodes: number_in(node, float),
    str: lambda node, _nodes: text_in(node),
    bytes: lambda node, _nodes: octets_in(node),
    tuple: lambda node, nodes: nodes.items(node.get("items")),
    frozenset: lambda node, nodes: nodes.items(node.get("items")),
    list: lambda node, nodes: nodes.items(node.get("items")),
    set: lambda node, nodes: nodes.items(node.get("items")),
    dict: lambda node, nodes: nodes.entries(node.get("entries")),
}
_FILLED: Final[dict[type, Callable[[Any, Any], None]]] = {
    list: list.extend,
    set: set.update,
    dict: dict.update,
}


def restored(kind: type, node: dict[str, Any], nodes: Nodes) -> Any:
    """Make an object of a class again.

    Args:
        kind: The class.
        node: The object's node.
        nodes: What makes the parts.

    Returns:
        The object.

    Raises:
        RefusedError: The node does not say all about such an object.
    """
    if issubclass(kind, enum.Enum):
        return _member(kind, node, nodes)
    # Pydantic's models, and not its dataclasses.
    if hasattr(kind, "__private_attributes__"):
        return _model(kind, node, nodes)
    base: Any = next((base for base in kind.__mro__ if base in _CONTENTS), object)
    if base is kind or _holds_more(kind, base):
        raise RefusedError("a part of it cannot be seen from Python")
    fields = nodes.fields(node.get("fields", {}))
    names = getattr(kind, "_fields", None)
    if base is tuple and type(names) is tuple:
        return _filled(kind, base, [fields[name] for name in names])
    if base is object:
        made = object.__new__(kind)
        if not fields and kind.__eq__ is object.__eq__:
            raise RefusedError("it has no attributes: it may be told by its identity")
    else:
        made = _filled(kind, base, _CONTENTS[base](node, nodes))
    for name, value in fields.items():
        _set(made, name, value)
    return made


def _filled(kind: type, base: Any, contents: Any) -> Any:
    if base not in _FILLED:
        return base.__new__(kind, contents)
    made = base.__new__(kind)
    _FILLED[base](made, contents)
    return made


def _holds_more(kind: Any, base: Any) -> bool:
    # As descriptions find it out: room in the object for what is neither slot nor attribute.
    # An offset below 0 takes no room, unless objects differ in size.
    least = -sys.maxsize if kind.__itemsize__ else 1
    words = sum(
        getattr(kind, offset) >= least and getattr(kind, offset) != 0
        for offset in ("__dictoffset__", "__weakrefoffset__")
    )
    words += sum(len(_slots_of(one)) for one in kind.__mro__)
    return bool(kind.__basicsize__ > base.__basicsize__ + words * _POINTER_BYTES)


def _slots_of(kind: type) -> list[str]:
    own = kind.__dict__
    if "__slots__" not in own:
        return []
    return [name for name, one in own.items() if type(one) is types.MemberDescriptorType]


def _set(made: Any, name: str, value: Any) -> None:
    for base in type(made).__mro__:
        own = base.__dict__.get(name)
        if type(own) is types.MemberDescriptorType:
            own.__set__(made, value)
            return
    # Not by ``setattr``: a frozen class refuses, and a property would run.
    object.__getattribute__(made, "__dict__")[name] = value


def _member(kind: Any, node: dict[str, Any], nodes: Nodes) -> Any:
    member = kind.__members__.get(node.get("name"))
    if member is not None:
        return member
    value = nodes.part(".value", node.get("value"))
    # Only flags have values that no member has.
    if not issubclass(kind, enum.Flag) or type(value) is not int:
        raise RefusedError(f"{kind.__qualname__} has no such member today")
    return kind(value)


def _model(kind: Any, node: dict[str, Any], nodes: Nodes) -> Any:
    if kind.__private_attributes__:
        raise RefusedError("no record shows the private attributes of a model")
    fields = nodes.fields(node.get("fields"))
    own = {name: value for name, value in fields.items() if name in kind.__pydantic_fields__}
    extra = {name: value for name, value in fields.items() if name not in own}
    allows_extra = kind.model_config.get("extra") == "allow"
    if extra and not allows_extra:
        raise RefusedError(f"{kind.__qualname__} has no field {next(iter(extra))}")
    made = object.__new__(kind)
    # As pickle does it; which of the fields were given, and not left out, no record shows.
    made.__setstate__(
        {
            "__dict__": own,
            "__pydantic_fields_set__": {*own, *extra},
            "__pydantic_extra__": extra if allows_extra else None,
            "__pydantic_private__": None,
        }
    )
    return made
