"""What it costs the caller's thread to keep a value as it is now."""

from __future__ import annotations

import copy
import decimal
import pickle

import attrs
import pytest

from darkcall._snapshot import Limits, Writer, keep


LIMITS = Limits(nbytes=1 << 30, seconds=1.0)


@attrs.define
class Line:
    sku: str
    quantity: int
    price: decimal.Decimal


VALUES = {
    "nested tuple": tuple((f"tea-{n}", n, 9.99) for n in range(20)),
    "nested dict": {f"tea-{n}": {"quantity": n, "price": 9.99, "tags": ["a"]} for n in range(20)},
    "objects": [Line(f"tea-{n}", n, decimal.Decimal("9.99")) for n in range(20)],
    "list of 10,000 numbers": list(range(10_000)),
}
by_value = pytest.mark.parametrize("name", VALUES)


@pytest.mark.benchmark(group="keep a value")
@by_value
def test_keep(benchmark, name):
    benchmark(lambda: keep(VALUES[name], Writer(LIMITS)))


@pytest.mark.benchmark(group="keep a value")
@by_value
def test_pickle(benchmark, name):
    benchmark(pickle.dumps, VALUES[name], 5)


@pytest.mark.benchmark(group="keep a value")
@by_value
def test_deepcopy(benchmark, name):
    benchmark(copy.deepcopy, VALUES[name])
