"""From a mismatch on real input to a test that fails, and passes once the candidate is fixed."""

from __future__ import annotations

import importlib
import pathlib
import sys
import textwrap

import darkcall
from darkcall import _cli, sinks


CONTROL = """\
import attrs

from decimal import Decimal

from darkcall import dark_launch


@attrs.frozen
class Line:
    sku: str
    quantity: int
    price: Decimal


@attrs.frozen
class Cart:
    lines: list[Line]
    vouchers: frozenset[str] = frozenset()


"""
WRONG = """\
def price_v2(cart: Cart, *, currency: str = "EUR") -> dict:
    if not cart.lines:
        raise ValueError("an empty cart")
    total = sum(line.price * line.quantity for line in cart.lines)
    if "SPRING" in cart.vouchers:
        total = float(total) * 0.9
    return {"total": total, "currency": currency}


"""
RIGHT = """\
def price_v2(cart: Cart, *, currency: str = "EUR") -> dict:
    total = sum((line.price * line.quantity for line in cart.lines), start=Decimal(0))
    if "SPRING" in cart.vouchers:
        total *= Decimal("0.9")
    return {"total": total, "currency": currency}


"""
LAUNCH = """\
@dark_launch(candidate=lambda line: line.price, keep="nothing")
def cost(line: Line) -> Decimal:
    return line.price * line.quantity


@dark_launch(
    candidate={"v2": price_v2, "v3": lambda cart, *, currency="EUR": currency}, keep="everything"
)
def price(cart: Cart, *, currency: str = "EUR") -> dict:
    total = Decimal(0)
    for line in cart.lines:
        total += cost(line)
    if "SPRING" in cart.vouchers:
        total *= Decimal("0.9")
    return {"total": total, "currency": currency}
"""


def typed(*words):
    """Type a command, as in a process of its own."""
    before = set(sys.modules)
    path = list(sys.path)
    try:
        return _cli.main(words)
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            if name.startswith("circle_"):
                del sys.modules[name]


def record_calls(folder):
    """Serve a day's customers."""
    shop = importlib.import_module("circle_shop")
    with darkcall.configure(sinks=[sinks.JsonlSink(folder)]):
        for number in range(40):
            lines = [
                shop.Line(f"sku-{place}", place + 1, shop.Decimal("1.50"))
                for place in range(number % 4)
            ]
            vouchers = frozenset({"SPRING", "LOYAL"} if number % 3 == 0 else ())
            shop.price(shop.Cart(lines, vouchers), currency="USD" if number % 2 else "EUR")
        assert darkcall.flush(10)
    del sys.modules["circle_shop"]


def test_a_recorded_mismatch_becomes_a_test_that_passes_once_the_candidate_is_fixed(
    pytester, monkeypatch
):
    monkeypatch.syspath_prepend(pytester.path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    shop = pytester.path / "circle_shop.py"
    shop.write_text(CONTROL + WRONG + LAUNCH)
    record_calls("records")

    assert typed("emit", "records", "-o", "test_found.py") == 0
    emitted = pathlib.Path("test_found.py").read_text(encoding="utf-8")
    assert emitted.partition("\n\n")[2].partition("def ")[0] == textwrap.dedent(
        """\
        from decimal import Decimal

        from darkcall.testing import strict

        from circle_shop import Cart, Line, price


        """
    )
    assert 'price(Cart(lines=[], vouchers=frozenset()), currency="EUR")' in emitted

    failing = pytester.runpytest_inprocess("test_found.py")
    failing.assert_outcomes(failed=3)
    failing.stdout.fnmatch_lines(
        [
            "*test_price_when_candidate_raises*",
            "E*MismatchError: circle_shop.price: v2 differs from the control",
            "*test_price_when_total_differs_in_type*",
            "E*MismatchError: circle_shop.price: v2 differs from the control",
        ]
    )
    replayed = ("replay", "records", "circle_shop:price", "--candidate", "v2")
    assert typed(*replayed) == 1

    # The other candidate stays wrong, and so does that of a launch that the control calls.
    shop.write_text(CONTROL + RIGHT + LAUNCH)
    importlib.invalidate_caches()
    pytester.runpytest_inprocess("test_found.py").assert_outcomes(passed=2, failed=1)
    assert typed(*replayed) == 0
