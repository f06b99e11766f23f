"""No secret is written, wherever it stands; a redactor that fails hides all."""

from __future__ import annotations

import collections
import dataclasses
import enum
import json
import threading
import types

import attrs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall import _guard
from darkcall._describe import (
    Budget,
    describe,
    describe_difference,
    describe_exception,
    describe_mapping,
)
from darkcall._model import Difference
from darkcall._redact import Redactor


SECRET = "CANARY-7f3a"
REDACTOR = Redactor()
HIDDEN = {"$": "str", "redacted": True}


def dumped(described):
    return json.dumps(described, allow_nan=False)


@dataclasses.dataclass
class Data:
    password: str
    user: str = "ann"


@dataclasses.dataclass
class Header:
    name: str
    value: str


@attrs.frozen
class Attrs:
    api_key: str


class Model(pydantic.BaseModel):
    token: str


class SecretModel(pydantic.BaseModel):
    pin: pydantic.SecretStr


class Slotted:
    __slots__ = ("__token", "a")

    def __init__(self, token):
        self.__token = token
        self.a = 1


class Plain:
    def __init__(self, secret):
        self._secret = secret

    def __repr__(self):
        return f"Plain({self._secret!r})"


class Opaque(threading.local):
    def __repr__(self):
        return f"<Opaque user='ann' password='{SECRET}'>"


class Key(str, enum.Enum):
    PASSWORD = "password"
    OTHER = "other"


class PlainKey(enum.Enum):
    API_TOKEN = 1


Login = collections.namedtuple("Login", "user passwd")


class SecretDict(dict):
    pass


