"""Whether a candidate can take what its control takes: decided at decoration."""

from __future__ import annotations

import functools
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall import SignatureMismatchError, dark_launch
from darkcall._signatures import check_signatures, is_async, signature_of, unpartial


class Shop:
    def price(self, cart):
        return cart

    def price_v2(shop, cart):  # noqa: N805 -- self by any other name
        return cart


FIT = {
    "the same": (lambda a, b: 0, lambda a, b: 0),
    "no parameters": (lambda: 0, lambda: 0),
    "more optional ones": (lambda a: 0, lambda a, b=1, *, c=2: 0),
    "takes anything": (lambda a, /, b, *, c: 0, lambda *args, **kwargs: 0),
    "a default where there was none": (lambda a: 0, lambda a=1: 0),
    "a default on both sides": (lambda a=1: 0, lambda a=2: 0),
    "other names of positional ones": (lambda a, b, /: 0, lambda x, y: 0),
    "positional ones by any name": (lambda a, /: 0, lambda x, /: 0),
    "keywords in another order": (lambda *, a, b: 0, lambda *, b, a: 0),
    "a keyword that may also be positional": (lambda *, a: 0, lambda a: 0),
    "the rest by name": (lambda a, b: 0, lambda a, *args, **kwargs: 0),
    "named in the rest": (lambda a, *, b: 0, lambda a, **kwargs: 0),
    "self by any name": (Shop.price, Shop.price_v2),
    "a function for a method": (Shop.price, lambda shop, cart: 0),
    "a control that takes any positional one": (lambda *args: 0, lambda a, *args: 0),
    "a control that takes anything": (lambda *args, **kwargs: 0, lambda a, *, b: 0),
    "a control that takes any name": (lambda **kwargs: 0, lambda *, b: 0),
    "a bound method": (Shop().price, lambda cart: 0),
    "a partial": (functools.partial(lambda a, b: 0, 1), lambda b: 0),
    "a callable object": (lambda cart: 0, functools.partial(Shop().price)),
    "a builtin without a signature": (lambda a: 0, max),
    "a builtin control without one": (dict, lambda: 0),
}

DO_NOT_FIT = {
    "fewer parameters": (lambda a, b: 0, lambda a: 0, "no positional argument for 'b'"),
    "one more": (lambda a: 0, lambda a, b: 0, "asks for 'b'"),
    "one more by name": (lambda a: 0, lambda a, *, b: 0, "asks for 'b'"),
    "another name": (lambda cart: 0, lambda basket: 0, "named 'cart' at that place"),
    "another order": (lambda a, b: 0, lambda b, a: 0, "named 'a' at that place"),
    "only by position": (lambda a: 0, lambda a, /: 0, "named 'a' at that place"),
    "the rest by position only": (lambda a: 0, lambda *args: 0, "named 'a' at that place"),
    "only by name": (lambda a: 0, lambda *, a: 0, "no positional argument for 'a'"),
    "without the default": (lambda a=1: 0, lambda a: 0, "'a' may be left out of a call, 'a' not"),
    "no such name": (lambda *, a: 0, lambda *, b=1: 0, "no argument named 'a'"),
    "a name without the default": (
        lambda *, a=1: 0,
        lambda *, a: 0,
        "'a' may be left out of a call of the control only",
    ),
    "any name, but not any position": (
        lambda a: 0,
        lambda **kwargs: 0,
        "no positional argument for 'a'",
    ),
    "any position, but one more by name": (lambda *args: 0, lambda *args, b: 0, "asks for 'b'"),
    "any name, but one more by position": (lambda **kwargs: 0, lambda b, /: 0, "asks for 'b'"),
    "self forgotten": (Shop.price, lambda cart: 0, "no positional argument for 'cart'"),
}


@pytest.mark.parametrize(("control", "candidate"), FIT.values(), ids=FIT)
def test_a_candidate_that_takes_what_the_control_takes_is_accepted(control, candidate):
    assert check_signatures(control, candidate) is None


