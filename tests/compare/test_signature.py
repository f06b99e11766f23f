"""What makes two mismatches the same kind of mismatch."""

from __future__ import annotations

import pytest

from darkcall._model import Difference
from darkcall.compare import equal, same_exception, signature_of


@pytest.mark.parametrize(
    ("control", "candidate", "signature"),
    [
        ([1, 2], [2, 3], "$[*] value int"),
        ({"a": 1}, {"a": "1"}, "$.a type int/str"),
        ({"a": 1}, {"b": 1.0}, "$.a missing int; $.b extra float"),
        ([1], [1, 2], "$ length"),
        ({"unit price": 1}, {"unit price": 2}, "$[*] value int"),
        ({"address_line_2": 1}, {"address_line_2": 2}, "$.address_line_2 value int"),
        ({"x-id": 1}, {"x-id": 2}, '$["x-id"] value int'),
        ({"2024-01-01": 1}, {"2024-01-01": 2}, "$[*] value int"),
        ({"user_20240101": 1}, {"user_20240101": 2}, "$[*] value int"),
        ({"deadbeef01": 1}, {"deadbeef01": 2}, "$[*] value int"),
        ({"ada@example.org": 1}, {"ada@example.org": 2}, "$[*] value int"),
        ({"x" * 41: 1}, {"x" * 41: 2}, "$[*] value int"),
        ({None: 1}, {None: 2}, "$[*] value int"),
        ({"face": 1}, {"face": 2}, "$.face value int"),
    ],
    ids=map(str, range(14)),
)
def test_a_signature_has_paths_kinds_and_types_but_no_values(control, candidate, signature):
    assert signature_of(equal(control, candidate)) == signature


def test_the_same_kind_of_difference_counts_once_in_whatever_order():
    rows = [{"a": 1, "b": 1}] * 3
    first = equal(rows, [{"a": 2, "b": 2}] * 3)
    again = equal(rows[:1], [{"b": 9, "a": 9}])
    assert signature_of(first) == signature_of(reversed(again))
    assert signature_of(first) == "$[*].a value int; $[*].b value int"


def test_exceptions_have_their_classes_in_the_signature_but_no_message():
    found = same_exception(ValueError("secret"), KeyError("secret"))
    assert signature_of(found) == "$ exception ValueError/KeyError"
    assert signature_of(same_exception(ValueError("secret"), ValueError("x"))) == "$ message"


def test_a_long_signature_ends_in_what_tells_it_from_others():
    names = [f"name_{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(60)]
    many = [Difference(f"$.{name}", "value", 1, 2) for name in names]
    one, other = signature_of(many), signature_of([*many, Difference("$.z", "value", 1, 2)])
    assert len(one) == len(other) == 500
    assert one != other
    assert one == signature_of(many)


def test_a_path_that_is_none_of_ours_or_was_cut_is_bounded():
    assert signature_of([Difference("line 3", "text", "a", "b")]) == "(line 3) text"
    deep = {"a": 1}
    other = {"a": 2}
    for _ in range(1000):
        deep, other = {"level": deep}, {"level": other}
    assert signature_of(equal(deep, other)) == "(cut) value int"
