from __future__ import annotations

import asyncio
import threading
import traceback

import hypothesis
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from darkcall import ConfigurationError, SignatureMismatchError, configure, dark_launch, launch_of
from darkcall.compare import equal
from darkcall.testing import MismatchError, assert_equivalent, equivalence_test
from darkcall.testing._failure import shown_value
from differing import QUICK, failure, lines_of, price, price_v2


def test_a_candidate_that_does_the_same_passes():
    assert_equivalent(price, lambda cart, quantity: quantity * sum(cart), settings=QUICK)


def test_the_failure_shows_the_smallest_call_both_sides_and_where_they_differ():
    error = failure(price, price_v2)
    assert lines_of(error) == [
        "price: price_v2 differs from the control",
        "  price(cart=[], quantity=0)",
        "  control returned 0",
        "  price_v2 returned 1",
        "  $  (value)",
        "    control:   0  (int)",
        "    candidate: 1  (int)",
    ]
    [difference] = error.differences
    assert (difference["path"], difference["control"], difference["candidate"]) == ("$", 0, 1)


def test_the_note_of_hypothesis_names_the_arguments():
    note = failure(price, price_v2).__notes__[0]
    assert "test_price(\n    cart=[],\n    quantity=0,\n)" in note


def test_the_call_can_be_pasted():
    error = failure(price, lambda cart, quantity: price(cart, quantity) + (sum(cart) > 100))
    assert lines_of(error)[1] == "  price(cart=[101], quantity=0)"
    assert eval(lines_of(error)[1]) == 0


def test_differences_are_shown_by_path():
    def invoice(n: int):
        return {"lines": [n, n], "n": n}

    error = failure(invoice, lambda n: {"lines": [n, n + (n > 5)], "n": n})
    assert lines_of(error)[1] == "  invoice(n=6)"
    assert "  $.lines[1]  (value)" in lines_of(error)


def test_what_a_side_raised_is_shown_and_where():
    def raises(cart, quantity):
        raise ZeroDivisionError("no carts")

    error = failure(price, raises)
    shown = lines_of(error)[3]
    assert shown.startswith("  raises raised ZeroDivisionError: no carts (in raises, line ")
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert [frame.name for frame in traceback.extract_tb(error.__cause__.__traceback__)] == [
        "raises"
    ]


def test_what_the_control_alone_raised_is_shown():
    def raises(x: int):
        raise KeyError(x)

    error = failure(raises, lambda x: x)
    assert "control raised KeyError: 0 (in raises, " in str(error)
    assert "<lambda> returned 0" in str(error)
    assert isinstance(error.__cause__, KeyError)


def test_failures_that_raise_at_several_places_are_one_failure():
    def raises(cart, quantity):
        if quantity:
            raise ValueError
        raise ZeroDivisionError

    assert "price(cart=[], quantity=0)" in str(failure(price, raises))


