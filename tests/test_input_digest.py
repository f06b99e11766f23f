"""The digest of a call's arguments: equal for equal ones, everywhere."""

from __future__ import annotations

import asyncio
import concurrent.futures
import datetime as dt
import enum
import functools
import json
import os
import subprocess
import sys
import threading

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkcall import _guard, _inputs, aflush, dark_launch, flush, launch_of
from darkcall.runners import ExecutorRunner, InlineRunner, ProcessRunner, ThreadRunner
from darkcall.sinks import MemorySink


INLINE = InlineRunner()


def of_one(value):
    return value


def digest_with(value, **knobs):
    """Digest one argument named ``value`` as a launch with these knobs would."""
    launch = launch_of(dark_launch(candidate=of_one, sinks=[], **knobs)(of_one))
    return _inputs.digest_inputs(launch._terms, (value,), {})


@functools.cache
def terms():
    return launch_of(dark_launch(candidate=of_one, sinks=[])(of_one))._terms


def digest_one(value):
    return _inputs.digest_inputs(terms(), (value,), {})


@pytest.fixture
def launched():
    def launch(control=of_one, candidate=None, **knobs):
        memory = MemorySink()
        knobs = {"runner": INLINE, "cpu_budget": None, "max_copy_seconds": None, **knobs}
        knobs = {"digest_inputs": True, "sinks": [memory], **knobs}
        return dark_launch(candidate=candidate or control, **knobs)(control), memory

    return launch


def digests(memory):
    return [record.input_digest for record in memory.records]


# On records.


def test_equal_arguments_have_equal_digests_and_others_another(launched):
    function, memory = launched()
    for value in (1, 2, 1):
        function(value)
    first, second, third = digests(memory)
    assert first == third != second
    assert len(first) == 16
    assert int(first, 16) >= 0
    assert memory.records[0].to_dict()["input_digest"] == first


def test_without_the_knob_there_is_none(launched):
    function, memory = launched(digest_inputs=False, keep="everything")
    function(1)
    assert digests(memory) == [None]
    assert "input_digest" not in memory.records[0].to_dict()


def test_how_arguments_are_passed_makes_no_difference(launched):
    def control(a, b, *rest, c=None, **others):
        return a

    function, memory = launched(control)
    function(1, 2, c=3, d=4, e=5)
    function(1, e=5, d=4, c=3, b=2)
    function(a=1, b=2, c=3, d=4, e=5)
    function(2, 1, c=3, d=4, e=5)
    first, second, third, fourth = digests(memory)
    assert first == second == third != fourth


@pytest.mark.parametrize(
    "candidate", [lambda x: x, lambda x: [], lambda x: 1 / 0], ids=["match", "mismatch", "raises"]
)
def test_every_outcome_of_a_candidate_that_ran_has_it(launched, candidate):
    function, memory = launched(lambda x: x, candidate)
    function([1])
    assert None not in digests(memory)


def test_a_timeout_has_it(launched):
    release = threading.Event()
    runner = ThreadRunner(workers=1)
    function, memory = launched(of_one, lambda value: release.wait(10), runner=runner, timeout=0.02)
    function(1)
    assert runner.flush(5.0)
    flush()
    release.set()
    runner.close(1.0)
    assert [record.outcome for record in memory.records] == ["timeout"]
    assert digests(memory) == [digest_one(1)]


def test_it_is_of_the_arguments_before_the_candidate_changed_them(launched):
    function, memory = launched(lambda x: 0, lambda x: x.append(1) or 0)
    function([])
    function([])
    function([1])
    first, second, third = digests(memory)
    assert first == second != third


def test_it_stands_beside_arguments_that_are_kept(launched):
    function, memory = launched(keep="everything")
    function({"a": 1})
    (record,) = memory.records
    assert record.arguments == {"value": {"a": 1}}
    assert record.input_digest == digest_one({"a": 1})


def test_what_is_shared_is_left_out(launched):
    function, memory = launched(lambda session, x: x, share=("session",))
    function(object(), 1)
    function(threading.Lock(), 1)
    function(threading.Lock(), 2)
    first, second, third = digests(memory)
    assert first == second != third


def test_a_call_that_is_skipped_has_none(launched):
    function, memory = launched()
    function(threading.Lock())
    assert [(one.outcome, one.input_digest) for one in memory.records] == [("skipped", None)]
    _guard.reset()


# Wherever candidates run.


def test_candidates_of_processes_have_it():
    runner = ProcessRunner(workers=1)
    memory = MemorySink()
    function = dark_launch(
        candidate="operator:index", runner=runner, sinks=[memory], digest_inputs=True
    )(lambda a, /: a)
    function(7)
    assert flush(30.0)
    runner.close(1.0)
    assert [record.outcome for record in memory.records] == ["match"]
    assert len(digests(memory)[0]) == 16


def test_candidates_of_executors_have_it(launched):
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        runner = ExecutorRunner(executor)
        function, memory = launched(runner=runner)
        function(1)
        assert runner.flush(10.0)
        flush()
        runner.close(1.0)
    assert digests(memory) == [digest_one(1)]


def test_async_candidates_have_it(launched):
    async def control(value):
        return value

    async def run():
        function, memory = launched(control, runner=None)
        await function(1)
        await aflush()
        return memory

    assert digests(asyncio.run(run())) == [digest_one(1)]


