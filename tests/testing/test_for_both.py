"""What hints ask for that cannot be copied is given to both sides all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable  # noqa: TC003 -- hints are looked up

from darkcall.testing import assert_equivalent
from differing import QUICK, failure, lines_of


def test_a_function_gives_both_sides_the_same_whatever_they_do_to_it():
    def control(function: Callable[[int], list[int]], x: int):
        values = function(x)
        values.append(1)
        return values

    def candidate(function: Callable[[int], list[int]], x: int):
        return [*function(x), 1]

    def one_less(function: Callable[[int], list[int]], x: int):
        return function(x)

    assert_equivalent(control, candidate, settings=QUICK)
    assert lines_of(failure(control, one_less))[-3:] == [
        "  $  (length)",
        "    control:   1  (int)",
        "    candidate: 0  (int)",
    ]


def test_a_function_that_may_be_left_out_is_given_too():
    def control(x: int, key: Callable[[int], int] | None = None):
        return x if key is None else key(x)

    assert_equivalent(control, lambda x, key=None: key(x) if key else x, settings=QUICK)
    failure(control, lambda x, key=None: x)


def test_of_what_can_be_iterated_only_that_is_drawn_which_can_be_copied():
    def control(values: Iterable[int], more: list[Iterable[str]]):
        return sorted(values), len(more)

    assert_equivalent(control, control, settings=QUICK)
