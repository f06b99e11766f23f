"""What sinks wrote is read again, whole and in order."""

from __future__ import annotations

import gzip
import os
import tracemalloc

import pytest

from darkcall import ConfigurationError
from darkcall._storage import MAX_LINE_BYTES
from darkcall.analysis import read
from darkcall.sinks import JsonlSink, SqliteSink
from records import FULL


MANY_KINDS = {
    **FULL,
    "differences": [
        {"path": "$.a", "kind": "extra", "control_type": None, "candidate_type": "int"}
    ],
    "context": {"tenant": "ä\u2028"},
    "candidate_value": None,
}


@pytest.mark.parametrize("compress", [False, True])
def test_what_jsonl_files_hold_is_what_was_written(tmp_path, make_record, compress):
    sink = JsonlSink(tmp_path, max_bytes=MAX_LINE_BYTES, compress=compress)
    records = [make_record(number, "mismatch", **MANY_KINDS) for number in range(200)]
    for record in records:
        sink(record)
    sink.close()
    assert len(list(tmp_path.iterdir())) > 1
    reading = read(tmp_path)
    assert list(reading) == [record.to_dict() for record in records]
    assert repr(reading) == "<Reading 200 records, 0 skipped>"


def test_what_a_database_holds_is_what_was_written(tmp_path, make_record):
    sink = SqliteSink(tmp_path / "records.db")
    records = [make_record(number, "mismatch", **MANY_KINDS) for number in range(200)]
    sink.write_batch(records)
    # While it is open, and what was written is in its log.
    assert list(read(tmp_path / "records.db")) == [record.to_dict() for record in records]
    sink.close()
    before = (tmp_path / "records.db").read_bytes()
    assert list(read(tmp_path / "records.db")) == [record.to_dict() for record in records]
    assert (tmp_path / "records.db").read_bytes() == before


def test_several_sources_are_read_one_after_the_other(tmp_path, make_record, line, outcome):
    database = SqliteSink(tmp_path / "records.db")
    database(make_record(1))
    database.close()
    (tmp_path / "lines.log").write_bytes(line(2))
    (tmp_path / "lines.bin").write_bytes(gzip.compress(line(3)))
    names = ["records.db", "lines.log", "lines.bin"]
    assert outcome(read(*(tmp_path / name for name in names))) == ([1, 2, 3], {})


def test_of_a_directory_the_files_of_lines_are_read(tmp_path, line, outcome):
    (tmp_path / "b.jsonl").write_bytes(line(2))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line(1)))
    (tmp_path / "c.jsonl.gz.part").write_bytes(gzip.compress(line(3))[:-9])
    (tmp_path / "notes.txt").write_text("not ours")
    (tmp_path / "d.jsonl").mkdir()
    os.mkfifo(tmp_path / "e.jsonl")
    assert outcome(read(str(tmp_path))) == ([1, 2], {})


def test_a_file_in_both_forms_is_read_once(tmp_path, line, outcome):
    (tmp_path / "a.jsonl").write_bytes(line(1) + line(2))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line(1) + line(2))[:-12])
    assert outcome(read(tmp_path)) == ([1, 2], {})


def test_a_file_that_is_compressed_meanwhile_is_read(tmp_path, line, outcome):
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(1))
    reading = read(tmp_path)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line(1)))
    path.unlink()
    assert outcome(reading) == ([1], {})


def test_a_file_that_goes_away_meanwhile_is_counted(tmp_path, line, outcome):
    (tmp_path / "a.jsonl").write_bytes(line(1))
    (tmp_path / "b.jsonl").write_bytes(line(2))
    reading = read(tmp_path)
    (tmp_path / "a.jsonl").unlink()
    assert outcome(reading) == ([2], {"unreadable": 1})


def test_records_can_be_gone_through_once(tmp_path, line):
    (tmp_path / "a.jsonl").write_bytes(line(1) + line(2))
    reading = read(tmp_path)
    assert reading.skipped == dict.fromkeys(reading.skipped, 0)
    assert next(iter(reading))["call_id"] == "call-1"
    assert reading.records == 1
    assert next(iter(reading))["call_id"] == "call-2"
    assert list(reading) == []


def test_a_field_that_is_new_is_handed_on(numbers_and_skips, tmp_path, line):
    assert numbers_and_skips(line(1, weather="fine")) == ([1], {})
    [record] = read(tmp_path / "records.jsonl")
    assert record["weather"] == "fine"


def test_memory_does_not_grow_with_what_is_read(tmp_path, line, measured):
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.writelines(line(number, reason="r" * 20_000) for number in range(500))
        for _ in range(10):
            file.write(b"x" * 1_000_000)
    with gzip.open(tmp_path / "b.jsonl.gz", "wb", 1) as file:
        file.write(b"y" * 20_000_000)
    tracemalloc.start()
    try:
        reading = read(tmp_path)
        assert sum(1 for _ in reading) == 500
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reading.skipped["too_long"] == 2
    measured(
        "reading 40 MB of records, two lines of 10 and 20 MB: memory, MB", peak / 1e6, at_most=1
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nowhere", "source='nowhere' cannot be read: No such file or directory"),
        ("a\0b", "cannot be read: .*embedded null"),
        (7, "source=7 cannot be read: .*int"),
        (b"records", "source=b'records' cannot be read: .*bytes"),
        ("/dev/null", "source='/dev/null' must be a file or a directory"),
    ],
)
def test_what_cannot_be_a_source_is_refused_at_once(source, said):
    with pytest.raises(ConfigurationError, match=said):
        read(source)


def test_no_source_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="at least one file or directory"):
        read()
