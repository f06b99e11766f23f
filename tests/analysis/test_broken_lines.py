"""Whatever a file of lines holds, reading it ends, and tells what it skipped."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkcall._describe import describe
from darkcall._redact import Redactor
from darkcall._storage import MAX_LINE_BYTES
from darkcall.analysis import _record, read
from record_schema import schema


def test_a_last_line_that_was_cut_off_is_torn(numbers_and_skips, line):
    whole = line(1) + line(2)
    for cut in range(len(line(1)) + 1, len(whole) - 1):
        assert numbers_and_skips(whole[:cut]) == ([1], {"torn": 1})


def test_a_line_that_lacks_nothing_but_its_newline_is_whole(numbers_and_skips, line):
    assert numbers_and_skips(line(1) + line(2)[:-1]) == ([1, 2], {})


def test_a_line_that_is_cut_off_in_the_middle_costs_no_other(numbers_and_skips, line):
    assert numbers_and_skips(line(1) + line(2)[:50] + b"\n" + line(3)) == ([1, 3], {"not_json": 1})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"what\n", "not_json", id="no JSON"),
        pytest.param(b"\xff\xfe{\n", "not_json", id="no UTF-8"),
        pytest.param(b'{"schema": NaN}\n', "not_json", id="NaN"),
        pytest.param(b'{"schema": -Infinity}\n', "not_json", id="infinity"),
        pytest.param(b'{"schema": 1e999}\n', "not_json", id="infinity in disguise"),
        pytest.param(b'{"schema": ' + b"9" * 5000 + b"}\n", "not_json", id="a huge integer"),
        pytest.param(b'{"schema": "a\0b"}\n', "not_json", id="a nul byte in a text"),
        pytest.param(b"\0" * 100 + b"\n", "not_json", id="nul bytes"),
        pytest.param(b"\0" * 100, "torn", id="nul bytes at the end"),
        pytest.param(b'{"schema": 1} {"schema": 1}\n', "not_json", id="two at once"),
        pytest.param('{"schema": 1}'.encode("utf-16") + b"\n", "not_json", id="UTF-16"),
        pytest.param(b"[" * 30_000 + b"\n", "too_deep", id="lists"),
        pytest.param(b'{"a":' * 5_000 + b"\n", "too_deep", id="objects"),
        pytest.param(b"[" * 201 + b"]" * 201 + b"\n", "too_deep", id="one list too many"),
        pytest.param(b"[" * 200 + b"]" * 200 + b"\n", "not_a_record", id="deep enough"),
        pytest.param(b"[" + b"[],{}," * 5000 + b"[]]\n", "not_a_record", id="wide"),
        pytest.param(b'["' + b"[" * 300 + b'\\"[[["]\n', "not_a_record", id="a text of brackets"),
        pytest.param(b"x" * MAX_LINE_BYTES + b"\n", "too_long", id="too long by its newline"),
        pytest.param(b"x" * 200_000, "too_long", id="too long, without an end"),
        pytest.param(b"12\n", "not_a_record", id="a number"),
        pytest.param(b"{}\n", "not_a_record", id="nothing in it"),
        pytest.param(b'{"schema": 1}\n', "not_a_record", id="hardly anything in it"),
        pytest.param(b'{"schema": true}\n', "not_a_record", id="a boolean version"),
        pytest.param(b'{"schema": 2}\n', "other_version", id="a newer one"),
        pytest.param(b'{"schema": 1, "kind": "totals"}\n', "not_a_record", id="no totals"),
        pytest.param(b'{"schema": 2, "kind": "rollup"}\n', "other_version", id="a newer rollup"),
        pytest.param(b'{"schema": 1, "kind": []}\n', "not_a_record", id="of another kind"),
    ],
)
def test_a_line_that_is_no_record_is_counted(numbers_and_skips, line, content, reason):
    assert numbers_and_skips(line(1) + content) == ([1], {reason: 1})
    if content.endswith(b"\n"):
        assert numbers_and_skips(content + line(2)) == ([2], {reason: 1})


@pytest.mark.parametrize(
    "wrong",
    [
        {"call_id": 1},
        {"outcome": "dropped"},
        {"outcome": "splendid"},
        {"at": True},
        {"at": 10**30},
        {"pid": 1.5},
        {"control_seconds": None},
        {"signature": None},
        {"differences": {}},
        {"differences": [1]},
        {"differences": [{"path": "$", "kind": "value"}]},
        {"control_raised": {}},
        {"candidate_raised": {"type": 1}},
        {"context": []},
        {"truncated": "context"},
    ],
    ids=json.dumps,
)
def test_a_field_of_another_type_makes_it_no_record(numbers_and_skips, line, wrong):
    assert numbers_and_skips(line(1, **wrong)) == ([], {"not_a_record": 1})


def test_the_types_are_those_of_the_schema():
    names = {
        str: "string", int: "integer", float: "number", list: "array", dict: "object",
        type(None): "null",
    }  # fmt: skip

    def named(kinds):
        return {names[kind] for kind in kinds} - ({"integer"} if float in kinds else set())

    def declared(properties):
        found = {}
        for name, about in properties.items():
            kind = about.get("type", "object" if "$ref" in about else None)
            if kind is not None:
                found[name] = {kind} if isinstance(kind, str) else set(kind)
        return found

    fields = {**_record._REQUIRED, **_record._OPTIONAL}
    del fields["outcome"]
    assert {name: named(kinds) for name, kinds in fields.items()} == declared(
        schema()["properties"]
    )
    assert {*_record._REQUIRED, "schema"} == set(schema()["required"])
    difference = schema()["$defs"]["difference"]
    assert {name: named(kinds) for name, kinds in _record._DIFFERENCE.items()} == declared(
        {name: difference["properties"][name] for name in difference["required"]}
    )
    assert list(_record._RAISED) == schema()["$defs"]["raised"]["required"]
    assert set(schema()["properties"]["outcome"]["enum"]) == _record.OUTCOMES


def test_empty_lines_and_empty_files_hold_nothing(numbers_and_skips, line):
    assert numbers_and_skips(b"") == ([], {})
    assert numbers_and_skips(b"", "records.log") == ([], {})
    assert numbers_and_skips(b"\n \r\n\n") == ([], {})
    assert numbers_and_skips(b"\n" + line(1).replace(b"\n", b"\r\n") + b"\n") == ([1], {})


def test_a_byte_order_mark_is_passed_over_at_the_beginning_alone(numbers_and_skips, line):
    bom = b"\xef\xbb\xbf"
    assert numbers_and_skips(bom + line(1) + bom + line(2)) == ([1], {"not_json": 1})


def test_of_a_key_that_is_there_twice_the_last_one_counts(numbers_and_skips, line):
    twice = line(1).replace(b"{", b'{"call_id": "call-7", ', 1)
    assert numbers_and_skips(twice) == ([1], {})


def test_a_lone_surrogate_is_text(numbers_and_skips, line):
    assert numbers_and_skips(line(1, reason="\ud800")) == ([1], {})


def test_a_compressed_file_that_is_cut_off_gives_what_is_there(numbers_and_skips, line):
    whole = gzip.compress(b"".join(line(n, reason=os.urandom(40).hex()) for n in range(2000)))
    found, skipped = numbers_and_skips(whole[: len(whole) // 2], "a.jsonl.gz")
    assert 500 < len(found) < 1500
    assert found == list(range(len(found)))
    assert skipped == {"unreadable": 1}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x1f\x8b", id="hardly begun"),
        pytest.param(b"\x1f\x8b\x08\x00what is this?" * 9, id="damaged"),
        pytest.param(gzip.compress(b"what\n")[:-8] + b"checksum", id="another checksum"),
    ],
)
def test_a_compressed_file_that_is_damaged_is_counted(numbers_and_skips, content):
    assert numbers_and_skips(content, "a.jsonl.gz")[1]["unreadable"] == 1


def test_what_is_written_while_it_is_read_is_no_line_of_its_own(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(1) + line(2)[:50])
    reading = read(path)
    records = iter(reading)
    next(records)
    with path.open("ab") as file:
        file.write(line(2)[50:] + line(3))
    left = list(records)
    assert reading.skipped["not_json"] == 0
    assert len(left) + reading.skipped["torn"] in {1, 2}


def test_what_a_sink_writes_is_never_too_deep(line, numbers_and_skips):
    deep = 0
    for _ in range(100):
        deep = {(1, deep and 2): (deep,)}
        deepest = {"a": describe(deep, Redactor())}
    nested = ValueError(1)
    for _ in range(100):
        nested = ExceptionGroup("g", [nested])
    other = {"b": describe(nested, Redactor())}
    written = line(1, context={"c": [deepest, other]})
    steps = [(char in b"{[") - (char in b"}]") for char in written]
    depth = max(itertools.accumulate(steps))
    assert 20 < depth <= _record.MAX_DEPTH / 2
    assert numbers_and_skips(written) == ([1], {})


def test_no_line_takes_long(numbers_and_skips, measured):
    slowest = 0.0
    for piece in (b'"', b"[", b'{"', b'\\"', b'"\\', b'[]"', b'"\\"', b"[{", b"],[", b"1,", b"\0"):
        for start in (b"", b"[" * 300, b'"', b"[" * 201 + b'"'):
            text = (start + piece * MAX_LINE_BYTES)[: MAX_LINE_BYTES - 1] + b"\n"
            began = time.thread_time()
            assert numbers_and_skips(text)[0] == []
            slowest = max(slowest, time.thread_time() - began)
    measured("reading the slowest line that was found, seconds", slowest, at_most=0.25)


PIECES = st.sampled_from(
    [
        b"\n", b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b"\0", b"NaN", b"1e999", b"\xff",
        b"\xef\xbb\xbf", b'"schema":1', b"\x1f\x8b", b"SQLite format 3\0", b"[" * 300,
        b"9" * 5000, b"x" * 40_000,
    ]
)  # fmt: skip


@settings(max_examples=150)
@given(pieces=st.lists(st.binary(max_size=30) | PIECES, max_size=30), zipped=st.booleans())
def test_random_bytes_are_never_fatal(tmp_path_factory, line, pieces, zipped):
    path = tmp_path_factory.mktemp("random") / "a.jsonl"
    content = line(1) + b"".join(pieces)
    path.write_bytes(gzip.compress(content, 1) if zipped else content)
    reading = read(path)
    assert sum(1 for _ in reading) == reading.records
    assert reading.records + sum(reading.skipped.values()) <= content.count(b"\n") + 1
