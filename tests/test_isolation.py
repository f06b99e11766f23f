"""Promise 3: neither side sees what the other, or the caller, did afterwards.

Each case is a way in which comparing live objects gives a false mismatch, or hides a
true one; each is tried with a candidate that is right and with one that is wrong.
"""

from __future__ import annotations

import threading

import pytest

from darkcall import dark_launch, flush
from darkcall.runners import InlineRunner, ThreadRunner
from darkcall.sinks import MemorySink


CASES = {}


def case(cls):
    CASES[cls.__doc__] = cls
    return cls


@case
class Sorts:
    """the control sorts its argument in place"""

    def control(self, prices):
        first = prices[0]
        prices.sort()
        return first, prices

    def right(self, prices):
        return prices[0], sorted(prices)

    def wrong(self, prices):
        return min(prices), [prices[0], *sorted(prices)[1:]]

    def use(self, function):
        prices = [3, 1, 2]
        result = function(prices)
        assert result == (3, [1, 2, 3])
        assert result[1] is prices


@case
class Appends:
    """the caller appends to the returned list"""

    def control(self, n):
        return list(range(n))

    def right(self, n):
        return list(range(n))

    def wrong(self, n):
        return [*range(n), 99]

    def use(self, function):
        result = function(3)
        result.append(99)


@case
class Pops:
    """the candidate pops from its argument"""

    def control(self, stack):
        return stack

    def right(self, stack):
        return [*stack, stack.pop()][:-1]

    def wrong(self, stack):
        stack.pop()
        return stack

    def use(self, function):
        self.stack = [1, 2, 3]
        assert function(self.stack) is self.stack

    def afterwards(self):
        assert self.stack == [1, 2, 3]


class Cart:
    def __init__(self):
        self.items = []

    def add(self, item):
        self.items.append(item)
        return len(self.items)

    def add_wrongly(self, item):
        return len(self.items)


@case
class AppendsToSelf:
    """a method appends to self"""

    def use(self, function):
        self.cart = Cart()
        assert [function(self.cart, "a"), function(self.cart, "b")] == [1, 2]

    def afterwards(self):
        assert self.cart.items == ["a", "b"]

    def control(self, cart, item):
        return Cart.add(cart, item)

    def right(self, cart, item):
        return Cart.add(cart, item)

    def wrong(self, cart, item):
        return Cart.add_wrongly(cart, item)


@case
class OneObject:
    """two arguments are one object"""

    def control(self, source, target):
        target.append(1)
        return len(source)

    right = control

    def wrong(self, source, target):
        target = list(target)
        target.append(1)
        return len(source)

    def use(self, function):
        lines = []
        assert function(lines, lines) == 1


@case
class ReturnsItsArgument:
    """the result contains an argument"""

    def control(self, cart):
        cart["n"] += 1
        return {"cart": cart, "ok": True}

    right = control

    def wrong(self, cart):
        return {"cart": cart, "ok": True}

    def use(self, function):
        self.cart = {"n": 1}
        result = function(self.cart)
        assert result["cart"] is self.cart
        result["ok"] = False
        self.cart["n"] = 1

    def afterwards(self):
        assert self.cart == {"n": 1}


@case
class ChangesMeanwhile:
    """a dict's values change while the candidate runs"""

    def control(self, prices):
        return sum(prices.values())

    right = control

    def wrong(self, prices):
        return sum(prices.values()) + 20

    def use(self, function):
        self.prices = {"a": 1, "b": 2}
        assert function(self.prices) == 3
        self.prices["a"] = 11

    def meanwhile(self):
        self.prices["b"] = 12


def a_control_with_a_default():
    def control(item, seen=[]):  # noqa: B006 -- what this is about
        seen.append(item)
        return list(seen)

    return control


def one_that_forgets(item, seen=()):
    return [item]


