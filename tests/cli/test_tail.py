"""The last records are shown, and those that come in, wherever the writer puts them."""

from __future__ import annotations

import gzip
import json
import sqlite3

import pytest

from darkcall._cli import _tail
from darkcall._cli._following import Following
from darkcall._storage import MAX_LINE_BYTES
from darkcall.sinks import JsonlSink, SqliteSink
from records import a_record


def line(number, outcome="match", **fields):
    data = {**a_record(number, outcome).to_dict(), "at": 1_700_000_000 + number, **fields}
    return json.dumps(data).encode() + b"\n"


def numbers(records):
    return [int(record["call_id"].removeprefix("call-")) for record in records]


def following(*sources, outcome=None):
    return Following(
        [str(source) for source in sources],
        lambda record: outcome is None or record["outcome"] == outcome,
    )


def test_the_last_records_of_all_files_are_shown_in_the_order_of_their_calls(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"".join(line(number) for number in range(0, 3000, 2)))
    (tmp_path / "b.jsonl").write_bytes(b"".join(line(number) for number in range(1, 3000, 2)))

    assert numbers(following(tmp_path).last(5)) == [2995, 2996, 2997, 2998, 2999]
    assert following(tmp_path).last(0) == []
    assert len(following(tmp_path).last(10_000)) == 3000


def test_patterns_and_databases_of_a_folder_are_followed_too(tmp_path):
    store = tmp_path / "b.db"
    sink = SqliteSink(store)
    (tmp_path / "a.jsonl").write_bytes(line(1))
    sink(a_record(2))
    by_folder, by_pattern = following(tmp_path), following(tmp_path / "*.*l*")

    assert sorted(numbers(by_folder.last(10))) == [1, 2]
    assert numbers(by_pattern.last(10)) == [1]
    sink(a_record(3))
    sink.close()
    assert numbers(by_folder.added()) == [3]


def test_only_records_of_the_outcome_count(tmp_path):
    lines = [line(number, "mismatch" if number % 1000 == 0 else "match") for number in range(3000)]
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines))

    assert numbers(following(tmp_path, outcome="mismatch").last(2)) == [1000, 2000]


def test_what_is_no_record_is_passed_over(tmp_path):
    content = [
        line(1),
        b"\n",
        b"no json\n",
        b'{"kind": "totals"}\n',
        b"x" * (9 * MAX_LINE_BYTES) + b"\n",
        line(2),
        line(3, reason="y" * MAX_LINE_BYTES),
        line(4)[:-20],
    ]
    (tmp_path / "a.jsonl").write_bytes(b"".join(content))

    assert numbers(following(tmp_path).last(10)) == [1, 2]


def test_a_file_without_a_whole_line_has_no_record_yet(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(1)[:-1])
    records = following(tmp_path)

    assert records.last(10) == []
    path.write_bytes(line(1) + line(2))
    assert numbers(records.added()) == [1, 2]


def test_what_is_added_comes_once_and_whole(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(1))
    records = following(tmp_path)
    assert numbers(records.last(10)) == [1]

    with path.open("ab") as file:
        file.write(line(2) + line(3)[:30])
    assert numbers(records.added()) == [2]
    assert records.added() == []
    with path.open("ab") as file:
        file.write(line(3)[30:])
    assert numbers(records.added()) == [3]


def test_a_new_file_and_one_that_was_compressed_meanwhile_lose_nothing_and_repeat_nothing(tmp_path):
    old = tmp_path / "a.jsonl"
    old.write_bytes(line(1))
    records = following(tmp_path)
    assert numbers(records.last(10)) == [1]

    old.unlink()
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line(1) + line(2)))
    (tmp_path / "b.jsonl").write_bytes(line(3))

    assert numbers(records.added()) == [2, 3]
    with (tmp_path / "b.jsonl").open("ab") as file:
        file.write(line(4))
    assert numbers(records.added()) == [4]
    assert records.added() == []


def test_a_compressed_file_that_is_cut_off_gives_what_it_has(tmp_path):
    whole = gzip.compress(b"".join(map(line, range(5000))), compresslevel=1)
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.jsonl.gz").write_bytes(b"no gzip")
    (found,) = numbers(following(tmp_path).last(1))

    assert 1000 < found < 4999


def test_a_compressed_file_gives_its_last_records(tmp_path):
    lines = b"".join(map(line, range(9)))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines))

    assert numbers(following(tmp_path).last(2)) == [7, 8]


def test_a_database_is_followed_too(tmp_path):
    path = tmp_path / "records.db"
    sink = SqliteSink(path)
    sink(a_record(1))
    records = following(path)
    assert numbers(records.last(10)) == [1]

    sink(a_record(2))
    assert numbers(records.added()) == [2]
    assert records.added() == []
    sink(a_record(3, "timeout"))
    sink.close()
    assert numbers(following(path, outcome="timeout").last(10)) == [3]


def typed_while(typed, monkeypatch, *steps, words):
    """Type ``tail -f``, do each step while it waits, and then press Ctrl-C."""
    waiting = iter(steps)

    def pause(_seconds):
        try:
            next(waiting)()
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(_tail, "pause", pause)
    return typed("tail", *words)


def test_records_are_shown_as_they_come_in_until_an_interrupt(typed, monkeypatch, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(1) + line(2, "mismatch", signature="$.a\x1b: value"))
    status, out, err = typed_while(
        typed,
        monkeypatch,
        lambda: path.write_bytes(path.read_bytes() + line(3, "timeout")),
        words=[str(tmp_path), "-f", "-n", "1"],
    )

    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "2023-11-14 22:13:22 UTC  mismatch  shop.price: v2  control 1 ms  $.a\\x1b: value",
        "2023-11-14 22:13:23 UTC  timeout  shop.price: v2  control 1 ms",
    ]


def test_an_interrupt_of_what_does_not_follow_is_one(typed, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    (tmp_path / "a.jsonl").write_bytes(line(1))
    monkeypatch.setattr(_tail, "say", interrupted)

    assert typed("tail", str(tmp_path)) == (130, "", "")


def test_records_are_shown_as_lines_of_json(typed, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(line(1) + line(2))
    status, out, _ = typed("tail", str(tmp_path), "--json", "--outcome", "match")

    assert status == 0
    assert out.encode() == line(1) + line(2)


def test_a_line_is_not_wrapped_however_long_it_is(typed, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(line(1, signature="long " * 100))
    _, out, _ = typed("tail", str(tmp_path))

    assert len(out.splitlines()) == 1


def test_following_ends_when_nobody_reads_any_more(typed, monkeypatch, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(line(1))
    monkeypatch.setattr(_tail, "say", lambda *_, **__: False)

    assert typed("tail", "-f", str(tmp_path)) == (0, "", "")


@pytest.mark.parametrize("command", ["tail", "watch"])
def test_a_place_that_does_not_exist_is_an_error(typed, command, tmp_path):
    status, _, err = typed(command, str(tmp_path / "nowhere"))

    assert status == 3
    assert "cannot be read: No such file" in err


def test_a_sink_that_rotates_is_followed_to_the_last_record(tmp_path):
    sink = JsonlSink(tmp_path, max_bytes=MAX_LINE_BYTES, compress=True)
    sink(a_record(0))
    records = following(tmp_path)
    found = numbers(records.last(10))
    for number in range(1, 500):
        sink(a_record(number))
        if number % 100 == 0:
            found += numbers(records.added())
    sink.close()
    found += numbers(records.added())

    assert sorted(found) == list(range(500))


def test_a_database_that_is_none_is_passed_over(tmp_path):
    path = tmp_path / "records.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()

    assert following(path).last(10) == []