def test_both_sides_may_raise_the_same():
    def first(x: int):
        return 1 // (x > 3)

    assert_equivalent(first, lambda x: 1 // (x > 3), settings=QUICK)


def test_other_exceptions_are_compared_as_asked():
    def raises(x: int):
        raise ValueError(f"no {x}")

    def raises_too(x: int):
        raise ValueError(f"there is no {x}")

    assert_equivalent(
        raises, raises_too, settings=QUICK, compare_exceptions=lambda a, b: type(a) is type(b)
    )
    assert "message" in str(failure(raises, raises_too))


def test_exits_and_cancellations_are_what_a_side_did():
    def exits(x: int):
        raise SystemExit(3)

    async def cancels(x: int):
        raise asyncio.CancelledError

    assert_equivalent(exits, exits, settings=QUICK)
    assert "<lambda> returned 0" in str(failure(exits, lambda x: x))
    assert "cancels raised CancelledError" in str(failure(lambda x: x, cancels, st.integers()))


def test_mutated_arguments_spoil_neither_the_other_side_nor_the_display():
    def control(cart: list[int]):
        cart.append(7)
        return len(cart)

    def candidate(cart: list[int]):
        length = len(cart)
        cart.clear()
        return length + 1 + (length > 1)

    error = failure(control, candidate)
    assert lines_of(error)[1] == "  control(cart=[0, 0])"
    assert "cart=[0, 0]," in error.__notes__[0]


def test_a_strategy_that_gives_the_same_object_gives_it_unspoilt():
    given_once = [1, 2, 3]
    candidate_saw = []

    def candidate(cart):
        candidate_saw.append(list(cart))
        cart.clear()
        return 0

    failure(lambda cart: cart.pop(), candidate, st.just(given_once))
    assert given_once == [1, 2, 3]
    assert all(cart == [1, 2, 3] for cart in candidate_saw)


def test_a_candidate_cannot_make_what_the_control_returned_its_own():
    known = []

    def control(x: int):
        known[:] = [x]
        return known

    def candidate(x: int):
        known[:] = [x + 1]
        return known

    assert lines_of(failure(control, candidate))[2:4] == [
        "  control returned [0]",
        "  candidate returned [1]",
    ]
    assert_equivalent(control, candidate, isolate="share", settings=QUICK)


def test_what_is_returned_and_cannot_be_copied_is_compared_as_it_is():
    class Odd:
        def __reduce__(self):
            return _raise, ()

    assert_equivalent(Odd, Odd, compare=lambda *both: True, settings=QUICK)
    lock = threading.Lock()
    assert_equivalent(lambda: [lock], lambda: [1], compare=_alike, settings=QUICK)


def test_what_is_equal_to_nothing_but_itself_is_equal_to_itself():
    class Missing:
        def __eq__(self, other):
            return self is other

        __hash__ = object.__hash__

    missing = Missing()
    assert_equivalent(lambda: [missing], lambda: [missing], settings=QUICK)


def _raise():
    raise ValueError("no more")


def _alike(one, other):
    return len(one) == len(other)


def test_an_argument_whose_copy_cannot_be_made_is_told():
    with pytest.raises(ConfigurationError, match="arguments: a copy of them cannot be made: Type"):
        assert_equivalent(lambda r: r.random(), lambda r: r.random(), st.randoms(), settings=QUICK)


def test_what_is_shared_is_shown_as_it_was_given():
    error = failure(
        lambda cart: cart.append(1),
        lambda cart: cart.append(2) or 5,
        st.lists(st.integers()),
        share=("cart",),
    )
    assert lines_of(error)[1] == "  <lambda>(cart=[])"


def test_what_cannot_be_copied_names_the_parameter_and_the_way_out():
    stream = st.builds(lambda: (one for one in [1]))
    with pytest.raises(ConfigurationError, match=r"parameter 'x' .* pass share=\('x',\)"):
        assert_equivalent(lambda x: 1, lambda x: 1, stream, settings=QUICK)
    assert_equivalent(lambda x: 1, lambda x: 1, stream, settings=QUICK, share=("x",))


def test_an_isolate_of_ones_own_gives_each_side_its_arguments():
    def isolate(args, kwargs):
        return args, {"x": kwargs["x"] + 100}

    error = failure(lambda x: x, lambda x: x + 1, st.integers(), isolate=isolate)
    assert lines_of(error)[1:4] == [
        "  <lambda>(x=0)",
        "  control returned 100",
        "  <lambda> returned 101",
    ]


def test_results_are_compared_as_asked():
    def first(x: int):
        return {"at": object(), "x": x / 3}

    def second(x: int):
        return {"at": object(), "x": x / 3 * (1 + 1e-12)}

    compare = equal.within(rel=1e-9).ignoring("$.at")
    assert_equivalent(first, second, settings=QUICK, compare=compare)
    assert "$.at" in str(failure(first, second))


def test_results_are_normalized_as_asked():
    def numbers(x: int):
        yield from range(x % 5)

    assert_equivalent(numbers, lambda x: range(x % 5), settings=QUICK, normalize=list)


def test_what_can_be_read_once_is_read_once_for_all_candidates():
    def numbers(x: int):
        yield from range(x % 5)

    def more(x: int):
        yield from range(x % 5 + 1)

    launched = dark_launch(candidate={"one": numbers, "two": more, "three": more})(
        lambda x: list(numbers(x))
    )
    error = failure(launched, None, st.integers(), normalize=list)
    assert lines_of(error)[0].endswith("two and three differ from the control")
    assert lines_of(error)[2:4] == ["  control returned []", "  two returned [0]"]
    assert "disagrees" not in str(failure(numbers, more, normalize=list))


def test_a_normalize_that_fails_is_told():
    error = failure(price, price, normalize=lambda result: 1 / 0)
    told = "  could not be compared: normalize failed: ZeroDivisionError: division by zero (in "
    assert lines_of(error)[-1].startswith(told)


def test_a_compare_that_fails_is_told_with_what_it_says_and_where():
    def compare(control, candidate):
        raise ValueError(f"no such currency: {control}")

    line = lines_of(failure(price, price, compare=compare))[-1]
    assert "compare failed: ValueError: no such currency: 0 (in compare, line " in line


def test_differences_are_ignored_as_asked():
    assert_equivalent(price, price_v2, settings=QUICK, ignore=lambda control, candidate: True)


def test_knobs_of_the_process_hold_where_none_is_given():
    with configure(compare=lambda control, candidate: True):
        assert_equivalent(price, price_v2, settings=QUICK)


def test_what_cannot_be_compared_fails_and_says_why():
    error = failure(lambda x: iter([x]), lambda x: iter([x]), st.integers())
    assert lines_of(error)[0] == "<lambda>: <lambda> could not be compared"
    assert lines_of(error)[-1].startswith("  could not be compared: $ (list_iterator): ")
    assert "disagrees" not in str(error)


def test_a_comparison_that_stopped_says_so():
    error = failure(lambda x: range(3000), lambda x: range(1, 3001), st.integers(), normalize=list)
    assert "  and 40 more" in lines_of(error)
    assert lines_of(error)[-1] == "  the comparison stopped: after 50 differences"


def test_secrets_are_shown_as_nobody_has_them():
    error = failure(lambda x: {"password": "a"}, lambda x: {"password": "b"}, st.none())
    assert "    control:   'a'  (str)" in lines_of(error)


def test_values_and_exceptions_that_cannot_be_shown_do_not_hide_the_failure():
    class Bad:
        def __repr__(self):
            raise ValueError

        def __str__(self):
            raise ValueError

        def __eq__(self, other):
            return False

        __hash__ = None

    class BadError(Exception):
        __str__ = Bad.__str__

    def raises(x):
        raise BadError

    error = failure(lambda x: Bad(), raises, st.just(1))
    assert "control returned <" in str(error)
    assert "whose repr raised ValueError>" in str(error)
    assert "raised test_values_and" in str(error)
    assert "<no message>" in str(error)


def test_a_value_is_shown_plainly_outside_of_a_test():
    assert shown_value([1, "a"]) == "[1, 'a']"


def test_what_a_builtin_raised_has_no_place():
    error = failure(divmod, lambda x, y, /: 0, st.just(1), st.just(0))
    assert "  control raised ZeroDivisionError: integer division or modulo by zero" in lines_of(
        error
    )


def test_what_cannot_be_copied_is_shared_where_all_is():
    stream = st.builds(lambda: (one for one in [1]))
    assert_equivalent(lambda x: 1, lambda x: 1, stream, settings=QUICK, isolate="share")


def test_a_control_that_disagrees_with_itself_is_told():
    calls = []

    def counter(x: int):
        calls.append(x)
        return len(calls)

    error = failure(counter, lambda x: -1)
    assert "  the control disagrees with itself: run again on the same input, it returned" in str(
        error
    )
    assert "disagrees" not in str(failure(price, price_v2))


def test_a_failure_that_does_not_come_again_is_flaky():
    calls = []

    def once(x: int):
        calls.append(x)
        return len(calls) == 5

    with pytest.raises(hypothesis.errors.FlakyFailure) as caught:
        assert_equivalent(once, lambda x: False, settings=QUICK)
    [error] = caught.value.exceptions
    assert isinstance(error, MismatchError)
    assert "the control disagrees with itself" in str(error)


def test_async_functions_stand_on_either_side():
    async def awaited(cart: list[int], quantity: int):
        await asyncio.sleep(0)
        return price(cart, quantity)

    few = settings(QUICK, max_examples=10)
    assert_equivalent(price, awaited, settings=few)
    assert_equivalent(awaited, price, settings=few)
    assert "awaited returned 0" in str(failure(price_v2, awaited))


def test_a_coroutine_that_a_plain_function_returns_cannot_be_compared():
    async def doubled(x: int):
        return 2 * x

    def plain(x: int):
        return doubled(x)

    error = failure(doubled, plain)
    assert "give a coroutine function as the candidate" in str(error)


def test_it_can_be_asked_on_a_running_loop():
    async def doubled(x: int):
        return 2 * x

    async def main():
        assert_equivalent(doubled, lambda x: x + x, settings=settings(QUICK, max_examples=3))

    asyncio.run(main())


def test_a_candidate_that_cannot_take_the_arguments_is_refused():
    with pytest.raises(SignatureMismatchError, match="no argument named 'quantity'"):
        equivalence_test(price, lambda cart, other: 1)


def test_a_candidate_by_name_that_cannot_take_the_arguments_is_refused():
    launched = dark_launch(candidate="operator:neg")(price)
    with pytest.raises(SignatureMismatchError, match="could not take the control's"):
        equivalence_test(launched)


def test_functions_without_parameters_are_called_all_the_same():
    assert_equivalent(lambda: 1, lambda: 1, settings=QUICK, examples=[()])
    assert lines_of(failure(lambda: 1, lambda: 2))[1] == "  <lambda>()"
    with pytest.raises(ConfigurationError, match="its parameters are none"):
        assert_equivalent(lambda: 1, lambda: 2, st.none())


def test_settings_and_strategies_of_another_kind_are_refused():
    with pytest.raises(ConfigurationError, match="settings=3 will not do"):
        equivalence_test(price, price, settings=3)
    with pytest.raises(ConfigurationError, match=r"given=\[3\] will not do: give a mapping"):
        equivalence_test(price, price, given=[3])


def test_what_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match=r"candidate=integers\(\) will not do: give a callable"):
        equivalence_test(price, st.integers())
    with pytest.raises(TypeError, match="control=3 will not do"):
        equivalence_test(3, price)


