"""What one call of a decorated function costs its caller, beside a bare call.

The workers are kept out of the measure: after each round of a hundred calls it is waited,
outside the clock, until all candidates have ended.  Records are made, and no sink takes them.
"""

from __future__ import annotations

import asyncio
import copy
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from darkcall import dark_launch, flush, launch_of, set_enabled
from darkcall.runners import ThreadRunner


ROUNDS = 200
CALLS = 100

#: One for all: what is idle is woken when it is waited for.
RUNNER = ThreadRunner(workers=2)

NUMBER = 21
CART = {
    "customer": {"id": 4711, "name": "Ada Lovelace", "tags": ["new", "business"]},
    "lines": [
        {"sku": f"tea-{number}", "quantity": number, "price": 9.99, "options": {"gift": False}}
        for number in range(6)
    ],
    "shipping": {"city": "London", "code": "W1", "express": True, "notes": None},
}


def plain(value):
    return value


async def plain_coroutine(value):
    return value


class Plain:
    __slots__ = ()

    def method(self, value):
        return value

    def __call__(self, value):
        return value


def launched(control, *, sample=1.0):
    return dark_launch(
        candidate=plain,
        sample=sample,
        runner=RUNNER,
        sinks=[],
        cpu_budget=None,
        timeout=None,
    )(control)


class Shop:
    __slots__ = ()

    @dark_launch(
        candidate=Plain.method,
        runner=RUNNER,
        sinks=[],
        cpu_budget=None,
        timeout=None,
        isolate="share",
    )
    def method(self, value):
        return value


def measure(benchmark, function, value, settle=lambda _: None):
    benchmark.pedantic(
        function,
        args=(value,),
        rounds=ROUNDS,
        iterations=CALLS,
        warmup_rounds=5,
        teardown=settle,
    )


def wait_for_candidates(_):
    flush(timeout=30.0)


def check_that_all_was_shadowed(function):
    stats = launch_of(function).stats()
    assert stats.shadowed == stats.calls == stats.outcomes["match"] > 0


@pytest.mark.benchmark(group="a function of a number")
def test_a_bare_call(benchmark):
    measure(benchmark, plain, NUMBER)


@pytest.mark.benchmark(group="a function of a number")
def test_a_call_that_is_off(benchmark):
    with set_enabled(False):
        measure(benchmark, launched(plain), NUMBER)


@pytest.mark.benchmark(group="a function of a number")
@pytest.mark.parametrize("sample", [0.0, 0.01])
def test_a_call_with_sample(benchmark, sample):
    measure(benchmark, launched(plain, sample=sample), NUMBER, wait_for_candidates)


@pytest.mark.benchmark(group="a function of a number")
def test_a_call_that_is_shadowed(benchmark):
    function = launched(plain)
    measure(benchmark, function, NUMBER, wait_for_candidates)
    check_that_all_was_shadowed(function)


@pytest.mark.benchmark(group="a function of a number")
def test_a_submit_to_a_thread_pool(benchmark):
    futures: list[Future[int]] = []

    def settle(_):
        while futures:
            futures.pop().result()

    with ThreadPoolExecutor(2) as pool:
        measure(benchmark, lambda value: futures.append(pool.submit(plain, value)), NUMBER, settle)


@pytest.mark.benchmark(group="a function of a nested dict, which it returns")
def test_a_bare_call_with_a_dict(benchmark):
    measure(benchmark, plain, CART)


@pytest.mark.benchmark(group="a function of a nested dict, which it returns")
def test_a_shadowed_call_with_a_dict(benchmark):
    function = launched(plain)
    measure(benchmark, function, CART, wait_for_candidates)
    check_that_all_was_shadowed(function)


@pytest.mark.benchmark(group="a function of a nested dict, which it returns")
def test_two_deep_copies_of_the_dict(benchmark):
    measure(benchmark, lambda cart: (copy.deepcopy(cart), copy.deepcopy(cart)), CART)


@pytest.mark.benchmark(group="a method of a number")
def test_a_bare_method(benchmark):
    measure(benchmark, Plain().method, NUMBER)


@pytest.mark.benchmark(group="a method of a number")
def test_a_method_that_is_off(benchmark):
    with set_enabled(False):
        measure(benchmark, Shop().method, NUMBER)


@pytest.mark.benchmark(group="a method of a number")
def test_a_method_that_is_shadowed_with_a_shared_self(benchmark):
    measure(benchmark, Shop().method, NUMBER, wait_for_candidates)
    assert launch_of(Shop.method).stats().outcomes["dropped"] == 0


@pytest.mark.benchmark(group="a callable object")
def test_a_bare_callable_object(benchmark):
    measure(benchmark, Plain(), NUMBER)


@pytest.mark.benchmark(group="a callable object")
def test_a_callable_object_that_is_off(benchmark):
    with set_enabled(False):
        measure(benchmark, launched(Plain()), NUMBER)


@pytest.mark.benchmark(group="a callable object")
def test_a_callable_object_that_is_shadowed(benchmark):
    function = launched(Plain())
    measure(benchmark, function, NUMBER, wait_for_candidates)
    check_that_all_was_shadowed(function)


def measure_on_a_loop(benchmark, function, settle=lambda _: None):
    """Await by hand, on a thread whose loop runs: the loop's own work is no part of it."""

    def step(value):
        try:
            function(value).send(None)
        except StopIteration as end:
            return end.value

    async def main():
        measure(benchmark, step, NUMBER, settle)

    asyncio.run(main())


@pytest.mark.benchmark(group="a coroutine function of a number")
def test_a_bare_coroutine(benchmark):
    measure_on_a_loop(benchmark, plain_coroutine)


@pytest.mark.benchmark(group="a coroutine function of a number")
def test_a_coroutine_that_is_off(benchmark):
    with set_enabled(False):
        measure_on_a_loop(benchmark, launched(plain_coroutine))


@pytest.mark.benchmark(group="a coroutine function of a number")
def test_a_coroutine_that_is_shadowed(benchmark):
    function = launched(plain_coroutine)
    measure_on_a_loop(benchmark, function, wait_for_candidates)
    check_that_all_was_shadowed(function)
