"""What can be done with an instance: how it is run, shown, and drawn at random."""

from __future__ import annotations

import functools
import inspect
import operator
import types
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs
from hypothesis import strategies as st

from darkcall._errors import ConfigurationError
from darkcall._signatures import is_async

from ._failure import shown_value
from ._inputs import LEFT_OUT, Inputs
from ._sides import Rules
from ._strategies import strategies_for


if TYPE_CHECKING:
    from types import EllipsisType

    from hypothesis.strategies import SearchStrategy
    from hypothesis.vendor.pretty import RepresentationPrinter

    from darkcall._policy import Policy

    Strategy = SearchStrategy[Any] | EllipsisType
    #: For the parameters: from the left, or by name; ``...`` for those of the hints.
    Strategies = Sequence[Strategy] | Mapping[str, Strategy] | EllipsisType
    Pair = tuple[tuple[Any, ...], dict[str, Any]]

#: pytest leaves the frames of this module out: what is raised here is about what was given.
__tracebackhide__ = True

_STARRED: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
#: What does not take the instance as its first argument.
_BOUND_TO_NONE: Final = (classmethod, staticmethod, types.ClassMethodDescriptorType)


@attrs.frozen
class Operator:
    """A method that Python calls by itself.

    Attributes:
        run: What makes it do so.
        code: The same as code.
        arity: How many arguments it takes, without the instance.
        instead: What Python takes where a class has no such method.
    """

    run: Callable[..., Any]
    code: str
    arity: int = 0
    instead: str | None = None


OPERATORS: Final[Mapping[str, Operator]] = {
    "__bool__": Operator(bool, "bool(x)", instead="__class__"),
    "__contains__": Operator(operator.contains, "{} in x", 1, instead="__iter__"),
    "__delitem__": Operator(operator.delitem, "del x[{}]", 1),
    "__getitem__": Operator(operator.getitem, "x[{}]", 1),
    "__iter__": Operator(iter, "iter(x)", instead="__getitem__"),
    "__len__": Operator(len, "len(x)"),
    "__next__": Operator(next, "next(x)"),
    "__reversed__": Operator(reversed, "reversed(x)", instead="__getitem__"),
    "__setitem__": Operator(operator.setitem, "x[{}] = {}", 2),
}


class UnhintedError(Exception):
    """Nothing tells what to call something with; its text names that."""


@attrs.frozen(eq=False, repr=False)
class Call:
    """An operation, and arguments for it.

    Attributes:
        operation: What is done.
        args: The positional arguments.
        kwargs: The keyword arguments.
    """

    operation: Operation
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __repr__(self) -> str:
        given = [
            *map(shown_value, self.args),
            *(f"{name}={shown_value(value)}" for name, value in self.kwargs.items()),
        ]
        return self.operation.code(given)

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:  # noqa: FBT001, ARG002 -- as it is called
        # Hypothesis shows it as an argument, which a statement cannot be.
        printer.text(repr(repr(self)))


@attrs.frozen(eq=False)
class Operation:
    """One thing that can be done with a class, or with an instance of it.

    Attributes:
        name: The attribute that does it.
        run: Takes the class or the instance, and the arguments.
        code: Makes code of that of the arguments; the instance is ``x`` in it.
        rules: By what the two sides are compared.
        inputs: What it takes, without the instance.
        strategies: By parameter.
    """

    name: str
    run: Callable[..., Any]
    code: Callable[[Sequence[str]], str]
    rules: Rules
    inputs: Inputs
    strategies: Mapping[str, SearchStrategy[Any]]

    def calls(self) -> SearchStrategy[Call]:
        """Give random calls of it."""
        values = st.fixed_dictionaries(dict(self.strategies))
        return values.map(lambda given: Call(self, *self._placed(given)))

    def longest(self) -> Pair:
        """Give the arguments of a call that leaves nothing out, all of them None."""
        parameters = self.inputs.parameters
        plain = [name for name in self.strategies if parameters[name].kind not in _STARRED]
        return self._placed(dict.fromkeys(plain))

    def _placed(self, given: Mapping[str, Any]) -> Pair:
        return self.inputs.call_with(given, by_position=True)


