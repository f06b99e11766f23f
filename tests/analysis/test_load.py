"""Sources of every kind come into tables, each record once."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import sqlite3
import sys

import attrs
import pytest

from darkcall._errors import ConfigurationError
from darkcall._rollup import Rollup
from darkcall._totals import Totals
from darkcall.analysis import _bulk, _load, _sources, read
from darkcall.analysis._load import load
from darkcall.sinks import SqliteSink
from records import FULL, a_record


pytest.importorskip("duckdb")

SHADOWED = {"shadowed": 1, "outcomes": {"match": 1}}
LATER = {"waited_seconds": 0.1, "candidate_seconds": 0.2, "sample_rate": 1.0}


def lines(*numbers, outcome="match", **fields):
    return b"".join(
        json.dumps(
            a_record(n, outcome, **LATER, **fields).to_dict(), separators=(",", ":")
        ).encode()
        + b"\n"
        for n in numbers
    )


def query(loaded, text):
    return loaded.connection.execute(text).fetchall()


def test_an_odd_name_a_link_and_a_second_mention_make_no_difference(tmp_path):
    folder = tmp_path / "host=[a]*'x\n?"
    folder.mkdir()
    (folder / "re*co[r]d's \n.jsonl").write_bytes(lines(1, 2))
    (tmp_path / "link").symlink_to(folder)
    with load([folder, str(tmp_path / "link"), str(tmp_path / "ho*")]) as loaded:
        assert (loaded.sources.files, loaded.sources.records) == (1, 2)
        assert loaded.sources.duplicates == 0


def test_a_compressed_file_beside_the_same_one_counts_once_and_alone_counts_too(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(1))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines(1))[:-5])
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines(2)))
    with load([f"{tmp_path}/**/*.gz", tmp_path]) as loaded:
        assert (loaded.sources.files, loaded.sources.records) == (2, 2)
        assert not any(loaded.sources.skipped.values())


def test_records_come_from_a_database_with_totals_and_rollups(tmp_path):
    totals = Totals("p-0", "shop.price", 2.0, 1.0, "h", 7, 0, 0, 0, 1, {"v2": SHADOWED})
    rollup = Rollup("p-0", "shop.price", "v2", 1.0, 2.0, "h", 7, {"match": 5, "mismatch": 1})
    sink = SqliteSink(tmp_path / "records.db")
    sink(a_record(1, "mismatch", **FULL | {"differences": []}))
    sink.close()
    rows = b"".join(json.dumps(each.to_dict()).encode() + b"\n" for each in (totals, rollup) * 2)
    (tmp_path / "a.jsonl").write_bytes(rows + b'{"schema":1,"kind":"strange"}\n')
    with load([tmp_path]) as loaded:
        assert loaded.sources.records == 1
        assert loaded.sources.rolled_up == 6
        assert loaded.sources.duplicates == 2
        assert loaded.sources.skipped["not_a_record"] == 1
        assert query(loaded, "SELECT source, off, is_final FROM totals") == [("p-0", 0, False)]
        [(body, context)] = query(loaded, "SELECT body, context FROM records")
        assert json.loads(body)["signature"] == "ab12"
        assert json.loads(context) == {"tenant": "x"}


def test_of_two_that_contradict_each_other_the_worse_one_is_kept(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(1, 2) + lines(1, outcome="mismatch"))
    (tmp_path / "b.jsonl").write_bytes(lines(2))
    with load([tmp_path]) as loaded:
        assert query(loaded, "SELECT outcome FROM records ORDER BY number") == [
            ("mismatch",),
            ("match",),
        ]
        assert loaded.sources.duplicates == 2


def test_a_record_that_is_dated_after_now_is_counted_and_kept(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(1))
    with load([tmp_path], now=lambda: 1_600_000_000.0) as loaded:
        assert (loaded.sources.records, loaded.sources.ahead) == (1, 1)


def test_an_empty_folder_has_no_records(tmp_path):
    (tmp_path / "empty.jsonl").touch()
    with load([tmp_path]) as loaded:
        assert (loaded.sources.files, loaded.sources.records) == (1, 0)


def test_no_such_folder_is_named(tmp_path):
    for source in (tmp_path / "none", f"{tmp_path}/none*", 5):
        with pytest.raises(ConfigurationError, match=r"none|5"):
            load([source])


def test_a_pipe_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "a.jsonl")
    with load([tmp_path]) as loaded:
        assert loaded.sources.files == 0
    with pytest.raises(ConfigurationError, match="must be a file"):
        load([tmp_path / "a.jsonl"])


def test_an_exception_of_progress_ends_it_and_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_bytes(lines(1))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load([tmp_path / "a.jsonl"], progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_progress_goes_from_nothing_to_all(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(1))
    told = []
    load([tmp_path], progress=lambda *each: told.append(each)).close()
    size = (tmp_path / "a.jsonl").stat().st_size
    assert told == [(0, size), (size, size)]


def test_without_duckdb_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ConfigurationError, match=r"darkcall\[report\]"):
        load([tmp_path])


def test_a_file_that_is_compressed_meanwhile_is_read_all_the_same(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(1, 2))

    def compress(done, total):
        if path.exists():
            (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()

    with load([tmp_path], progress=compress) as loaded:
        assert loaded.sources.records == 2
        assert not any(loaded.sources.skipped.values())


def test_a_file_that_vanishes_is_unreadable(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(1))
    with load([path], progress=lambda *_: path.unlink(missing_ok=True)) as loaded:
        assert (loaded.sources.records, loaded.sources.skipped["unreadable"]) == (0, 1)


def test_a_torn_line_and_a_broken_one_cost_no_other(tmp_path):
    whole = lines(*range(300))
    (tmp_path / "a.jsonl").write_bytes(whole + b"\xff\n" + lines(300) + lines(301)[:-9])
    with load([tmp_path]) as loaded:
        assert loaded.sources.records == 301
        counts = {reason: n for reason, n in loaded.sources.skipped.items() if n}
        assert counts == {"not_json": 1, "torn": 1}


TOTALS = Totals("p-0", "l", 2.0, 1.0, "h", 7, 0, 0, 0, 1, {"v2": SHADOWED})
ROLLUP = Rollup(
    "p-0", "l", "v2", 1.0, 2.0, "h", 7, {"match": 5}, ratio={"zeros": 1, "counts": {"-3": 4}}
)


@pytest.mark.parametrize(
    ("data", "changes", "reason"),
    [
        (TOTALS, {"schema": "1"}, "not_a_record"),
        (TOTALS, {"schema": 2}, "other_version"),
        (TOTALS, {"kind": ["totals"]}, "not_a_record"),
        (TOTALS, {"off": -1}, "not_a_record"),
        (
            TOTALS,
            {"candidates": {"v2": {"shadowed": 1, "outcomes": {"match": 0.5}}}},
            "not_a_record",
        ),
        (TOTALS, {"at": 1e300}, "not_a_record"),
        (ROLLUP, {"outcomes": {"match": -1}}, "not_a_record"),
        (ROLLUP, {"ratio": {"counts": {"x": 1}}}, "not_a_record"),
        (ROLLUP, {"inputs": [1]}, "not_a_record"),
    ],
)
def test_totals_and_rollups_of_another_shape_are_counted(tmp_path, data, changes, reason):
    fields = {**data.to_dict(), **changes}
    content = "".join(json.dumps(each) + "\n" for each in (data.to_dict(), fields))
    (tmp_path / "a.jsonl").write_text(content)
    with load([tmp_path]) as loaded:
        assert query(
            loaded, "SELECT count(*) FROM totals UNION ALL SELECT count(*) FROM rollups"
        ) in ([(1,), (0,)], [(0,), (1,)])
        assert loaded.sources.skipped[reason] == 1


def test_half_a_surrogate_pair_is_no_end_of_it(tmp_path):
    strange = {**TOTALS.to_dict(), "launch": "\ud800"}
    (tmp_path / "a.jsonl").write_bytes(json.dumps(strange).encode() + b"\n" + lines(1))
    with load([tmp_path]) as loaded:
        assert query(loaded, "SELECT launch FROM totals") == [("?",)]


def test_one_odd_line_leaves_the_other_files_as_they_are(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(*range(9)))
    (tmp_path / "b.jsonl").write_bytes(lines(9) + b"\xff\n\r\n" + lines(10))
    (tmp_path / "c.jsonl").write_bytes(b"\xef\xbb\xbf" + lines(11, 11))
    with load([tmp_path]) as loaded:
        assert (loaded.sources.records, loaded.sources.duplicates) == (12, 1)
        assert loaded.sources.skipped["not_json"] == 1


def test_a_temporary_directory_whose_name_looks_like_a_pattern_serves(tmp_path, monkeypatch):
    temporary = tmp_path / "t[e]*m,p"
    temporary.mkdir()
    (tmp_path / "a.jsonl").write_bytes(lines(1) + lines(2)[:-1])
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with load([tmp_path / "a.jsonl"]) as loaded:
        assert loaded.sources.records == 2
    assert not list(temporary.iterdir())


def test_a_very_long_line_is_counted_and_costs_no_other(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(1) + b"x" * (16 << 20) + b"\n" + lines(2))
    (tmp_path / "b.jsonl").write_bytes(lines(3, reason="x" * (1 << 20)))
    with load([tmp_path]) as loaded:
        assert (loaded.sources.records, loaded.sources.skipped["too_long"]) == (2, 2)


def test_a_match_keeps_its_context_and_the_hash_of_its_input(tmp_path):
    matches = [
        lines(1, input_digest="d"),
        lines(2, context={"tenant": "a", "n": 1}, input_digest="d"),
        lines(3, context={"input_digest": "}"}, input_digest="d"),
        lines(4, context={}),
    ]
    (tmp_path / "a.jsonl").write_bytes(b"".join(matches))
    with load([tmp_path]) as loaded:
        rows = query(loaded, "SELECT context, input, body FROM records ORDER BY number")
    contexts, inputs, bodies = zip(*rows, strict=True)
    assert contexts == (None, '{"tenant":"a","n":1}', '{"input_digest":"}"}', "{}")
    assert inputs[0] == inputs[1] == inputs[2] is not None
    assert inputs[3] is None
    assert bodies == (None,) * 4


def test_a_database_with_totals_and_no_table_of_records_is_unreadable(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute("CREATE TABLE totals (id INTEGER PRIMARY KEY, data TEXT NOT NULL)")
    with load([tmp_path]) as loaded:
        assert loaded.sources.skipped["unreadable"] == 1


def test_very_many_rollups_are_written_together(tmp_path):
    rollups = (attrs.evolve(ROLLUP, began=number) for number in range(3000))
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(r.to_dict()) + "\n" for r in rollups))
    with load([tmp_path]) as loaded:
        assert loaded.sources.rolled_up == 15_000
        assert query(loaded, "SELECT DISTINCT outcomes, ratio, confirmations FROM rollups") == [
            ('{"match":5}', '{"zeros":1,"counts":{"-3":4}}', "{}")
        ]


@pytest.mark.parametrize("is_compressed", [False, True])
def test_in_small_pieces_everything_comes_to_the_same(tmp_path, monkeypatch, is_compressed):
    monkeypatch.setattr(_bulk, "PIECE_BYTES", 1000)
    monkeypatch.setattr(_load, "_GROUP_FILES", 1)
    for name, numbers in (("a", range(9)), ("b", range(9, 20))):
        content = lines(*numbers) + lines(100 + numbers[0], outcome="mismatch") + b"\xff\n"
        for began in range(5):
            rollup = attrs.evolve(ROLLUP, launch="caf\u00e9", began=began)
            content += json.dumps(rollup.to_dict(), ensure_ascii=False).encode() + b"\n"
        if is_compressed:
            (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress(content))
        else:
            (tmp_path / f"{name}.jsonl").write_bytes(content)
    with load([tmp_path]) as loaded:
        assert (loaded.sources.records, loaded.sources.skipped["not_json"]) == (22, 2)
        assert (loaded.sources.rolled_up, loaded.sources.duplicates) == (25, 5)


def test_without_links_and_without_bulk_each_line_is_taken(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr("pathlib.Path.symlink_to", refuse)
    monkeypatch.setattr(_bulk.Bulk, "_is_taken_whole", lambda *_: False)
    (tmp_path / "a.jsonl").write_bytes(lines(1, 2) + lines(3, outcome="mismatch"))
    with load([tmp_path]) as loaded:
        assert loaded.sources.records == 3


def test_totals_and_rollups_come_from_a_database(tmp_path):
    sink = SqliteSink(tmp_path / "records.db")
    sink.write_batch([a_record(1, **LATER), TOTALS, ROLLUP])
    sink.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "records.db")) as database:
        database.execute("INSERT INTO totals (data) VALUES (?)", (lines(7).decode(),))
        database.commit()
    with load([tmp_path]) as loaded:
        assert query(loaded, "SELECT count(*) FROM totals") == [(1,)]
        assert (loaded.sources.records, loaded.sources.rolled_up) == (1, 5)
        assert loaded.sources.skipped["not_a_record"] == 1
    with contextlib.closing(sqlite3.connect(tmp_path / "records.db")) as database:
        database.execute("DROP TABLE totals")
    with load([tmp_path]) as loaded:
        assert (loaded.sources.records, loaded.sources.rolled_up) == (1, 5)


def test_a_database_is_read_with_what_stands_beside_its_records(tmp_path):
    sink = SqliteSink(tmp_path / "records.db")
    sink.write_batch([a_record(1, **LATER), TOTALS, ROLLUP])
    sink.close()
    reading = read(tmp_path / "records.db")
    assert [len(list(reading)), reading.totals, reading.rollups] == [1, 1, 1]


def test_a_folder_that_may_not_be_listed_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(ConfigurationError, match="Permission denied"):
        load([tmp_path])


def test_a_file_that_goes_while_files_are_found_is_unreadable(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_bytes(lines(1))
    monkeypatch.setattr(_sources, "_files_at", lambda path: [path / "a.jsonl", path / "b.jsonl"])
    with load([tmp_path]) as loaded:
        assert (loaded.sources.records, loaded.sources.skipped["unreadable"]) == (1, 1)
