"""What may be decorated, what is refused, and what a launch and its candidates are called."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import pickle
import sys
import types
from unittest import mock

import pytest
import wrapt

import darkcall
from darkcall import (
    ConfigurationError,
    SignatureMismatchError,
    dark_launch,
    flush,
    is_dark,
    launch_of,
    launches,
)
from darkcall.runners import ThreadRunner
from darkcall.sinks import MemorySink


def anything(*args, **kwargs):
    return None


def double(x):
    return 2 * x


def added(x):
    return x + x


def outcomes(sink):
    return [(record.candidate, record.outcome) for record in sink.records]


@pytest.fixture
def threads():
    runner = ThreadRunner(workers=1)
    yield runner
    runner.close(timeout=1.0)


BUILTINS = [
    (len, ([1, 2],), "builtins.len"),
    (math.sqrt, (2.25,), "math.sqrt"),
    (str.upper, ("a",), "builtins.str.upper"),
    ("a".upper, (), "builtins.str.upper"),
    ([3, 4].index, (4,), "builtins.list.index"),
    (dict.fromkeys, ("ab",), "builtins.dict.fromkeys"),
    (max, (1, 2), "builtins.max"),
    (functools.partial(functools.partial(int, base=2), "10"), (), "builtins.int"),
    (functools.lru_cache(added), (2,), f"{__name__}.added"),
]


@pytest.mark.parametrize(("builtin", "args", "name"), BUILTINS)
def test_a_builtin_is_launched_under_its_own_name(dark, sink, builtin, args, name):
    decorated = dark(candidate=builtin)(builtin)
    assert decorated(*args) == builtin(*args)
    assert outcomes(sink) == [("candidate", "match")]
    assert launch_of(decorated).name == name


def test_a_method_of_a_builtin_type_binds_in_a_subclass(dark, sink):
    class Name(str):
        __slots__ = ()
        upper = dark(candidate=str.upper)(str.upper)

    assert Name("a").upper() == Name.upper("a") == "A"
    assert outcomes(sink) == [("candidate", "match")] * 2


def test_a_builtin_does_not_bind_in_a_class_as_it_never_does(dark):
    class Sizes:
        of = dark(candidate=len)(len)

    assert Sizes().of([1]) == 1


def test_the_cache_of_a_cached_control_is_at_hand(dark):
    class Shop:
        @dark(candidate=anything)
        @functools.lru_cache  # noqa: B019 -- a shape that there is
        def price(self, x):
            return x

    shop = Shop()
    assert (shop.price(1), shop.price(1)) == (1, 1)
    assert shop.price.cache_info().hits == Shop.price.cache_info().hits == 1
    Shop.price.cache_clear()
    assert shop.price.cache_info().currsize == 0


def test_the_functions_of_a_singledispatch_are_at_hand(dark, sink):
    @dark(candidate=anything)
    @functools.singledispatch
    def kind_of(value):
        return "anything"

    @kind_of.register
    def _(value: int):
        return "int"

    assert (kind_of(1), kind_of("a")) == ("int", "anything")
    assert kind_of.dispatch(int)(1) == "int"
    assert len(sink.records) == 2


def test_attributes_of_a_callable_object_are_read_and_set_on_it(dark):
    class Counter:
        count = 0

        def __call__(self):
            self.count += 1
            return self.count

    counter = Counter()
    decorated = dark(candidate=anything)(counter)
    decorated()
    decorated.count += 1
    assert counter.count == 2
    assert isinstance(decorated, Counter)


def test_a_property_keeps_its_setter_deleter_and_doc(dark, sink):
    class Shop:
        def __init__(self):
            self._stock = 1

        def _get(self):
            """How much is there."""
            return self._stock

        def _set(self, value):
            self._stock = value

        def _del(self):
            self._stock = 0

        stock = dark(candidate=lambda shop: shop._stock)(property(_get, _set, _del))

    shop = Shop()
    shop.stock = 2
    assert shop.stock == 2
    del shop.stock
    assert shop.stock == 0
    assert Shop.stock.__doc__ == "How much is there."
    assert outcomes(sink) == [("candidate", "match")] * 2


def test_a_cached_property_is_launched_at_its_first_use(dark, sink):
    class Shop:
        @functools.cached_property
        @dark(candidate=lambda shop: [1])
        def stock(self):
            return [1]

    shop = Shop()
    assert shop.stock is shop.stock
    assert len(sink.records) == 1


def test_a_candidate_may_be_a_classmethod_or_staticmethod_object(dark, sink):
    class Shop:
        @classmethod
        def named_v2(cls, name):
            return (cls, name)

        @dark(candidate=named_v2)
        @classmethod
        def named(cls, name):
            return (cls, name)

        @staticmethod
        def priced_v2(price):
            return price

        @staticmethod
        @dark(candidate=priced_v2)
        def priced(price):
            return price

    assert Shop.named("a") == (Shop, "a")
    assert Shop.priced(3) == 3
    assert outcomes(sink) == [("candidate", "match")] * 2


def test_an_async_callable_object_that_is_launched_twice_is_awaited(dark, sink):
    class Double:
        async def __call__(self, x):
            return 2 * x

    decorated = dark(candidate=Double())(dark(candidate=Double())(Double()))
    assert asyncio.run(decorated(2)) == 4
    assert outcomes(sink) == [("candidate", "match")] * 2


def test_a_partial_of_an_async_callable_object_is_awaited(dark, sink):
    class Times:
        async def __call__(self, x, y):
            return x * y

    decorated = dark(candidate=functools.partial(Times(), 2))(functools.partial(Times(), 2))
    assert asyncio.run(decorated(2)) == 4
    assert outcomes(sink) == [("candidate", "match")]


# Pickling.


@dark_launch(candidate=anything)
def function(x):
    return ("function", x)


@dark_launch(candidate=anything)
@functools.lru_cache
def cached(x):
    return ("cached", x)


class Shop:
    def __eq__(self, other):
        return type(other) is Shop

    __hash__ = None

    @dark_launch(candidate=anything)
    def method(self, x):
        return ("method", x)

    @dark_launch(candidate=anything)
    @functools.wraps(function)
    def wrapped(self, x):
        return ("wrapped", x)

    wrapped.__qualname__ = "Shop.wrapped"
    wrapped.__name__ = "wrapped"

    @classmethod
    @dark_launch(candidate=anything)
    def above(cls, x):
        return ("above", x)

    @dark_launch(candidate=anything)
    @classmethod
    def below(cls, x):
        return ("below", x)

    @dark_launch(candidate=anything)
    @staticmethod
    def static(x):
        return ("static", x)

    def __call__(self, x):
        return ("object", x)


partial = dark_launch(candidate=anything)(functools.partial(double))
seller = dark_launch(candidate=anything)(Shop())
bound = dark_launch(candidate=anything)(Shop().method)
builtin = dark_launch(candidate=anything)(repr)


PICKLED = {
    "function": function,
    "cached function": cached,
    "method of its class": functools.partial(Shop.method, Shop()),
    "method": Shop().method,
    "wrapped method": Shop().wrapped,
    "classmethod above": Shop.above,
    "classmethod below": Shop.below,
    "staticmethod": Shop.static,
    "partial": partial,
    "callable object": seller,
    "bound method": bound,
    "builtin": builtin,
}


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("decorated", PICKLED.values(), ids=PICKLED)
def test_a_decorated_function_can_be_pickled(decorated, protocol):
    copy = pickle.loads(pickle.dumps(decorated, protocol))
    assert copy(1) == decorated(1)


@pytest.mark.parametrize("decorated", [function, cached, Shop.method, Shop.static])
def test_what_is_found_by_its_name_is_launched_after_it_was_pickled(decorated):
    assert pickle.loads(pickle.dumps(decorated)) is decorated


# Mocks.


def test_a_patch_takes_the_place_of_a_decorated_function():
    with mock.patch.object(sys.modules[__name__], "function", autospec=True) as patched:
        patched.return_value = 7
        assert function(1) == 7
        with pytest.raises(TypeError):
            function(1, 2)
    assert function(1) == ("function", 1)


def test_a_patch_takes_the_place_of_a_decorated_method():
    with mock.patch.object(Shop, "method", autospec=True) as patched:
        shop = Shop()
        shop.method(3)
        patched.assert_called_once_with(shop, 3)
    assert shop.method(1) == ("method", 1)


def test_a_mock_is_launched_as_any_callable_object(dark, sink):
    control = mock.Mock(return_value=3)
    assert dark(candidate=lambda: 3)(control)() == 3
    control.assert_called_once_with()
    assert outcomes(sink) == [("candidate", "match")]


# What is refused.


def generator():
    yield 1


async def async_generator():
    yield 1


class Yielding:
    def __call__(self):
        yield 1

    def method(self):
        yield 1


@wrapt.decorator
def wrapt_decorated(wrapped, instance, args, kwargs):
    return wrapped(*args, **kwargs)


LISTS, BODY, BELOW = "returns a list", "functions that its body calls", "place dark_launch below"
REFUSED = {
    "generator function": (generator, LISTS),
    "async generator function": (async_generator, LISTS),
    "partial of a generator function": (functools.partial(generator), LISTS),
    "callable object that yields": (Yielding(), LISTS),
    "bound method that yields": (Yielding().method, LISTS),
    "staticmethod that yields": (staticmethod(generator), LISTS),
    "classmethod that yields": (classmethod(generator), LISTS),
    "property that yields": (property(generator), LISTS),
    "context manager": (contextlib.contextmanager(generator), BODY),
    "async context manager": (contextlib.asynccontextmanager(async_generator), BODY),
    "partial of one": (functools.partial(contextlib.contextmanager(generator)), BODY),
    "class": (Shop, "the class Shop: decorate its methods"),
    "builtin class": (int, "the class int"),
    "number": (3, "3 is not one$"),
    "None": (None, "None is not one$"),
    "property without a getter": (property(), "without a getter"),
    "cached_property": (functools.cached_property(double), BELOW),
    "partialmethod": (functools.partialmethod(double, 1), BELOW),
    "singledispatchmethod": (functools.singledispatchmethod(double), BELOW),
    "classmethod in a wrapper": (wrapt_decorated(classmethod(double)), BELOW),
}


@pytest.mark.parametrize(("control", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_launched_is_refused_with_the_way_out(control, says):
    with pytest.raises(TypeError, match=says):
        dark_launch(candidate=anything)(control)


def test_what_makes_objects_that_yield_is_launched(dark, sink):
    decorated = dark(candidate=lambda: 1)(functools.partial(Yielding))
    assert isinstance(decorated(), Yielding)


def test_a_generator_that_cannot_be_known_beforehand_is_skipped(dark, sink):
    decorated = dark(candidate=lambda: [1])(lambda: generator())  # noqa: PLW0108
    assert list(decorated()) == [1]
    (record,) = sink.records
    assert (record.outcome, record.arguments) == ("skipped", None)
    assert "an iterator (generator) can be read only once" in record.reason


@pytest.mark.parametrize(
    ("candidate", "says"),
    [
        ("", "''"),
        ("shop", "'shop'"),
        ("shop.price", "'shop.price'"),
        ("shop:", "'shop:'"),
        (":price", "':price'"),
        ("shop:price()", "price\\(\\)"),
        ("shop-v2:price", "shop-v2"),
        ({}, "one candidate at least"),
        ({"": double}, "not ''"),
        ({1: double}, "not 1"),
        ({"v2": "shop"}, "'shop'"),
    ],
)
def test_a_bad_candidate_is_refused(candidate, says):
    with pytest.raises(ConfigurationError, match=says):
        dark_launch(candidate=candidate)


@pytest.mark.parametrize("candidate", [None, 3, {"v2": 3}], ids=repr)
def test_a_candidate_that_cannot_be_called_is_refused(candidate):
    with pytest.raises(
        TypeError, match=r"give a callable, 'package\.module:function', or a mapping"
    ):
        dark_launch(candidate=candidate)(double)


def test_a_candidate_with_other_parameters_is_refused_with_both_signatures_shown():
    with pytest.raises(SignatureMismatchError) as caught:
        dark_launch(candidate=lambda y: y)(double)
    assert "double(x)" in str(caught.value)
    assert "<lambda>(y)" in str(caught.value)


@pytest.mark.parametrize("name", ["", 3, b"shop"], ids=repr)
def test_a_bad_name_is_refused(name):
    with pytest.raises(ConfigurationError, match=f"name={name!r}"):
        dark_launch(candidate=double, name=name)


def test_knobs_are_keyword_only():
    with pytest.raises(TypeError):
        dark_launch(double)


@pytest.mark.parametrize("function", [double, 3, None, Shop, property(), len])
def test_launch_of_refuses_what_is_not_decorated(function):
    with pytest.raises(TypeError, match="is not decorated with dark_launch"):
        launch_of(function)


def test_launch_of_looks_into_what_a_class_keeps_of_its_methods():
    for name in ("above", "below", "static", "method"):
        assert launch_of(vars(Shop)[name]) is launch_of(getattr(Shop, name))


# Names.


def test_a_launch_is_called_after_its_control_by_default():
    def nested(x):
        return x

    def launched(control):
        return launch_of(dark_launch(candidate=anything)(control)).name

    here = f"{__name__}.test_a_launch_is_called_after_its_control_by_default.<locals>"
    assert launched(nested) == f"{here}.nested"
    assert launched(lambda x: x) == f"{here}.<lambda>"
    assert launched(functools.partial(nested, 1)) == f"{here}.nested"
    assert launched(Yielding.__init__) == "builtins.object.__init__"
    assert launched(Shop()) == f"{__name__}.Shop"
    assert launched(Shop().method) == f"{__name__}.Shop.method"


def test_a_launch_has_the_name_that_it_is_given(dark, sink):
    dark(candidate=double, name="shop.double")(double)(1)
    assert sink.records[0].launch == "shop.double"


def test_launches_lists_them_in_the_order_of_their_names():
    kept = [
        dark_launch(candidate=double, name=name)(double) for name in ("zzz.b", "zzz.a", "zzz.c")
    ]
    names = [launch.name for launch in launches() if launch.name.startswith("zzz.")]
    assert names == ["zzz.a", "zzz.b", "zzz.c"]
    assert all(launch_of(one) in launches() for one in kept)


def test_a_launch_whose_function_is_gone_is_not_listed():
    decorated = dark_launch(candidate=double, name="zzz.gone")(double)
    assert "zzz.gone" in [launch.name for launch in launches()]
    del decorated
    import gc  # noqa: PLC0415

    gc.collect()
    assert "zzz.gone" not in [launch.name for launch in launches()]


# Several candidates.


def test_several_candidates_make_one_record_each_under_one_call_id(dark, sink):
    decorated = dark(candidate={"same": added, "other": lambda x: x})(double)
    assert [decorated(1), decorated(2)] == [2, 4]
    assert outcomes(sink) == [("same", "match"), ("other", "mismatch")] * 2
    first, second, third, fourth = [record.call_id for record in sink.records]
    assert first == second != third == fourth
    stats = launch_of(decorated).stats()
    assert stats.shadowed == 2
    assert stats.candidates["same"].outcomes["match"] == 2
    assert stats.candidates["other"].outcomes["mismatch"] == 2


def test_candidates_do_not_see_what_each_other_does_to_the_arguments(dark, sink):
    def grow(items):
        items.append(1)
        return items

    decorated = dark(candidate={"a": grow, "b": grow})(lambda items: [*items, 1])
    assert decorated([]) == [1]
    assert outcomes(sink) == [("a", "match"), ("b", "match")]


# Candidates by name.


@pytest.fixture
def module(monkeypatch):
    module = types.ModuleType("shop_v2")
    module.double = added
    module.Shop = types.SimpleNamespace(double=added)
    module.renamed = lambda y: y
    module.number = 3

    async def double_async(x):
        return 2 * x

    module.double_async = double_async
    monkeypatch.setitem(sys.modules, "shop_v2", module)
    return module


@pytest.mark.parametrize("reference", ["shop_v2:double", "shop_v2:Shop.double"])
def test_a_candidate_is_given_by_its_name(dark, sink, module, reference):
    assert dark(candidate=reference)(double)(2) == 4
    assert outcomes(sink) == [("candidate", "match")]


def test_a_candidate_by_name_is_imported_at_its_first_use_on_a_worker(
    tmp_path, monkeypatch, threads
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "imported_late.py").write_text(
        "import threading\nimported_by = threading.current_thread()\ndef double(x): return 2 * x\n"
    )
    sink = MemorySink()
    decorated = dark_launch(candidate="imported_late:double", runner=threads, sinks=[sink])(double)
    assert "imported_late" not in sys.modules
    decorated(1)
    assert flush()
    assert outcomes(sink) == [("candidate", "match")]
    assert sys.modules["imported_late"].imported_by.name == "darkcall-worker"


def test_an_async_candidate_by_name_is_awaited(dark, sink, module):
    async def control(x):
        return 2 * x

    assert asyncio.run(dark(candidate="shop_v2:double_async")(control)(2)) == 4
    assert outcomes(sink) == [("candidate", "match")]


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("no_such_module_anywhere:double", "ModuleNotFoundError"),
        ("shop_v2:no_such_function", "AttributeError"),
        ("shop_v2:renamed", "SignatureMismatchError"),
        ("shop_v2:number", "TypeError"),
    ],
)
def test_a_candidate_that_cannot_be_imported_is_skipped_with_the_reason(
    dark, sink, module, reference, error
):
    assert dark(candidate=reference)(double)(2) == 4
    (record,) = sink.records
    assert record.outcome == "skipped"
    assert error in record.reason


@pytest.mark.parametrize(("seconds", "second"), [(0.0, "match"), (60.0, "skipped")])
def test_a_candidate_whose_import_failed_is_tried_again_after_a_while(
    dark, sink, monkeypatch, seconds, second
):
    monkeypatch.setattr("darkcall._candidate.RETRY_SECONDS", seconds)
    decorated = dark(candidate="shop_v3:double")(double)
    decorated(1)
    late = types.ModuleType("shop_v3")
    late.double = added
    monkeypatch.setitem(sys.modules, "shop_v3", late)
    decorated(1)
    assert outcomes(sink) == [("candidate", "skipped"), ("candidate", second)]


# The dark.


def test_only_a_candidate_is_in_the_dark(dark, sink):
    decorated = dark(candidate=lambda: not is_dark())(lambda: is_dark())  # noqa: PLW0108
    assert decorated() is False
    assert outcomes(sink) == [("candidate", "match")]
    assert is_dark() is False


def test_a_call_made_in_the_dark_is_a_plain_call(dark, sink):
    inner = dark(candidate=anything)(double)
    outer = dark(candidate=inner)(double)
    assert outer(2) == 4
    assert outcomes(sink) == [("candidate", "match")]
    assert launch_of(inner).stats().nested == 1


def test_each_public_name_is_there_and_documented():
    for name in darkcall.__all__:
        assert getattr(darkcall, name).__doc__


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (ConfigurationError, (darkcall.DarkcallError, ValueError)),
        (SignatureMismatchError, (darkcall.DarkcallError, TypeError)),
    ],
)
def test_errors_can_be_caught_as_what_python_raises_for_their_kind(error, bases):
    assert all(issubclass(error, base) for base in bases)
