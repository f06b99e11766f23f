"""Disks that are slow, or hang: neither a caller nor another sink waits for them."""

from __future__ import annotations

import pytest


PRELUDE = """
import attrs, functools, json, logging, os, sqlite3, sys, time
from darkcall import dark_launch, flush, launch_of
from darkcall.analysis import read
from darkcall.sinks import JsonlSink, MemorySink, SqliteSink

folder = sys.argv[1]
database = folder + ".db"
lines = []
handler = logging.Handler()
handler.emit = lambda record: lines.append(record.getMessage())
logging.getLogger("darkcall").addHandler(handler)
write, connect = os.write, sqlite3.connect

def before_each_write(wait):
    def waiting_write(descriptor, data):
        wait("JsonlSink")
        return write(descriptor, data)

    class Waiting(sqlite3.Connection):
        def executemany(self, *args):
            wait("SqliteSink")
            return super().executemany(*args)

    os.write = waiting_write
    sqlite3.connect = functools.partial(connect, factory=Waiting)

@dark_launch(
    candidate=lambda n: n, name="shop.price", cpu_budget=None,
    sinks=[JsonlSink(folder), SqliteSink(database), beside := MemorySink()],
)
def price(n):
    return n

def longest_of(calls):
    longest = 0
    for n in range(calls):
        began = time.perf_counter()
        price(n)
        longest = max(longest, time.perf_counter() - began)
    while launch_of(price).stats().pending:
        time.sleep(0.001)
    return longest

def rounds(number, calls):
    # Of the longest calls the shortest: then nobody else took the processor.
    return min(longest_of(calls) for _ in range(number))

def counts():
    sinks = launch_of(price).stats().sinks
    return {name: attrs.asdict(sinks[name]) for name in ("JsonlSink", "SqliteSink")}

def tell(**more):
    assert flush(20.0)
    readings = {"JsonlSink": read(folder), "SqliteSink": read(database)}
    print(json.dumps({
        **more,
        "sinks": counts(),
        "found": {name: sum(1 for _ in reading) for name, reading in readings.items()},
        "other sink": len(beside.records),
        "lines": lines,
    }))
"""

SLOW = """
is_slow = True
before_each_write(lambda _: time.sleep(0.2) if is_slow else None)
longest = rounds(6, 450)
is_slow = False
tell(longest=longest)
"""

HUNG = """
import threading

began = time.monotonic()
hangs = threading.Event()
before_each_write(lambda _: hangs.wait(30.0))
longest = rounds(4, 200)
gave_up = not flush(0.5)
time.sleep(max(began + 5.0 - time.monotonic(), 0.0))
meanwhile = counts()
hangs.set()
tell(longest=longest, meanwhile=meanwhile, gave_up=gave_up)
"""


@pytest.fixture
def told_by(run_script, tmp_path):
    def told(steps, calls):
        answer = run_script(PRELUDE + steps, tmp_path / "records").answer
        assert answer["other sink"] == calls
        for name, counts in answer["sinks"].items():
            assert counts["offered"] == calls
            assert counts["written"] + counts["dropped"] == calls
            assert answer["found"][name] == counts["written"]
        return answer

    return told


def test_a_slow_disk_slows_no_call_and_what_is_too_much_for_it_is_counted(told_by, measured):
    answer = told_by(SLOW, 2700)
    longest = answer["longest"] * 1000
    measured("disk that takes 0.2 s for each write: longest call, ms", longest, at_most=50)
    for name, counts in answer["sinks"].items():
        # A line is a write; so is a batch of rows, which are sooner done.
        assert 0 < counts["dropped"] <= 700 or name == "SqliteSink"
        line = f"{name} is too slow: records are dropped"
        assert answer["lines"].count(line) == (counts["dropped"] > 0)


def test_a_disk_that_hangs_for_five_seconds_holds_nobody_up(told_by, measured):
    answer = told_by(HUNG, 800)
    longest = answer["longest"] * 1000
    measured("disk that hangs for 5 s: longest call, ms", longest, at_most=50)
    for name, counts in answer["sinks"].items():
        assert answer["meanwhile"][name]["waiting"] == 800
        lost = counts["failed"] + counts["dropped"]
        measured(f"disk that hangs for 5 s, {name}: records lost", lost, at_most=0)
    assert answer["gave_up"]
    assert answer["lines"] == []
