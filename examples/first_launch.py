"""A dark launch from the first call to the report: run it as it stands."""

# ruff: noqa: INP001, T201 -- a script, which prints
from __future__ import annotations

import collections

from darkcall import configure, dark_launch, flush, launch_of
from darkcall.sinks import MemorySink


def total_in_cents(prices: list[str]) -> int:
    """Add up prices: the new way, which forgets that a price may have one decimal."""
    return sum(int(price.replace(".", "")) for price in prices)


@dark_launch(candidate=total_in_cents)
def total(prices: list[str]) -> int:
    """Add up prices: the way that is in production."""
    return sum(round(float(price) * 100) for price in prices)


def main() -> None:
    """Call the decorated function as ever, then look at what was recorded."""
    memory = MemorySink()
    with configure(sinks=[memory]):
        for prices in (["9.99", "0.01"], ["3.50"], ["3.5", "1.00"]):
            print(f"{prices} cost {total(prices)} cents")
        flush()

    print("outcomes:", dict(collections.Counter(record.outcome for record in memory.records)))
    for record in memory.records:
        for difference in record.differences:
            print(f"{record.signature}: {difference['control']} or {difference['candidate']}?")
    print("calls:", launch_of(total).stats().calls)


if __name__ == "__main__":
    main()
