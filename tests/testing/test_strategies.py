from __future__ import annotations

import collections
import enum
import functools
from collections.abc import Callable  # noqa: TC003 -- read at run time
from typing import Annotated, Any, Optional, TypedDict, TypeVar, Union, Unpack

import hypothesis
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from darkcall import ConfigurationError
from darkcall.testing import MismatchError, assert_equivalent
from darkcall.testing._inputs import LEFT_OUT, Inputs
from darkcall.testing._strategies import strategies_for
from differing import QUICK


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Line:
    def __init__(self, amount: int):
        self.amount = amount


class Bare:
    def __init__(self, amount):
        self.amount = amount

    def doubled(self) -> int:
        return self.amount * 2


class Options(TypedDict, total=False):
    size: int
    colour: Colour


T = TypeVar("T")


def everything(
    first: int,
    /,
    second: str,
    third: bytes = b"",
    *rest: int,
    fourth: float | None,
    fifth: Colour = Colour.RED,
    **others: int,
):
    return first, second, third, rest, fourth, fifth, others


def drawn(function, parameter, given=None, times=40):
    """Values that the strategy of a parameter gives."""
    values = []

    @settings(QUICK, max_examples=times)
    @hypothesis.given(strategies_for(function, given or {})[parameter])
    def draw(value):
        values.append(value)

    draw()
    return values


@pytest.mark.parametrize(
    ("hint", "kinds"),
    [
        pytest.param(int, {int}, id="itself"),
        ("int", {int}),
        (Optional[str], {str, type(None)}),  # noqa: UP045 -- as older code has it
        ("Line | None", {Line, type(None)}),
        (Union[int, Colour], {int, Colour}),  # noqa: UP007 -- as older code has it
        ("list[Line]", {list}),
        (Annotated[int, "of something"], {int}),
        (None, {type(None)}),
        ("Options", {dict}),
    ],
)
def test_strategies_come_from_type_hints(hint, kinds):
    def function(x): ...

    function.__annotations__["x"] = hint
    assert {type(value) for value in drawn(function, "x")} == kinds


def test_each_kind_of_parameter_has_a_strategy():
    assert list(strategies_for(everything, {})) == [
        *("first", "second", "third", "rest", "fourth", "fifth", "others"),
    ]
    assert {type(value) for value in drawn(everything, "rest")} == {tuple}
    others = drawn(everything, "others")
    assert {type(value) for value in others} == {dict}
    names = {name for value in others for name in value}
    assert all(name.isidentifier() for name in names)
    assert names.isdisjoint({"first", "second", "third", "rest", "fourth", "fifth", "others"})


@pytest.mark.parametrize("parameter", ["third", "fifth"])
def test_what_has_a_default_is_left_out_at_times(parameter):
    values = drawn(everything, parameter)
    assert LEFT_OUT in values
    assert {type(value) for value in values} - {type(LEFT_OUT)} in ({bytes}, {Colour})


def test_what_has_a_strategy_of_its_own_is_never_left_out():
    assert set(drawn(everything, "third", {"third": st.just(3)})) == {3}
    assert LEFT_OUT in drawn(everything, "third", {"third": ...})


@settings(QUICK)
@hypothesis.given(st.data())
def test_a_call_gives_each_parameter_its_value(data):
    strategies = strategies_for(everything, {})
    values = {name: data.draw(strategy, label=name) for name, strategy in strategies.items()}
    by_position = data.draw(st.booleans())
    args, kwargs = Inputs(everything).call_with(values, by_position=by_position)
    defaults = {"third": b"", "fifth": Colour.RED}
    wanted = [defaults[name] if value is LEFT_OUT else value for name, value in values.items()]
    got = list(everything(*args, **kwargs))
    assert list(map(repr, got)) == list(map(repr, wanted))


def test_what_is_left_out_is_said_by_nobody():
    def plain(a: int = 1, *, b: int = 2): ...

    inputs = Inputs(plain)
    left_out = dict.fromkeys("ab", LEFT_OUT)
    assert inputs.call_with(left_out) == ((), {})
    assert inputs.call_with({}, by_position=True) == ((), {})
    assert inputs.call_with({"a": LEFT_OUT, "b": 3}) == ((), {"b": 3})


@pytest.mark.parametrize(
    "function",
    [lambda cart: 1, lambda cart=3: 1, lambda *cart: 1, lambda *, cart: 1, lambda **cart: 1],
    ids=["plain", "default", "args", "keyword", "kwargs"],
)
def test_a_parameter_without_a_hint_is_named_with_the_way_out(function):
    with pytest.raises(ConfigurationError, match="the parameter 'cart' has no type hint") as caught:
        strategies_for(function, {})
    assert str(caught.value).endswith("give a strategy: given={'cart': st....}")


@pytest.mark.parametrize("hint", [Any, object, "Any"], ids=["any", "object", "text"])
def test_a_hint_that_says_nothing_is_none(hint):
    def function(x): ...

    function.__annotations__["x"] = hint
    with pytest.raises(ConfigurationError, match=r"'x' has the type hint (Any|typing.Any|object)"):
        strategies_for(function, {})


def test_a_hint_that_cannot_be_resolved_is_named_with_the_way_out():
    def function(x: Nowhere, y: int): ...  # noqa: F821 -- on purpose

    with pytest.raises(ConfigurationError, match="the hint 'Nowhere' of 'x' cannot be resolved"):
        strategies_for(function, {})
    assert list(strategies_for(function, {"x": st.none()})) == ["x", "y"]


