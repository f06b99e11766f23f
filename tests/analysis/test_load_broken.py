"""Whatever a file holds, loading it in bulk counts what reading it line by line counts."""

from __future__ import annotations

import gzip
import json
import re

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkcall._rollup import Rollup
from darkcall._totals import Totals
from darkcall.analysis import read
from darkcall.analysis._load import load
from records import FULL, a_record


pytest.importorskip("duckdb")

DIFFERENCE = {"path": "$.a", "kind": "value", "control_type": "int", "candidate_type": None}
FIELDS = {
    **FULL,
    "differences": [DIFFERENCE, {**DIFFERENCE, "control": [1], "candidate": {"a": None}}],
    "input_digest": "d",
    "confirmation": "flaky_control",
}
TOTALS = Totals("p-0", "l", 2.0, 1.0, "h", 7, 0, 0, 0, 0, {})
ROLLUP = Rollup("p-0", "l", "v2", 1.0, 2.0, "h", 7, {"match": 5}, context={"a": 1})
LATER = ("waited_seconds", "candidate_seconds", "candidate_cpu_seconds", "sample_rate")


def line_of(number, fields, outcome="match", **changes):
    data = {**a_record(number, outcome, **{name: FIELDS[name] for name in fields}).to_dict()}
    return json.dumps({**data, **changes}, separators=(",", ":")).encode() + b"\n"


usual = st.builds(
    line_of,
    st.integers(0, 10**6),
    st.sampled_from(
        [
            LATER,
            (*LATER[:2], "sample_rate"),
            (*LATER, "context", "input_digest"),
            (*LATER[:3], "input_digest"),
            LATER[:2],
            tuple(FIELDS),
            (),
        ]
    ),
    st.sampled_from(["match", "match", "mismatch", "ignored", "skipped", "dropped", "strange"]),
)
others = st.builds(
    lambda item, number: json.dumps(attrs.evolve(item, pid=number).to_dict()).encode() + b"\n",
    st.sampled_from([TOTALS, ROLLUP]),
    st.integers(0, 1),
)

VALUES = (
    b"NaN", b"-Infinity", b"inf", b"1e999", b"9" * 400, b"1e99", b"1" * 25, b"true", b"null",
    b'"5"', b"[5]", b"{}", b"1.0", b"-0", b"1E5", b'"\\ud800"', b'"\\u0000"', b'"\xff"', b"5 ",
    b" 5", b"5,", b'"a,\\"b"', b'"x,"', b"[[]]", b"[" * 250 + b"]" * 250, b"01", b"+1", b"1_0",
    b'"' + b"x" * 40_000 + b'"', b"1.", b".5", b'"\t"', b'"007"', b'"a-007"', b'"a-1_0"', b'"-5"',
    b'5,"at":6', b'"x", "host":5', b'5 , "host":5', b'{"type":"x","type":5}', b'[{"path":"x"}]',
    b"[1,]", b'{"a":1,}', b'{"a":NaN}', b'{"a":"}"}', b'{"a":1e999}', b'{"input_digest":"x"}',
    b"9223372036854775808", b"-9223372036854775808", b"9223372036854775807.5", b"1e-05",
    b'"x" ', b'"x"\t', b'{"a":' + b"5" * 5000 + b"}", b"-", b"--1", b"7.0", b"0x10",
)  # fmt: skip
MEMBER = re.compile(rb'"(\w+)": ?("(?:[^"\\]|\\.)*"|\{[^{}]*\}|[^,{}\[\]]+)')


@st.composite
def mangled(draw):  # noqa: PLR0911 - a way each
    line = draw(st.one_of(usual, usual, others))
    how = draw(st.sampled_from(["not", "cut", "flip", "insert", "value", "twice", "kind", "wrap"]))
    place = draw(st.integers(0, len(line) - 2))
    if how == "cut":
        return line[:place] + draw(st.sampled_from([b"", b"\n"]))
    if how == "flip":
        return line[:place] + bytes([draw(st.integers(0, 255))]) + line[place + 1 :]
    if how == "insert":
        piece = st.sampled_from(
            [b"\0", b"\r", b"\xff", b" ", b"\t", b",", b"\n", b'"', b"\\", b"\xef\xbb\xbf", b"}"]
        )
        return line[:place] + draw(piece) + line[place:]
    if how == "value":
        for _ in range(draw(st.integers(1, 2))):
            members = list(MEMBER.finditer(line))
            if not members:
                break
            start, end = draw(st.sampled_from(members)).span(2)
            line = line[:start] + draw(st.sampled_from(VALUES)) + line[end:]
        return line
    if how == "twice":
        name = draw(st.sampled_from(["at", "schema", "call_id", "outcome", "strange", "path"]))
        value = draw(st.sampled_from(VALUES))
        return line[:-2] + b',"%s":%s}\n' % (name.encode(), value)
    if how == "kind":
        return b'{"kind":' + draw(st.sampled_from([b'"what"', b"1", b"null"])) + b"," + line[1:]
    if how == "wrap":
        return draw(
            st.sampled_from([b"\n", b" \r\n", b"\xef\xbb\xbf" + line, b" " + line, line[:-1]])
        )
    return line


COLUMNS = ("at", "control_seconds", "candidate_seconds", "candidate_cpu_seconds", "sample_rate",
    "outcome", "launch", "candidate", "pid", "signature", "host")  # fmt: skip
KEPT = """SELECT ts, control_seconds, candidate_seconds, cpu_seconds, sample_rate,
    outcome, launch, candidate, pid, signature, host FROM records"""


def text_of(value):
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def columns_of(record):
    values = [text_of(record.get(name)) for name in COLUMNS]
    return repr(tuple(map(lambda n, v: v if v is None or n > 4 else float(v), range(11), values)))


def is_counted_alike(path):
    reading = read(path)
    records = list(reading)
    calls = {(text_of(each["call_id"]), text_of(each["candidate"])) for each in records}
    with load([path]) as loaded:
        kept = [repr(row) for row in loaded.connection.execute(KEPT).fetchall()]
        [(others,)] = loaded.connection.execute(
            "SELECT (SELECT count(*) FROM totals) + (SELECT count(*) FROM rollups)"
        ).fetchall()
    assert loaded.sources.skipped == reading.skipped
    assert len(kept) == len(calls)
    everything = len(records) + reading.totals + reading.rollups
    assert loaded.sources.duplicates == everything - len(calls) - others
    if len(calls) == len(records):
        assert sorted(kept) == sorted(map(columns_of, records))


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(mangled(), min_size=1, max_size=30), st.booleans())
def test_a_mangled_file_is_counted_as_the_careful_reader_counts_it(tmp_path, lines, is_compressed):
    path = tmp_path / "records.jsonl"
    # Few of them are the same call, so that no duplicate hides what was read.
    content = b"".join(
        line.replace(b'"call-', b'"call%d-' % number) for number, line in enumerate(lines)
    )
    path.write_bytes(gzip.compress(content) if is_compressed else content)
    is_counted_alike(path)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(mangled())
def test_a_mangled_line_among_whole_ones_is_counted_so_as_well(tmp_path, line):
    # Alone, it does not send the others to the careful reader.
    path = tmp_path / "records.jsonl"
    path.write_bytes(line_of(1, LATER) + line.removesuffix(b"\n") + b"\n" + line_of(2, LATER))
    is_counted_alike(path)
