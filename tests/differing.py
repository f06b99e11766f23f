"""Functions that differ, and what a property test of them fails with."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings

from darkcall.testing import MismatchError, assert_equivalent


#: To explain a failure takes ten times as long as to find it.
QUICK = settings(
    max_examples=60,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


def price(cart: list[int], quantity: int) -> int:
    return sum(cart) * quantity


def price_v2(cart: list[int], quantity: int) -> int:
    return sum(cart) * quantity if cart else 1


def failure(*args, **kwargs):
    with pytest.raises(MismatchError) as caught:
        assert_equivalent(*args, **{"settings": QUICK, **kwargs})
    return caught.value


def lines_of(error):
    return str(error).splitlines()
