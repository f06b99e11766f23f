from __future__ import annotations

import json

import pytest

from darkcall.analysis import read
from records import a_record


@pytest.fixture(scope="session")
def line():
    """A line of JSON as a sink writes it."""

    def make(number=0, **fields):
        return json.dumps({**a_record(number).to_dict(), **fields}).encode() + b"\n"

    return make


@pytest.fixture
def numbers_and_skips(tmp_path):
    """Read a file of some bytes: the numbers of its records, and what was skipped."""

    def of(content, name="records.jsonl"):
        path = tmp_path / name
        path.write_bytes(content)
        return outcome_of(read(path))

    return of


def outcome_of(reading):
    numbers = [int(record["call_id"].removeprefix("call-")) for record in reading]
    assert reading.records == len(numbers)
    return numbers, {reason: count for reason, count in reading.skipped.items() if count}


@pytest.fixture(scope="session")
def outcome():
    return outcome_of