SCRIPT = """
import json, sys
from darkcall import dark_launch
from darkcall.runners import InlineRunner
from darkcall.sinks import MemorySink

memory = MemorySink()

@dark_launch(candidate=lambda a: a, runner=InlineRunner(), sinks=[memory], digest_inputs=True,
             cpu_budget=None, max_copy_seconds=None)
def function(a):
    return a

class Thing:
    def __init__(self):
        self.tags = {"x", "y", "z"}

for value in ({"a", "b", "c"}, {1: {"b", "a"}, "c": 2}, Thing(), frozenset({("k", 1), ("l", 2)})):
    function(value)
print(json.dumps([record.input_digest for record in memory.records]))
"""


def test_it_is_the_same_in_every_process():
    told = set()
    for seed in "12":
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )
        told.add(done.stdout)
    (only,) = told
    assert len(set(json.loads(only))) == 4
    assert None not in json.loads(only)


# Of values.


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=10)
    | st.sampled_from(["password", "name", "token=abc", "a@b"])
    | st.binary(max_size=5)
    | st.dates()
)
KEYS = st.text(max_size=5) | st.sampled_from(["password", "name", "value", "$"]) | st.integers()
VALUES = st.recursive(
    LEAVES,
    lambda parts: (
        st.lists(parts, max_size=4)
        | st.lists(parts, max_size=4).map(tuple)
        | st.dictionaries(KEYS, parts, max_size=4)
        | st.sets(st.text(max_size=5) | st.integers(), max_size=4)
        | st.frozensets(st.tuples(st.text(max_size=3), st.integers()), max_size=3)
    ),
    max_leaves=10,
)


def turned(value):
    """Give an equal value whose dicts and sets came about the other way round."""
    kind = type(value)
    if kind is dict:
        return {key: turned(part) for key, part in reversed(value.items())}
    if kind in {list, tuple}:
        return kind(map(turned, value))
    if kind in {set, frozenset}:
        return kind(reversed(list(value)))
    return value


@settings(max_examples=200)
@given(VALUES)
def test_equal_values_have_equal_digests(value):
    assert digest_one(value) == digest_one(turned(value))


@given(VALUES)
def test_a_value_is_not_what_holds_it(value):
    own = digest_one(value)
    assert own is None or own not in {digest_one([value]), digest_one((value,))}


@attrs.frozen
class Point:
    x: int


class Colour(enum.Enum):
    RED = 1


DISTINCT = [
    None, True, False, 1, 0, 1.0, 0.0, -0.0, "1", "", b"1", b"", [], (), {}, set(), frozenset(),
    [1], (1,), {1}, frozenset({1}), {"a": 1}, {"a": True}, {1: "a"}, {"1": "a"}, [[]], [[], []],
    ["a,b"], ["a", "b"], ["'a'"], {"a": {}}, {"a": []}, {"a": None}, float("nan"), float("inf"),
    2**60, str(2**60), 2**2000, dt.date(2020, 1, 1), "2020-01-01", Point(1), Point(2), Colour.RED,
    ["a"] * 3_000, ["a"] * 3_001, "x" * 5_000, "x" * 5_001, bytearray(b"1"), 1j,
    {"$": "tuple", "items": []}, {"k": (1, 2)}, {"k": [1, 2]},
]  # fmt: skip


def test_what_differs_has_different_digests():
    made = [digest_one(value) for value in DISTINCT]
    assert None not in made
    assert len(set(made)) == len(DISTINCT)


def cycle():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [
        "x" * 200_001,
        [0] * 20_001,
        2**5_000,
        cycle(),
        [1, "x" * 300_000],
        # Which of the two is hidden depends on the order.
        {"password", b"x"},
    ],
    ids=["text", "list", "number", "cycle", "a part", "pair"],
)
def test_what_is_too_large_or_unclear_has_none(value):
    assert digest_one(value) is None


def test_a_depth_that_a_description_does_not_reach_has_none():
    value = []
    for _ in range(40):
        value = [value]
    assert digest_one(value) is None
    assert digest_one(value[0][0][0][0][0][0][0][0][0][0][0]) is not None


# Of secrets.


@pytest.mark.parametrize(
    "hide",
    [
        lambda word: {"password": word},
        lambda word: ("password", word),
        lambda word: [["Cookie", word]],
        lambda word: {"name": "token", "value": word},
        lambda word: f"token={word}",
        lambda word: {f"https://u:{word}@host/": 1},
        lambda word: [(b"password", word)],
    ],
    ids=["key", "pair", "header", "label", "text", "text of a key", "bytes"],
)
def test_a_secret_leaves_no_trace_in_it(hide):
    assert digest_one(hide("hunter2")) == digest_one(hide("swordfi")) is not None


def test_a_parameter_that_is_a_secrets_leaves_no_trace_in_it(launched):
    function, memory = launched(lambda password, x: x)
    function("hunter2", 1)
    function("swordfi", 1)
    function("hunter2", 2)
    first, second, third = digests(memory)
    assert first == second != third


def test_rules_of_the_users_own_hold():
    for rule in ("card", "$.value.card", lambda path, value: "-" if "card" in path else value):
        made = {digest_with({"card": word, "id": 1}, redact=[rule]) for word in "ab"}
        assert len(made) == 1
        assert None not in made


def test_a_rule_that_hides_all_leaves_none():
    def rule(path, value):
        raise ValueError

    assert digest_with({"a": 1}, redact=[rule]) is None
    _guard.reset()


def test_what_fails_leaves_none_and_the_call_is_compared(launched, monkeypatch):
    monkeypatch.setattr(_inputs, "_digest_of_call", lambda *_: 1 / 0)
    before = _guard.faults.value
    function, memory = launched()
    function(1)
    assert [(one.outcome, one.input_digest) for one in memory.records] == [("match", None)]
    assert _guard.faults.value == before + 1
    _guard.reset()
