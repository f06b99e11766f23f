"""The tests that are made are tests of hypothesis, in all that its users know."""

from __future__ import annotations

import pickle
from typing import NamedTuple

import hypothesis
import pytest
from hypothesis import Phase, example, reproduce_failure, seed, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from darkcall import ConfigurationError
from darkcall.testing import MismatchError, equivalence_test
from differing import QUICK, failure, lines_of, price, price_v2


class Counted(NamedTuple):
    calls: list

    def __call__(self, x: int):
        self.calls.append(x)
        return x


def test_the_test_is_one_of_hypothesis():
    test = equivalence_test(price, price_v2)
    assert hypothesis.is_hypothesis_test(test)
    assert (test.__name__, test.__qualname__) == ("test_price", "test_price")
    assert test.__module__ == __name__
    assert test.__doc__ == "price: price_v2 does what the control does."


def test_settings_hold_as_decorator_and_as_argument():
    for make in (
        lambda calls: settings(QUICK, max_examples=7)(equivalence_test(calls, lambda x: x)),
        lambda calls: equivalence_test(
            calls, lambda x: x, settings=settings(QUICK, max_examples=7)
        ),
        lambda calls: equivalence_test(calls, lambda x: x, max_examples=7, settings=QUICK),
    ):
        calls = Counted([])
        make(calls)()
        assert len(calls.calls) == 7


def test_max_examples_alone_changes_nothing_else_of_the_profile():
    test = equivalence_test(price, price_v2, max_examples=7)
    ours, default = test._hypothesis_internal_use_settings, settings.default
    assert (ours.max_examples, ours.deadline, ours.print_blob) == (
        7,
        default.deadline,
        default.print_blob,
    )


def test_a_failure_is_not_explained_as_that_takes_longest_and_tells_lines_of_darkcall():
    notes = failure(price, price_v2).__notes__
    assert not [note for note in notes if "Explanation" in note or "any other" in note]
    explained = hypothesis.settings(QUICK, phases=[*Phase])
    test = equivalence_test(price, price_v2, settings=explained)
    assert Phase.explain not in test._hypothesis_internal_use_settings.phases


def test_a_seed_repeats_the_inputs():
    inputs = []
    for _ in range(2):
        calls = Counted([])
        test = equivalence_test(
            calls, lambda x: x, settings=settings(QUICK, max_examples=10, derandomize=False)
        )
        seed(5)(test)()
        inputs.append(calls.calls)
    assert inputs[0] == inputs[1]


def test_a_failure_can_be_reproduced():
    test = equivalence_test(price, price_v2, settings=settings(QUICK, print_blob=True))
    with pytest.raises(MismatchError) as caught:
        test()
    note = caught.value.__notes__[-1]
    version, blob = eval(note.split("@reproduce_failure")[1].split(" as a ")[0])
    reproduced = reproduce_failure(version, blob)(equivalence_test(price, price_v2))
    with pytest.raises(MismatchError, match=r"price\(cart=\[\], quantity=0\)"):
        reproduced()


def test_what_failed_is_replayed_first():
    database = InMemoryExampleDatabase()
    stored = settings(QUICK, database=database, derandomize=False, phases=list(Phase)[:-1])

    def control(cart: list[int]):
        carts.append(cart)
        return sum(cart)

    def candidate(cart: list[int]):
        return sum(cart) + (sum(cart) > 1000)

    def candidate_v2(cart: list[int]):
        return sum(cart)

    carts = []
    with pytest.raises(MismatchError, match=r"\[1001\]"):
        equivalence_test(control, candidate, settings=settings(stored, max_examples=500))()
    carts.clear()
    equivalence_test(control, candidate_v2, settings=stored)()
    assert carts[0] == []
    carts.clear()
    with pytest.raises(MismatchError, match=r"\[1001\]"):
        equivalence_test(control, candidate, settings=stored)()
    assert carts[0] == [1001]


def test_examples_are_tried_first_by_position_or_by_name():
    calls = Counted([])
    test = equivalence_test(
        calls, lambda x: x, examples=[(555,), {"x": 777}], settings=settings(QUICK, max_examples=1)
    )
    test()
    assert calls.calls[:2] == [555, 777]


def test_an_example_may_leave_out_what_has_a_default():
    def more(first, second=2, *rest, flag=False, **others):
        return first, second, rest, flag, others

    given = dict.fromkeys(("first", "second", "flag"), st.just(0)) | {
        "rest": st.just(()),
        "others": st.just({}),
    }
    error = failure(
        more,
        lambda first, second=3, *rest, flag=False, **others: (first, second, rest, flag, others),
        given=given,
        examples=[(1,)],
    )
    assert lines_of(error)[1] == "  more(first=1)"
    assert "second=<left out>" in error.__notes__[-1]


@pytest.mark.parametrize(
    ("example_", "why"),
    [
        ({"quantity": 1}, r"examples: \{'quantity': 1\}: it has nothing for the parameter 'cart'"),
        ({"crt": 1}, "price has no parameter 'crt'; its parameters are cart, quantity"),
        ((1, 2, 3), "too many positional arguments"),
        (3, "examples: 3 will not do: give a tuple"),
    ],
)
def test_an_example_that_is_no_call_is_refused(example_, why):
    with pytest.raises(ConfigurationError, match=why):
        equivalence_test(price, price_v2, examples=[example_])


@pytest.mark.parametrize("decorate", [example([5], 3), example(cart=[5], quantity=3)])
def test_examples_of_hypothesis_decorate_it(decorate):
    test = decorate(
        equivalence_test(price, lambda cart, quantity: 0, settings=settings(QUICK, max_examples=1))
    )
    with pytest.raises(MismatchError, match=r"price\(cart=\[5\], quantity=3\)"):
        test()


def test_a_failure_can_be_pickled_with_its_notes():
    error = failure(price, price_v2)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.__notes__ == error.__notes__
    assert again.differences == error.differences