@case
class Default:
    """a default argument is mutable"""

    def __init__(self):
        self.control = a_control_with_a_default()
        self.right = a_control_with_a_default()
        self.wrong = one_that_forgets

    def use(self, function):
        assert [function(1), function(2)] == [[1], [1, 2]]

    def afterwards(self):
        assert self.control(3) == [1, 2, 3]


def ran(case, candidate, runner):
    """Run the case; the candidate begins after the caller did what it does."""
    sink = MemorySink()
    may_go = threading.Event()
    if isinstance(runner, InlineRunner):
        may_go.set()

    def held(*args, **kwargs):
        may_go.wait(5)
        getattr(case, "meanwhile", int)()
        return candidate(*args, **kwargs)

    case.use(dark_launch(candidate=held, runner=runner, sinks=[sink])(case.control))
    may_go.set()
    assert flush()
    getattr(case, "afterwards", int)()
    return [record.outcome for record in sink.records]


RUNNERS = pytest.mark.parametrize("runner", [ThreadRunner(workers=1), InlineRunner()], ids=repr)


@RUNNERS
@pytest.mark.parametrize("name", CASES)
def test_a_candidate_that_is_right_is_not_blamed(name, runner):
    case = CASES[name]()

    assert set(ran(case, case.right, runner)) == {"match"}


@RUNNERS
@pytest.mark.parametrize("name", CASES)
def test_a_candidate_that_is_wrong_is_not_hidden(name, runner):
    case = CASES[name]()

    # The first call with the default, a list that is new, cannot tell them apart.
    assert ran(case, case.wrong, runner)[-1] == "mismatch"


def test_several_candidates_do_not_see_each_others_changes():
    sink = MemorySink()

    def pops(stack):
        return stack.pop()

    @dark_launch(
        candidate={"one": pops, "two": pops, "three": lambda stack: stack[-1]},
        runner=ThreadRunner(),
        sinks=[sink],
    )
    def top(stack):
        return stack[-1]

    stack = [1, 2, 3]
    assert top(stack) == 3
    assert flush()

    assert [record.outcome for record in sink.records] == ["match"] * 3
    assert stack == [1, 2, 3]


def test_a_comparison_that_changes_what_it_compares_changes_nothing_outside():
    def sorts(result):
        result.sort()
        return result

    @dark_launch(candidate=lambda prices: prices, normalize=sorts, runner=InlineRunner(), sinks=[])
    def control(prices):
        return prices

    prices = [3, 1, 2]
    assert control(prices) is prices
    assert prices == [3, 1, 2]


def test_a_candidates_own_default_is_not_what_it_runs_with():
    sink = MemorySink()
    own = [7]

    @dark_launch(
        candidate=lambda item, seen=own: [*seen, item], runner=InlineRunner(), sinks=[sink]
    )
    def control(item, seen=[]):  # noqa: B006 -- what this is about
        return [*seen, item]

    control(1)
    control(1, [2])
    control(1, seen=[3])
    control(item=1)

    assert [record.outcome for record in sink.records] == ["match"] * 4
    assert own == [7]


def test_what_is_shared_by_wish_is_seen_by_both():
    log = []

    def write(log, line):
        log.append(line)

    @dark_launch(candidate=write, share=("log",), runner=InlineRunner(), sinks=[])
    def control(log, line):
        log.append(line)

    control(log, "a")
    assert log == ["a", "a"]


def test_an_isolate_of_ones_own_gives_each_candidate_its_arguments():
    sink = MemorySink()
    seen = []

    def candidate(session, item):
        seen.append(session)
        return item

    @dark_launch(
        candidate={"one": candidate, "two": candidate},
        isolate=lambda args, kwargs: (("a new session", *args[1:]), kwargs),
        runner=InlineRunner(),
        sinks=[sink],
    )
    def control(session, item):
        return item

    assert control(threading.Lock(), 3) == 3
    assert seen == ["a new session"] * 2
    assert [record.outcome for record in sink.records] == ["match"] * 2
