"""Read by type checkers alone: decorating a function changes nothing about its type."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import assert_type

import darkcall
from darkcall import CandidateStats, Launch, Stats, dark_launch, launch_of


def price_v2(cart: list[int], *, currency: str = "EUR") -> int:
    return sum(cart)


@dark_launch(candidate=price_v2)
def price(cart: list[int], *, currency: str = "EUR") -> int:
    return sum(cart)


assert_type(price([1], currency="USD"), int)
price("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
price([1], currancy="USD")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def fetch_v2(url: str) -> bytes:
    return url.encode()


@dark_launch(candidate={"sync": price_v2, "by_name": "shop.fetching:fetch_v3"}, timeout=None)
async def fetch(url: str) -> bytes:
    return url.encode()


async def awaiting() -> None:
    assert_type(await fetch("a"), bytes)
    assert_type(await darkcall.aflush(timeout=1.0), bool)


class Shop:
    @dark_launch(candidate="shop:Shop.total_v2", timeout=timedelta(milliseconds=500))
    def total(self, factor: float) -> float:
        return factor

    @classmethod
    @dark_launch(candidate="shop:Shop.named_v2")
    def named(cls, name: str) -> Shop:
        return cls()

    @dark_launch(candidate="shop:Shop.opened_v2")
    @classmethod
    def opened(cls, name: str) -> Shop:
        return cls()

    @staticmethod
    @dark_launch(candidate=price_v2)
    def price(cart: list[int]) -> int:
        return sum(cart)


assert_type(Shop().total(1.0), float)
assert_type(Shop.named("a"), Shop)
assert_type(Shop.opened("a"), Shop)
assert_type(Shop.price([1]), int)


def knobs() -> None:
    dark_launch(
        candidate=price_v2,
        name="shop.price",
        sample=0.05,
        share=("session",),
        ignore=lambda control, candidate: control.raised and candidate.raised,
        context=lambda *args, **kwargs: {"tenant": "a"},
        keep="everything",
        redact=("card", "$.email"),
        when_full="block",
        cpu_budget=None,
    )
    dark_launch(price_v2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    dark_launch(candidate=price_v2, keep="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def looking(launch: Launch) -> None:
    assert_type(launch_of(price), Launch)
    assert_type(launch.name, str)
    assert_type(launch.stats(), Stats)
    assert_type(launch.stats().calls, int)
    assert_type(launch.stats().candidates, Mapping[str, CandidateStats])
    assert_type(launch.stats().outcomes, Mapping[str, int])
    assert_type(darkcall.is_dark(), bool)
    assert_type(darkcall.flush(timeout=1.0), bool)
    assert_type(darkcall.close(), bool)
