"""``strict``: a call on which a candidate differs raises."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import os
import threading

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkcall import ConfigurationError, _config, dark_launch, launch_of
from darkcall.runners import InlineRunner
from darkcall.testing import MismatchError, capture, strict


def double(x):
    return 2 * x


def triple(x):
    return 3 * x


def fail(x):
    raise ValueError("no")


async def async_double(x):
    await asyncio.sleep(0)
    return 2 * x


async def async_triple(x):
    await asyncio.sleep(0)
    return 3 * x


async def async_fail(x):
    await asyncio.sleep(0)
    raise ValueError("no")


def never(_record):
    raise AssertionError("a sink of the launch's own got a record")


def a_launch(control=double, candidate=triple, **knobs):
    # With a runner of its own: other tests configure one that could not run these candidates.
    own = {"name": "shop.double", "sinks": [never], "runner": InlineRunner()}
    return dark_launch(candidate=candidate, **{**own, **knobs})(control)


def adds_up(function):
    stats = launch_of(function).stats()
    for one in stats.candidates.values():
        assert stats.shadowed == sum(one.outcomes.values())
        assert one.pending == 0
        assert one.reasons == {}
    return stats


def called(function, *args):
    """Call it; or have it awaited."""
    result = function(*args)
    return asyncio.run(result) if asyncio.iscoroutine(result) else result


def a_shop():
    decorate = functools.partial(dark_launch, runner=InlineRunner())

    class Shop:
        @decorate(candidate=lambda self, x: 3 * x, share=("self",))
        def method(self, x):
            return 2 * x

        @classmethod
        @decorate(candidate=lambda cls, x: 3 * x, share=("cls",))
        def of_class(cls, x):
            return 2 * x

        @decorate(candidate=lambda cls, x: 3 * x)
        @classmethod
        def of_class_below(cls, x):
            return 2 * x

        @decorate(candidate=triple)
        @staticmethod
        def static(x):
            return 2 * x

        @decorate(candidate=lambda self: 3, share=("self",))
        @property
        def size(self):
            return 2

        @decorate(candidate=lambda self, x: 3 * x, share=("self",))
        async def async_method(self, x):
            return 2 * x

    return Shop()


class Doubling:
    def __call__(self, x):
        return 2 * x


SHAPES = {
    "a function": lambda: a_launch()(1),
    "an async function": lambda: called(a_launch(async_double, async_triple), 1),
    "an async function with a sync candidate": lambda: called(a_launch(async_double, triple), 1),
    "a function with an async candidate": lambda: a_launch(double, async_triple)(1),
    "a method": lambda: a_shop().method(1),
    "an async method": lambda: called(a_shop().async_method, 1),
    "a class method": lambda: a_shop().of_class(1),
    "a class method below": lambda: a_shop().of_class_below(1),
    "a static method": lambda: a_shop().static(1),
    "a property": lambda: a_shop().size,
    "a partial": lambda: a_launch(functools.partial(pow, 2), functools.partial(pow, 3))(2),
    "a builtin": lambda: a_launch(len, sum)([5]),
    "a callable object": lambda: a_launch(Doubling(), triple)(1),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_call_on_which_the_candidate_differs_raises(shape):
    seen = []

    with contextlib.suppress(MismatchError), strict():
        for _ in range(2):
            with pytest.raises(MismatchError, match="differs from the control") as caught:
                SHAPES[shape]()
            seen.append(caught.value)
    assert len(seen) == 2


def test_calls_that_match_return_what_the_control_does():
    value = [1]

    with strict():
        assert a_launch(lambda x: value, lambda x: [1])(1) is value
        assert called(a_launch(async_double, async_double), 1) == 2


@pytest.mark.parametrize("control", [fail, async_fail])
def test_a_call_that_raised_otherwise_raises_from_what_the_control_raised(control):
    with (
        pytest.raises(MismatchError, match="control raised ValueError: no") as caught,
        strict(),
    ):
        called(a_launch(control, double), 1)
    assert type(caught.value.__cause__) is ValueError


@pytest.mark.parametrize("control", [fail, async_fail])
def test_a_call_on_which_both_raise_alike_raises_the_controls_exception(control):
    with strict(), pytest.raises(ValueError, match="no"):
        called(a_launch(control, fail), 1)


class Unkeepable:
    def __reduce_ex__(self, protocol):
        raise TypeError("no copy")


def not_comparable(one, other):
    raise ArithmeticError


async def for_ever(x):
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("candidate", "knobs", "argument", "message"),
    [
        (fail, {}, 1, "candidate raised ValueError: no"),
        (for_ever, {"timeout": 0.01}, 1, "candidate did not end in time"),
        (lambda x: x, {"timeout": 1e-9}, 1, "candidate did not end in time"),
        (double, {"compare": not_comparable}, 1, "could not be compared: compare failed: Arith"),
        (lambda x: x, {}, Unkeepable(), "candidate was not run: .*share="),
        ("no_such_module:function", {}, 1, "candidate was not run: importing the candidate failed"),
    ],
)
def test_whatever_is_no_agreement_raises(candidate, knobs, argument, message):
    function = a_launch(lambda x: 1, candidate)

    with pytest.raises(MismatchError, match=message), strict(**knobs):
        function(argument)


def test_what_is_ignored_or_noise_does_not_raise():
    answers = iter(range(10))

    with strict(ignore=lambda one, other: True):
        a_launch()(1)
    with strict(noise=1.0), capture() as records:
        a_launch(lambda x: next(answers), lambda x: 0)(1)
    assert [(record.candidate, record.outcome) for record in records] == [
        ("candidate", "match"),
        ("control", "mismatch"),
    ]


@pytest.mark.parametrize(
    ("control", "candidates"),
    [
        (double, {"v1": triple, "v2": double, "v3": fail}),
        (double, {"v1": async_triple, "v2": double, "v3": async_fail}),
        (async_double, {"v1": async_triple, "v2": double, "v3": fail}),
        (async_double, {"v1": triple, "v2": async_double, "v3": async_fail}),
    ],
)
def test_all_candidates_of_a_call_run_and_it_raises_for_all_that_differ(control, candidates):
    function = a_launch(control, candidates)

    with contextlib.suppress(MismatchError), strict(), capture(noise=1.0) as records:
        with pytest.raises(MismatchError) as caught:
            called(function, 1)
        raise caught.value
    told = str(caught.value).splitlines()
    assert {record.candidate for record in records} == {"v1", "v2", "v3", "control"}
    assert [line for line in told if line.startswith("shop.double")] == [
        f"shop.double: {name} differs from the control"
        for name in [record.candidate for record in records if record.outcome != "match"]
    ]
    assert len([line for line in told if "called with" in line]) == 1
    assert [one["kind"] for one in caught.value.differences] == [
        {"mismatch": "value", "candidate_error": "raised"}[record.outcome]
        for record in records
        if record.outcome != "match"
    ]
    stats = adds_up(function)
    assert stats.shadowed == 1
    assert stats.noise.outcomes["match"] == 1


def test_calls_at_once_each_raise_their_own_error():
    function = a_launch(async_double, {"v2": async_triple, "v3": async_double})

    async def main():
        return await asyncio.gather(*map(function, range(20)), return_exceptions=True)

    with pytest.raises(MismatchError), strict():
        results = asyncio.run(main())
    assert results[0] == 0
    for number, error in enumerate(results[1:], 1):
        assert f"called with: x={number}\n" in str(error)
    assert adds_up(function).shadowed == 20


def test_calls_on_several_threads_each_raise_their_own_error():
    function = a_launch(candidate={"v2": triple, "v3": async_triple})

    def call(number):
        with pytest.raises(MismatchError) as caught:
            function(number)
        return caught.value

    with pytest.raises(MismatchError), strict(), concurrent.futures.ThreadPoolExecutor(4) as pool:
        errors = list(pool.map(call, range(1, 41)))
    for number, error in enumerate(errors, 1):
        assert str(error).count(f"called with: x={number}\n") == 1
        assert len(error.differences) == 2
    assert adds_up(function).shadowed == 40


def swallow(function, *values):
    for value in values:
        with contextlib.suppress(MismatchError):
            function(value)


def test_a_mismatch_that_the_caller_swallows_is_raised_at_the_end():
    function = a_launch()

    with pytest.raises(MismatchError, match="x=1") as caught, strict():
        swallow(function, 1)
    assert not hasattr(caught.value, "__notes__")

    with pytest.raises(MismatchError, match="x=1") as caught, strict():
        swallow(function, 1, 2, 3)
    assert caught.value.__notes__ == ["and 2 more of the block's calls"]


def test_a_mismatch_that_comes_through_is_raised_once():
    function = a_launch()

    def act():
        swallow(function, 1)
        function(2)

    with pytest.raises(MismatchError, match="x=2") as caught, strict():
        act()
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("how", ["cause", "context", "group"])
def test_what_the_block_raises_for_a_mismatch_passes_as_it_is(how):
    def act():
        try:
            function(1)
        except MismatchError as error:
            if how == "cause":
                raise KeyError from error
            if how == "group":
                group = ExceptionGroup("several", [ValueError(), error])
        if how == "group":
            raise group
        try:
            function(2)
        finally:
            raise KeyError

    function = a_launch()

    with pytest.raises((KeyError, ExceptionGroup)) as caught, strict():
        act()
    assert not hasattr(caught.value, "__notes__")


def test_what_else_the_block_raises_passes_with_a_note():
    error = KeyError("else")
    error.__context__ = error_in_a_circle = ValueError()
    error_in_a_circle.__context__ = error
    function = a_launch()

    def act():
        swallow(function, 1, 2)
        raise error

    with pytest.raises(KeyError) as caught, strict():
        act()
    [note] = caught.value.__notes__
    assert note.startswith("darkcall: on a call before that,\nshop.double: candidate differs")
    assert note.endswith("\nand 1 more of the block's calls")


@attrs.frozen
class FrozenError(Exception):
    """Lets nothing be added."""

    text: str


def test_an_exception_that_takes_no_note_passes():
    def act():
        swallow(a_launch(), 1)
        raise FrozenError("no")

    with pytest.raises(FrozenError), strict():
        act()


def test_what_a_control_calls_raises_through_it_as_it_is():
    inner = a_launch(name="inner")
    outer = a_launch(lambda x: inner(x) + 1, lambda x: 3, name="outer")

    with pytest.raises(MismatchError, match=r"^inner: ") as caught, strict(), capture() as records:
        outer(1)
    assert [record.launch for record in records] == ["inner", "outer"]
    assert caught.value.__cause__ is None
    assert "outer" not in str(caught.value)


def test_what_a_control_swallows_is_raised_at_the_end():
    def swallowing(x):
        with contextlib.suppress(MismatchError):
            inner(x)
        return 2

    inner = a_launch(name="inner")
    outer = a_launch(swallowing, lambda x: 2, name="outer")

    with pytest.raises(MismatchError, match=r"^inner: "), strict():
        assert outer(1) == 2


def test_a_call_that_was_cancelled_raises_at_the_end():
    go_on = None

    async def slow(x):
        await go_on.wait()
        return 3 * x

    async def main():
        nonlocal go_on
        go_on = asyncio.Event()
        task = asyncio.create_task(function(1))
        await asyncio.sleep(0.001)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        go_on.set()
        await asyncio.sleep(0.001)

    function = a_launch(async_double, slow)

    with pytest.raises(MismatchError, match="x=1"), strict():
        asyncio.run(main())
    stats = launch_of(function).stats()
    assert stats.shadowed == sum(stats.outcomes.values()) == 1


def test_an_interrupt_passes_and_leaves_nothing_behind():
    def exits(x):
        raise SystemExit

    function = a_launch(candidate={"v2": triple, "v3": exits})

    with pytest.raises(SystemExit) as caught, strict():
        function(1)
    assert "v2 differs from the control" in caught.value.__notes__[0]
    stats = launch_of(function).stats()
    assert stats.candidates["v2"].outcomes["mismatch"] == 1
    assert stats.candidates["v3"].reasons == {"interrupted": 1}
    assert _config.onlooker() is None


def test_calls_outside_of_a_block_do_not_raise():
    function = a_launch(sinks=[])

    with strict():
        pass
    assert function(1) == 2
    assert _config.onlooker() is None


def test_strict_and_capture_inside_of_each_other_both_do_what_they_do():
    function = a_launch()

    with capture() as outer, contextlib.suppress(MismatchError), strict():
        function(1)
    with contextlib.suppress(MismatchError), strict(), capture() as inner:
        function(1)
    with capture(keep="nothing") as bare, contextlib.suppress(MismatchError), strict():
        function(1)
    for records in (outer, inner):
        assert [(record.outcome, record.arguments) for record in records] == [
            ("mismatch", {"x": 1})
        ]
    assert [record.arguments for record in bare] == [None]


def test_each_of_two_blocks_raises_what_did_not_come_through_it():
    function = a_launch()

    with (
        pytest.raises(MismatchError) as outer,
        strict(),
        pytest.raises(MismatchError) as inner,
        strict(),
    ):
        swallow(function, 1)
    assert outer.value is inner.value


@settings(max_examples=10)
@given(st.permutations(range(3)))
def test_blocks_end_in_any_order_and_each_raises_what_it_saw(order):
    function = a_launch()
    blocks = [strict() for _ in order]
    for block in blocks:
        block.__enter__()

    swallow(function, 1)
    for number in order:
        with pytest.raises(MismatchError):
            blocks[number].__exit__(None, None, None)
    assert _config.onlooker() is None


def test_a_call_that_ends_after_the_block_does_not_raise():
    go_on, began = threading.Event(), threading.Event()

    def control(x):
        began.set()
        go_on.wait(10)
        return x

    function = a_launch(control, triple)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with strict():
            future = pool.submit(function, 1)
            began.wait(10)
        go_on.set()
        assert future.result() == 1
    assert adds_up(function).outcomes["mismatch"] == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_is_as_strict():
    function = a_launch()

    with strict():
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                function(1)
            except MismatchError as error:
                os.write(write, str(error).encode())
            os._exit(0)
        os.waitpid(child, 0)
    told = os.read(read, 1000).decode()
    os.close(read)
    os.close(write)
    assert "candidate differs from the control\n  called with: x=1\n" in told


def test_a_block_takes_the_knobs_that_capture_takes(monkeypatch):
    with pytest.raises(ConfigurationError, match=r"strict\(\) takes no sinks: records go to"):
        strict(sinks=[])
    with pytest.raises(TypeError, match=r"strict\(\) has no knob 'kep': did you mean 'keep'"):
        strict(kep="nothing")
    monkeypatch.setattr(_config, "IS_OFF_BY_ENVIRONMENT", True)
    with pytest.raises(ConfigurationError, match=r"DARKCALL=off .* strict\(\) would see no call"):
        strict().__enter__()


def test_a_block_is_no_decorator_that_an_async_test_would_leave_at_once():
    with pytest.raises(TypeError):
        strict()(async_double)


def test_a_candidate_whose_own_gate_refused_the_call_does_not_keep_it_from_raising():
    function = a_launch(candidate={"v2": triple, "v3": triple}, max_pending=1)
    first = launch_of(function).candidates[0]

    def act():
        # As on a call that begins while another thread enters the block.
        first.stand_behind(None)
        first.gate.room.places.pop()
        function(1)

    with pytest.raises(MismatchError, match="v3 differs"), strict():
        act()
    assert launch_of(function).stats().candidates["v2"].reasons == {"full": 1}


A_TEST = """
from darkcall import dark_launch
from darkcall.testing import strict

