"""``MismatchError``: what a test that fails shows."""

from __future__ import annotations

import copy
import pickle

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkcall import dark_launch
from darkcall.testing import MismatchError, strict
from darkcall.testing._message import difference_lines
from darkcall.testing._mismatch import mismatch_of


def raised(control, candidate, *args, **knobs):
    """Call under strict; give what is raised."""
    function = dark_launch(candidate=candidate, name="shop.price", **knobs)(control)
    with pytest.raises(MismatchError) as caught, strict():
        function(*args)
    return caught.value


def told(*args, **knobs):
    return str(raised(*args, **knobs))


def test_it_shows_the_call_and_each_difference():
    text = told(
        lambda cart, code: {"total": 12, "lines": ["tea"]},
        lambda cart, code: {"total": 12.5, "lines": ["tea"], "tax": None},
        {"tea": 3},
        "W1",
    )

    assert text == (
        "shop.price: candidate differs from the control\n"
        "  called with: cart={'tea': 3}, code='W1'\n"
        "  $.total  (type)\n"
        "    control:   12  (int)\n"
        "    candidate: 12.5  (float)\n"
        "  $.tax  (extra)\n"
        "    control:   nothing there\n"
        "    candidate: None  (NoneType)"
    )


def test_it_shows_what_is_missing():
    text = told(lambda: {"a": 1}, dict)

    assert text.endswith("  $.a  (missing)\n    control:   1  (int)\n    candidate: nothing there")


def fail(*_args):
    raise KeyError("no such cart")


def test_it_shows_what_the_candidate_raised():
    assert "  candidate raised KeyError: 'no such cart'\n" in told(lambda x: x, lambda x: fail(), 1)


def test_it_shows_what_the_control_raised():
    error = raised(lambda x: fail(), lambda x: x, 1)

    assert "  control raised KeyError: 'no such cart'\n" in str(error)
    assert isinstance(error.__cause__, KeyError)


def test_it_shows_both_where_both_raised():
    text = told(lambda: 1 // 0, fail)

    assert "  control raised ZeroDivisionError: " in text
    assert "  candidate raised KeyError: 'no such cart'\n" in text


def test_it_shows_what_kind_of_exception_it_was_where_no_more_is_kept():
    def nothing_kept():
        with strict(keep="nothing"):
            function(1)

    function = dark_launch(candidate=lambda x: fail(), name="shop.price")(lambda x: x)

    with pytest.raises(MismatchError) as caught:
        nothing_kept()
    assert str(caught.value) == (
        "shop.price: candidate differs from the control\n"
        "  candidate raised KeyError\n"
        "  $  (raised)\n"
        "    control:   not kept  (int)\n"
        "    candidate: not kept  (KeyError)"
    )


def test_secrets_are_hidden():
    text = told(
        lambda card, password: {"card": card, "token": 1},
        lambda card, password: {"card": card[::-1], "token": 2},
        "4711",
        "hunter2",
        redact=("card",),
    )

    assert "redacted" in text
    for secret in ("4711", "1174", "hunter2", "int  1"):
        assert secret not in text


def test_of_long_values_it_shows_where_they_differ():
    text = told(lambda: [*range(1000), "tea"], lambda: [*range(1000), "coffee"])
    deep = told(lambda: ("x" * 1000 + "tea",), lambda: ("x" * 1000 + "coffee",))

    for one in (text, deep):
        assert "tea'" in one
        assert "coffee'" in one
        assert len(one) < 1000


def test_values_that_are_cut_where_they_are_the_same_are_shown_as_they_are():
    text = told(lambda: "x" * 100_000 + "a", lambda: "x" * 100_000 + "b")

    assert text.count("xxx") > 2
    assert len(text) < 2000


def test_it_is_of_bounded_length_whatever_differs():
    names = {f"name_{number}_" + "x" * 1000: "v" * 10_000 for number in range(100)}
    candidates = {f"v{number}": lambda **names: dict.fromkeys(names) for number in range(20)}
    function = dark_launch(candidate=candidates, name="shop." + "x" * 10_000)(lambda **names: names)

    with pytest.raises(MismatchError) as caught, strict(max_copy_bytes=1 << 30):
        function(**names)
    assert len(str(caught.value)) < 60_000
    assert "and 15 more candidates differ" in str(caught.value)


@pytest.fixture
def a_mismatch(make_record):
    def make(**fields):
        return str(mismatch_of([attrs.evolve(make_record(outcome="mismatch"), **fields)]))

    return make


def test_it_shows_so_many_arguments_and_differences_and_how_many_more_there_are(a_mismatch):
    text = a_mismatch(
        arguments={f"a{number}": number for number in range(25)},
        differences=[
            {
                "path": f"$[{number}]",
                "kind": "value",
                "control_type": "int",
                "candidate_type": "int",
                "control": 1,
                "candidate": 2,
            }
            for number in range(12)
        ],
        stopped="after a while",
    )

    assert "a19=19, 5 more\n" in text
    assert "  and 2 more\n" in text
    assert "$[10]" not in text
    assert text.endswith("  the comparison stopped: after a while")


def test_text_of_others_cannot_forge_a_line(a_mismatch):
    text = a_mismatch(
        launch="a\nlaunch",
        candidate="v2\x1b[2J",
        arguments={"x\n": "\n"},
        control_raised={"type": "E", "message": "one\ntwo"},
        stopped="\r",
    )

    assert text.isprintable() is False
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.count("\n") == len(text.splitlines()) - 1


def test_it_can_be_pickled_and_copied_with_its_notes():
    error = raised(lambda x: x, lambda x: x + 1, 1)
    error.add_note("for price 1")

    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(again) is MismatchError
        assert str(again) == str(error)
        assert again.differences == error.differences
        assert again.__notes__ == ["for price 1"]


def test_it_is_an_assertion_that_failed():
    assert issubclass(MismatchError, AssertionError)
    assert MismatchError("a message").differences == ()


plain = st.recursive(
    st.none() | st.integers() | st.text() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@settings(max_examples=30)
@given(plain, plain)
def test_differences_of_any_plain_values_are_shown_in_bounded_lines(control, candidate):
    difference = {
        "path": "$",
        "kind": "value",
        "control_type": "a",
        "candidate_type": "b",
        "control": control,
        "candidate": candidate,
    }

    lines = list(difference_lines([difference]))
    assert len(lines) == 3
    assert all(len(line) < 1000 and line.isprintable() for line in lines)
