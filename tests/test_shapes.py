"""Every shape of callable, in one table: the caller sees the control, and nothing else."""

from __future__ import annotations

import abc
import asyncio
import copy
import dataclasses
import functools
import inspect
import typing
from unittest import mock

import attrs
import pytest
import wrapt

from darkcall import Launch, dark_launch, launch_of
from darkcall.runners import InlineRunner
from darkcall.sinks import MemorySink


class Payload:
    """What each control is given: it can change, is hashable, and equals its copies."""

    def __init__(self, *items):
        self.items = list(items)

    def __eq__(self, other):
        return self.items == other.items

    def __hash__(self):
        return 1


def respond(payload):
    if isinstance(payload, BaseException):
        raise payload
    return payload


@attrs.define
class Seen:
    """What the sides were called with; each side is told by its own log."""

    control: list = attrs.Factory(list)
    candidate: list = attrs.Factory(list)

    def by_control(self, *args):
        self.control.append(args)
        return respond(getattr(args[-1], "payload", args[-1]))


@attrs.frozen
class Built:
    decorated: typing.Any
    call: typing.Callable
    has_self: bool = False


SHAPES = {}


def shape(build):
    SHAPES[build.__name__] = build
    return build


@shape
def function(dark, seen):
    @dark
    def control(payload: Payload, *, factor: int = 1) -> Payload:
        """Say what it does."""
        return seen.by_control(payload)

    return Built(control, control)


@shape
def function_that_takes_anything(dark, seen):
    @dark
    def control(*args: Payload, **kwargs: int) -> Payload:
        return seen.by_control(*args)

    return Built(control, control)


@shape
def lambda_(dark, seen):
    control = dark(lambda payload: seen.by_control(payload))  # noqa: PLW0108
    return Built(control, control)


@shape
def coroutine_function(dark, seen):
    @dark
    async def control(payload: Payload) -> Payload:
        """Say what it does, in a while."""
        await asyncio.sleep(0)
        return seen.by_control(payload)

    return Built(control, control)


@shape
def method(dark, seen):
    class Shop:
        @dark
        def control(self, payload: Payload) -> Payload:
            """Say what it does."""
            return seen.by_control(self, payload)

    shop = Shop()
    return Built(shop.control, shop.control, has_self=True)


@shape
def method_called_by_its_class(dark, seen):
    class Shop:
        @dark
        def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    return Built(Shop.control, functools.partial(Shop.control, Shop()), has_self=True)


@shape
def async_method(dark, seen):
    class Shop:
        @dark
        async def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    shop = Shop()
    return Built(shop.control, shop.control, has_self=True)


@shape
def inherited_method(dark, seen):
    class Shop:
        @dark
        def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    class Branch(Shop):
        pass

    branch = Branch()
    return Built(branch.control, branch.control, has_self=True)


@shape
def method_that_overrides(dark, seen):
    class Shop:
        def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    class Branch(Shop):
        @dark
        def control(self, payload: Payload) -> Payload:
            return super().control(payload)

    branch = Branch()
    return Built(branch.control, branch.control, has_self=True)


@shape
def overridden_method(dark, seen):
    class Shop:
        @dark
        def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    class Branch(Shop):
        def control(self, payload: Payload) -> Payload:
            return super().control(payload)

    branch = Branch()
    return Built(super(Branch, branch).control, branch.control, has_self=True)


@shape
def abstract_method(dark, seen):
    class Shop(abc.ABC):
        @dark
        @abc.abstractmethod
        def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    class Branch(Shop):
        def control(self, payload: Payload) -> Payload:
            return super().control(payload)

    assert inspect.isabstract(Shop)
    branch = Branch()
    return Built(super(Branch, branch).control, branch.control, has_self=True)


@shape
def protocol_method(dark, seen):
    @typing.runtime_checkable
    class Priced(typing.Protocol):
        @dark
        def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    class Shop(Priced):
        pass

    shop = Shop()
    assert isinstance(shop, Priced)
    return Built(shop.control, shop.control, has_self=True)


@shape
def method_of_slots(dark, seen):
    class Shop:
        __slots__ = ("till",)

        @dark
        def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    shop = Shop()
    return Built(shop.control, shop.control, has_self=True)