@dark_launch(candidate=lambda x: 3 * x)
def double(x):
    return 2 * x

def test_it():
    with strict():
        double(1)
"""


def test_pytest_shows_the_call_and_nothing_of_darkcall(pytester):
    pytester.makepyfile(A_TEST)

    told = pytester.runpytest_inprocess("-p", "no:cacheprovider").stdout.str()
    assert "\n>           double(1)\nE  " in told
    assert "MismatchError: " in told
    for hidden in ("_wrappers.py", "_watching.py"):
        assert hidden not in told


def test_a_block_about_one_function_does_not_raise_for_others_that_it_calls():
    tax = a_launch(name="shop.tax")
    total = a_launch(control=lambda x: tax(x) + x, candidate=lambda x: 3 * x)

    with capture() as records, strict(total):
        assert total(4) == 12
        assert tax(1) == 2

    assert [(one.launch, one.outcome) for one in records] == [
        ("shop.tax", "mismatch"),
        ("shop.double", "match"),
        ("shop.tax", "mismatch"),
    ]
    with pytest.raises(MismatchError, match=r"shop\.tax"), strict(total, tax):
        total(4)


def test_a_block_tells_launches_of_one_name_apart():
    one, other = a_launch(), a_launch()

    with strict(one):
        assert other(1) == 2
    with pytest.raises(MismatchError), strict(launch_of(other)):
        other(1)


def test_a_block_about_one_candidate_does_not_raise_for_others():
    launched = a_launch(candidate={"v2": double, "v3": triple})

    with strict(launched, candidate="v2"):
        assert launched(1) == 2
    with pytest.raises(MismatchError, match="v3"), strict(launched, candidate="v3"):
        launched(1)
    with pytest.raises(MismatchError, match="v3"), strict(launched):
        launched(1)


def test_a_block_is_about_methods_and_properties_as_their_class_gives_them():
    class Shop:
        @dark_launch(candidate=lambda self, x: 3 * x, runner=InlineRunner())
        def method(self, x):
            return 2 * x

        @property
        @dark_launch(candidate=lambda self: 3, runner=InlineRunner())
        def size(self):
            return 2

    with strict(Shop.size):
        Shop().method(1)
    with pytest.raises(MismatchError), strict(Shop.method, Shop.size):
        Shop().method(1)
    with pytest.raises(MismatchError), strict(Shop.size):
        _ = Shop().size


def test_a_block_about_what_is_no_launch_is_an_error():
    with pytest.raises(TypeError, match="is not decorated with dark_launch"):
        strict(double)


def test_a_candidate_that_nothing_has_is_an_error():
    launched = a_launch(candidate={"v2": double, "v3": triple})
    told = "candidate='v4': shop.double has no such candidate; there is v2, v3"

    with pytest.raises(ConfigurationError, match=told):
        strict(launched, candidate="v4")
    with pytest.raises(ConfigurationError, match="candidate='v2': name the function"):
        strict(candidate="v2")
