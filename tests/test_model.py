from __future__ import annotations

import json

import pytest

from darkcall import Call, CandidateStats, Difference, Observation, Outcome, Record, Stats


def a_record(**fields):
    return Record("a-0-1", "shop.price", "v2", "match", 1.5, "web", 7, 0.25, **fields)


def counts(*, pending=0, late=0, reasons=None, **outcomes):
    outcomes = {outcome.value: outcomes.get(outcome.value, 0) for outcome in Outcome}
    return CandidateStats(outcomes, reasons or {}, pending, late, 0)


def test_an_outcome_is_its_text():
    assert [str(outcome) for outcome in Outcome] == [
        "match",
        "mismatch",
        "ignored",
        "candidate_error",
        "timeout",
        "uncomparable",
        "skipped",
        "dropped",
    ]


def test_a_record_leaves_out_what_is_empty():
    assert a_record().to_dict() == {
        "schema": 1,
        "call_id": "a-0-1",
        "launch": "shop.price",
        "candidate": "v2",
        "outcome": "match",
        "at": 1.5,
        "host": "web",
        "pid": 7,
        "control_seconds": 0.25,
    }


def test_a_record_keeps_what_is_false_or_nothing_but_not_empty():
    data = a_record(waited_seconds=0.0, control_value=False, candidate_value=0).to_dict()

    assert data["waited_seconds"] == 0.0
    assert data["control_value"] is False
    assert data["candidate_value"] == 0


def test_a_record_keeps_its_differences():
    difference = {"path": "$", "kind": "value", "control_type": "int", "candidate_type": "int"}

    assert a_record(differences=[difference]).to_dict()["differences"] == [difference]


def test_records_do_not_share_their_lists():
    assert a_record().differences is not a_record().differences


def test_a_record_says_its_schema_first():
    assert next(iter(json.loads(json.dumps(a_record().to_dict())))) == "schema"


def test_a_record_cannot_be_changed():
    with pytest.raises(AttributeError):
        a_record().outcome = "mismatch"


def test_an_observation_that_holds_an_exception_raised():
    assert Observation(exception=ValueError()).raised


def test_an_observation_of_none_did_not_raise():
    assert not Observation(value=None).raised


def test_observations_and_differences_never_ask_their_values_for_equality():
    class Hostile:
        __hash__ = None

        def __eq__(self, other):
            raise RuntimeError

    value = Hostile()

    assert Observation(value) != Observation(value)
    assert Difference("$", "value", value, value) != Difference("$", "value", value, value)
    assert Call("shop.price", (value,), {}) != Call("shop.price", (value,), {})


def test_calls_are_all_that_were_counted():
    assert Stats(1, 2, 3, 4, {}, {}).calls == 10


def test_the_counts_of_several_candidates_add_up():
    stats = Stats(
        off=0,
        nested=0,
        unsampled=0,
        shadowed=5,
        sinks={},
        candidates={
            "v2": counts(match=3, timeout=1, pending=1, late=1, reasons={"full": 1}),
            "v3": counts(match=4, pending=1, late=2, reasons={"full": 2, "exit": 1}),
        },
    )

    assert stats.pending == 2
    assert stats.late == 3
    assert stats.outcomes["match"] == 7
    assert stats.outcomes["timeout"] == 1
    assert stats.reasons == {"full": 3, "exit": 1}


def test_with_everything_kept_a_value_that_is_none_was_returned():
    def record(**fields):
        return Record("c-1", "shop.price", "v2", "match", 1.5, "h", 7, 0.1, **fields).to_dict()

    both = record(arguments={}, candidate_seconds=0.1)
    assert (both["control_value"], both["candidate_value"]) == (None, None)
    one = record(arguments={}, candidate_seconds=0.1, candidate_raised={"type": "ValueError"})
    assert "control_value" in one
    assert "candidate_value" not in one
    timed_out = record(arguments={})
    assert "control_value" not in timed_out
    assert "candidate_value" not in timed_out
    assert "control_value" not in record(candidate_seconds=0.1)
