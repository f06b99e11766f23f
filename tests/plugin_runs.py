"""Test runs inside a test, of files that call a shop whose new price differs for 3."""

from __future__ import annotations

import textwrap

# What a run is the first to import is forgotten when it ends: each would import these anew, and
# other tests would meet two loop runners, of which one is not known to what was there before.
import darkcall.analysis._described
import darkcall.runners.loop
import darkcall.testing._message  # noqa: F401 -- as above


# With a runner of its own: pytest keeps the last of these runs, and other tests configure a runner
# that could not run its candidates.
SHOP = """
from functools import partial
import darkcall
from darkcall.runners import InlineRunner

dark_launch = partial(darkcall.dark_launch, runner=InlineRunner())

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


def beside_a_shop(pytester, monkeypatch):
    """Make the shop; gives a function that runs a test file in this process."""
    pytester.makepyfile(shop=SHOP)
    # To set up plugins that a run does not need takes a third of its time.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(source, *arguments, plugins=("darkcall",), **files):
        pytester.makepyfile(test_it=HEAD + textwrap.dedent(source), **files)
        loaded = [f"-p{name}" for name in ("no:cacheprovider", *plugins)]
        return pytester.runpytest_inprocess(*loaded, *arguments)

    return run
