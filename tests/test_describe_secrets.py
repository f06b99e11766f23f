"""No secret is written, wherever it stands; a redactor that fails hides all."""

from __future__ import annotations

import collections
import dataclasses
import enum
import json
import threading
import types
from typing import NamedTuple

import attrs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall import _guard
from darkcall._describe import (
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


class Key(enum.StrEnum):
    PASSWORD = "password"
    OTHER = "other"


class PlainKey(enum.Enum):
    API_TOKEN = 1


class Login(NamedTuple):
    user: str
    passwd: str


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


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
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

    cause = KeyError(f"token={SECRET}")
    error = Error({"password": SECRET}, [("Cookie", SECRET)])
    error.add_note(f"Authorization: Bearer {SECRET}")
    error.__cause__ = cause
    group = ExceptionGroup(f"https://u:{SECRET}@h", [error, ValueError(f"--token {SECRET}")])
    described = describe_exception(group, REDACTOR)
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


@pytest.mark.parametrize("order", [reversed, list])
def test_in_a_set_of_a_secrets_name_and_one_more_the_other_one_is_hidden(order):
    # Which comes first differs between processes.
    hidden = {"$": "int", "redacted": True}
    for value in ({*order(["password", 7])}, {*order([b"token", 7])}):
        assert hidden in describe(value, Redactor())["items"]
