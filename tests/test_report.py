from __future__ import annotations

import contextlib
import os
import platform
import time

import attrs
import pytest

from darkcall import Difference, _guard, _report, _trial, launch_of
from darkcall.runners import InlineRunner


INLINE = InlineRunner()


@pytest.fixture
def record_of(launched):
    """The one record of one call."""

    def call(control, candidate, *args, **knobs):
        function, memory = launched(control, candidate, runner=INLINE, **knobs)
        # What the control raises is part of the test.
        with contextlib.suppress(Exception):
            function(*args)
        (record,) = memory.records
        return record

    return call


def test_a_record_says_where_and_when(record_of):
    before = time.time()
    record = record_of(lambda x: x, lambda x: x, 1, name="shop.price")

    assert record.launch == "shop.price"
    assert record.candidate == "candidate"
    assert record.host == platform.node()
    assert record.pid == os.getpid()
    assert before - 0.1 <= record.at <= time.time() + 0.1
    assert record.sample_rate == 1.0


def test_a_record_says_how_long_each_side_took(record_of):
    def candidate(x):
        began = time.perf_counter()
        while time.perf_counter() < began + 0.01:
            pass
        return x

    record = record_of(lambda x: x, candidate, 1)

    assert 0.0 <= record.control_seconds < record.candidate_seconds
    assert record.candidate_seconds >= 0.01
    assert 0.0 < record.candidate_cpu_seconds <= record.candidate_seconds + 0.01
    assert record.waited_seconds >= 0.0


def test_candidates_of_one_call_share_its_id_and_calls_do_not(launched):
    function, memory = launched(lambda x: x, {"v2": lambda x: x, "v3": lambda x: x}, runner=INLINE)
    function(1)
    function(2)
    first, second, third, fourth = [record.call_id for record in memory.records]

    assert first == second != third == fourth


def test_launches_of_one_name_do_not_share_ids(record_of):
    ids = {record_of(lambda x: x, lambda x: x, 1, name="same").call_id for _ in range(3)}

    assert len(ids) == 3


def test_a_forked_child_gives_other_ids(record_of, monkeypatch):
    monkeypatch.setattr(_report, "_process", _report._process)
    before = _report._process
    _report.after_fork()

    assert _report._process != before


class TestKeepNothing:
    def test_differences_have_types_and_no_values(self, record_of):
        record = record_of(
            lambda x: {"total": "one secret"},
            lambda x: {"total": "another"},
            1,
            keep="nothing",
        )

        assert record.outcome == "mismatch"
        assert record.differences == [
            {
                "path": "$.total",
                "kind": "value",
                "control_type": "str",
                "candidate_type": "str",
            }
        ]
        assert "secret" not in str(record.to_dict())

    def test_exceptions_have_a_type_and_no_message(self, record_of):
        def control(x):
            raise ValueError("one secret")

        def candidate(x):
            raise KeyError("another secret")

        record = record_of(control, candidate, 1, keep="nothing")

        assert record.control_raised == {"type": "ValueError"}
        assert record.candidate_raised == {"type": "KeyError"}
        assert "secret" not in str(record.to_dict())


class TestKeepDifferences:
    def test_differences_have_both_values_and_nothing_else_is_kept(self, record_of):
        record = record_of(lambda x: {"a": 1, "b": 7}, lambda x: {"a": 2, "b": 7}, "argument")
        (difference,) = record.differences

        assert (difference["control"], difference["candidate"]) == (1, 2)
        assert record.arguments is record.control_value is record.candidate_value is None
        assert "argument" not in str(record.to_dict())

    def test_a_match_keeps_no_value(self, record_of):
        record = record_of(lambda x: {"a": "unique"}, lambda x: {"a": "unique"}, 1)

        assert "unique" not in str(record.to_dict())

    def test_differences_of_one_kind_have_one_signature(self, record_of):
        first = record_of(lambda x: {"a": 1}, lambda x: {"a": 2}, 1)
        second = record_of(lambda x: {"a": 3}, lambda x: {"a": 4}, 1)
        third = record_of(lambda x: {"b": 3}, lambda x: {"b": 4}, 1)

        assert first.signature == second.signature != third.signature