@pytest.mark.parametrize(("control", "candidate", "why"), DO_NOT_FIT.values(), ids=DO_NOT_FIT)
def test_a_candidate_that_does_not_is_refused_and_the_message_says_why(control, candidate, why):
    with pytest.raises(SignatureMismatchError) as caught:
        check_signatures(control, candidate)
    message = str(caught.value)
    assert why in message
    assert f"control:   {control.__qualname__}{inspect.signature(control)}" in message
    assert f"candidate: {candidate.__qualname__}{inspect.signature(candidate)}" in message


def test_a_callable_object_is_shown_by_its_class():
    class Seller:
        def __call__(self):
            return None

    with pytest.raises(SignatureMismatchError, match=r"Seller\(\)"):
        check_signatures(lambda a: 0, Seller())


def signatures():
    """Make small functions of every kind of parameter, from their source."""
    names = st.lists(st.sampled_from("abc"), unique=True, max_size=3)
    return st.builds(
        made,
        names,
        st.integers(0, 3),
        st.integers(0, 3),
        st.integers(0, 3),
        st.booleans(),
        st.booleans(),
    )


def made(names, slashes, stars, defaults, takes_any, takes_any_named):  # noqa: PLR0917
    parts = []
    for place, name in enumerate(names):
        if place == min(stars, len(names)) or (takes_any and place == stars):
            parts.append("*args" if takes_any else "*")
        parts.append(f"{name}=0" if place >= defaults else name)
        if place + 1 == slashes and slashes <= stars:
            parts.append("/")
    if takes_any and "*args" not in parts:
        parts.append("*args")
    if takes_any_named:
        parts.append("**kwargs")
    return eval(f"lambda {', '.join(parts)}: True")


def takes(function, args, kwargs):
    try:
        return function(*args, **kwargs)
    except TypeError:
        return False


@given(
    signatures(),
    signatures(),
    st.integers(0, 4),
    st.sets(st.sampled_from("abcd")),
)
def test_an_accepted_candidate_takes_each_call_that_its_control_takes(
    control, candidate, count, names
):
    try:
        check_signatures(control, candidate)
    except SignatureMismatchError:
        return
    args, kwargs = range(count), dict.fromkeys(names, 1)
    passes_on = any(
        p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        for p in inspect.signature(control).parameters.values()
    )
    # What a control passes on as *args or **kwargs cannot be known beforehand.
    if not passes_on and takes(control, args, kwargs):
        assert takes(candidate, args, kwargs)


@given(signatures())
def test_each_function_could_be_its_own_candidate(control):
    assert check_signatures(control, control) is None


def test_the_check_is_made_at_decoration():
    with pytest.raises(SignatureMismatchError):
        dark_launch(candidate={"v2": lambda a: 0, "v3": lambda: 0})(lambda a: 0)


@pytest.mark.parametrize("candidate", [None, 3, "text"])
def test_what_cannot_be_called_is_refused(candidate):
    with pytest.raises(TypeError, match=f"candidate={candidate!r} will not do"):
        check_signatures(len, candidate)


async def coroutine_function():
    return None


class Async:
    async def __call__(self):
        return None

    async def method(self):
        return None


ASYNC = [
    coroutine_function,
    functools.partial(coroutine_function),
    functools.partial(functools.partial(coroutine_function)),
    Async(),
    Async().method,
    functools.partial(Async()),
]


@pytest.mark.parametrize("function", ASYNC)
def test_what_gives_a_coroutine_is_async(function):
    assert is_async(function)


@pytest.mark.parametrize("function", [len, Shop(), lambda: 0, functools.partial(len), Async, 3])
def test_what_does_not_is_not(function):
    assert not is_async(function)


def test_a_signature_that_cannot_be_read_is_none():
    class Hostile:
        __signature__ = "not one"

        def __call__(self):
            return None

    assert signature_of(dict) is None
    assert signature_of(Hostile()) is None
    assert str(signature_of(Shop.price)) == "(self, cart)"


def test_unpartial_gives_what_is_called_in_the_end():
    assert unpartial(functools.partial(functools.partial(len))) is len
    assert unpartial(len) is len