def test_a_control_alone_has_nothing_to_be_compared_with():
    with pytest.raises(ConfigurationError, match="price is not launched"):
        equivalence_test(price)


def test_unknown_knobs_are_refused():
    with pytest.raises(TypeError, match="did you mean 'compare'"):
        equivalence_test(price, price_v2, comparing=None)
    with pytest.raises(ConfigurationError, match="compare=3 will not do"):
        equivalence_test(price, price_v2, compare=3)


def test_the_candidates_and_rules_of_a_launch_are_taken():
    launched = dark_launch(
        candidate={"one": price_v2, "two": price, "three": price_v2}, name="shop.price"
    )(price)
    error = failure(launched)
    assert lines_of(error)[0] == "shop.price: one and three differ from the control"
    assert lines_of(error)[1] == "  price(cart=[], quantity=0)"
    assert [line for line in lines_of(error) if "returned" in line] == [
        "  control returned 0",
        "  one returned 1",
        "  three returned 1",
    ]
    assert len(error.differences) == 2


def test_rules_of_the_launch_hold_and_those_given_win():
    def anything(control, candidate):
        return True

    launched = dark_launch(candidate=price_v2, compare=anything, share=("cart",))(price)
    assert_equivalent(launched, settings=QUICK)
    assert_equivalent(launched, lambda cart, quantity: 7, settings=QUICK)
    assert "candidate returned 1" in str(failure(launched, compare=equal))


