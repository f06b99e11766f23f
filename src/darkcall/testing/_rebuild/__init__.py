"""From the described arguments of a record back to arguments: exactly, or not at all.

In scope: arguments as ``keep="everything"`` writes them.  Not in scope: finding records, and what
is done with the arguments.  What a record names is never imported, and nothing is evaluated: types
are those that the standard library is known for, and the classes that the control's hints name.
"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, Final

from darkcall._describe import describe_mapping
from darkcall._redact import Redactor
from darkcall._signatures import signature_of

from ._hints import classes_named_by
from ._nodes import Nodes, RefusedError


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Pair = tuple[tuple[Any, ...], dict[str, Any]]

__all__ = ["NotRebuiltError", "Rebuilder", "json_of"]

_REDACTOR: Final = Redactor()


class NotRebuiltError(Exception):
    """Arguments could not be made again from what was recorded.

    Attributes:
        reason: Which part, and why; indexes are left out, so that equal reasons can be counted.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Rebuilder:
    """Makes the arguments of one control's calls again.

    Args:
        control: The control, undecorated.

    Example:
        >>> def price(total, lines=()): ...
        >>> rebuilder = Rebuilder(price)
        >>> rebuilder.arguments({"total": {"$": "decimal.Decimal", "value": "1.50"}})
        {'total': Decimal('1.50')}
        >>> rebuilder.arguments({"total": 1, "lines": [{"$": "shop.Line", "fields": {}}]})
        Traceback (most recent call last):
        ...
        darkcall.testing._rebuild.NotRebuiltError: lines[*]: no hint of the control names shop.Line
    """

    def __init__(self, control: Callable[..., Any]) -> None:
        self._signature = signature_of(control)
        self._nodes = Nodes(classes_named_by(control))

    def of_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Make the arguments of a recorded call again.

        Args:
            record: A record, as :func:`darkcall.analysis.read` gives it.

        Returns:
            The arguments by the names of the parameters.

        Raises:
            NotRebuiltError: They are not all there, or cannot be made again exactly.
        """
        if "arguments" in (record.get("truncated") or ()):
            raise NotRebuiltError("the arguments were too long for a line of records")
        if "arguments" not in record:
            raise NotRebuiltError('the record has no arguments: keep="everything" records them')
        return self.arguments(record["arguments"])

    def arguments(self, described: Any) -> dict[str, Any]:
        """Make arguments again.

        Args:
            described: The ``arguments`` of a record.

        Returns:
            The arguments by the names of the parameters.

        Raises:
            NotRebuiltError: They cannot be made again exactly.
        """
        if not isinstance(described, dict):
            raise NotRebuiltError("the arguments are no mapping of parameters")
        if "$" in described:
            raise NotRebuiltError("the arguments are not all there")
        rebuilt: dict[str, Any] = {}
        for label, node in described.items():
            name = label.removeprefix("$")
            try:
                rebuilt[name] = self._nodes.value(node)
            except RefusedError as error:
                raise NotRebuiltError(f"{name}{error.place}: {error.why}") from None
        _check(rebuilt, described)
        # Whether today's signature takes them is found out here, not in the middle of a test.
        self.call(rebuilt)
        return rebuilt

    def call(self, arguments: Mapping[str, Any]) -> Pair:
        """Turn arguments by name into those of a call.

        Args:
            arguments: What ``arguments`` returned, or as much.

        Returns:
            The positional arguments, and the keyword ones.

        Raises:
            NotRebuiltError: The control does not take them.
        """
        if self._signature is None:
            return _by_place(arguments)
        unknown = [name for name in arguments if name not in self._signature.parameters]
        if unknown:
            raise NotRebuiltError(f"{unknown[0]}: the control has no such parameter")
        bound = _bound(self._signature, arguments)
        try:
            args, kwargs = bound.args, bound.kwargs
            self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise NotRebuiltError(f"the control does not take the arguments: {error}") from None
        return args, kwargs


def _check(rebuilt: dict[str, Any], described: dict[str, Any]) -> None:
    """Refuse arguments that would not be recorded as these were."""
    again = describe_mapping(rebuilt, _REDACTOR)
    for label, node in described.items():
        if label not in again or json_of(again[label]) != json_of(node):
            name = label.removeprefix("$")
            raise NotRebuiltError(f"{name}: what was made of it would be recorded otherwise")


def json_of(described: Any) -> str:
    """Give what two descriptions are told apart by.

    As values, 1, 1.0 and True are equal, and so are dicts whatever their order.

    Args:
        described: What :mod:`json` can write.
    """
    return json.dumps(described)


def _bound(signature: inspect.Signature, arguments: Mapping[str, Any]) -> inspect.BoundArguments:
    kinds = {name: one.kind for name, one in signature.parameters.items()}
    for name, value in arguments.items():
        if kinds[name] is inspect.Parameter.VAR_POSITIONAL and type(value) is not tuple:
            raise NotRebuiltError(f"{name}: it is no tuple of arguments")
        if kinds[name] is inspect.Parameter.VAR_KEYWORD and not _is_kwargs(value):
            raise NotRebuiltError(f"{name}: it is no dict of arguments by name")
    in_order = {name: arguments[name] for name in kinds if name in arguments}
    return inspect.BoundArguments(signature, in_order)


def _is_kwargs(value: Any) -> bool:
    return type(value) is dict and all(type(name) is str for name in value)


def _by_place(arguments: Mapping[str, Any]) -> Pair:
    # Named by their place where no signature could be read.
    places = [name for name in arguments if name.isdecimal() and name.isascii()]
    if places != [str(place) for place in range(len(places))]:
        raise NotRebuiltError("the arguments are not those of one call")
    args = tuple(arguments[place] for place in places)
    return args, {name: value for name, value in arguments.items() if name not in places}
