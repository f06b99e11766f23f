"""What is wrong with the records is one clear line or a counted exclusion, from end to end."""

from __future__ import annotations

import json
import os
import pathlib
import time

import pytest

from darkcall import Record, Totals, _cli
from darkcall._rollup import Rollup
from darkcall.sinks import JsonlSink


NOW = time.time()
LAUNCH = "shop.price"


class Ran:
    """The command line in this process, on records that are there."""

    def __init__(self, capsys, folder):
        self._capsys = capsys
        self.folder = folder

    def __call__(self, *words):
        status = _cli.main(words)
        told = self._capsys.readouterr()
        assert "Traceback" not in told.err
        return status, told.out, told.err

    def judged(self, *words):
        status, out, err = self("judge", str(self.folder), "--json", *words)
        return status, json.loads(out), err

    def summed_up(self):
        status, out, _ = self("summary", str(self.folder), "--json")
        assert status == 0
        return json.loads(out)


@pytest.fixture
def ran(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    return Ran(capsys, tmp_path / "records")


def a_record(number, outcome="match", **fields):
    given = {
        "call_id": f"aa11-0-{number}", "launch": LAUNCH, "candidate": "v2", "outcome": outcome,
        "at": NOW - 60 + number / 1000, "host": "web-1", "pid": 7, "control_seconds": 0.001,
        "candidate_seconds": 0.001, "sample_rate": 1.0,
    }  # fmt: skip
    return Record(**given | fields)


def totals_of(outcomes, source="aa11-0", launch=LAUNCH, code="c0de", **fields):
    shadowed = sum(outcomes.values())
    candidate = {"shadowed": shadowed, "outcomes": outcomes, "reasons": {}, "pending": 0}
    given = {
        "source": source, "launch": launch, "at": NOW, "since": NOW - 100, "host": "web-1",
        "pid": 7, "off": 0, "nested": 0, "unsampled": 0, "shadowed": shadowed,
        "candidates": {"v2": {**candidate, "late": 0, "cpu_bound": 0, "code": code}},
        "control_code": "c1c1", "is_final": True,
    }  # fmt: skip
    return Totals(**given | fields)


def written(folder, items):
    sink = JsonlSink(folder)
    sink.write_batch(list(items))
    sink.close()


def clean(calls, source="aa11-0", **fields):
    """Calls that match, all but the first five of them in a rollup."""
    first = [a_record(number, call_id=f"{source}-{number}", **fields) for number in range(5)]
    [one, *_] = first
    rest = Rollup(
        source=source,
        launch=one.launch,
        candidate=one.candidate,
        began=one.at,
        ended=one.at + 1,
        host=one.host,
        pid=one.pid,
        outcomes={"match": calls - 5},
        sample_rate=1.0,
    )
    return [*first, rest]


def test_clean_calls_are_ready(ran):
    written(ran.folder, [*clean(4000), totals_of({"match": 4000})])
    status, judgement, _ = ran.judged()

    assert (status, judgement["verdict"]) == (0, "READY")


def test_an_empty_folder_is_insufficient_data(ran):
    ran.folder.mkdir()
    status, judgement, _ = ran.judged()

    assert (status, judgement["verdict"]) == (2, "INSUFFICIENT_DATA")
    assert judgement["notes"]
    assert ran.summed_up()["candidates"] == []


def test_no_such_folder_is_a_usage_error_that_names_it(ran):
    status, out, err = ran("judge", str(ran.folder))

    assert (status, out) == (3, "")
    assert "records" in err
    assert len(err.splitlines()) <= 3


def test_a_folder_without_permission_is_a_usage_error_that_says_so(ran, monkeypatch):
    ran.folder.mkdir()
    scandir = os.scandir

    def refusing(path="."):
        if pathlib.Path(path) == ran.folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    status, _, err = ran("judge", str(ran.folder))

    assert status == 3
    assert "Permission denied" in err


def test_a_launch_that_nothing_was_recorded_of_is_never_ready(ran):
    written(ran.folder, [*clean(4000), totals_of({"match": 4000})])
    status, judgement, _ = ran.judged("--launch", "shop.prize")

    assert (status, judgement["verdict"]) == (2, "INSUFFICIENT_DATA")
    assert any("shop.prize" in note and LAUNCH in note for note in judgement["notes"])


def test_records_of_another_schema_are_counted_and_take_nothing_with_them(ran):
    written(ran.folder, [*clean(4000), totals_of({"match": 4000})])
    lines = [{**a_record(number).to_dict(), "schema": 99} for number in range(3)]
    (ran.folder / "odd.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    summary = ran.summed_up()

    assert summary["sources"]["skipped"]["other_version"] == 3
    assert summary["candidates"][0]["compared"] == 4000


def test_a_file_that_is_being_written_counts_up_to_its_last_whole_line(ran):
    written(ran.folder, [*clean(4000), totals_of({"match": 4000})])
    [file] = ran.folder.iterdir()
    with file.open("ab") as tail:
        tail.write(b'{"schema":1,"call_id":"aa11-0-4000","launch":"shop')
    summary = ran.summed_up()

    assert summary["sources"]["skipped"]["torn"] == 1
    assert summary["candidates"][0]["compared"] == 4000


def test_a_record_with_a_string_of_a_megabyte_is_counted_and_not_read(ran):
    written(ran.folder, [*clean(4000), totals_of({"match": 4000})])
    line = {**a_record(4000, "mismatch").to_dict(), "reason": "x" * (1 << 20)}
    (ran.folder / "long.jsonl").write_text(f"{json.dumps(line)}\n")
    summary = ran.summed_up()

    assert summary["sources"]["skipped"]["too_long"] == 1
    assert summary["candidates"][0]["compared"] == 4000


def test_ten_thousand_mismatches_become_a_few_groups(ran):
    kinds = ["$.price value float", "$.lines[*] missing dict", "$ raised ValueError"]
    mismatches = (
        a_record(number, "mismatch", signature=kinds[number * number % 3])
        for number in range(10_000)
    )
    written(ran.folder, [*mismatches, totals_of({"mismatch": 10_000})])
    [candidate] = ran.summed_up()["candidates"]

    assert sum(group["count"] for group in candidate["groups"]) == 10_000
    assert len(candidate["groups"]) == 2
    assert all(1 <= len(group["examples"]) <= 3 for group in candidate["groups"])


def test_signatures_without_end_are_counted_and_left_out(ran):
    mismatches = (
        a_record(number, "mismatch", signature=f"$.k{number} value int") for number in range(3000)
    )
    written(ran.folder, [*mismatches, totals_of({"mismatch": 3000})])
    [candidate] = ran.summed_up()["candidates"]

    assert len(candidate["groups"]) + candidate["groups_left_out"] == 3000
    assert len(candidate["groups"]) <= 50
    assert candidate["failed"] == 3000


def test_two_code_versions_are_told_apart_and_the_newest_is_judged(ran):
    old = (a_record(number, "mismatch", signature="$ value int") for number in range(2000))
    new = clean(4000, "bb22-0", at=NOW, pid=8)
    told = [
        totals_of({"mismatch": 2000}, code="01d"),
        totals_of({"match": 4000}, source="bb22-0", code="2e2", pid=8),
    ]
    written(ran.folder, [*old, *new, *told])
    status, judgement, _ = ran.judged()
    [candidate] = judgement["candidates"]

    assert (status, candidate["version"]) == (0, "2e2")
    assert "2,000" in candidate["criteria"][0]["text"]


def test_a_launch_that_was_renamed_in_the_middle_is_noted(ran):
    after = clean(10, "bb22-0", launch="shop.cost", at=NOW - 50)
    before = [*clean(10), totals_of({"match": 10})]
    told = totals_of({"match": 10}, source="bb22-0", launch="shop.cost")
    written(ran.folder, [*before, *after, told])
    candidates = ran.summed_up()["candidates"]

    assert all(any("renamed" in note for note in candidate["notes"]) for candidate in candidates)


def test_calls_on_which_both_sides_raise_match_and_are_told(ran):
    raised = {"type": "OSError", "message": "down"}
    both = [
        a_record(number, control_raised=raised, candidate_raised=raised) for number in range(20)
    ]
    written(ran.folder, [*both, totals_of({"match": 20})])
    [candidate] = ran.summed_up()["candidates"]

    assert (candidate["compared"], candidate["failed"]) == (20, 0)
    assert {(one["side"], one["type"], one["count"]) for one in candidate["raised"]} == {
        ("control", "OSError", 20),
        ("candidate", "OSError", 20),
    }
    assert any("control raised on 20 of 20" in note for note in ran.judged()[1]["notes"])


def test_dates_in_the_future_are_counted_and_noted(ran):
    ahead = a_record(4000, at=NOW + 10 * 365 * 86_400)
    written(ran.folder, [*clean(4000), ahead, totals_of({"match": 4001})])
    summary = ran.summed_up()

    assert summary["sources"]["ahead"] == 1
    assert any("clock" in note for note in summary["candidates"][0]["notes"])


@pytest.mark.parametrize("command", ["summary", "diff", "judge", "tail"])
def test_rubbish_is_no_error_of_any_command(ran, command):
    ran.folder.mkdir()
    (ran.folder / "rubbish.jsonl").write_bytes(os.urandom(5000) + b"\n{}\n[]\nnull\n\x00\xff\n")
    (ran.folder / "empty.jsonl").touch()
    status, _, err = ran(command, str(ran.folder))

    assert (status, err) == (2 if command == "judge" else 0, "")
