from __future__ import annotations

import numpy as np
import pytest

from darkcall import Difference, Observation, Outcome, _guard
from darkcall._comparison import MAX_DIFFERENCES, compare_sides
from darkcall._policy import Policy
from darkcall.compare import equal
from darkcall.compare._errors import Uncomparable


def compared(control, candidate, **knobs):
    return compare_sides(Policy(**knobs), "shop.price", control, candidate)


def returned(value):
    return Observation(value=value)


def raised(error):
    return Observation(exception=error)


def test_equal_results_match():
    comparison = compared(returned([1, 2]), returned([1, 2]))

    assert comparison.outcome is Outcome.MATCH
    assert comparison.differences == ()


def test_a_comparison_says_where_results_differ():
    comparison = compared(returned({"total": 1}), returned({"total": 2}))

    assert comparison.outcome is Outcome.MISMATCH
    assert [(d.path, d.kind) for d in comparison.differences] == [("$.total", "value")]


def test_equal_exceptions_match():
    assert compared(raised(ValueError("a")), raised(ValueError("a"))).outcome is Outcome.MATCH


def test_different_exceptions_are_a_mismatch_and_no_error_of_the_candidate():
    assert compared(raised(ValueError("a")), raised(KeyError("a"))).outcome is Outcome.MISMATCH


def test_a_candidate_that_raises_where_the_control_returns_is_in_error():
    error = ValueError("a")
    comparison = compared(returned(1), raised(error))
    (difference,) = comparison.differences

    assert comparison.outcome is Outcome.CANDIDATE_ERROR
    assert (difference.path, difference.kind) == ("$", "raised")
    assert (difference.control, difference.candidate) == (1, error)


def test_a_candidate_that_returns_where_the_control_raises_is_a_mismatch():
    error = ValueError("a")
    comparison = compared(raised(error), returned(1))
    (difference,) = comparison.differences

    assert comparison.outcome is Outcome.MISMATCH
    assert (difference.path, difference.kind) == ("$", "not_raised")
    assert (difference.control, difference.candidate) == (error, 1)


class TestNormalize:
    def test_it_is_applied_to_both_results(self):
        comparison = compared(returned("A "), returned("a"), normalize=lambda s: s.strip().lower())

        assert comparison.outcome is Outcome.MATCH
        assert (comparison.control.value, comparison.candidate.value) == ("a", "a")

    def test_it_is_not_applied_to_exceptions(self):
        def normalize(value):
            raise AssertionError

        comparison = compared(raised(ValueError()), raised(ValueError()), normalize=normalize)

        assert comparison.outcome is Outcome.MATCH

    def test_when_it_fails_the_call_is_uncomparable(self):
        comparison = compared(returned(1), returned("a"), normalize=lambda value: value + 1)

        assert comparison.outcome is Outcome.UNCOMPARABLE
        assert comparison.reason == "normalize failed: TypeError"


