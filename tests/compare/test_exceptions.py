"""What the two sides raised."""

from __future__ import annotations

from darkcall.compare import same_exception, same_exception_type


def places(found):
    return [(difference.path, difference.kind) for difference in found]


def caused(error, cause):
    error.__cause__ = cause
    return error


class MuteError(Exception):
    def __str__(self):
        raise KeyError


class LyingError(Exception):
    def __str__(self):
        class Text(str):
            __slots__ = ()

            def __eq__(self, other):
                return False

            __hash__ = None

        return Text("a")


def test_the_same_class_and_message_are_the_same():
    assert same_exception(KeyError("a"), KeyError("a")) == []
    error = ValueError("a")
    assert same_exception(error, error) == []


def test_another_message_is_a_difference_that_holds_both():
    (found,) = same_exception(ValueError("a"), ValueError("b"))
    assert (found.path, found.kind) == ("$", "message")
    assert (found.control, found.candidate) == ("a", "b")


def test_another_class_is_a_difference_even_if_it_is_a_subclass():
    control, candidate = LookupError("a"), KeyError("a")
    (found,) = same_exception(control, candidate)
    assert (found.path, found.kind) == ("$", "exception")
    assert found.control is control
    assert found.candidate is candidate
    assert places(same_exception_type(control, candidate)) == [("$", "exception")]


def test_the_type_alone_may_be_compared():
    assert same_exception_type(ValueError("a"), ValueError("b")) == []


def test_notes_and_implicit_contexts_do_not_count():
    control = ValueError("a")
    control.add_note("retried")
    control.__context__ = KeyError()
    assert same_exception(control, ValueError("a")) == []


def test_explicit_causes_count():
    control = caused(ValueError("a"), KeyError("x"))
    assert same_exception(control, caused(ValueError("a"), KeyError("x"))) == []
    assert places(same_exception(control, caused(ValueError("a"), KeyError("y")))) == [
        ("$.__cause__", "message")
    ]
    assert places(same_exception(control, ValueError("a"))) == [("$.__cause__", "exception")]
    assert same_exception_type(control, ValueError("a")) == []


def test_groups_are_compared_in_order():
    control = ExceptionGroup("g", [ValueError("a"), KeyError("b")])
    assert same_exception(control, ExceptionGroup("g", [ValueError("a"), KeyError("b")])) == []
    other = ExceptionGroup("g", [ValueError("a"), OSError("b")])
    assert places(same_exception(control, other)) == [("$.exceptions[1]", "exception")]
    assert places(same_exception_type(control, other)) == [("$.exceptions[1]", "exception")]
    shorter = ExceptionGroup("g", [ValueError("c")])
    assert places(same_exception_type(control, shorter)) == [("$", "length")]


def test_a_text_that_cannot_be_had_is_compared_by_what_prevented_it():
    assert same_exception(MuteError(), MuteError()) == []


def test_a_text_is_compared_as_plain_text():
    assert same_exception(LyingError(), LyingError()) == []


def test_cycles_and_giant_groups_end():
    control, candidate = ValueError("a"), ValueError("a")
    control.__cause__, candidate.__cause__ = control, candidate
    assert same_exception(control, candidate) == []
    groups = [ExceptionGroup("g", [ValueError(i) for i in range(10_000)]) for _ in range(2)]
    assert same_exception(*groups) == []
