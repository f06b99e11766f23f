from __future__ import annotations

import threading

import pytest

from darkcall._errors import ConfigurationError
from darkcall.sinks import MemorySink


def test_records_are_kept_in_their_order(make_record):
    sink = MemorySink()
    records = [make_record(number) for number in range(5)]
    for record in records:
        sink(record)
    assert sink.records == records
    assert repr(sink) == "<MemorySink 5 of at most 10000 records>"


def test_the_oldest_records_make_room(make_record):
    sink = MemorySink(max_records=2)
    for number in range(5):
        sink(make_record(number))
    assert [record.call_id for record in sink.records] == ["call-3", "call-4"]


def test_what_is_returned_is_the_callers_own(make_record):
    sink = MemorySink()
    sink(make_record())
    sink.records.clear()
    assert len(sink.records) == 1


def test_records_can_be_forgotten(make_record):
    sink = MemorySink()
    sink(make_record())
    sink.clear()
    assert sink.records == []


def test_records_may_be_read_while_others_are_kept(make_record):
    sink = MemorySink(max_records=50)
    record = make_record()

    def keep():
        for _ in range(5000):
            sink(record)

    threads = [threading.Thread(target=keep) for _ in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert len(sink.records) <= 50
    for thread in threads:
        thread.join()
    assert len(sink.records) == 50


@pytest.mark.parametrize("value", [0, -1, 1.5, "10", None, True])
def test_a_bound_that_makes_no_sense_is_refused(value):
    with pytest.raises(ConfigurationError, match=r"max_records=.* must be a whole number of at"):
        MemorySink(max_records=value)
