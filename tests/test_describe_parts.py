"""How exceptions and differences are described."""

from __future__ import annotations

import json
import threading

import pytest

from darkcall._describe import Budget, describe_difference, describe_exception
from darkcall._model import Difference
from darkcall._redact import Redactor


SECRET = "CANARY-7f3a"
REDACTOR = Redactor()
HIDDEN = {"$": "str", "redacted": True}


def dumped(described):
    return json.dumps(described, allow_nan=False)


def test_rules_see_an_exception_as_a_mapping():
    error = ValueError("my mail is a@b")
    error.add_note("a@b")
    assert describe_exception(error, Redactor(["message"]))["message"] == "[redacted]"

    def mask(path, value):
        return value.replace("a@b", "(mail)") if path in {"$.message", "$.notes"} else value

    assert describe_exception(error, Redactor([mask])) == {
        "type": "ValueError",
        "message": "my mail is (mail)",
        "notes": ["(mail)"],
    }
    nothing = describe_exception(error, Redactor([lambda _path, _value: None]))
    assert nothing["message"] == "[redacted]"


def test_an_exception_shows_its_type_and_message():
    class Error(Exception):
        pass

    described = describe_exception(Error("x\n"), REDACTOR)
    assert described == {"type": f"{__name__}.{Error.__qualname__}", "message": "x\\n"}
    assert describe_exception(KeyError("a"), REDACTOR)["message"] == "'a'"
    assert describe_exception(OSError(2, "gone"), REDACTOR)["message"] == "[Errno 2] gone"
    assert describe_exception(ValueError(), REDACTOR)["message"] == ""


def test_a_giant_message_is_cut():
    for error in (
        ValueError("x" * 10_000_000),
        ValueError("x" * 10_000_000, 1),
        ValueError(list(range(1_000_000))),
        UnicodeDecodeError("utf-8", bytes(10_000_000), 0, 1, "odd"),
    ):
        assert len(dumped(describe_exception(error, REDACTOR))) < 10_000


def test_a_unicode_error_says_what_it_is_about():
    with pytest.raises(UnicodeDecodeError) as caught:
        (b"x" * 10_000 + b"\xff").decode("utf-8")
    message = describe_exception(caught.value, REDACTOR)["message"]
    assert message.startswith("'utf-8' codec can't decode byte 0xff in position 10000")


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_a_message_that_cannot_be_had_is_marked(error):
    class BadError(Exception):
        def __str__(self):
            raise error

    described = []
    thread = threading.Thread(
        target=lambda: described.append(describe_exception(BadError(), REDACTOR))
    )
    thread.start()
    thread.join()
    assert described[0]["message"] == "[undescribable]"


def test_an_interrupt_on_the_main_thread_is_not_swallowed():
    class BadError(Exception):
        def __str__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        describe_exception(BadError(), REDACTOR)


def test_a_chain_and_a_group_are_bounded():
    error = ValueError("0")
    error.__cause__ = error
    described = describe_exception(error, REDACTOR)
    assert dumped(described).count("message") == 6
    group = ExceptionGroup("g", [ValueError(str(i)) for i in range(100)])
    for _ in range(5):
        group = ExceptionGroup("g", [group] * 20)
    described = describe_exception(group, REDACTOR, budget=Budget(size=5000))
    assert len(dumped(described)) < 10_000


def test_notes_that_are_none_are_left_out():
    error = ValueError("x")
    error.__notes__ = [1, "a"]
    assert describe_exception(error, REDACTOR)["notes"] == ["a"]
    error.__notes__ = 7
    assert "notes" not in describe_exception(error, REDACTOR)


def test_a_difference_shows_both_sides():
    assert describe_difference(Difference("$.lines[0].price", "type", 1, "1"), REDACTOR) == {
        "path": "$.lines[0].price",
        "kind": "type",
        "control_type": "int",
        "candidate_type": "str",
        "control": 1,
        "candidate": "1",
    }


@pytest.mark.parametrize(("kind", "absent"), [("extra", "control"), ("missing", "candidate")])
def test_a_side_that_has_nothing_there_has_no_type(kind, absent):
    assert describe_difference(Difference("$.a", kind), REDACTOR)[f"{absent}_type"] is None


def test_a_difference_of_which_nothing_is_kept_shows_no_value():
    difference = Difference("$.a", "value", SECRET, 1)
    assert describe_difference(difference, REDACTOR, keep_values=False) == {
        "path": "$.a",
        "kind": "value",
        "control_type": "str",
        "candidate_type": "int",
    }


@pytest.mark.parametrize(
    "path",
    [
        "$.password",
        "$.user.password",
        "$.credentials.id",
        '$["set-cookie"][0]',
        "$[<b'password'>]",
        "$.email",
        "$.email.host",
        "$.a.card",
        "not a path",
        "card",
        "$.a[*]",
        '$["' + "x" * 30_000 + '"]',
        "$" + ".a" * 600 + '["…"]',
        7,
        None,
    ],
)
def test_a_difference_at_a_secret_or_unknown_place_hides_both_sides(path):
    redactor = Redactor(["card", "$.email"])
    described = describe_difference(Difference(path, "value", SECRET, SECRET), redactor)
    assert described["control"] == described["candidate"] == HIDDEN
    assert "CANARY" not in dumped(described)


def test_a_path_and_a_kind_are_bounded_lines_without_secrets():
    path = f'$["https://u:{SECRET}@h\n"]' + "x" * 5000
    described = describe_difference(Difference(path, "k" * 5000, 1, 2), REDACTOR)
    assert described["path"].isprintable()
    assert "CANARY" not in described["path"]
    assert len(dumped(described)) < 4000


def test_the_parts_of_a_difference_are_redacted_too():
    difference = Difference("$.users[0]", "missing", {"name": "ann", "password": SECRET}, None)
    described = describe_difference(difference, REDACTOR)
    assert described["control"] == {"name": "ann", "password": HIDDEN}
