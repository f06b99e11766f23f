"""Objects: by their own ``==`` where they define one, else attribute by attribute."""

from __future__ import annotations

import functools
import sys
import types
from typing import TYPE_CHECKING, Any, Final

from ._containers import dicts, sequences
from ._errors import uncomparable
from ._leaves import says_equal
from ._names import derives_from, module_of, mro_of, vars_of


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from darkcall._paths import State

    from ._walk import Child, Handler, Walk, Where

_POINTER_BYTES: Final = object.__basicsize__ // 2
_DICT_DESCRIPTORS: Final = frozenset({types.GetSetDescriptorType, types.MemberDescriptorType})
#: Kept by libraries on their objects, and no part of what the objects say.
_BOOKKEEPING: Final = frozenset({"__pydantic_fields_set__", "__notes__"})


def own_equality(kind: type) -> type | None:
    """The class that defines what ``==`` says about values of a type; None if no class does."""
    for base in mro_of(kind)[:-1]:
        if "__eq__" in vars_of(base):
            return base
    return None


def is_stdlib(kind: type) -> bool:
    """Whether a class comes with Python."""
    return module_of(kind).partition(".")[0] in sys.stdlib_module_names


def compares_fields(definer: type) -> bool:
    """Whether a class's ``==`` is one that compares field by field, and was not written by hand.

    Such an ``==`` takes ``True`` for ``1`` and a NaN for unequal to itself, and Django's
    looks at the primary key alone, so the fields are compared here instead.
    """
    if module_of(definer) in {"pydantic.main", "django.db.models.base"}:
        return True
    equality = vars_of(definer)["__eq__"]
    code = getattr(equality, "__code__", None)
    made_in = code.co_filename if isinstance(code, types.CodeType) else ""
    if "__dataclass_fields__" in vars_of(definer) and made_in == "<string>":
        return True
    fields = vars_of(definer).get("__attrs_attrs__")
    return (
        isinstance(fields, tuple)
        and made_in.startswith("<attrs generated")
        and all(field.eq_key is None for field in fields)
    )


def compared_names(definer: type) -> list[str] | None:
    """The fields that a generated ``==`` compares; None if it compares all attributes."""
    attrs_fields = vars_of(definer).get("__attrs_attrs__")
    if isinstance(attrs_fields, tuple):
        return [field.name for field in attrs_fields if field.eq]
    if "__dataclass_fields__" in vars_of(definer):
        fields = sys.modules["dataclasses"].fields(definer)
        return [field.name for field in fields if field.compare]
    return None


class Attributes:
    """Compares objects of one type attribute by attribute.

    Args:
        kind: The type.
        names: The attributes that count; None for all.
        added: Whether only those count that are not from a class that comes with Python.
    """

    __slots__ = ("_descriptors", "_dict", "_names", "_private", "_skipped", "hides_state")

    def __init__(self, kind: type, *, names: list[str] | None = None, added: bool = False) -> None:
        bases = [base for base in mro_of(kind) if not (added and is_stdlib(base))]
        members = [
            (name, member)
            for base in reversed(mro_of(kind))
            for name, member in vars_of(base).items()
            if isinstance(member, types.MemberDescriptorType) and name != "__dict__"
        ]
        self._names = names
        self._descriptors = {
            name: member
            for name, member in members
            if name not in _BOOKKEEPING and member.__objclass__ in bases
        }
        self._dict: Any = next(
            (
                found
                for base in mro_of(kind)
                if type(found := vars_of(base).get("__dict__")) in _DICT_DESCRIPTORS
            ),
            None,
        )
        self._skipped = {
            name
            for base in bases
            for name, member in vars_of(base).items()
            if type(member) is functools.cached_property
        }
        self._private = not derives_from(kind, "django.db.models", "Model")
        # What attributes do not account for is state of a C type that nobody can see.
        pointers = len(members) + (kind.__dictoffset__ > 0) + (kind.__weakrefoffset__ > 0)
        explained = object.__basicsize__ + _POINTER_BYTES * pointers
        self.hides_state = kind.__basicsize__ > explained or kind.__itemsize__ > 0

    def read(self, value: Any) -> dict[str, Any]:
        """The attributes of an object, in a new dict, without running code of its own."""
        found = {}
        for name, member in self._descriptors.items():
            try:
                found[name] = member.__get__(value)
            except AttributeError:
                continue
        instance = self._dict.__get__(value) if self._dict is not None else None
        if type(instance) is dict:
            found.update(instance)
        if self._names is not None:
            return {name: _field(value, name, found) for name in self._names}
        return {
            name: item
            for name, item in found.items()
            if name not in self._skipped
            and name not in _BOOKKEEPING
            and (self._private or not name.startswith("_"))
        }

    def __call__(
        self, walk: Walk, control: Any, candidate: Any, where: Where, state: State
    ) -> Iterator[Child]:
        """Compare two objects."""
        return dicts(walk, self.read(control), self.read(candidate), where, state)


