"""Strategies for the parameters of a function, from its type hints."""

from __future__ import annotations

import collections.abc
import inspect
import keyword
import types
import typing
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from darkcall._errors import ConfigurationError
from darkcall._signatures import call_of, unpartial

from ._constants import constants_of
from ._for_both import for_both
from ._hints import enriched
from ._inputs import LEFT_OUT, Inputs, class_of
from ._likely import likely_values


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ._hints import Likely

    Strategy: typing.TypeAlias = st.SearchStrategy[Any]

#: They say that anything goes, and of most of it a function would only complain.
_SAYS_NOTHING: Final = (Any, object, inspect.Parameter.empty)
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def strategies_for(
    function: Callable[..., Any],
    given: Mapping[str, Any],
    *,
    inputs: Inputs | None = None,
    beside: Iterable[Callable[..., Any]] = (),
) -> dict[str, Strategy]:
    """Find a strategy for each parameter.

    What has a default, and no strategy of its own, is left out of some calls: its strategy then
    gives ``LEFT_OUT``.  What a partial has by keyword is left out of all, unless it is given.
    What comes of a hint is often one of the code's constants, near one, or made of them.

    Args:
        function: Any callable.
        given: Strategies by parameter name; ``...`` for the one that the hint tells.
        inputs: Its parameters, if they are known.
        beside: What else is called with the same: its constants matter, too.

    Returns:
        Strategies by the names that the parameters have in a test, from the left;
        ``Inputs.call_with`` makes calls of what they give.

    Raises:
        ConfigurationError: There is no such parameter; or one has no strategy, and no hint that
            tells one.
    """
    inputs = inputs or Inputs(function)
    if not inputs.is_known and not inputs.parameters and not given:
        raise ConfigurationError(
            f"{inputs.name} has no signature that can be read: give a strategy for each of its "
            "arguments, from the left"
        )
    given = inputs.renamed(given, f"given={{{', '.join(map(repr, given))}}}")
    likely = likely_values(constants_of(map(_behind, (function, *beside))))
    strategies: dict[str, Strategy] = {}
    for name, parameter in inputs.parameters.items():
        strategy = given.get(name, ...)
        if strategy is not ...:
            if not isinstance(strategy, st.SearchStrategy):
                raise ConfigurationError(
                    f"{inputs.name}: {strategy!r} for {name!r} is no strategy: give one of "
                    "hypothesis.strategies, or ... for the one that the hint tells"
                )
            strategies[name] = strategy
        elif name in given or name not in inputs.preset:
            strategies[name] = _from_hint(inputs, name, parameter, likely)
    return strategies


def _from_hint(inputs: Inputs, name: str, parameter: inspect.Parameter, likely: Likely) -> Strategy:
    if parameter.annotation is parameter.empty and name == inputs.names[0]:
        strategy = _of_first(inputs, parameter, likely)
        if strategy is not None:
            return strategy
    hint = _hint_of(inputs, name, parameter)
    if parameter.kind is parameter.VAR_POSITIONAL:
        return st.lists(_from_type(inputs, name, hint, likely)).map(tuple)
    if parameter.kind is parameter.VAR_KEYWORD:
        return _of_keywords(inputs, name, hint, likely)
    strategy = _from_type(inputs, name, hint, likely)
    return strategy if parameter.default is parameter.empty else st.just(LEFT_OUT) | strategy


def _of_keywords(inputs: Inputs, name: str, hint: Any, likely: Likely) -> Strategy:
    if typing.get_origin(hint) is typing.Unpack:
        return _from_type(inputs, name, typing.get_args(hint)[0], likely)
    taken = {one.name for one in inputs.parameters.values()}
    names = st.text(_LETTERS, min_size=1).filter(
        lambda text: text not in taken and not keyword.iskeyword(text)
    )
    return st.dictionaries(names, _from_type(inputs, name, hint, likely))


def _of_first(inputs: Inputs, parameter: inspect.Parameter, likely: Likely) -> Strategy | None:
    """Find a strategy for the first parameter of a method; None for any other one's."""
    owner = class_of(_behind(inputs.function))
    if parameter.name == "cls" and owner is not None:
        return st.just(owner)
    if parameter.name != "self":
        return None
    name = inputs.names[0]
    if owner is None:
        raise ConfigurationError(
            f"{inputs.name}: what class {name!r} is of cannot be found; "
            f"give a strategy for instances: given={{{name!r}: st.builds(...)}}"
        )
    return _from_type(inputs, name, owner, likely)


def _from_type(inputs: Inputs, name: str, hint: Any, likely: Likely) -> Strategy:
    try:
        strategy: Strategy = st.from_type(enriched(hint, likely))
        if typing.get_origin(hint) is collections.abc.Callable:
            # Both sides call it: the same is to come of the same.
            returned = (*typing.get_args(hint), Any)[1]
            strategy = st.functions(
                like=lambda *_args, **_kwargs: None,
                returns=_from_type(inputs, name, returned, likely),
                pure=True,
            )
        strategy.validate()
    except Exception as error:
        raise ConfigurationError(
            f"{inputs.name}: no strategy for {name!r} comes of its hint {_shown(hint)}: {error}; "
            f"{_way_out(name)}"
        ) from error
    return for_both(strategy, hint, lambda part: _from_type(inputs, name, part, likely))


def _hint_of(inputs: Inputs, name: str, parameter: inspect.Parameter) -> Any:
    function = _behind(inputs.function)
    try:
        hint = _evaluated(function, parameter.annotation)
    except Exception as error:
        raise ConfigurationError(
            f"{inputs.name}: the hint {parameter.annotation!r} of {name!r} cannot be resolved: "
            f"{error}; {_way_out(name)}"
        ) from error
    if any(hint is one for one in _SAYS_NOTHING):
        what = "no type hint" if hint is parameter.empty else f"the type hint {_shown(hint)}"
        raise ConfigurationError(
            f"{inputs.name}: the parameter {name!r} has {what}, so nothing tells what to call it "
            f"with; {_way_out(name)}"
        )
    return hint


def _way_out(name: str) -> str:
    return f"give a strategy: given={{{name!r}: st....}}"


def _shown(hint: Any) -> str:
    return hint.__qualname__ if isinstance(hint, type) else str(hint)


def _evaluated(function: Any, annotation: Any) -> Any:
    if annotation is inspect.Parameter.empty:
        return annotation
    # Each by itself: another one that cannot be resolved is nobody's business here.
    holder = types.SimpleNamespace(
        __annotations__={"hint": annotation},
        __type_params__=getattr(function, "__type_params__", ()),
    )
    namespace = getattr(function, "__globals__", {})
    return typing.get_type_hints(holder, namespace, include_extras=True)["hint"]


def _behind(function: Any) -> Any:
    """Give the Python function that a callable's parameters are written at."""
    function = unpartial(function)
    if isinstance(function, type):
        init = function.__init__  # type: ignore[misc]  # it is only looked at
        function = init if isinstance(init, types.FunctionType) else function.__new__
    elif not inspect.isroutine(function):
        function = call_of(function)
    return inspect.unwrap(getattr(function, "__func__", function))