def making(kind: type, init: Strategies, policy: Policy) -> Operation:
    """Describe how instances are made.

    Args:
        kind: The class.
        init: Strategies; ``...`` for those of the hints.
        policy: The knobs.

    Raises:
        UnhintedError: A parameter has neither a strategy nor a hint.
        ConfigurationError: A strategy has no parameter.
    """
    name = kind.__name__
    return Operation(
        "__init__",
        lambda one, *args, **kwargs: one(*args, **kwargs),
        lambda codes: f"x = {name}({', '.join(codes)})",
        Rules.of(name, kind, policy, shares_own=False),
        *_drawn(kind, init, f"init of {name}"),
    )


def reading(kind: type, name: str, policy: Policy) -> Operation:
    """Describe how a property is read.

    Args:
        kind: The class.
        name: The property.
        policy: The knobs.
    """

    def get(instance: Any) -> Any:
        return getattr(instance, name)

    rules = Rules.of(f"{kind.__name__}.{name}", get, policy, shares_own=False)
    inputs = Inputs(functools.partial(get, None))
    return Operation(name, get, lambda _: f"x.{name}", rules, inputs, {})


def calling(kind: type, name: str, given: Strategies, policy: Policy) -> Operation:
    """Describe how a method is called.

    Args:
        kind: The class.
        name: The method.
        given: Strategies; ``...`` for those of the hints.
        policy: The knobs.

    Raises:
        UnhintedError: A parameter has neither a strategy nor a hint.
        ConfigurationError: A strategy has no parameter.
    """
    function = without_instance(kind, name)
    rules = Rules.of(f"{kind.__name__}.{name}", function, policy, shares_own=False)
    one = OPERATORS.get(name)
    arity = 0 if one is None else one.arity
    drawn = _drawn(function, given, f"calls[{name!r}]", arity)
    if one is not None:
        return Operation(name, one.run, lambda codes: one.code.format(*codes), rules, *drawn)
    begin = f"await x.{name}" if is_async(function) else f"x.{name}"
    return Operation(
        name,
        lambda instance, *args, **kwargs: getattr(instance, name)(*args, **kwargs),
        lambda codes: f"{begin}({', '.join(codes)})",
        rules,
        *drawn,
    )


def without_instance(kind: type, name: str) -> Callable[..., Any]:
    """Give a callable whose signature is that of a method without the instance."""
    method: Callable[..., Any] = getattr(kind, name)
    is_bound = isinstance(inspect.getattr_static(kind, name), _BOUND_TO_NONE)
    return method if is_bound else functools.partial(method, None)


def _drawn(
    function: Callable[..., Any], given: Strategies, what: str, arity: int = 0
) -> tuple[Inputs, dict[str, SearchStrategy[Any]]]:
    """Find a strategy for each parameter; without any given, each needs a hint."""
    is_hinted = given is ...
    given = () if given is ... else given
    if not isinstance(given, Sequence | Mapping):
        raise TypeError(
            f"{what}: {given!r} will not do: give a tuple of strategies, as (st.integers(),), or a "
            "mapping of them by parameter"
        )
    inputs = Inputs(function, arity or len(given))
    if is_hinted and not inputs.is_known and not arity:
        raise UnhintedError(f"{inputs.name}: it has no signature that can be read")
    strategies: dict[str, Any] = _by_name(inputs, given, what)
    left_out = set()
    for name, parameter in inputs.parameters.items():
        if name in strategies or parameter.annotation is not parameter.empty:
            continue
        has_default = parameter.default is not parameter.empty or parameter.kind in _STARRED
        if is_hinted or not has_default:
            raise UnhintedError(f"{inputs.name}: the parameter {name!r} has no type hint")
        strategies[name] = st.just(LEFT_OUT)
        left_out.add(name)
    if not inputs.parameters:
        return inputs, {}
    try:
        found = strategies_for(function, strategies, inputs=inputs)
    except ConfigurationError as error:
        # What it says to do is to be done elsewhere.
        raise UnhintedError(str(error).partition("; give a strategy")[0]) from error
    return inputs, {name: strategy for name, strategy in found.items() if name not in left_out}


def _by_name(
    inputs: Inputs, given: Sequence[Strategy] | Mapping[str, Strategy], what: str
) -> dict[str, Strategy]:
    if isinstance(given, Mapping):
        return inputs.renamed(given, what)
    if len(given) > len(inputs.names):
        raise ConfigurationError(
            f"{what}: {len(given)} strategies are more than {inputs.name} has parameters: "
            f"{', '.join(inputs.names) or 'none'}"
        )
    return dict(zip(inputs.names, given, strict=False))