def test_a_candidate_by_name_is_imported():
    launched = dark_launch(candidate="operator:mul")(lambda x, y, /: x * y)
    assert_equivalent(launched, None, st.integers(), st.integers(), settings=QUICK)


def test_a_candidate_that_cannot_be_imported_is_told():
    launched = dark_launch(candidate="nowhere:at_all", name="shop.price")(price)
    with pytest.raises(
        ConfigurationError, match=r"shop.price \[candidate\] cannot be used: .*nowhere"
    ):
        equivalence_test(launched)


def test_no_call_of_a_launch_is_shadowed():
    launched = dark_launch(candidate=price_v2)(price)
    failure(launched)
    failure(launched, lambda cart, quantity: launched(cart, quantity) + 1)
    assert launch_of(launched).stats().shadowed == 0


def test_what_is_left_out_is_each_sides_own_default():
    def total(cart: list[int], quantity: int = 1):
        return sum(cart) * quantity

    error = failure(total, lambda cart, quantity=2: sum(cart) * quantity)
    assert lines_of(error)[1] == "  total(cart=[1])"
    assert "quantity=<left out>" in error.__notes__[0]


def test_a_candidate_does_not_get_at_what_the_control_returned():
    state = []

    def control(x):
        return state

    def candidate(x):
        state.append(x)
        return state

    with pytest.raises(MismatchError):
        assert_equivalent(control, candidate, st.just(1), settings=QUICK)