def test_a_hint_of_which_no_value_can_be_made_is_named_with_the_way_out():
    def function(x: Bare): ...

    with pytest.raises(ConfigurationError, match=r"no strategy for 'x' comes of its hint Bare: "):
        strategies_for(function, {})


def test_what_is_no_parameter_is_refused_with_those_there_are():
    with pytest.raises(ConfigurationError, match="no parameter 'carts'; its parameters are cart"):
        strategies_for(lambda cart: 1, {"carts": st.none()})
    with pytest.raises(ConfigurationError, match="no parameter 'self'; its parameters are none"):
        strategies_for(lambda: 1, {"self": st.none()})


def test_what_is_no_strategy_is_refused():
    with pytest.raises(ConfigurationError, match="3 for 'cart' is no strategy"):
        strategies_for(lambda cart: 1, {"cart": 3})


def test_strategies_are_given_from_the_left_with_gaps():
    def control(a: int, b: int, c: int):
        seen.append((a, b, c))
        return a

    seen = []
    assert_equivalent(
        control, lambda a, b, c: a, st.just(1), ..., settings=QUICK, given={"c": st.just(3)}
    )
    assert {(a, c) for a, _, c in seen} == {(1, 3)}
    assert len({b for _, b, _ in seen}) > 3


def test_too_many_strategies_and_two_for_one_are_refused():
    def control(x): ...

    with pytest.raises(ConfigurationError, match=r"2 strategies are too many for control; .* x"):
        assert_equivalent(control, control, st.none(), st.none())
    with pytest.raises(ConfigurationError, match="'x' has two strategies"):
        assert_equivalent(control, control, st.none(), given={"x": st.none()})


def test_the_class_of_self_is_found_by_name():
    def shown(self) -> int: ...

    assert {type(value) for value in drawn(Line.__init__, "instance")} == {Line}
    with pytest.raises(ConfigurationError, match="what class 'instance' is of cannot be found"):
        strategies_for(shown, {})
    assert list(strategies_for(shown, {"self": st.none()})) == ["instance"]
    assert list(strategies_for(shown, {"instance": st.none()})) == ["instance"]


def test_self_whose_class_cannot_be_made_asks_for_instances():
    with pytest.raises(ConfigurationError, match=r"hint Bare: .*given=\{'instance': st....\}"):
        strategies_for(Bare.doubled, {})


def test_self_gets_another_name_where_instance_is_taken():
    def odd(self, instance, instance_): ...

    strategies = strategies_for(odd, dict.fromkeys(("self", "instance", "instance_"), st.none()))
    assert list(strategies) == ["instance__", "instance", "instance_"]


def test_a_partial_keeps_what_it_has_and_gives_the_rest():
    def control(a: int, b: int, *, c: int = 3): ...

    partial = functools.partial(control, 1, c=4)
    assert list(strategies_for(partial, {})) == ["b"]
    assert list(strategies_for(partial, {"c": ...})) == ["b", "c"]


def test_objects_classes_and_wrappers_have_the_hints_of_what_they_run():
    class Adder:
        def __call__(self, x: int): ...

    @functools.wraps(everything)
    def wrapper(*args, **kwargs): ...

    class Made:
        def __new__(cls, x: int):
            return object.__new__(cls)

    assert {type(value) for value in drawn(Adder(), "x")} == {int}
    assert {type(value) for value in drawn(Line, "amount")} == {int}
    assert {type(value) for value in drawn(Made, "x")} == {int}
    assert {type(value) for value in drawn(wrapper, "second")} == {str}


def test_typed_keywords_are_those_of_their_type():
    def control(**options: Unpack[Options]): ...

    drawn_options = drawn(control, "options")
    assert {name for options in drawn_options for name in options} == {"size", "colour"}


def test_functions_return_the_same_to_both_sides():
    def control(function: Callable[[int], int], x: int):
        return function(x)

    assert_equivalent(control, lambda function, x: function(x), share=("function",), settings=QUICK)
    with pytest.raises(MismatchError):
        assert_equivalent(
            control, lambda function, x: function(x) + 1, share=("function",), settings=QUICK
        )


def test_without_a_signature_strategies_are_given_from_the_left():
    with pytest.raises(ConfigurationError, match="max has no signature that can be read"):
        assert_equivalent(max, max)
    assert_equivalent(max, max, st.integers(), st.integers(), settings=QUICK)
    with pytest.raises(MismatchError, match=r"max\(0, 1\)"):
        assert_equivalent(max, min, st.integers(), st.integers(), settings=QUICK)
    with pytest.raises(MismatchError, match=r"<lambda>\(a=0, b=1\)"):
        assert_equivalent(lambda a, b: a, max, st.integers(), st.integers(), settings=QUICK)
    with pytest.raises(ConfigurationError, match="'arg2' has no type hint"):
        assert_equivalent(max, max, st.integers(), ...)


@pytest.mark.parametrize(
    ("name", "kind"), [("rest", "a tuple of all"), ("options", "a mapping of all")]
)
def test_what_has_stars_takes_all_at_once(name, kind):
    def control(*rest, **options): ...

    given = {"rest": st.just(()), "options": st.just({}), name: st.just(3)}
    with pytest.raises(ConfigurationError, match=f"3 will not do for '{name}', which takes {kind}"):
        assert_equivalent(control, control, given=given, settings=QUICK)


def test_a_default_dict_is_given_as_one():
    def control(x: collections.Counter[str]): ...

    assert {type(value) for value in drawn(control, "x")} == {collections.Counter}
