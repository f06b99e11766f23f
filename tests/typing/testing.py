"""Read by type checkers alone: a candidate is held to the parameters of its control."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_type

import hypothesis
from hypothesis import strategies as st

from darkcall import Launch, dark_launch
from darkcall.testing import (
    assert_equivalent,
    assert_equivalent_classes,
    equivalence_machine,
    equivalence_test,
    equivalence_tests,
)


def price(cart: list[int], quantity: int) -> int:
    return sum(cart) * quantity


def price_v2(cart: list[int], quantity: int) -> float:
    return sum(cart) * float(quantity)


def price_with_more(cart: list[int] | None, quantity: int, *, currency: str = "EUR") -> int:
    return 1


async def price_async(cart: list[int], quantity: int) -> int:
    return 1


def price_of_texts(cart: list[str], quantity: int) -> int:
    return 1


def price_of_one(cart: list[int]) -> int:
    return 1


def price_by_another_name(basket: list[int], quantity: int) -> int:
    return 1


class Cart:
    def total(self, factor: int) -> int:
        return factor

    def total_v2(self, factor: int) -> int:
        return factor

    def total_of_text(self, factor: str) -> int:
        return 1

    @dark_launch(candidate="shop:Cart.launched_v2")
    def launched(self, factor: int) -> int:
        return factor


assert_equivalent(price, price_v2)
assert_equivalent(price, price_with_more)
assert_equivalent(price, price_async)
assert_equivalent(price_async, price)
assert_equivalent(Cart.total, Cart.total_v2)
assert_equivalent(Cart().total, Cart().total_v2)
assert_equivalent(price, price_of_texts)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
assert_equivalent(price, price_of_one)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
assert_equivalent(price, price_by_another_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
assert_equivalent(Cart.total, Cart.total_of_text)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
assert_equivalent(Cart().total, Cart().total_of_text)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
assert_equivalent(price, st.integers())  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
assert_equivalent(price, "shop:price_v2", max_examples=10)
assert_type(equivalence_test(price, "shop:price_v2"), Callable[[], None])

# A launched control has its candidates.
assert_equivalent(Cart.launched)
assert_equivalent(Cart.launched, None, ..., st.integers())
assert_equivalent(Cart.launched, Cart.total, max_examples=10)

assert_equivalent(price, price_v2, st.just([1]), ...)
assert_equivalent(
    price,
    price_v2,
    given={"cart": st.just([1]), "quantity": ...},
    examples=[([1], 2), {"cart": [1], "quantity": 2}],
    settings=hypothesis.settings(max_examples=10),
    compare=lambda control, candidate: control == candidate,
    compare_exceptions=lambda control, candidate: type(control) is type(candidate),
    normalize=str,
    ignore=lambda control, candidate: control.raised and candidate.raised,
    isolate="share",
    share=("cart",),
)
assert_equivalent(price, price_v2, [1])  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
assert_equivalent(price, price_v2, isolate="none")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
assert_equivalent(price, price_v2, timeout=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]

test_price = equivalence_test(price, price_v2, st.just([1]), examples=[([1], 2)])
assert_type(test_price, Callable[[], None])
assert_type(equivalence_test(Cart.launched), Callable[[], None])
test_price = hypothesis.settings(max_examples=10)(test_price)
test_price = hypothesis.seed(3)(test_price)
equivalence_test(price, price_of_one)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]

test_launches = equivalence_tests("shop", given={"shop.price": {"cart": st.just([1]), "n": ...}})
assert_type(test_launches, Callable[[Launch], None])
equivalence_tests(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
equivalence_tests("shop", given={"cart": st.integers()})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]

assert_equivalent_classes(list, Cart)
assert_equivalent_classes(
    Cart,
    Cart,
    init=(),
    calls={"total": (st.integers(),), "total_v2": {"factor": st.integers()}, "x": None, ...: ...},
    observe=vars,
    max_examples=10,
    settings=hypothesis.settings(stateful_step_count=10),
    normalize=str,
)
assert_equivalent_classes(Cart, Cart, init={"factor": st.integers()})
assert_equivalent_classes(Cart, Cart())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
assert_equivalent_classes(Cart, Cart, calls={"total": st.integers()})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]

TestCart = hypothesis.settings(max_examples=10)(equivalence_machine(Cart, Cart)).TestCase
equivalence_machine(Cart, Cart, max_examples=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
