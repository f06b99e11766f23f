"""One test: the code that makes the call again, and the proof that it does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall._describe import describe_mapping
from darkcall._redact import Redactor
from darkcall._signatures import is_async
from darkcall._text import one_line, qualname_of

from ._imports import STRICT
from ._layout import Leaf, Name, Prefixed, Text, call
from ._rebuild import json_of
from ._source import NotWrittenError, is_name, keywords_of, name_of, source_of


if TYPE_CHECKING:
    import inspect
    from collections.abc import Iterator, Mapping

    from ._found import Found
    from ._imports import Imports
    from ._layout import Node

_INDENT: Final = "    "
_REDACTOR: Final = Redactor()
_RAISES: Final = Name("pytest", "raises")
#: So that it fits in a line.
_MAX_NAME: Final = 50


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
    found: Found,
    arguments: Mapping[str, Any],
    record: Mapping[str, Any],
    imports: Imports,
    candidate: str,
) -> Body:
    """Write the body of a test.

    Args:
        found: The function.
        arguments: The arguments that the record is of, rebuilt, by parameter.
        record: The record.
        imports: What is imported already.
        candidate: The candidate that it is a test of.

    Returns:
        The body, of which it is proved that it makes the same call.

    Raises:
        NotWrittenError: There is none; the message says why.
    """
    imports = imports.copy()
    try:
        made = _Call(found, arguments)
        described = made.described(imports)
    except (KeyboardInterrupt, NotWrittenError):
        raise
    except BaseException as error:  # noqa: BLE001 -- constructors are the user's code
        why = one_line(_REDACTOR.text(f"{type(error).__name__}: {error}"), 200)
        raise NotWrittenError(f"to make the arguments by their classes fails: {why}") from None
    _check(described, record["arguments"])
    return Body(tuple(made.lines(imports, candidate, record.get("control_raised"))), imports)


def _check(described: Mapping[str, Any], recorded: Mapping[str, Any]) -> None:
    for name in {**recorded, **described}:
        is_there = name in described and name in recorded
        if not is_there or json_of(described[name]) != json_of(recorded[name]):
            raise NotWrittenError(f"{name}: its class makes something else of what was recorded")


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
            # Without names, arguments are known by their places.
            receiver = parameters[0].name if parameters else "0"
            parameters = parameters and parameters[1:]
            self._receive(arguments[receiver])
            arguments = {name: one for name, one in arguments.items() if name != receiver}
        self._items = tuple(_items(parameters, arguments))

    def _receive(self, receiver: Any) -> None:
        last = self._found.name.path.rpartition(".")[2]
        if self._found.kind == "classmethod":
            owner = name_of(receiver)
            self._called = Name(owner.module, f"{owner.path}.{last}")
            self._first = (receiver,)
        elif not self._found.is_reached_from(type(receiver)):
            raise NotWrittenError(f"a {qualname_of(type(receiver))} has a {last} of its own")
        else:
            self._instance = source_of(receiver)
            self._called = Leaf(f"instance.{last}")

    def described(self, imports: Imports) -> dict[str, Any]:
        """Describe the arguments that the code makes."""
        first = self._first
        if self._instance is not None:
            first = (imports.evaluated(self._instance),)
        arguments = call(Leaf("__given__"), *self._items)
        args, kwargs = imports.evaluated(
            arguments, __given__=lambda *args, **kwargs: (args, kwargs)
        )
        return describe_mapping(self._found.named((*first, *args), kwargs), _REDACTOR)

    def lines(
        self, imports: Imports, candidate: str, raised: Mapping[str, Any] | None
    ) -> Iterator[str]:
        """Write the code."""
        layout = imports.layout()
        if self._instance is not None:
            yield from layout.lines(self._instance, _INDENT, before="instance = ")
        expected = [] if raised is None else [_expecting(raised)]
        yield from layout.blocks([self._strict(candidate), *expected], _INDENT)
        deeper = 2 * _INDENT
        if self._found.kind == "property":
            yield f"{deeper}_ = {layout.flat(self._called)}"
            return
        made = call(self._called, *self._items)
        if is_async(self._found.launch.control):
            made = call(Name("asyncio", "run"), made)
        yield from layout.lines(made, deeper)

    def _strict(self, candidate: str) -> Node:
        """Write what compares: no other launch, and no other candidate."""
        is_only = len(self._found.launch.candidates) == 1
        about = [] if is_only else [Prefixed("candidate=", Text(candidate))]
        of = self._called if isinstance(self._called, Name) else self._found.name
        return call(STRICT, of, *about)


def _items(
    parameters: list[inspect.Parameter] | None, arguments: Mapping[str, Any]
) -> Iterator[Node]:
    """Write arguments: the first one by its place, others by name, where that is possible."""
    if parameters is None:
        places = [name for name in arguments if name.isdecimal()]
        yield from (source_of(arguments[place]) for place in places)
        yield from keywords_of(
            {name: value for name, value in arguments.items() if name not in places}
        )
        return
    more = [one.name for one in parameters if one.kind is one.VAR_POSITIONAL]
    has_more = any(arguments.get(name) for name in more)
    for place, parameter in enumerate(parameters):
        if parameter.name not in arguments:
            continue
        value = arguments[parameter.name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            yield from map(source_of, value)
        elif parameter.kind is parameter.VAR_KEYWORD:
            yield from keywords_of(value)
        elif parameter.kind is parameter.POSITIONAL_ONLY or (
            parameter.kind is parameter.POSITIONAL_OR_KEYWORD and (has_more or place == 0)
        ):
            yield source_of(value)
        else:
            yield Prefixed(f"{parameter.name}=", source_of(value))


def _expecting(raised: Mapping[str, Any]) -> Node:
    """Write what waits for the control's exception: its class, if the function's code knows it."""
    module, _, path = str(raised["type"]).rpartition(".")
    name = Name(module or "builtins", path)
    found = getattr(sys.modules.get(name.module), path, None)
    is_known = isinstance(found, type) and issubclass(found, Exception) and found is not Exception
    is_importable = name.module != "__main__" and all(map(is_name, name.module.split(".")))
    if is_known and is_importable and is_name(path) and len(path) <= _MAX_NAME:
        return call(_RAISES, name)
    return call(Name("contextlib", "suppress"), Leaf("Exception"))
