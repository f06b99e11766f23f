"""Whatever a file holds, loading it in bulk counts what reading it line by line counts."""

from __future__ import annotations

import gzip
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
LATER = ("waited_seconds", "candidate_seconds", "candidate_cpu_seconds", "sample_rate")


def line_of(number, fields, outcome="match", **changes):
    data = {**a_record(number, outcome, **{name: FIELDS[name] for name in fields}).to_dict()}
    return json.dumps({**data, **changes}, separators=(",", ":")).encode() + b"\n"


usual = st.builds(
    line_of,
    st.integers(0, 10**6),
    st.sampled_from([LATER, LATER[:2], LATER[:3], (*LATER[:2], "sample_rate"), tuple(FIELDS), ()]),
    st.sampled_from(["match", "mismatch", "ignored", "skipped", "dropped", "strange"]),
)

VALUES = (
    b"NaN", b"-Infinity", b"inf", b"1e999", b"9" * 400, b"1e99", b"1" * 25, b"true", b"null", b'"5"',
    b"[5]", b"{}", b"1.0", b"-0", b"1E5", b'"\\ud800"', b'"\\u0000"', b'"\xff"', b"5 ", b" 5", b"5,",
    b'"a,\\"b"', b'"x,"', b"[[]]", b"[" * 250 + b"]" * 250, b'"' + b"x" * 40_000 + b'"', b"01", b"+1",
    b'5,"at":6', b'"x", "host":5', b'{"type":"x","type":5}', b'[{"path":"x"}]', b"[1,]", b'{"a":1,}',
    b"9223372036854775808", b"-9223372036854775808", b"9223372036854775807.5", b"1e-05", b"7.6e-05",
)  # fmt: skip
MEMBER = re.compile(rb'"(\w+)":("(?:[^"\\]|\\.)*"|[^,{}\[\]]+)')


@st.composite
def mangled(draw):
    line = draw(usual)
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


def counts_of_loading(path):
    with load([path]) as loaded:
        kept = loaded.connection.execute(
            "SELECT ts, control_seconds, outcome, launch, candidate, pid, signature FROM records"
        ).fetchall()
        counts = {reason: n for reason, n in loaded.sources.skipped.items() if n}
        return sorted(map(repr, kept)), loaded.sources.duplicates, counts


def counts_of_reading(path):
    reading = read(path)
    rows = [
        tuple(
            float(record[name]) if name in ("at", "control_seconds") else text_of(record.get(name))
            for name in (
                "at",
                "control_seconds",
                "outcome",
                "launch",
                "candidate",
                "pid",
                "signature",
            )
        )
        for record in reading
    ]
    return rows, {reason: n for reason, n in reading.skipped.items() if n}


def text_of(value):
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(mangled(), min_size=1, max_size=30), st.booleans())
def test_a_mangled_file_is_counted_as_the_careful_reader_counts_it(tmp_path, lines, is_compressed):
    # No two of them are the same call, so that no duplicate hides what was read.
    path = tmp_path / "records.jsonl"
    content = b"".join(
        line.replace(b'"call-', b'"call%d-' % number) for number, line in enumerate(lines)
    )
    path.write_bytes(gzip.compress(content) if is_compressed else content)
    rows, skipped = counts_of_reading(path)
    found, duplicates, counts = counts_of_loading(path)
    # A kind is read here, and is no record there.
    assert len(found) + duplicates + sum(counts.values()) == len(rows) + sum(skipped.values()) or (
        b'"kind":"what"' in content
    )
    if b'{"kind":' not in content:
        assert counts == skipped
        assert duplicates or found == sorted(map(repr, rows))
