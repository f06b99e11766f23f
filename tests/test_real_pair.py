"""A pair from real life: two parsers of ISO 8601 that are said to do the same."""

from __future__ import annotations

import collections
from datetime import datetime

import pytest
from dateutil.parser import isoparse

from darkcall import dark_launch, flush, launch_of
from darkcall.compare import same_exception_type
from darkcall.sinks import MemorySink


ALIKE = """
2024-01-15
20240115
2024-W03
2024W03
2024-W03-1
2024W031
2024-01-15T10
2024-01-15T10:30
20240115T1030
2024-01-15 10:30:45
2024-01-15x10:30:45
20240115T103045
2024-01-15T10:30:45.123
2024-01-15T10:30:45,5
2024-01-15T10:30:45.123456
2024-01-15T10:30:45.123456789
2024-01-15T10:30:45Z
20240115T103045Z
2024-01-15T10:30:45.1234567Z
2024-01-15T10:30:45+02
2024-01-15T10:30:45-0530
2024-01-15T10:30:45+02:00
2024-01-15T10:30:45-00:00
""".strip().splitlines()
#: isoparse reads these, fromisoformat does not.
ONLY_CONTROL = """
2024
2024-01
2024-015
2024015
2024-366
2024-W53-1
""".strip().splitlines()
#: fromisoformat reads these, isoparse does not.
ONLY_CANDIDATE = """
2024-01-15T10:30:45+02:00:30
2024-01-15T10:30:45 +02:00
""".strip().splitlines()
#: Neither reads these; each says so in its own words.
NEITHER = [
    "",
    "not a date",
    " 2024-01-15",
    "2024-1-5",
    "202401",
    "2023-366",
    "2024-W00-1",
    "2024-01-15T",
    "2024-01-15T10:30:45.",
]
TEXTS = [*ALIKE, *ONLY_CONTROL, *ONLY_CANDIDATE, *NEITHER]


def launched(**knobs):
    sink = MemorySink()
    decorate = dark_launch(
        candidate=lambda dt_str: datetime.fromisoformat(dt_str),  # noqa: PLW0108 -- the name
        name="calendar.parse",
        sinks=[sink],
        cpu_budget=None,
        **knobs,
    )

    @decorate
    def parse(dt_str):
        return isoparse(dt_str)

    for text in TEXTS:
        try:
            result = parse(text)
        except ValueError:
            assert text not in ALIKE
        else:
            assert result == isoparse(text)
            assert text in (*ALIKE, *ONLY_CONTROL)
    assert flush()
    kinds = collections.Counter(
        (record.outcome, record.signature) for record in sink.records if record.signature
    )
    for (outcome, signature), count in sorted(kinds.items()):
        print(f"{count:3} {outcome:16} {signature}")  # noqa: T201 -- what this test is for
    return launch_of(parse).stats(), sink.records, kinds


def test_two_parsers_of_iso_8601_differ_in_kinds_that_their_signatures_tell(capsys):
    stats, records, kinds = launched()

    assert kinds == {
        ("candidate_error", "$ raised ValueError"): len(ONLY_CONTROL),
        ("mismatch", "$ not_raised ValueError"): len(ONLY_CANDIDATE),
        ("mismatch", "$ message"): len(NEITHER),
    }
    assert len(records) == stats.calls == len(TEXTS)
    assert {outcome: count for outcome, count in stats.outcomes.items() if count} == {
        "match": len(ALIKE),
        "mismatch": len(ONLY_CANDIDATE) + len(NEITHER),
        "candidate_error": len(ONLY_CONTROL),
    }
    assert len(capsys.readouterr().out.splitlines()) == len(kinds)


def test_a_rule_for_exceptions_leaves_what_is_worth_looking_at():
    stats, _, kinds = launched(compare_exceptions=same_exception_type)

    assert stats.outcomes["match"] == len(ALIKE) + len(NEITHER)
    assert sum(kinds.values()) == len(ONLY_CONTROL) + len(ONLY_CANDIDATE)


def test_a_record_of_a_difference_says_what_each_side_did():
    _, records, _ = launched(keep="everything")
    by_text = {record.arguments["dt_str"]: record for record in records}

    weeks = by_text["2024-W53-1"]
    assert "2024" in str(weeks.control_value)
    assert weeks.candidate_raised["type"] == "ValueError"
    assert weeks.control_raised is None
    seconds = by_text["2024-01-15T10:30:45+02:00:30"]
    assert seconds.control_raised["type"] == "ValueError"
    assert seconds.candidate_raised is None


@pytest.mark.parametrize("text", ALIKE)
def test_where_both_parsers_agree_there_is_no_false_mismatch(text):
    sink = MemorySink()

    @dark_launch(candidate=lambda dt_str: datetime.fromisoformat(dt_str), sinks=[sink])  # noqa: PLW0108
    def parse(dt_str):
        return isoparse(dt_str)

    parse(text)
    assert flush()
    assert [record.outcome for record in sink.records] == ["match"]
