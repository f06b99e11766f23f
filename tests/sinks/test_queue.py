from __future__ import annotations

import tracemalloc

import pytest

from darkcall._tally import Tally
from darkcall.sinks._outlet import Outlet
from darkcall.sinks._queue import Queue, weight_of
from darkcall.sinks._request import Request
from darkcall.sinks._together import close_all


@pytest.fixture
def queue():
    return Queue(max_records=3, max_bytes=100_000)


def a_large_one(make_record, number=0):
    return make_record(number, context={"text": f"{number}" + "x" * 60_000})


def test_a_queue_is_full_by_count(queue, make_record):
    for number in range(3):
        assert not queue.is_full
        queue.put(make_record(number))
    assert queue.is_full


def test_a_queue_is_full_by_bytes(queue, make_record):
    queue.put(a_large_one(make_record))
    assert not queue.is_full
    queue.put(a_large_one(make_record))
    assert queue.is_full
    assert len(queue) == 2


def test_what_is_being_written_weighs_until_it_is(queue, make_record):
    queue.put(a_large_one(make_record))
    queue.put(a_large_one(make_record))
    records, nbytes, _ = queue.take(10)
    assert len(records) == 2
    assert queue.is_full
    queue.weigh(-nbytes)
    assert not queue.is_full


def test_records_are_taken_up_to_the_next_request(queue, make_record):
    one, two, request = make_record(1), make_record(2), Request("flush", 0.0)
    for item in (one, request, two):
        queue.put(item)
    assert queue.take(10) == ([one], weight_of(one), request)
    assert queue.take(10) == ([two], weight_of(two), None)
    assert queue.take(10) == ([], 0, None)


def test_no_more_records_are_taken_than_asked_for(queue, make_record):
    one, two = make_record(1), make_record(2)
    queue.put(one)
    queue.put(two)
    assert queue.take(1) == ([one], weight_of(one), None)


def test_records_that_are_dropped_weigh_nothing_and_requests_stay(queue, make_record):
    request, counter = Request("flush", 0.0), Tally()
    queue.put(a_large_one(make_record))
    queue.put(request)
    queue.put(a_large_one(make_record))
    assert queue.drop_records(counter) == counter.value == 2
    assert not queue.is_full
    assert queue.take(10) == ([], 0, request)


def test_a_request_can_be_withdrawn_twice(queue):
    request = Request("flush", 0.0)
    queue.put(request)
    queue.withdraw(request)
    queue.withdraw(request)
    assert len(queue) == 0


def test_a_sink_that_takes_its_records_gets_all_of_them_however_much_they_weigh(make_record):
    taken = []
    outlet = Outlet(taken.append, max_waiting_bytes=1)
    for number in range(20):
        outlet.offer(a_large_one(make_record, number))
        assert outlet.flush(5)
    assert len(taken) == outlet.stats().written == 20
    close_all([outlet], 0.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: {"text": str(n) * 5000},
        lambda n: {"wide": f"\U0001f600{n}" * 2500},
        lambda n: {"rows": [{"$": "tuple", "items": []} for _ in range(2000)], "n": n},
        lambda n: {"rows": [[float(n + i)] for i in range(3000)]},
        lambda n: {f"name of a field {n} {i}": None for i in range(1000)},
    ],
    ids=["text", "wide text", "tuples", "numbers", "names"],
)
def test_a_weight_is_about_what_the_record_takes_in_memory(make, make_record):
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        records = [make_record(number, context=make(number)) for number in range(20)]
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.8 * taken < sum(map(weight_of, records)) < 2 * taken
