"""What a function is called with: its parameters, under the names that they have in a test."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from darkcall._errors import ConfigurationError
from darkcall._signatures import signature_of, unpartial
from darkcall._text import escaped


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BY_POSITION: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class _LeftOut:
    """Stands where a call says nothing, so that each side takes its own default."""

    def __repr__(self) -> str:
        return "<left out>"


LEFT_OUT: Final = _LeftOut()


def name_of(function: Any) -> str:
    """Name a callable, as code beside it would."""
    function = unpartial(function)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return escaped(name.rpartition("<locals>.")[2])


def unbound(function: Any) -> tuple[Any, tuple[Any, ...]]:
    """Take a bound method apart.

    Args:
        function: Any callable.

    Returns:
        What takes the instance first, and the instance; for what is not bound to any, the
        callable itself and nothing.
    """
    if isinstance(function, types.MethodType):
        return function.__func__, (function.__self__,)
    if isinstance(function, types.BuiltinMethodType | types.MethodWrapperType):
        instance = function.__self__
        # Functions of a builtin module are bound to it, and class methods to the class.
        if instance is not None and not isinstance(instance, types.ModuleType | type):
            return getattr(type(instance), function.__name__), (instance,)
    return function, ()


def class_of(function: Any) -> type | None:
    """Find the class that a function is written in, by its name.

    Args:
        function: Any function.

    Returns:
        The class; None if there is none under that name.
    """
    owner = getattr(function, "__objclass__", None)
    if isinstance(owner, type):
        return owner
    path = getattr(function, "__qualname__", "").split(".")[:-1]
    found: Any = sys.modules.get(getattr(function, "__module__", None) or "")
    if not path:
        return None
    found = functools.reduce(lambda one, name: getattr(one, name, None), path, found)
    return found if isinstance(found, type) else None


class Inputs:
    """The parameters of a function.

    Args:
        function: Any callable; a bound method's instance is none of them.
        count: How many there are, where that cannot be read.

    Attributes:
        function: The callable.
        name: Its name.
        parameters: Each by its name in a test: ``self`` is called ``instance`` there.
        is_known: Whether they could be read.
    """

    def __init__(self, function: Callable[..., Any], count: int = 0) -> None:
        self.function = function
        self.name = name_of(function)
        signature = signature_of(function)
        self.is_known = signature is not None
        if signature is None:
            kind = inspect.Parameter.POSITIONAL_ONLY
            signature = inspect.Signature(
                [inspect.Parameter(f"arg{number + 1}", kind) for number in range(count)]
            )
        self._signature = signature
        self.parameters = {
            self._name_in_tests(name): parameter for name, parameter in signature.parameters.items()
        }
        #: What a partial gives by keyword already; a call may give something else.
        self.preset = set(function.keywords) if isinstance(function, functools.partial) else set()

    @property
    def names(self) -> tuple[str, ...]:
        """The names in a test, from the left."""
        return tuple(self.parameters)

    def _name_in_tests(self, name: str) -> str:
        if name != "self":
            # Methods of hypothesis that take arguments by name have a self of their own.
            return name
        name = "instance"
        while name in self._signature.parameters:
            name += "_"
        return name

    def renamed(self, values: Mapping[str, Any], what: str) -> dict[str, Any]:
        """Give values under the names of a test.

        Args:
            values: By parameter name.
            what: What they are, for the message.

        Raises:
            ConfigurationError: There is no such parameter.
        """
        renamed = {}
        for name, value in values.items():
            name_in_tests = self._name_in_tests(name) if name == "self" else name
            if name_in_tests not in self.parameters:
                raise ConfigurationError(
                    f"{what}: {self.name} has no parameter {name!r}; "
                    f"its parameters are {', '.join(self.names) or 'none'}"
                )
            renamed[name_in_tests] = value
        return renamed

    def named(self, args: Sequence[Any], what: str) -> dict[str, Any]:
        """Give the positional arguments of a call the names that they have in a test.

        Args:
            args: The arguments.
            what: What they are, for the message.

        Raises:
            ConfigurationError: The function does not take so many.
        """
        try:
            bound = self._signature.bind_partial(*args).arguments
        except TypeError as error:
            raise ConfigurationError(f"{what}: {self.name} {self._signature}: {error}") from None
        return {self._name_in_tests(name): value for name, value in bound.items()}

    def completed(self, values: Mapping[str, Any], what: str) -> dict[str, Any]:
        """Say of each parameter that a call leaves out that it does.

        Args:
            values: By name in a test.
            what: What they are, for the message.

        Raises:
            ConfigurationError: A parameter without a default is left out.
        """
        completed = dict(values)
        for name, parameter in self.parameters.items():
            if name in completed:
                continue
            if parameter.kind is parameter.VAR_POSITIONAL:
                completed[name] = ()
            elif parameter.kind is parameter.VAR_KEYWORD:
                completed[name] = {}
            elif parameter.default is parameter.empty:
                raise ConfigurationError(f"{what}: it has nothing for the parameter {name!r}")
            else:
                completed[name] = LEFT_OUT
        return completed

    def call_with(
        self, values: Mapping[str, Any], *, by_position: bool = False
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Make a call's arguments of the values of a test.

        Args:
            values: By name in a test.  What is left out in front of what can only be given by
                position is the function's own default.
            by_position: Whether to name nothing that can be given without.

        Returns:
            The positional and the keyword arguments.
        """
        positional: list[Any] = []
        skipped: list[Any] = []
        kwargs: dict[str, Any] = {}
        rest: tuple[Any, ...] = ()
        for place, (name, parameter) in enumerate(self.parameters.items()):
            value = values.get(name, LEFT_OUT)
            if parameter.kind is parameter.VAR_POSITIONAL:
                rest = () if value is LEFT_OUT else tuple(_starred(name, value, Iterable))
            elif parameter.kind is parameter.VAR_KEYWORD:
                kwargs.update({} if value is LEFT_OUT else _starred(name, value, Mapping))
            elif parameter.kind in _BY_POSITION and (
                by_position
                or parameter.kind is parameter.POSITIONAL_ONLY
                or (place == 0 and parameter.name in {"self", "cls"})
                or self._has_rest(values)
            ):
                if value is LEFT_OUT:
                    skipped.append(parameter.default)
                else:
                    positional += [*skipped, value]
                    skipped = []
            elif value is not LEFT_OUT:
                kwargs[name] = value
        if rest:
            positional += [*skipped, *rest]
        return tuple(positional), kwargs

    def _has_rest(self, values: Mapping[str, Any]) -> bool:
        return any(
            one.kind is one.VAR_POSITIONAL and values.get(one.name)
            for one in self.parameters.values()
        )


def _starred(name: str, value: Any, kind: Any) -> Any:
    if not isinstance(value, kind):
        what = "a mapping" if kind is Mapping else "a tuple"
        raise ConfigurationError(f"{value!r} will not do for {name!r}, which takes {what} of all")
    return value
