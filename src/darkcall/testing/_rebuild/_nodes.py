"""One node after the other back to values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from darkcall._describe._forms import class_name
from darkcall._text import escaped

from ._classes import restored
from ._errors import RefusedError
from ._known import KNOWN, SAYS_TOO_LITTLE
from ._tables import table_value


if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Nodes", "RefusedError"]

#: Descriptions are 32 containers deep at most; the parts of the last are one deeper.
_MAX_DEPTH: Final = 40
_MAX_NAME: Final = 200
_LEAVES: Final = frozenset({str, int, float, bool, type(None)})
#: Why a node does not say everything, by the key that it has then.
_MARKS: Final = {
    "redacted": "hidden",
    "truncated": "cut",
    "repr": "it cannot be seen into",
    "message": "it is an exception",
    "cycle": "it lies in itself",
    "undescribable": "it could not be described",
}


class Nodes:
    """Makes values of the nodes of a description.

    Args:
        classes: The classes that may be made, by the names that nodes give them; None for a name
            that several have.
    """

    def __init__(self, classes: Mapping[str, type | None]) -> None:
        self._classes = classes
        self._depth = 0

    def value(self, node: Any) -> Any:
        """Make the value of a node.

        Args:
            node: Any JSON.

        Returns:
            The value.

        Raises:
            RefusedError: It cannot be made, or the node does not say everything.
        """
        if type(node) in _LEAVES:
            return node
        if self._depth >= _MAX_DEPTH:
            raise RefusedError("it lies deeper than descriptions go")
        self._depth += 1
        try:
            return self._made(node)
        except RefusedError:
            raise
        except Exception as error:  # noqa: BLE001 -- no file is trusted; a class's hash runs code
            what = escaped(str(_name_in(node)))
            raise RefusedError(f"no {what} can be made of it: {type(error).__name__}") from None
        finally:
            self._depth -= 1

    def part(self, step: str, node: Any) -> Any:
        """Make the value of a part of a node.

        Args:
            step: Where it stands: ``.name`` or ``[*]``.
            node: The part.

        Returns:
            The value.

        Raises:
            RefusedError: As for ``value``.
        """
        try:
            return self.value(node)
        except RefusedError as error:
            error.steps.append(step)
            raise

    def items(self, node: Any) -> list[Any]:
        """Make the values of a list of nodes."""
        if type(node) is not list:
            raise RefusedError("its items are no list")
        return [self.part("[*]", item) for item in node]

    def entries(self, node: Any) -> list[tuple[Any, Any]]:
        """Make the keys and values of a list of pairs of nodes."""
        if type(node) is not list or any(type(pair) is not list or len(pair) != 2 for pair in node):
            raise RefusedError("its entries are no pairs")
        return [(self.part("[*]", key), self.part("[*]", value)) for key, value in node]

    def fields(self, node: Any) -> dict[str, Any]:
        """Make the values of an object of nodes."""
        if type(node) is not dict:
            raise RefusedError("its fields are no object")
        return {name: self.part(f".{name}", part) for name, part in node.items()}

    def _made(self, node: Any) -> Any:
        if type(node) is list:
            return self.items(node)
        if type(node) is not dict:
            raise RefusedError(f"a {type(node).__name__} is no description")
        if "$" not in node:
            return self.fields(node)
        if self._is_class(node):
            return self._classes[node["repr"]]
        for mark, why in _MARKS.items():
            if mark in node:
                raise RefusedError(why)
        if type(node["$"]) is not str:
            raise RefusedError("its type has no name")
        return self._named(node["$"], node)

    def _named(self, name: str, node: dict[str, Any]) -> Any:
        if name in KNOWN:
            return KNOWN[name](node, self)
        if name in SAYS_TOO_LITTLE:
            raise RefusedError(f"{name}: {SAYS_TOO_LITTLE[name]}")
        if name in self._classes:
            return restored(self._class(name), node, self)
        if name.startswith(("numpy.", "pandas.", "polars.")):
            return table_value(name, node, self)
        raise RefusedError(f"no hint of the control names {escaped(name[:_MAX_NAME])}")

    def _class(self, name: str) -> type:
        found = self._classes[name]
        if found is None:
            raise RefusedError(f"the hints name several classes {escaped(name[:_MAX_NAME])}")
        return found

    def _is_class(self, node: dict[str, Any]) -> bool:
        """Whether it stands for a class, such as the first argument of a class method."""
        shown = node.get("repr")
        if node.keys() != {"$", "repr"} or type(shown) is not str:
            return False
        found = self._classes.get(shown)
        return found is not None and class_name(type(found)) == node["$"]


def _name_in(node: Any) -> Any:
    return node.get("$", "dict") if type(node) is dict else type(node).__name__
