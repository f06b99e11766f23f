"""Test runs inside a test, of files that call a shop whose new price differs for 3."""

from __future__ import annotations

import textwrap


SHOP = """
from darkcall import dark_launch

@dark_launch(candidate=lambda x: x + x + (x == 3), name="shop.price")
def price(x):
    return 2 * x

@dark_launch(candidate=lambda xs: 2 * sum(xs), name="shop.total")
def total(xs):
    return sum(price(x) for x in xs)

@dark_launch(candidate=lambda x: x, name="!idle")
def idle(x):
    return x

def swallowing(x):
    try:
        return price(x)
    except Exception:
        return None
"""
HEAD = "import pytest\nfrom shop import *\n"


def beside_a_shop(pytester):
    """Make the shop; gives a function that runs a test file in this process."""
    pytester.makepyfile(shop=SHOP)

    def run(source, *arguments, **files):
        pytester.makepyfile(test_it=HEAD + textwrap.dedent(source), **files)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)

    return run