class TestKeepEverything:
    def test_arguments_are_kept_by_parameter_with_both_values(self, record_of):
        record = record_of(
            lambda cart, tax: [cart, tax],
            lambda cart, tax: [cart, tax],
            {"lines": [1]},
            0.2,
            keep="everything",
        )

        assert record.arguments == {"cart": {"lines": [1]}, "tax": 0.2}
        assert record.control_value == record.candidate_value == [{"lines": [1]}, 0.2]

    def test_arguments_are_kept_as_they_were_before_the_candidate(self, record_of):
        def candidate(cart):
            cart.append("candidate")

        cart = ["caller"]
        record = record_of(lambda cart: None, candidate, cart, keep="everything", isolate="share")

        assert record.arguments == {"cart": ["caller"]}

    def test_a_side_that_raised_has_no_value(self, record_of):
        def candidate(cart):
            raise ValueError

        record = record_of(lambda cart: 1, candidate, 1, keep="everything")

        assert record.control_value == 1
        assert record.candidate_value is None
        assert record.candidate_raised["type"] == "ValueError"

    def test_secrets_are_redacted(self, record_of):
        record = record_of(
            lambda cart, password: {"card": 1, "password": password},
            lambda cart, password: {"card": 2, "password": password},
            1,
            "hunter2",
            keep="everything",
            redact=("card",),
        )
        text = str(record.to_dict())

        assert "hunter2" not in text
        assert "redacted" in text


def test_the_differences_of_a_comparator_of_ones_own_are_described(record_of):
    record = record_of(
        lambda x: 1,
        lambda x: 1,
        1,
        compare=lambda a, b: [Difference("$.a", "strange", object(), {1, 2})],
    )

    assert record.outcome == "mismatch"
    assert record.differences[0]["kind"] == "strange"
    assert record.differences[0]["control_type"] == "object"


def test_what_a_comparison_says_of_its_end_is_redacted_and_bounded(record_of):
    class Found(list):
        stopped = "too many values " * 10_000

    record = record_of(
        lambda x: 1, lambda x: 2, 1, compare=lambda a, b: Found([Difference("$", "value", 1, 2)])
    )

    assert record.stopped.startswith("too many values")
    assert len(record.stopped) < 10_000


@pytest.mark.parametrize("outcome", ["match", "mismatch"])
def test_a_call_whose_record_cannot_be_made_is_counted_all_the_same(launched, monkeypatch, outcome):
    def fail(*_args):
        raise ValueError

    monkeypatch.setattr(_trial, "record_of", fail)
    monkeypatch.setattr(_trial, "record_of_match", fail)
    function, memory = launched(lambda x: x, lambda x: x + (outcome == "mismatch"), runner=INLINE)
    before = _guard.faults.value
    function(1)

    assert memory.records == []
    assert launch_of(function).stats().outcomes[outcome] == 1
    assert _guard.faults.value == before + 1


def test_the_record_of_a_match_is_as_any_other(launched):
    records = []
    for knobs in ({}, {"normalize": lambda value: value}):
        function, memory = launched(
            lambda x: x, lambda x: x, name="shop.price", runner=INLINE, **knobs
        )
        function([1])
        records.append(memory.records[0])
    short, long = (attrs.asdict(record) for record in records)
    differing = {field for field in short if type(short[field]) is not type(long[field])}
    measured = {"call_id", "at"} | {field for field in short if field.endswith("_seconds")}

    assert not differing
    assert {field for field in short if short[field] != long[field]} <= measured


def test_a_context_that_cannot_be_opened_is_told_in_its_place(record_of):
    class OpensBadly:
        def __reduce__(self):
            return int, ("x",)

    before = _guard.faults.value
    record = record_of(lambda x: x, lambda x: x, 1, context=lambda x: {"tenant": OpensBadly()})

    assert record.outcome == "match"
    assert record.context == {"$": {"$": "dict", "undescribable": True}}
    assert _guard.faults.value == before + 1
