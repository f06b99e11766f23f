"""Whatever a database holds, reading it ends, and tells what it skipped."""

from __future__ import annotations

import contextlib
import os
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkcall._describe import describe
from darkcall._redact import Redactor
from darkcall.analysis import _rows, read
from darkcall.sinks import SqliteSink


@pytest.fixture
def path(tmp_path, make_record):
    path = tmp_path / "records.db"
    sink = SqliteSink(path)
    sink.write_batch([make_record(number, context={"number": number}) for number in range(300)])
    sink.close()
    return path


def change(path, statement, *values):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(statement, values)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("context", "what", "not_json"),
        ("context", b"\xff", "not_json"),
        ("context", "[" * 100_000, "too_deep"),
        ("context", "[]", "not_a_record"),
        ("context", '"' + "x" * _rows.MAX_VALUE_BYTES + '"', "too_long"),
        ("signature", b"\xff", "not_a_record"),
        ("signature", "x" * (_rows.MAX_VALUE_BYTES + 1), "too_long"),
        ("at", "now", "not_a_record"),
        ("schema", 2, "other_version"),
    ],
)
def test_a_row_that_is_no_record_costs_no_other(path, outcome, column, value, reason):
    change(path, f"UPDATE records SET {column}=? WHERE id=101", value)
    numbers = [number for number in range(300) if number != 100]
    assert outcome(read(path)) == (numbers, {reason: 1})


def test_bytes_that_are_no_text_are_no_record(path, outcome):
    change(path, "UPDATE records SET signature=CAST(x'ff' AS TEXT) WHERE id=101")
    assert outcome(read(path))[1] == {"not_a_record": 1}


def test_a_database_of_somebody_else_is_counted(tmp_path, outcome):
    change(tmp_path / "a.db", "CREATE TABLE carts (name TEXT)")
    change(tmp_path / "b.db", "CREATE TABLE records (id TEXT PRIMARY KEY) WITHOUT ROWID")
    change(tmp_path / "c.db", "CREATE VIEW records AS SELECT 1 AS id")
    change(tmp_path / "c.db", "CREATE TABLE carts (name TEXT)")
    sources = [tmp_path / name for name in ("a.db", "b.db", "c.db")]
    assert outcome(read(*sources)) == ([], {"unreadable": 3})


def test_a_database_whose_writer_was_killed_at_once_holds_nothing(tmp_path, outcome):
    change(tmp_path / "a.db", "PRAGMA journal_mode=WAL")
    assert outcome(read(tmp_path / "a.db")) == ([], {})


def test_a_database_that_is_read_only_is_read_and_left_as_it_is(path, outcome, monkeypatch):
    monkeypatch.setattr(_rows.os, "access", lambda path, mode: mode != os.W_OK)
    assert outcome(read(path)) == (list(range(300)), {})
    assert [file.name for file in path.parent.iterdir()] == ["records.db"]


def test_a_database_that_stays_locked_is_counted(path, outcome, monkeypatch):
    monkeypatch.setattr(_rows, "BUSY_SECONDS", 0.05)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("DELETE FROM records")
        assert outcome(read(path)) == ([], {"unreadable": 1})


def test_a_database_that_is_cut_off_gives_what_is_there(path, outcome):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 // 4096 * 4096])
    numbers, skipped = outcome(read(path))
    assert numbers == sorted(set(numbers))
    assert skipped["unreadable"] >= 1


def test_pages_that_are_damaged_cost_no_others(path, outcome):
    content = bytearray(path.read_bytes())
    content[8 * 4096 : 9 * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    numbers, skipped = outcome(read(path))
    assert numbers == sorted(set(numbers))
    assert skipped["unreadable"] >= 1


def test_rows_that_go_round_in_circles_are_left(path, outcome, monkeypatch):
    whole = _rows._after

    def again(last, table, connection, *, at_most):
        return whole(_rows._BEFORE_ALL, table, connection, at_most=at_most)

    monkeypatch.setattr(_rows, "_after", again)
    numbers, skipped = outcome(read(path))
    assert numbers == [*range(16), *range(16)]
    assert skipped == {"unreadable": 1}


def test_damage_behind_the_last_row_ends_the_reading(path, outcome, monkeypatch):
    change(path, "DELETE FROM records")

    def damaged(last, table, connection, *, at_most):
        raise sqlite3.DatabaseError

    monkeypatch.setattr(_rows, "_after", damaged)
    assert outcome(read(path)) == ([], {"unreadable": 1})


def test_a_writer_may_write_and_clear_meanwhile(path, make_record, outcome):
    reading = read(path)
    first = next(iter(reading))
    sink = SqliteSink(path)
    sink(make_record(300))
    change(path, "DELETE FROM records WHERE id BETWEEN 100 AND 200")
    with contextlib.closing(sqlite3.connect(path)) as database:
        # Nobody who reads keeps the log from being emptied.
        busy, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert (first["call_id"], busy) == ("call-0", 0)
    assert outcome_after(reading) == [*range(1, 99), *range(200, 301)]
    sink.close()


def outcome_after(reading):
    return [int(record["call_id"].removeprefix("call-")) for record in reading]


def test_the_largest_record_of_a_sink_is_read(tmp_path, make_record, outcome):
    sink = SqliteSink(tmp_path / "records.db")
    large = describe(["\U0001f600\0" * 2000] * 1000, Redactor())
    record = make_record(1, context={"a": large}, arguments={"b": large}, control_value=large)
    sink(record)
    sink.close()
    assert list(read(tmp_path / "records.db")) == [record.to_dict()]


@pytest.mark.parametrize("damaged", [b"candidate_seconds", b"CREATE TABLE records"])
def test_a_schema_that_is_no_text_is_counted(path, outcome, damaged):
    content = path.read_bytes()
    assert damaged in content
    path.write_bytes(content.replace(damaged, b"\x80" * len(damaged)))
    assert outcome(read(path)) == ([], {"unreadable": 1})


@pytest.fixture(scope="module")
def whole(tmp_path_factory, make_record):
    path = tmp_path_factory.mktemp("whole") / "records.db"
    sink = SqliteSink(path)
    sink.write_batch([make_record(number, reason="r" * 300) for number in range(60)])
    sink.close()
    return path


PLACES = st.integers(0, 200) | st.integers(0, 1 << 20)
DAMAGE = st.lists(st.tuples(PLACES, st.binary(min_size=1, max_size=8)), min_size=1, max_size=20)


@settings(max_examples=100)
@given(damage=DAMAGE, kept=st.none() | st.integers(0, 1 << 20))
def test_random_damage_is_never_fatal(tmp_path_factory, whole, damage, kept):
    content = bytearray(whole.read_bytes())
    for place, new in damage:
        at = place % len(content)
        content[at : at + len(new)] = new
    path = tmp_path_factory.mktemp("damaged") / "records.db"
    path.write_bytes(content[: None if kept is None else kept % len(content)])
    reading = read(path)
    assert sum(1 for _ in reading) == reading.records
    assert reading.records + sum(reading.skipped.values()) <= 1000
