"""Inputs of the functions, made by hand: what a mutant changes, some of them show.

A strategy that knows what the function is about, and all of a small domain.  An argument that has
a default is left out now and then.
"""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from . import functions
from .functions import Cart, Line, Shipping


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Arguments = dict[str, Any]

SMALL = st.integers(-3, 12)


def pieces(*texts: str, at_most: int = 12) -> st.SearchStrategy[str]:
    """Make texts of a few texts."""
    return st.lists(st.sampled_from(texts), max_size=at_most).map("".join)


def around(*limits: int) -> st.SearchStrategy[int]:
    """Make numbers near limits."""
    return st.sampled_from([limit + step for limit in limits for step in range(-2, 3)])


VERSIONS = pieces(*"0123456789...v- ", "-rc1", ".0", at_most=6)
LINES = st.builds(
    Line,
    sku=st.sampled_from(["a", "gift-", "gift-b", "gift-x", "gif", "c-gift-"]),
    price=st.integers(-100, 6000),
    quantity=SMALL,
) | st.builds(Line, st.just("a"), around(0, 500, 2500, 4510, 5000))

COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(-3, 40))
POWERS = [multiple * base**n for multiple in (1, 10) for base in (1000, 1024) for n in range(1, 6)]
INCOMES = [limit + 2500 * children for limit in (10000, 22000, 65000) for children in range(5)]

STRATEGIES: dict[Callable[..., Any], st.SearchStrategy[Arguments]] = {
    functions.unit_price: st.fixed_dictionaries(
        {
            "quantity": st.integers(-3, 1100) | around(1, 50, 250, 1000),
            "list_price": st.integers(-10, 10_000),
        },
        optional={"member": st.booleans()},
    ),
    functions.parse_content_type: st.fixed_dictionaries(
        {"header": pieces("a", "B", "/", ";", "=", '"', " ", "text/html", "; charset=", '"utf-8"')}
    ),
    functions.slugify: st.fixed_dictionaries(
        {"title": pieces("a", "B", "7", " ", "-", "&", "'", "é", "word", "longwords", at_most=20)},
        optional={"max_length": st.integers(-2, 60)},
    ),
    functions.merge_intervals: st.fixed_dictionaries(
        {"intervals": st.lists(st.tuples(SMALL, SMALL), max_size=6)}, optional={"gap": SMALL}
    ),
    functions.next_due: st.fixed_dictionaries(
        {"last": st.dates(date(1999, 1, 1), date(2028, 12, 31)), "months": st.integers(-2, 27)}
    ),
    functions.to_roman: st.fixed_dictionaries({"number": st.integers(-10, 4100)}),
    functions.from_roman: st.fixed_dictionaries({"text": pieces(*"IVXLCDMivx ", "IV", "CM")}),
    functions.run_lengths: st.fixed_dictionaries(
        {"text": pieces("a", "b", "bb")}, optional={"at_least": SMALL}
    ),
    functions.cart_total: st.fixed_dictionaries(
        {
            "cart": st.builds(
                Cart,
                lines=st.lists(LINES, max_size=4),
                shipping=st.sampled_from(Shipping),
                coupon=st.sampled_from([None, "WELCOME10", "FIVER", "WELCOME10x", "FIVERx", ""]),
            )
        }
    ),
    functions.human_size: st.fixed_dictionaries(
        {
            "size": around(
                0,
                *(sign * base**n for sign in (1, -1) for base in (1000, 1024) for n in range(1, 6)),
            )
            | st.integers(-(10**18), 10**18)
        },
        optional={"binary": st.booleans()},
    ),
    functions.parse_duration: st.fixed_dictionaries({"text": pieces(*"0123456789smhd x\t", "1h")}),
    functions.password_problems: st.fixed_dictionaries(
        {"password": pieces(*"abCD01 ", "abcdefgh", "XY12", at_most=40)},
        optional={"user": pieces(*"abcX", at_most=3)},
    ),
    functions.percentile: st.fixed_dictionaries(
        {"values": st.lists(st.floats(-1e3, 1e3) | SMALL.map(float), max_size=6)},
        optional={"percent": st.floats(-1.0, 102.0) | SMALL.map(lambda n: n * 12.5)},
    ),
    functions.income_tax: st.fixed_dictionaries(
        {
            "income": st.decimals(-100, 150_000, places=2)
            | around(
                0, *(limit + 2500 * n for limit in (10000, 22000, 65000) for n in range(5))
            ).map(Decimal)
        },
        optional={"children": SMALL},
    ),
    functions.is_newer: st.fixed_dictionaries({"version": VERSIONS, "than": VERSIONS}),
    functions.restock: st.fixed_dictionaries(
        {
            name: st.dictionaries(st.sampled_from("abc"), st.integers(-3, 40))
            for name in ("stock", "sold")
        },
        optional={"target": st.integers(-3, 50)},
    ),
}


