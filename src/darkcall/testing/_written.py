"""One test: the code that makes the call again, and the proof that it does."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall._describe import describe_mapping
from darkcall._redact import Redactor
from darkcall._signatures import is_async
from darkcall._text import one_line

from ._imports import Imports
from ._layout import Leaf, Name, Prefixed, call
from ._source import NotWrittenError, is_name, name_of, source_of


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ._found import Found
    from ._layout import Node

_INDENT: Final = "    "
_REDACTOR: Final = Redactor()
_RAISES: Final = Name("pytest", "raises")


@attrs.frozen
class Body:
    """The body of a test.

    Attributes:
        lines: Its lines, without their ends.
        imports: All imports, with those that it needs.
    """

    lines: tuple[str, ...]
    imports: Imports

    @property
    def size(self) -> int:
        """How much there is to read."""
        return sum(map(len, self.lines))


def body_of(
    found: Found, arguments: Mapping[str, Any], record: Mapping[str, Any], imports: Imports
) -> Body:
    """Write the body of a test.

    Args:
        found: The function.
        arguments: The arguments that the record is of, rebuilt, by parameter.
        record: The record.
        imports: What is imported already.

    Returns:
        The body, of which it is proved that it makes the same call.

    Raises:
        NotWrittenError: There is none; the message says why.
    """
    imports = imports.copy()
    try:
        made = _Call(found, arguments)
        described = made.described(imports)
    except NotWrittenError:
        raise
    except Exception as error:  # noqa: BLE001 -- constructors are the user's code
        raise NotWrittenError(_unlike(f"{type(error).__name__}: {error}")) from None
    # As text: 1, 1.0 and True are equal.
    if json.dumps(described) != json.dumps(record["arguments"]):
        raise NotWrittenError(_unlike("it would be recorded otherwise"))
    return Body(tuple(made.lines(imports, record.get("control_raised"))), imports)


def _unlike(why: str) -> str:
    return f"what its classes make of the same attributes is not the same: {one_line(why, 200)}"


class _Call:
    """A call as code.

    Args:
        found: The function.
        arguments: The arguments by parameter.
    """

    def __init__(self, found: Found, arguments: Mapping[str, Any]) -> None:
        self._found = found
        self._first: tuple[Any, ...] = ()
        self._instance: Node | None = None
        self._called: Leaf | Name = found.name
        parameters = found.parameters
        if found.kind != "function":
            parameters = list(parameters or ())
            receiver = parameters.pop(0).name if parameters else "self"
            if receiver not in arguments:
                raise NotWrittenError(f"what it is called on is not recorded as {receiver}")
            self._receive(arguments[receiver])
        self._items = tuple(_items(parameters, arguments))

    def _receive(self, receiver: Any) -> None:
        last = self._found.name.path.rpartition(".")[2]
        if self._found.kind == "classmethod":
            owner = name_of(receiver)
            self._called = Name(owner.module, f"{owner.path}.{last}")
            self._first = (receiver,)
        else:
            self._instance = source_of(receiver)
            self._called = Leaf(f"instance.{last}")

    def described(self, imports: Imports) -> dict[str, Any]:
        """Describe the arguments that the code makes."""
        first = self._first
        if self._instance is not None:
            first = (imports.evaluated(self._instance),)
        arguments = call(Leaf("__given__"), *self._items)
        args, kwargs = imports.evaluated(arguments, __given__=lambda *args, **kwargs: (args, kwargs))
        return describe_mapping(self._found.named((*first, *args), kwargs), _REDACTOR)

    def lines(self, imports: Imports, raised: Mapping[str, Any] | None) -> Iterator[str]:
        """Write the code."""
        layout = imports.layout()
        if self._instance is not None:
            yield from layout.lines(self._instance, _INDENT, before="instance = ")
        expected = "" if raised is None else f", {layout.flat(_expecting(raised))}"
        yield f"{_INDENT}with strict(){expected}:"
        deeper = 2 * _INDENT
        if self._found.kind == "property":
            yield f"{deeper}_ = {layout.flat(self._called)}"
            return
        made = call(self._called, *self._items)
        if is_async(self._found.launch.control):
            made = call(Name("asyncio", "run"), made)
        yield from layout.lines(made, deeper)


def _items(
    parameters: list[inspect.Parameter] | None, arguments: Mapping[str, Any]
) -> Iterator[Node]:
    """Write arguments: the first one by its place, others by name, where that is possible."""
    if parameters is None:
        for name, value in arguments.items():
            yield source_of(value) if name.isdecimal() else Prefixed(f"{name}=", source_of(value))
        return
    more = [one.name for one in parameters if one.kind is one.VAR_POSITIONAL]
    has_more = any(arguments.get(name) for name in more)
    for place, parameter in enumerate(parameters):
        if parameter.name not in arguments:
            continue
        node = source_of(arguments[parameter.name])
        if parameter.kind is parameter.VAR_POSITIONAL:
            yield from node.items  # type: ignore[union-attr] -- it is that of a tuple
        elif parameter.kind is parameter.VAR_KEYWORD:
            yield from named_items(arguments[parameter.name])
        elif parameter.kind is parameter.POSITIONAL_ONLY or (
            parameter.kind is parameter.POSITIONAL_OR_KEYWORD and (has_more or place == 0)
        ):
            yield node
        else:
            yield Prefixed(f"{parameter.name}=", node)


def _expecting(raised: Mapping[str, Any]) -> Node:
    """Write what waits for the control's exception, if its class can be imported."""
    module, _, path = str(raised["type"]).rpartition(".")
    name = Name(module or "builtins", path)
    try:
        found = Imports().evaluated(name)
    except Exception:  # noqa: BLE001 -- it may have any name, and importing it may do anything
        found = None
    is_known = isinstance(found, type) and issubclass(found, Exception) and found is not Exception
    if is_known and len(path) <= _MAX_NAME:
        return call(_RAISES, name)
    return call(Name("contextlib", "suppress"), Leaf("Exception"))


_MAX_NAME: Final = 50