VALUES = [
    {"user": {"password": SECRET}},
    {"a": [{"b": ({"client_secret": SECRET},)}]},
    {"password": [SECRET, {"x": SECRET}]},
    {"password": {SECRET: 1}},
    {b"password": SECRET},
    {b"session": SECRET},
    {Key.PASSWORD: SECRET},
    {PlainKey.API_TOKEN: SECRET},
    {("user", "password"): SECRET},
    {("password", SECRET): 1},
    {f"password={SECRET}": 1},
    {f"https://x:{SECRET}@host": 1},
    {1: 2, f"token={SECRET}": 1},
    {"X-Api-Key": SECRET, "\n": 1},
    collections.OrderedDict(token=SECRET),
    collections.defaultdict(list, {"token": [SECRET]}),
    types.MappingProxyType({"token": SECRET}),
    collections.ChainMap({"token": SECRET}),
    collections.UserDict({"token": SECRET}),
    SecretDict(token=SECRET),
    Data(SECRET),
    Attrs(SECRET),
    Model(token=SECRET),
    SecretModel(pin=SECRET),
    Slotted(SECRET),
    Plain(SECRET),
    Opaque(),
    Login("ann", SECRET),
    types.SimpleNamespace(token=SECRET),
    [("Authorization", f"Bearer {SECRET}")],
    [("authorization", SECRET)],
    [[b"authorization", SECRET.encode()]],
    [{"name": "password", "value": SECRET}],
    [{"key": "api_key", "value": {"x": SECRET}}],
    [Header("Cookie", SECRET)],
    f"https://user:{SECRET}@host/x?token={SECRET}",
    f"/tmp/?token={SECRET}",
    f"Authorization: Bearer {SECRET}",
    f"password={SECRET}".encode(),
    bytearray(b"x" * 3999 + f" password={SECRET}".encode()),
    memoryview(f"token={SECRET}".encode()),
    "x" * 3995 + f" token={SECRET}",
    ValueError(f"password={SECRET}"),
    ValueError({"password": SECRET}),
    ValueError(("password", SECRET)),
    KeyError(f"token={SECRET}"),
    {"error": ValueError("x", [("Cookie", SECRET)])},
    Plain(SECRET).__repr__,
    json.loads(json.dumps({"headers": {"Set-Cookie": SECRET}})),
    json.dumps({"headers": {"Set-Cookie": SECRET}}),
    json.dumps(json.dumps({"headers": {"Set-Cookie": SECRET + ' "' + SECRET}})),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_no_secret_is_written(value):
    for described in (
        describe(value, REDACTOR),
        describe([value], REDACTOR),
        describe_mapping({"a": value, "password": SECRET}, REDACTOR),
        describe_difference(Difference("$.a", "value", value, [value]), REDACTOR),
        describe_exception(ValueError(value), REDACTOR),
    ):
        text = dumped(described)
        assert "CANARY" not in text
        assert "Q0FOQVJZ" not in text
        assert "redacted" in text or "truncated" in text or "(4" in text or "__repr__" in text


def test_no_secret_of_an_exception_is_written():
    class Error(Exception):
        def __str__(self):
            return f"login with {self.args!r} password={SECRET}"

    def raised():
        try:
            try:
                raise KeyError(f"token={SECRET}")
            except KeyError as error:
                failure = Error({"password": SECRET}, [("Cookie", SECRET)])
                failure.add_note(f"Authorization: Bearer {SECRET}")
                raise failure from error
        except Error as error:
            return ExceptionGroup(f"https://u:{SECRET}@h", [error, ValueError(f"--token {SECRET}")])

    described = describe_exception(raised(), REDACTOR)
    assert "CANARY" not in dumped(described)
    first, second = described["exceptions"]
    assert first["notes"] == ["Authorization: [redacted]"]
    assert first["cause"] == {"type": "KeyError", "message": "'token=[redacted]"}
    assert second == {"type": "ValueError", "message": "--token [redacted]"}


@given(
    st.recursive(
        st.just("leaf"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    ),
    st.sampled_from(["password", "Api-Key", "accessToken", "set_cookie"]),
    st.recursive(
        st.just(SECRET),
        lambda inner: (
            st.lists(inner, min_size=1)
            | st.tuples(inner)
            | st.fixed_dictionaries({"a": inner})
            | st.builds(Data, inner)
        ),
    ),
)
def test_a_secret_at_any_depth_is_hidden(before, name, value):
    described = describe({"a": [before, {"b": (before, {name: value})}]}, REDACTOR)
    assert "CANARY" not in dumped(described)


def test_what_is_hidden_still_shows_its_type():
    assert describe({"password": b"x"}, REDACTOR) == {"password": {"$": "bytes", "redacted": True}}


def test_a_field_beside_a_secrets_name_is_shown():
    described = describe({"name": "password", "value": "x", "id": 7}, REDACTOR)
    assert described == {"name": "password", "value": HIDDEN, "id": 7}


def test_a_users_rules_hold_at_every_depth():
    redactor = Redactor(["card", "$.user.email", "$.lines[*].note"])
    value = {
        "user": {"email": "a@b", "card": "4111"},
        "lines": [{"note": "n", "email": "shown"}],
    }
    assert describe(value, redactor) == {
        "user": {"email": HIDDEN, "card": HIDDEN},
        "lines": [{"note": HIDDEN, "email": "shown"}],
    }


def test_a_rule_counts_from_the_root_of_the_whole():
    redactor = Redactor(["$.user.email"])
    assert describe({"email": "x"}, redactor, root=("user",)) == {"email": HIDDEN}
    assert describe("x", redactor, root=("user", "email")) == HIDDEN
    assert describe({"email": "x"}, redactor) == {"email": "x"}


def test_a_rule_for_the_root_hides_all():
    redactor = Redactor(["$"])
    assert describe([1], redactor) == {"$": "list", "redacted": True}
    assert describe_mapping({"a": 1}, redactor) == {"$": {"$": "dict", "redacted": True}}


def test_a_callable_shows_what_it_likes():
    def mask(_path, value):
        return value[:2] + "..." if isinstance(value, str) else value

    described = describe({"a": ["abcdef"], "b": 1}, Redactor([mask]))
    assert described == {"a": [{"$": "str", "redacted": True, "value": "ab..."}], "b": 1}


def test_a_callable_is_given_the_path_of_every_value():
    paths = []
    redactor = Redactor([lambda path, value: paths.append(path) or value])
    describe({"a": [1]}, redactor, root=("r",))
    assert paths == ["$.r", "$.r.a", "$.r.a[0]"]


def test_a_callable_that_always_wraps_comes_to_an_end():
    described = describe([1], Redactor([lambda _path, value: [value]]))
    assert len(dumped(described)) < 10_000


def test_a_hidden_value_is_not_given_to_a_callable():
    seen = []
    describe({"password": SECRET}, Redactor([lambda _path, value: seen.append(value) or value]))
    assert SECRET not in seen


def fails(_path, value):
    if value == "bad":
        raise SystemExit
    return value


def test_a_callable_that_fails_hides_the_whole_value():
    redactor = Redactor([fails])
    before = _guard.faults.value
    assert describe({"a": SECRET, "b": ["bad"]}, redactor) == {"$": "dict", "redacted": True}
    assert describe_mapping({"a": SECRET, "b": ["bad"]}, redactor) == {
        "$": {"$": "dict", "redacted": True}
    }
    error = ValueError("fine")
    error.__cause__ = ValueError("bad")
    assert describe_exception(error, redactor) == {"type": "ValueError", "message": "[redacted]"}
    difference = describe_difference(Difference("$.a", "value", "fine", "bad"), redactor)
    assert difference["control"] == "fine"
    assert difference["candidate"] == HIDDEN
    assert describe_exception(ValueError(["bad"]), redactor)["message"] == "[redacted]"
    assert _guard.faults.value == before + 5


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
    class Bad(Exception):
        def __str__(self):
            raise error

    described = []
    thread = threading.Thread(target=lambda: described.append(describe_exception(Bad(), REDACTOR)))
    thread.start()
    thread.join()
    assert described[0]["message"] == "[undescribable]"


def test_an_interrupt_on_the_main_thread_is_not_swallowed():
    class Bad(Exception):
        def __str__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        describe_exception(Bad(), REDACTOR)


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
