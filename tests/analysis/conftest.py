from __future__ import annotations

import json

import pytest

from darkcall._model import Record
from darkcall.analysis import read


def a_record(number=0, outcome="match", **fields):
    return Record(
        f"call-{number}", "shop.price", "v2", outcome, 1.5, "web-1", 4711, 0.001, **fields
    )


@pytest.fixture(scope="session")
def make_record():
    return a_record


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