@shape
def dataclass_method(dark, seen):
    @dataclasses.dataclass
    class Shop:
        stock: list = dataclasses.field(default_factory=list)

        @dark
        def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    shop = Shop()
    return Built(shop.control, shop.control, has_self=True)


@shape
def attrs_method(dark, seen):
    @attrs.define
    class Shop:
        stock: list = attrs.Factory(list)

        @dark
        def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    shop = Shop()
    return Built(shop.control, shop.control, has_self=True)


@shape
def call_method(dark, seen):
    class Shop:
        @dark
        def __call__(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    shop = Shop()
    return Built(shop.__call__, shop, has_self=True)


@shape
def metaclass_method(dark, seen):
    class Meta(type):
        @dark
        def control(cls, payload: Payload) -> Payload:
            return seen.by_control(cls, payload)

    class Shop(metaclass=Meta):
        pass

    return Built(Shop.control, Shop.control)


@shape
def classmethod_above(dark, seen):
    class Shop:
        @classmethod
        @dark
        def control(cls, payload: Payload) -> Payload:
            """Say what it does."""
            return seen.by_control(cls, payload)

    return Built(Shop.control, Shop().control)


@shape
def classmethod_below(dark, seen):
    class Shop:
        @dark
        @classmethod
        def control(cls, payload: Payload) -> Payload:
            """Say what it does."""
            return seen.by_control(cls, payload)

    return Built(Shop.control, Shop.control)


@shape
def async_classmethod_below(dark, seen):
    class Shop:
        @dark
        @classmethod
        async def control(cls, payload: Payload) -> Payload:
            return seen.by_control(cls, payload)

    return Built(Shop.control, Shop.control)


@shape
def staticmethod_above(dark, seen):
    class Shop:
        @staticmethod
        @dark
        def control(payload: Payload) -> Payload:
            """Say what it does."""
            return seen.by_control(payload)

    return Built(Shop.control, Shop().control)


@shape
def staticmethod_below(dark, seen):
    class Shop:
        @dark
        @staticmethod
        def control(payload: Payload) -> Payload:
            """Say what it does."""
            return seen.by_control(payload)

    return Built(Shop.control, Shop().control)


@shape
def bound_method(dark, seen):
    class Shop:
        def control(self, payload: Payload) -> Payload:
            """Say what it does."""
            return seen.by_control(payload)

    control = dark(Shop().control)
    return Built(control, control)


@shape
def partialmethod_above(dark, seen):
    class Shop:
        @dark
        def sell(self, currency: str, payload: Payload) -> Payload:
            return seen.by_control(self, currency, payload)

        control = functools.partialmethod(sell, "EUR")

    return Built(Shop.sell, Shop().control, has_self=True)


@shape
def partial(dark, seen):
    def sell(currency: str, payload: Payload) -> Payload:
        return seen.by_control(payload)

    control = dark(functools.partial(sell, "EUR"))
    return Built(control, control)


@shape
def partial_of_a_coroutine_function(dark, seen):
    async def sell(currency: str, payload: Payload) -> Payload:
        return seen.by_control(payload)

    control = dark(functools.partial(sell, "EUR"))
    return Built(control, control)


@shape
def partial_above(dark, seen):
    @dark
    def sell(currency: str, payload: Payload) -> Payload:
        return seen.by_control(currency, payload)

    return Built(sell, functools.partial(sell, "EUR"))


@shape
def callable_object(dark, seen):
    class Seller:
        def __call__(self, payload: Payload) -> Payload:
            """Say what it does."""
            return seen.by_control(payload)

    control = dark(Seller())
    return Built(control, control)


@shape
def callable_object_with_an_async_call(dark, seen):
    class Seller:
        async def __call__(self, payload: Payload) -> Payload:
            return seen.by_control(payload)

    control = dark(Seller())
    return Built(control, control)


@shape
def callable_object_in_a_class(dark, seen):
    class Seller:
        def __call__(self, payload: Payload) -> Payload:
            return seen.by_control(payload)

    class Shop:
        control = dark(Seller())

    return Built(Shop.control, Shop().control)


@shape
def cached_function(dark, seen):
    @dark
    @functools.lru_cache
    def control(payload: Payload) -> Payload:
        """Say what it does."""
        return seen.by_control(payload)

    return Built(control, control)


@shape
def cached_method(dark, seen):
    class Shop:
        @dark
        @functools.lru_cache  # noqa: B019 -- a shape that there is
        def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    shop = Shop()
    return Built(shop.control, shop.control, has_self=True)


@shape
def cached_above(dark, seen):
    @functools.lru_cache
    @dark
    def control(payload: Payload) -> Payload:
        return seen.by_control(payload)

    return Built(control, control)


@shape
def singledispatch(dark, seen):
    @dark
    @functools.singledispatch
    def control(payload: Payload) -> Payload:
        raise NotImplementedError

    control.register(object, seen.by_control)
    return Built(control, control)


def wraps_decorated(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@wrapt.decorator
def wrapt_decorated(wrapped, instance, args, kwargs):
    assert (instance is None) == (len(inspect.signature(wrapped).parameters) == len(args))
    return wrapped(*args, **kwargs)


@wrapt.decorator
def wrapt_decorated_method(wrapped, instance, args, kwargs):
    assert type(instance).__name__ == "Shop"
    return wrapped(*args, **kwargs)


@shape
def wraps_decorated_below(dark, seen):
    @dark
    @wraps_decorated
    def control(payload: Payload) -> Payload:
        """Say what it does."""
        return seen.by_control(payload)

    return Built(control, control)


@shape
def wraps_decorated_above(dark, seen):
    @wraps_decorated
    @dark
    def control(payload: Payload) -> Payload:
        return seen.by_control(payload)

    return Built(control, control)


@shape
def wrapt_decorated_below(dark, seen):
    @dark
    @wrapt_decorated
    def control(payload: Payload) -> Payload:
        """Say what it does."""
        return seen.by_control(payload)

    return Built(control, control)


@shape
def wrapt_decorated_above(dark, seen):
    @wrapt_decorated
    @dark
    def control(payload: Payload) -> Payload:
        return seen.by_control(payload)

    return Built(control, control)


@shape
def method_that_wrapt_decorated(dark, seen):
    class Shop:
        @dark
        @wrapt_decorated_method
        def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    shop = Shop()
    return Built(shop.control, shop.control, has_self=True)


@shape
def async_method_that_wrapt_decorated(dark, seen):
    class Shop:
        @dark
        @wrapt_decorated_method
        async def control(self, payload: Payload) -> Payload:
            return seen.by_control(self, payload)

    shop = Shop()
    return Built(shop.control, shop.control, has_self=True)


@shape
def launched_twice(dark, seen):
    @dark
    @dark
    def control(payload: Payload) -> Payload:
        return seen.by_control(payload)

    return Built(control, control)


def getting(owner):
    def call(payload):
        instance = owner()
        instance.payload = payload
        return instance.control

    return call


@shape
def property_above(dark, seen):
    class Shop:
        @property
        @dark
        def control(self) -> Payload:
            return seen.by_control(self)

    return Built(Shop.control, getting(Shop), has_self=True)


@shape
def property_below(dark, seen):
    class Shop:
        @dark
        @property
        def control(self) -> Payload:
            return seen.by_control(self)

        @control.setter
        def control(self, payload: Payload) -> None:
            """Make this a property with a setter too."""

    return Built(Shop.control, getting(Shop), has_self=True)


@shape
def cached_property_above(dark, seen):
    class Shop:
        @functools.cached_property
        @dark
        def control(self) -> Payload:
            return seen.by_control(self)

    return Built(vars(Shop)["control"], getting(Shop), has_self=True)


#: Two launches make two records.
TWICE = {"launched_twice"}
PROPERTIES = {name for name in SHAPES if "property" in name}
ASYNC = {name for name in SHAPES if name.startswith("async_") or "_async_" in name} | {
    "coroutine_function",
    "partial_of_a_coroutine_function",
}


@attrs.define
class Launched:
    shape: str
    built: Built
    plain: Built
    seen: Seen
    sink: MemorySink

    def call(self, payload):
        result = self.built.call(payload)
        return asyncio.run(awaited(result)) if self.shape in ASYNC else result


async def awaited(coroutine):
    return await coroutine


@pytest.fixture(params=SHAPES)
def launched(request):
    seen, sink = Seen(), MemorySink()

    def candidate(*args, **kwargs):
        seen.candidate.append(args)
        return respond(getattr(args[-1], "payload", args[-1]))

    dark = dark_launch(candidate=candidate, runner=InlineRunner(), sinks=[sink])
    build = SHAPES[request.param]
    return Launched(
        request.param, build(dark, seen), build(lambda control: control, Seen()), seen, sink
    )


def each_but(left_out):
    names = [name for name in SHAPES if name not in left_out]
    return pytest.mark.parametrize("launched", names, indirect=True)


each_function = each_but(PROPERTIES)


def test_the_caller_gets_the_controls_own_object(launched):
    payload = Payload(1)
    assert launched.call(payload) is payload


def test_the_caller_gets_the_very_exception_that_the_control_raised(launched):
    error = KeyError("no such cart")
    with pytest.raises(KeyError) as caught:
        launched.call(error)
    assert caught.value is error
    assert {record.outcome for record in launched.sink.records} == {"match"}


def test_the_candidate_runs_once_with_arguments_that_equal_the_controls(launched):
    payload = Payload(1, [2])
    launched.call(payload)
    (control,) = launched.seen.control
    runs = 2 if launched.shape == "launched_twice" else 1
    assert len(launched.seen.candidate) == len(launched.sink.records) == runs
    for candidate in launched.seen.candidate:
        assert [type(value) for value in candidate] == [type(value) for value in control]
        got = getattr(candidate[-1], "payload", candidate[-1])
        assert got == payload
        assert got is not payload
        if launched.built.has_self:
            assert candidate[0] is not control[0]
    assert {record.outcome for record in launched.sink.records} == {"match"}


def test_launch_of_finds_the_launch(launched):
    launch = launch_of(launched.built.decorated)
    assert isinstance(launch, Launch)
    launched.call(Payload())
    assert launch.stats().shadowed == 1


@pytest.mark.parametrize(
    "attribute",
    [
        "__name__",
        "__qualname__",
        "__module__",
        "__doc__",
        "__annotations__",
        "__isabstractmethod__",
    ],
)
def test_what_is_read_of_the_control_is_read_of_the_decorated(launched, attribute):
    expected = getattr(launched.plain.decorated, attribute, "has none")
    assert getattr(launched.built.decorated, attribute, "has none") == expected


@each_function
@pytest.mark.parametrize(
    "inspect_",
    [
        inspect.signature,
        functools.partial(inspect.signature, eval_str=True, locals={"Payload": Payload}),
        functools.partial(typing.get_type_hints, localns={"Payload": Payload}),
        inspect.iscoroutinefunction,
        inspect.isfunction,
        inspect.ismethod,
        callable,
    ],
)
def test_inspection_tells_what_it_tells_of_the_control(launched, inspect_):
    expected = told_by(inspect_, launched.plain.decorated)
    assert told_by(inspect_, launched.built.decorated) == expected


def told_by(inspect_, function):
    try:
        return inspect_(function)
    except (TypeError, AttributeError) as error:
        return type(error)


# Neither a method that super() found nor what wrapt made can be copied.
@each_but(PROPERTIES | {"overridden_method", "abstract_method", "wrapt_decorated_above"})
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_launched_as_well(launched, copied):
    assert launch_of(copied(launched.built.decorated)) is launch_of(launched.built.decorated)


@each_function
def test_functools_wraps_goes_on_top(launched):
    outer = wraps_decorated(launched.built.decorated)
    assert inspect.signature(outer) == inspect.signature(launched.plain.decorated)
    assert outer.__doc__ == launched.plain.decorated.__doc__


@each_function
def test_an_autospec_takes_what_the_control_takes(launched):
    spec = mock.create_autospec(launched.built.decorated)
    plain = mock.create_autospec(launched.plain.decorated)
    assert told_by(inspect.signature, spec) in (
        told_by(inspect.signature, plain),
        inspect.signature(launched.plain.decorated),
    )
    assert isinstance(spec, mock.AsyncMock) == isinstance(plain, mock.AsyncMock)
