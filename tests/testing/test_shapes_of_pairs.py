from __future__ import annotations

import functools

import pytest
from hypothesis import strategies as st

from darkcall import dark_launch
from darkcall.runners import InlineRunner
from darkcall.testing import assert_equivalent, equivalence_test
from differing import QUICK, failure


class Cart:
    def __init__(self, prices: list[int]):
        self.prices = prices

    def total(self, factor: int) -> int:
        self.prices.append(1)
        return sum(self.prices) * factor

    def total_v2(self, factor: int) -> int:
        self.prices.append(1)
        return sum(self.prices) * factor

    def total_v3(self, factor: int) -> int:
        return sum(self.prices) * factor

    @dark_launch(candidate={"v2": total_v2, "v3": total_v3}, runner=InlineRunner())
    def launched(self, factor: int) -> int:
        self.prices.append(1)
        return sum(self.prices) * factor

    @classmethod
    def made(cls, n: int) -> int:
        return n

    @classmethod
    @dark_launch(candidate=lambda cls, n: n + len(cls.__name__), runner=InlineRunner())
    def launched_made(cls, n: int) -> int:
        return n

    @staticmethod
    @dark_launch(candidate=lambda n: n + 1, runner=InlineRunner())
    def launched_static(n: int) -> int:
        return n

    @property
    @dark_launch(candidate=lambda self: 1, runner=InlineRunner())
    def size(self) -> int:
        return len(self.prices)

    @functools.cached_property
    @dark_launch(candidate=lambda self: 1, runner=InlineRunner())
    def length(self) -> int:
        return len(self.prices)

    def __call__(self, n: int) -> int:
        return n

    def __repr__(self):
        return f"Cart(prices={self.prices})"


class Plain:
    def __init__(self, n: int):
        self.n = n

    def shown(self):
        return self.n


def lines_of(*args, **kwargs):
    return str(failure(*args, **kwargs)).splitlines()


def test_methods_get_an_instance_each():
    assert_equivalent(Cart.total, Cart.total_v2, settings=QUICK)
    assert lines_of(Cart.total, Cart.total_v3)[:4] == [
        "Cart.total: Cart.total_v3 differs from the control",
        "  Cart.total(Cart(prices=[]), factor=1)",
        "  control returned 1",
        "  Cart.total_v3 returned 0",
    ]


def test_an_instance_without_a_repr_is_shown_as_it_was_made():
    assert lines_of(Plain.shown, lambda plain: 5)[1] == "  Plain.shown(Plain(n=0))"


def test_bound_methods_keep_their_instance_as_it_is():
    cart, other = Cart([3]), Cart([3])
    assert_equivalent(cart.total, other.total_v2, settings=QUICK)
    assert lines_of(cart.total, other.total_v3)[1] == "  Cart(prices=[3]).total(factor=1)"
    assert lines_of(cart.total, lambda factor: 0)[2] == "  control returned 4"
    assert (cart.prices, other.prices) == ([3], [3])


def test_a_bound_method_of_a_launch_takes_the_instance_to_its_candidates():
    cart = Cart([3])
    lines = lines_of(cart.launched)
    assert lines[0].endswith("Cart.launched: v3 differs from the control")
    assert lines[1:4] == [
        "  Cart(prices=[3]).launched(factor=1)",
        "  control returned 4",
        "  v3 returned 3",
    ]
    assert_equivalent(cart.launched, Cart([3]).total, settings=QUICK)
    assert cart.prices == [3]


@pytest.mark.parametrize(
    ("control", "call"),
    [
        (Cart.launched, "Cart.launched(Cart(prices=[]), factor=1)"),
        (Cart.launched_made, "Cart.launched_made(n=0)"),
        (vars(Cart)["launched_made"], "Cart.launched_made(n=0)"),
        (Cart.launched_static, "Cart.launched_static(n=0)"),
        (vars(Cart)["launched_static"], "Cart.launched_static(n=0)"),
        (Cart.size, "Cart(prices=[]).size"),
        (Cart.length, "Cart(prices=[]).length"),
    ],
    ids=["method", "class", "raw class", "static", "raw static", "property", "cached"],
)
def test_each_shape_of_a_launch_is_shown_as_it_is_called(control, call):
    assert lines_of(control)[1] == f"  {call}"


def test_callable_objects_and_partials_are_shown_as_they_are_called():
    def power(base: int, exponent: int, *, offset: int):
        return offset

    assert lines_of(Cart([3]), lambda n: n + 1)[1] == "  Cart(prices=[3])(n=0)"
    partial = functools.partial(power, 2, offset=1)
    assert lines_of(partial, lambda exponent, offset=1: 0)[1] == "  power(2, exponent=0, offset=1)"


def test_class_methods_are_called_on_their_class():
    assert lines_of(Cart.made, lambda n: n + 1)[1] == "  Cart.made(n=0)"


def test_methods_of_builtin_objects_keep_their_object():
    numbers = [3]
    test = equivalence_test(
        numbers.append, [].append, st.integers(), settings=QUICK, normalize=lambda result: result
    )
    test()
    assert numbers == [3]
    assert lines_of(numbers.count, [].count, st.just(3))[1] == "  [3].count(3)"
    assert_equivalent(
        dict.fromkeys, dict.fromkeys, st.text(), settings=QUICK, given={"value": st.none()}
    )


def test_methods_of_builtin_types_have_their_type():
    assert lines_of(str.upper, str.lower)[1].startswith("  str.upper('")


def test_what_is_shared_is_found_beside_a_bound_method():
    class Shop:
        def priced(self, cart, stream, /):
            return next(stream)

    streams = st.builds(lambda: (n for n in (1, 2)))
    lines = lines_of(
        Shop().priced, lambda cart, stream, /: next(stream), st.just([]), streams, share=("stream",)
    )
    assert lines[2] == "  control returned 1"
    assert lines[3].endswith("; what is shared may have changed in between")
    assert lines[4] == "  <lambda> returned 2"


def test_a_parameter_named_cls_is_like_any_other():
    def control(kind: int, cls: int):
        return cls

    assert lines_of(control, lambda kind, cls: cls + 1)[1] == "  control(kind=0, cls=0)"


def test_a_candidate_may_be_bound_where_the_control_is_not():
    cart = Cart([])
    assert lines_of(lambda factor: 0, cart.total, st.integers())[1] == "  <lambda>(factor=1)"
    assert cart.prices == []


def test_names_that_are_no_identifiers_make_tests_all_the_same():
    assert equivalence_test(lambda: 1, lambda: 1).__name__ == "test_lambda"
    assert equivalence_test(Cart([]), lambda n: 1).__name__ == "test_Cart"
    assert equivalence_test(Cart([]).__init__, lambda prices: None).__name__ == "test_init"
    odd = lambda: 1  # noqa: E731 -- it is to be renamed
    odd.__qualname__ = "<>"
    assert equivalence_test(odd, odd).__name__ == "test_function"
