"""What runs beside the requests of ``benchmarks/neighbours.py``, each for about 5 ms.

A process imports this module to find its candidate, so nothing is computed here.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Callable


CANDIDATE_SECONDS = 0.005


def control(amount):  # noqa: ARG001 -- as the others
    """Answer at once, as what every candidate answers."""
    return 0


def sleeping(amount):  # noqa: ARG001 -- as the others
    """Wait for nothing: the interpreter lock is free."""
    time.sleep(CANDIDATE_SECONDS)
    return 0


def releasing(amount):
    """Compute without the interpreter lock."""
    hashlib.pbkdf2_hmac("sha256", b"word", b"salt", amount)
    return 0


def computing(amount):
    """Compute in Python, with the interpreter lock."""
    # Without numbers: where in memory those come to lie makes it up to half as long again.
    for _ in itertools.repeat(None, amount):
        pass
    return 0


def serving(amount):
    """Do what requests do: make rows, sort them, add something up.

    An empty loop will not do: after any other code it may take up to a third longer, for as long
    as it goes on, with no library at all.
    """
    rows = []
    for number in range(amount):
        row = {"id": number, "name": f"item {number}", "price": number * 1.5, "tags": ("a", "b")}
        row["total"] = row["price"] * 2 + len(row["name"])
        rows.append(row)
    rows.sort(key=lambda row: -row["total"])
    return sum(row["total"] for row in rows if row["id"] % 2)


def amount_for(work: Callable[[int], object], seconds: float) -> int:
    """Find the amount with which some work takes so long, when nothing disturbs it."""
    amount, best = 1000, 0.0
    while best < seconds / 2:
        amount *= 2
        best = min(_seconds_of(work, amount) for _ in range(5))
    best = min(_seconds_of(work, amount) for _ in range(20))
    return max(1, round(amount * seconds / best))


def _seconds_of(work: Callable[[int], object], amount: int) -> float:
    began = time.perf_counter()
    work(amount)
    return time.perf_counter() - began