class TestComparators:
    @pytest.mark.parametrize(
        ("answer", "outcome"),
        [
            (True, Outcome.MATCH),
            (False, Outcome.MISMATCH),
            (np.True_, Outcome.MATCH),
            (np.False_, Outcome.MISMATCH),
            ((), Outcome.MATCH),
            ([Difference("$.a", "value", 1, 2)], Outcome.MISMATCH),
        ],
    )
    def test_one_of_ones_own_may_answer_with_a_bool_or_with_differences(self, answer, outcome):
        assert compared(returned(1), returned(1), compare=lambda a, b: answer).outcome is outcome

    def test_a_plain_no_is_one_difference_at_the_root(self):
        (difference,) = compared(returned(1), returned(2), compare=lambda a, b: False).differences

        assert (difference.path, difference.kind) == ("$", "value")
        assert (difference.control, difference.candidate) == (1, 2)

    def test_a_generator_of_differences_is_read(self):
        def compare(control, candidate):
            yield Difference("$.a", "value", control, candidate)
            yield Difference("$.b", "missing", control)

        differences = compared(returned(1), returned(2), compare=compare).differences

        assert [difference.path for difference in differences] == ["$.a", "$.b"]

    def test_differences_without_end_are_cut(self):
        def compare(control, candidate):
            while True:
                yield Difference("$", "value", control, candidate)

        comparison = compared(returned(1), returned(2), compare=compare)

        assert len(comparison.differences) == MAX_DIFFERENCES
        assert comparison.stopped == f"after {MAX_DIFFERENCES} differences"

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (None, "compare returned NoneType, no bool or Differences"),
            (0, "compare returned int, no bool or Differences"),
            ("yes", "compare returned str, no bool or Differences"),
            ({"a": 1}, "compare returned dict, no bool or Differences"),
            ([1], "compare gave int, no Difference"),
            ([Difference(7, "value")], "compare gave a Difference whose path or kind is no text"),
            ([Difference("$", None)], "compare gave a Difference whose path or kind is no text"),
        ],
    )
    def test_an_answer_that_is_neither_makes_the_call_uncomparable(self, answer, reason):
        comparison = compared(returned(1), returned(1), compare=lambda a, b: answer)

        assert comparison.outcome is Outcome.UNCOMPARABLE
        assert comparison.reason == reason

    def test_a_coroutine_makes_the_call_uncomparable_and_says_what_to_do(self):
        async def later():
            return 1

        coroutine = later()
        comparison = compared(returned(1), returned(coroutine))
        coroutine.close()

        assert comparison.outcome is Outcome.UNCOMPARABLE
        assert "give a coroutine function" in comparison.reason

    def test_one_that_fails_makes_the_call_uncomparable_and_its_message_stays_inside(self):
        def compare(control, candidate):
            raise KeyError("a secret")

        comparison = compared(returned(1), returned(1), compare=compare)

        assert comparison.outcome is Outcome.UNCOMPARABLE
        assert comparison.reason == "compare failed: KeyError"

    def test_one_that_fails_in_the_middle_makes_the_call_uncomparable(self):
        def compare(control, candidate):
            yield Difference("$", "value", control, candidate)
            raise KeyError

        assert compared(returned(1), returned(1), compare=compare).outcome is Outcome.UNCOMPARABLE

    def test_exceptions_have_a_comparator_of_their_own(self):
        comparison = compared(
            raised(ValueError("a")),
            raised(ValueError("b")),
            compare_exceptions=lambda control, candidate: type(control) is type(candidate),
        )

        assert comparison.outcome is Outcome.MATCH

    def test_one_for_exceptions_that_fails_makes_the_call_uncomparable(self):
        def compare(control, candidate):
            raise KeyError

        comparison = compared(
            raised(ValueError()), raised(ValueError()), compare_exceptions=compare
        )

        assert comparison.reason == "compare_exceptions failed: KeyError"

    def test_one_can_say_itself_that_the_results_are_uncomparable(self):
        def compare(control, candidate):
            raise Uncomparable("$.socket (socket): has no value")

        comparison = compared(returned(1), returned(1), compare=compare)

        assert comparison.outcome is Outcome.UNCOMPARABLE
        assert comparison.reason == "$.socket (socket): has no value"

    def test_a_comparison_that_stopped_before_its_end_says_why(self):
        class Found(list):
            stopped = "too many values"

        comparison = compared(
            returned(1),
            returned(2),
            compare=lambda a, b: Found([Difference("$", "value", 1, 2)]),
        )

        assert comparison.stopped == "too many values"

    def test_a_reason_to_stop_that_is_no_text_is_left_out(self):
        class Found(list):
            stopped = object()

        assert compared(returned(1), returned(1), compare=lambda a, b: Found()).stopped is None

    def test_an_answer_whose_attributes_fail_makes_the_call_uncomparable(self):
        class Found(list):
            @property
            def stopped(self):
                raise ValueError

        comparison = compared(returned(1), returned(1), compare=lambda a, b: Found())

        assert comparison.outcome is Outcome.UNCOMPARABLE


class TestIgnore:
    def test_a_mismatch_that_is_ignored_is_so_counted(self):
        seen = []

        def ignore(control, candidate):
            seen.append((control.value, candidate.value))
            return True

        comparison = compared(returned(1), returned(2), ignore=ignore)

        assert comparison.outcome is Outcome.IGNORED
        assert seen == [(1, 2)]

    def test_an_error_of_the_candidate_can_be_ignored(self):
        comparison = compared(
            returned(1),
            raised(NotImplementedError()),
            ignore=lambda control, candidate: isinstance(candidate.exception, NotImplementedError),
        )

        assert comparison.outcome is Outcome.IGNORED

    def test_it_is_not_asked_about_a_match(self):
        assert compared(returned(1), returned(1), ignore=lambda a, b: True).outcome is Outcome.MATCH

    def test_what_is_not_ignored_stays_a_mismatch(self):
        comparison = compared(returned(1), returned(2), ignore=lambda a, b: False)

        assert comparison.outcome is Outcome.MISMATCH

    def test_when_it_fails_the_mismatch_stays_and_the_fault_is_counted(self):
        def ignore(control, candidate):
            raise ValueError

        before = _guard.faults.value
        comparison = compared(returned(1), returned(2), ignore=ignore)

        assert comparison.outcome is Outcome.MISMATCH
        assert _guard.faults.value == before + 1


def test_rules_of_equality_can_be_given():
    comparison = compared(returned(1.0), returned(1.0 + 1e-12), compare=equal.within(rel=1e-9))

    assert comparison.outcome is Outcome.MATCH