def _each(**values: Iterable[Any]) -> Iterator[Arguments]:
    for row in itertools.product(*values.values()):
        yield dict(zip(values, row, strict=True))


def _texts(alphabet: Iterable[str], at_most: int) -> Iterator[str]:
    for length in range(at_most + 1):
        yield from map("".join, itertools.product(alphabet, repeat=length))


def _days() -> Iterator[date]:
    for first in (date(2023, 11, 1), date(1996, 12, 1)):
        yield from (first + timedelta(days=n) for n in range(150))


def _carts() -> Iterator[Cart]:
    totals = sorted(
        {limit + step for limit in (0, 500, 2500, 4750, 5000, 5500, 5555) for step in range(-2, 3)}
    )
    coupons = None, "WELCOME10", "FIVER", "other"
    for total, coupon, shipping in itertools.product(totals, coupons, Shipping):
        yield Cart([Line("gift-a", total)], shipping, coupon)
        yield Cart([Line("a", total, 1), Line("b", 7, 0), Line("c", 7, -1)], shipping, coupon)


NUMBERS = range(-3, 4)
BRUTE_FORCE: dict[Callable[..., Any], Callable[[], Iterator[Arguments]]] = {
    functions.unit_price: lambda: _each(
        quantity=range(-2, 1005), list_price=(0, 1, 99, 10_000), member=(False, True)
    ),
    functions.parse_content_type: lambda: _each(header=_texts('a/;="', 6)),
    functions.slugify: lambda: _each(
        title=["a" * n + " b" * m for n in range(45) for m in range(5)],
        max_length=(0, 3, 39, 40, 41),
    ),
    functions.merge_intervals: lambda: _each(
        intervals=([(a, b), (c, d)] for a, b, c, d in itertools.product(NUMBERS, repeat=4)),
        gap=(-1, 0, 1, 2),
    ),
    functions.next_due: lambda: _each(last=_days(), months=range(-1, 27)),
    functions.to_roman: lambda: _each(number=range(-5, 4005)),
    functions.from_roman: lambda: _each(text=_texts("IVXLCDM ", 4)),
    functions.run_lengths: lambda: _each(text=_texts("ab", 8), at_least=range(-1, 4)),
    functions.cart_total: lambda: _each(cart=_carts()),
    functions.human_size: lambda: _each(size=range(-3000, 3000), binary=(False, True)),
    functions.parse_duration: lambda: _each(text=_texts("10smhd x", 4)),
    functions.password_problems: lambda: _each(
        password=["a" * n + "Bcdefgh1234567890"[:m] for n in range(66) for m in range(12)],
        user=("", "A", "bc", "zz"),
    ),
    functions.percentile: lambda: _each(
        values=[
            [float(v) for v in row]
            for n in range(4)
            for row in itertools.product(NUMBERS, repeat=n)
        ],
        percent=(-1, -0.5, 0, 1, 10, 25, 50, 75, 99, 100, 100.5, 101, 101.5),
    ),
    functions.income_tax: lambda: _each(
        income=map(Decimal, range(-5, 90_000, 25)), children=range(-1, 6)
    ),
    functions.is_newer: lambda: _each(
        version=_texts("01.-v", 4), than=("0", "1", "1.0", "1.1-1", "v0.1", "0.0", " 1")
    ),
    functions.restock: lambda: (
        {"stock": stock, "sold": sold, "target": target}
        for count, gone, target in itertools.product(range(-2, 30), range(-2, 5), range(-1, 26))
        for stock, sold in (({"a": count}, {"a": gone}), ({"a": count}, {"b": gone}))
    ),
}