def _field(value: Any, name: str, found: dict[str, Any]) -> Any:
    # A field may be kept elsewhere, by a descriptor.
    return found[name] if name in found else getattr(value, name)


def trusting(inner: Handler | None) -> Handler:
    """Compare by the type's own ``==``; where it says no, ``inner`` shows what differs."""

    def compare(
        walk: Walk, control: Any, candidate: Any, where: Where, state: State
    ) -> Iterator[Child]:
        verdict = says_equal(control, candidate)
        if verdict:
            return
        if verdict is None and inner is None:
            raise uncomparable(where, control, "its == does not answer with true or false")
        found, forgiven = len(walk.differences), walk.forgiven
        if inner is not None:
            yield from inner(walk, control, candidate, where, state) or ()
        explained = found < len(walk.differences) or forgiven < walk.forgiven
        if verdict is False and not explained:
            walk.differ(where, "value", control, candidate)

    return compare


def both(first: Handler, second: Handler) -> Handler:
    """Compare in two ways, one after the other."""

    def compare(
        walk: Walk, control: Any, candidate: Any, where: Where, state: State
    ) -> Iterator[Child]:
        yield from first(walk, control, candidate, where, state) or ()
        yield from second(walk, control, candidate, where, state) or ()

    return compare


def refusing(reason: str) -> Handler:
    """Say that values of a type cannot be compared, and why."""

    def compare(_walk: Walk, control: Any, _candidate: Any, where: Where, _state: State) -> None:
        raise uncomparable(where, control, reason)

    return compare


def identity(walk: Walk, control: Any, candidate: Any, where: Where, _state: State) -> None:
    """Compare what is only equal to itself: classes, modules, enum members."""
    walk.differ(where, "value", control, candidate)


def functions(
    walk: Walk, control: Any, candidate: Any, where: Where, _state: State
) -> Iterable[Child] | None:
    """Compare two functions: by name, code, defaults and what they close over."""
    same_text = (control.__module__, control.__qualname__) == (
        candidate.__module__,
        candidate.__qualname__,
    )
    if not same_text or control.__code__ != candidate.__code__:
        walk.differ(where, "value", control, candidate)
        return None
    return tuple(
        (name, getattr(control, name), getattr(candidate, name))
        for name in ("__defaults__", "__kwdefaults__", "__closure__")
    )


def cells(
    _walk: Walk, control: Any, candidate: Any, _where: Where, _state: State
) -> Iterable[Child]:
    """Compare two cells of closures."""
    return (("cell_contents", control.cell_contents, candidate.cell_contents),)


def parts(*names: str) -> Handler:
    """Compare the named attributes."""

    def compare(
        _walk: Walk, control: Any, candidate: Any, _where: Where, _state: State
    ) -> Iterable[Child]:
        return tuple((name, getattr(control, name), getattr(candidate, name)) for name in names)

    return compare


def query_sets(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterable[Child]:
    """Compare two Django query sets by their rows, which must have been loaded."""
    rows = (vars(control).get("_result_cache"), vars(candidate).get("_result_cache"))
    if None in rows:
        reason = "its rows are not loaded; normalize=list loads them"
        raise uncomparable(where, control, reason)
    return sequences(walk, *rows, where, state)
