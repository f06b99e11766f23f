"""What a summary says beside its counts."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import types

import pytest

from darkcall import ConfigurationError
from darkcall._sketch import quantile
from darkcall.analysis import summarise
from darkcall.analysis._examples import MAX_EXAMPLE, MAX_TEXT, shortened
from darkcall.analysis._inputs import estimated
from darkcall.analysis._latency import SHARES, quantiles
from darkcall.analysis._summarise import summary_of
from summary_tables import SOURCES, a_record, a_rollup, connected, filled, some_totals


START = 1_700_000_000.0
DAY = 86_400.0
DIFFERS = "$.total value float"


@pytest.fixture(scope="module")
def connection():
    with connected() as connection:
        yield connection


@pytest.fixture
def summarised(connection):
    def of(records=(), totals=(), rollups=(), **wanted):
        filled(connection, records=records, totals=totals, rollups=rollups)
        return summary_of(connection, SOURCES, **wanted).candidates

    return of


def mismatch(number, signature=DIFFERS, **fields):
    return a_record(f"p1-0-{number}", "mismatch", signature=signature, **fields)


def noise_run(number, outcome="match", **fields):
    return a_record(f"p1-0-{number}", outcome, candidate="control", **fields)


def totals_of(source="p1-0", code="new", control="old", **fields):
    entry = {"shadowed": 1, "outcomes": {"match": 1}, "reasons": {}, "pending": 0, "code": code}
    return some_totals(source, candidates={"v2": entry}, control_code=control, **fields)


def test_nothing_recorded_makes_no_candidates(summarised):
    assert summarised() == ()


def test_a_launch_that_is_not_there_makes_no_candidates(summarised):
    assert summarised([a_record()], launch="shop.prices") == ()
    assert summarised([a_record()], candidate="control") == ()


def test_only_what_is_asked_for_counts(summarised):
    records = [
        a_record("p1-0-1", at=START),
        mismatch(2, at=START + 10),
        a_record("p1-0-2", candidate="v3", at=START + 10),
        a_record("p1-1-1", launch="o'clock", at=START + 10),
    ]
    (one,) = summarised(records, launch="o'clock")
    assert one.launch == "o'clock"
    (one,) = summarised(records, launch="shop.price", candidate="v2")
    assert (one.compared, one.failed) == (2, 1)
    (one,) = summarised(records, candidate="v2", launch="shop.price", since=START + 5)
    assert (one.compared, one.failed) == (1, 1)
    (one,) = summarised(records, until=START + 5)
    assert (one.compared, one.failed) == (1, 0)
    assert "span of time" in one.notes[0]


def test_of_a_span_of_time_the_totals_at_its_ends_are_subtracted(summarised):
    def at(seconds, n):
        entry = {"shadowed": n, "outcomes": {"dropped": n}, "reasons": {"full": n}, "pending": 0}
        fields = {"off": n, "shadowed": n, "at": START + seconds, "candidates": {"v2": entry}}
        return some_totals(**fields)

    told = [at(0, 1), at(60, 5), at(120, 20)]
    (one,) = summarised(totals=told, since=START + 30, until=START + 90)
    assert (one.coverage.off, one.coverage.outcomes) == (4, {"dropped": 4})
    (one,) = summarised(totals=told)
    assert (one.outcomes, one.reasons, one.compared) == ({"dropped": 20}, {"full": 20}, 0)


def test_without_the_control_run_again_all_differences_are_real(summarised):
    (one,) = summarised([mismatch(1)])
    assert one.noise is None
    assert one.groups[0].is_noise is None
    assert (one.paths[0].noise_count, one.paths[0].p_value) == (None, None)
    assert one.paths[0].is_difference
    assert one.versions[0].strata[0].real == 1


def test_what_the_control_does_as_often_is_noise(summarised):
    records = [mismatch(number) for number in range(40)]
    records += [noise_run(number, "mismatch", signature=DIFFERS) for number in range(40)]
    (one,) = summarised(records)
    assert (one.noise.real, one.noise.noisy, one.noise.noisy_failed) == (0, 40, 40)
    assert one.groups[0].is_noise
    assert not one.paths[0].is_difference


def test_what_the_control_does_far_less_often_is_a_difference(summarised):
    records = [mismatch(number) for number in range(40)]
    records += [noise_run(number) for number in range(39)]
    records.append(noise_run(39, "mismatch", signature=DIFFERS))
    (one,) = summarised(records)
    assert (one.noise.real, one.noise.noisy, one.noise.noisy_failed) == (40, 0, 0)
    assert one.paths[0].p_value < 1e-9


@pytest.mark.parametrize(
    "fields",
    [
        {"signature": "$ raised KeyError", "outcome": "candidate_error"},
        {"signature": "$ missing float"},
        {"signature": f"{DIFFERS}; $.tax value float"},
        {"signature": DIFFERS, "stopped": "after 1000 differences"},
        {"signature": "(cut) value float"},
        {"signature": "$.total value float; $.a... 0a1b2c3d"},
        {"outcome": "timeout"},
        {"signature": None},
    ],
)
def test_noise_at_a_path_excuses_nothing_else(summarised, fields):
    noise = ["$ value float", "(cut) value float", "(cut) value float; $ value float"]
    fields = {name: value for name, value in fields.items() if value is not None}
    outcome = fields.pop("outcome", "mismatch")
    records = [a_record(f"p1-0-{number}", outcome, **fields) for number in range(5)]
    for number in range(40):
        signature = DIFFERS if number % 2 else noise[number % 3]
        records.append(noise_run(number, "mismatch", signature=signature))
    (one,) = summarised(records)
    assert (one.noise.real, one.noise.noisy) == (5, 0)


def test_an_ignored_call_in_a_rollup_does_not_make_a_failed_one_noise(summarised):
    records = [noise_run(number, "mismatch", signature=DIFFERS) for number in range(40)]
    rollup = a_rollup(outcomes={"timeout": 1, "ignored": 1}, signatures={DIFFERS: 1})
    (one,) = summarised(records, rollups=[rollup])
    assert (one.failed, one.noise.real) == (1, 1)


@pytest.mark.parametrize("outcomes", [{"mismatch": 1, "ignored": 5}, {"mismatch": 1}])
def test_more_signatures_in_a_rollup_than_failed_calls_break_nothing(summarised, outcomes):
    records = [noise_run(number, "mismatch", signature=DIFFERS) for number in range(40)]
    (one,) = summarised(records, rollups=[a_rollup(outcomes=outcomes, signatures={DIFFERS: 6})])
    assert one.failed == 1
    assert 0 <= one.noise.real <= one.failed
    assert one.paths[0].rate == 1.0


def test_a_signature_of_a_rollup_joins_the_group_of_the_records(summarised):
    rollups = [
        a_rollup(outcomes={"candidate_error": 3}, signatures={"$ raised KeyError": 3}),
        a_rollup(outcomes={"mismatch": 4, "timeout": 1}, signatures={DIFFERS: 3}),
        a_rollup(outcomes={"ignored": 1}),
    ]
    (one,) = summarised([mismatch(1)], rollups=rollups)
    groups = {(group.outcome, group.signature): group.count for group in one.groups}
    assert groups == {
        ("mismatch", DIFFERS): 4,
        ("candidate_error", "$ raised KeyError"): 3,
        ("mismatch", "mismatch"): 1,
        ("timeout", "timeout"): 1,
        ("ignored", "ignored"): 1,
    }
    assert [(each.side, each.type, each.count) for each in one.raised] == [
        ("candidate", "KeyError", 3)
    ]


def test_a_group_shows_its_first_its_last_and_one_between(summarised):
    records = [
        mismatch(number, at=START + number, confirmation="deterministic") for number in range(9)
    ]
    (one,) = summarised(records)
    (group,) = one.groups
    times = [example["at"] - START for example in group.examples]
    assert (len(times), times[0], times[-1]) == (3, 0, 8)
    assert group.confirmations == one.confirmations == {"deterministic": 9}
    assert group.share == 1.0


def test_of_very_many_groups_the_largest_are_shown_and_all_count(summarised):
    records = [mismatch(number, f"$.k{'x' * number} value int") for number in range(60)]
    records.append(mismatch(60, "$.k value int"))
    (one,) = summarised(records)
    assert (len(one.groups), one.groups_left_out, one.failed) == (50, 10, 61)
    assert one.groups[0].count == 2


def test_the_exceptions_of_both_sides_are_counted_by_class(summarised):
    raised = {"type": "ValueError", "message": "x" * 5000}
    records = [mismatch(n, "$ exception A/B", control_raised=raised) for n in range(3)]
    (one,) = summarised(records)
    (each,) = one.raised
    assert (each.side, each.type, each.count) == ("control", "ValueError", 3)
    assert len(each.message) == MAX_TEXT


def test_a_long_text_is_cut_and_said_to_be(summarised):
    (one,) = summarised([mismatch(1, control_value="x" * 1_000_000, truncated=["arguments"])])
    (example,) = one.groups[0].examples
    assert len(example["control_value"]) == MAX_TEXT
    assert example["truncated"] == ["arguments", "control_value"]


def test_an_example_is_bounded_as_a_whole():
    record = {"outcome": "mismatch", "arguments": {"a": list(range(9**6))}, "signature": "s"}
    record["control_value"] = {"k" * 3000: [["x" * 900] * 90]}
    short = shortened(record)
    assert len(json.dumps(short)) < 10 * MAX_EXAMPLE
    assert short["signature"] == "s"
    assert short["truncated"] == ["arguments", "control_value"]


def test_confirmations_that_a_rollup_counts_are_counted(summarised):
    kept = mismatch(1, confirmation="deterministic")
    folded = a_rollup(
        outcomes={"mismatch": 5},
        signatures={kept["signature"]: 5},
        confirmations={"deterministic": 3, "flaky_control": 2},
    )
    (one,) = summarised([kept], rollups=[folded])
    assert one.confirmations == {"deterministic": 4, "flaky_control": 2}


def test_dates_far_off_do_not_stretch_the_trend(summarised):
    records = [a_record(f"p1-0-{n}", at=START + n) for n in range(1200)]
    records.append(a_record("p1-0-9998", at=START + 40_000 * DAY))
    records.append(mismatch(9999, at=0.0))
    (one,) = summarised(records)
    assert one.trend[0].at >= START
    assert one.trend[-1].at <= START + 1300
    assert one.trend[-1].compared_so_far == 1202
    assert one.trend[0].failed == 1
    assert "a clock is wrong" in one.notes[0]


def test_a_clock_that_was_set_back_is_noted(summarised):
    (one,) = summarised([a_record(at=START)], [totals_of(since=START + DAY)])
    assert "set back" in one.notes[0]


def test_versions_are_told_apart_and_their_mix_is_noted(summarised):
    records = [
        a_record("p1-0-1", at=START),
        mismatch(1, call_id="p2-0-1", at=START + 5),
        a_record("odd", at=START - 1),
    ]
    told = [totals_of("p1-0", "one"), totals_of("p2-0", "two", None)]
    (one,) = summarised(records, told)
    assert [(v.candidate, v.compared, v.failed) for v in one.versions] == [
        (None, 1, 0),
        ("one", 1, 0),
        ("two", 1, 1),
    ]
    assert one.groups[0].versions == ("two",)
    assert "3 code versions are mixed here: unknown, one beside control old, two" in one.notes
    assert one.versions[0].coverage.calls is None


@pytest.mark.parametrize("is_told", [True, False])
def test_a_launch_that_was_renamed_is_noted(summarised, is_told):
    records = [
        a_record("p1-0-1", at=START),
        a_record("p2-0-1", launch="price", at=START + 1),
        a_record("p3-0-1", launch="later", at=START + DAY),
    ]
    told = [totals_of("p1-0"), totals_of("p2-0", launch="price")] if is_told else []
    later, price, shop = summarised(records, told)
    assert price.notes == shop.notes == ("looks renamed: shop.price became price",)
    assert later.notes == ()


def test_two_launches_of_one_process_were_not_renamed(summarised):
    records = [
        a_record("p1-0-1", at=START),
        a_record("p1-1-1", launch="price", at=START + 1),
    ]
    told = [totals_of("p1-0"), totals_of("p1-1", launch="price")]
    price, shop = summarised(records, told)
    assert price.notes == shop.notes == ()


def test_parts_go_down_dots_and_values_left_out_are_noted(summarised, monkeypatch):
    monkeypatch.setattr("darkcall.analysis._parts.MOST_VALUES", 2)
    records = [
        a_record(f"p1-0-{n}", context={"user": {"a/b": value}}) for n, value in enumerate("xxyz")
    ]
    rollup = a_rollup(outcomes={"match": 3}, is_mixed=True)
    (one,) = summarised(records, rollups=[rollup], by="user.a/b")
    parts = one.versions[0].parts["user.a/b"]
    assert [(part.value, part.compared) for part in parts] == [(None, 3), ("x", 2)]
    assert one.versions[0].unparted == {"user.a/b": 5}
    assert one.notes == (
        "2 more values of user.a/b are not listed",
        "some rollups had too many contexts: of their calls user.a/b is not known",
    )


def test_a_confidence_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        summarise(tmp_path, confidence=95)


def test_many_different_inputs_of_rollups_are_estimated(summarised):
    digests = sorted(f"{(n * 2654435761 * 977) % 2**64:016x}" for n in range(1, 5001))
    (one,) = summarised(rollups=[a_rollup(inputs=digests[:64], inputs_counted=9000)])
    assert one.inputs.is_estimate
    assert one.inputs.counted == 9000
    assert estimated(["not a digest"] * 64) == 64.0


def test_quantiles_are_those_of_one_look_each():
    for zeros, counts in [(0, {}), (3, {}), (2, {-4: 1, 0: 5, 9: 1000}), (0, {1: 1})]:
        assert quantiles(zeros, counts) == {n: quantile(n, zeros, counts) for n in SHARES}


def test_a_record_of_each_kind_can_be_written_as_json(connection):
    filled(connection, records=[mismatch(1, candidate_seconds=0.0)], totals=[totals_of()])
    summary = summary_of(connection, SOURCES, by=["tenant"])
    data = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
    assert data["candidates"][0]["latency"]["control"]["counts"] == {"-141": 1}


def test_to_import_the_analysis_imports_no_database():
    code = "import sys, darkcall.analysis as a; a.Summary; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_calls_of_a_rollup_that_are_noise_are_so_in_their_part_too(summarised):
    records = [
        noise_run(number, "mismatch", signature=DIFFERS, context={"tenant": "x"})
        for number in range(40)
    ]
    fields = {"signatures": {DIFFERS: 2}, "context": {"tenant": "x"}, "sample_rate": 0.5}
    rollup = a_rollup(outcomes={"match": 1, "mismatch": 3}, **fields)
    (one,) = summarised([*records, a_record("p1-0-99")], rollups=[rollup], by=("tenant",))
    plain, part = one.versions[0].parts["tenant"]
    assert (plain.value, plain.compared, plain.failed) == (None, 1, 0)
    (stratum,) = part.strata
    assert (part.value, part.outcomes) == ("x", {"match": 1, "mismatch": 3})
    assert (stratum.rate, stratum.compared, stratum.failed, stratum.real) == (0.5, 4, 3, 1)
    assert one.noise.real == 1


def test_candidates_without_a_name_of_their_own_do_not_look_renamed(summarised):
    records = [
        a_record("p1-0-1", candidate="candidate"),
        a_record("p1-1-1", candidate="candidate", launch="another"),
    ]
    assert [one.notes for one in summarised(records)] == [(), ()]


def test_what_was_loaded_is_summarised(connection, monkeypatch):
    filled(connection, records=[mismatch(1)])
    asked = []

    @contextlib.contextmanager
    def load(sources, *, progress):
        asked.append((sources, progress))
        yield types.SimpleNamespace(connection=connection, sources=SOURCES)

    monkeypatch.setitem(sys.modules, "darkcall.analysis._load", types.SimpleNamespace(load=load))
    summary = summarise("here", "there", launch="shop.price", progress=print)
    assert asked == [(("here", "there"), print)]
    assert (summary.sources, summary.candidates[0].failed) == (SOURCES, 1)


def test_a_match_that_came_later_hides_no_mismatch_that_is_missing(summarised):
    records = [a_record(f"p1-0-{number}") for number in range(4)]
    entry = {"shadowed": 4, "outcomes": {"match": 2, "mismatch": 2}}
    totals = some_totals(shadowed=4, candidates={"v2": entry})

    [one] = summarised(records=records, totals=[totals])

    assert (one.coverage.missing, one.coverage.uncounted) == (2, 2)
    assert one.outcomes == {"match": 4, "mismatch": 2}


@pytest.mark.parametrize(("later", "rivals"), [(5.0, [True, True]), (10.0, [False, False])])
def test_code_that_runs_in_one_process_meanwhile_is_a_rival(summarised, later, rivals):
    begun = {"p1-0": START, "p1-1": START + later}
    records = [
        a_record(f"{source}-{number}", at=at + number)
        for source, at in begun.items()
        for number in (1, 9)
    ]
    told = [totals_of("p1-0"), totals_of("p1-1", code="newer")]

    [one] = summarised(records, told)

    assert [version.has_rival for version in one.versions] == rivals


def test_code_that_runs_in_another_process_meanwhile_is_no_rival(summarised):
    records = [a_record(f"{source}-0-{n}", at=START + n) for source in ("p1", "p2") for n in (1, 9)]
    told = [totals_of("p1-0"), totals_of("p2-0", code="newer")]

    [one] = summarised(records, told)

    assert not any(version.has_rival for version in one.versions)


@pytest.mark.parametrize(
    ("is_final", "pending", "doubled"), [(True, 0, 3), (True, 2, 1), (False, 0, 0)]
)
def test_more_calls_than_a_process_had_in_all_are_doubled(summarised, is_final, pending, doubled):
    records = [a_record(f"p1-0-{number}") for number in range(3)]
    rollup = a_rollup(outcomes={"match": 3})
    entry = {"shadowed": 3 + pending, "outcomes": {"match": 3}, "pending": pending}
    totals = some_totals(shadowed=3 + pending, candidates={"v2": entry}, is_final=is_final)

    [one] = summarised(records, [totals], [rollup])

    assert (one.coverage.uncounted, one.coverage.doubled) == (3, doubled)
