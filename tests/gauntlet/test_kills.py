"""SIGKILL in the middle of writing: what was written before is there, and whole."""

from __future__ import annotations

import collections
import contextlib
import os
import pathlib
import shutil
import sqlite3
import tempfile

import pytest

from darkcall.analysis import read


KILLS = 50

# Forked before any thread is started, so that not each of them has to import everything.
KILLED = """
import collections, itertools, json, os, random, signal, sys, threading, time
from darkcall import Record, dark_launch
from darkcall.sinks import JsonlSink, SqliteSink

AT_ONCE = 3
THREADS = 3
kind, *places = sys.argv[1:]
chance = random.Random()

class Told:
    '''Writes, and then tells what is written, where it outlives the process, too.'''

    def __init__(self, sink, path):
        self.sink = sink
        self.told = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def __call__(self, record):
        self.sink(record)
        self.tell([record])

    def tell(self, records):
        os.write(self.told, "".join(f"{record.call_id}\\n" for record in records).encode())

class ToldByBatches(Told):
    def write_batch(self, records):
        self.sink.write_batch(records)
        self.tell(records)

def sink_of(place, number):
    if kind == "JSONL":
        return Told(JsonlSink(place, max_bytes=1 << 16, compress=number % 8 > 3), place + "/told")
    return ToldByBatches(SqliteSink(place + "/records.db"), place + "/told")

def by_calls(sink):
    @dark_launch(
        candidate=lambda n: ["c" * (n * 997 % 4000)] * (n % 7), name="shop.price", sinks=[sink],
        context=lambda n: {"page": ["x" * 4000] * (n % 5)}, keep="everything",
        cpu_budget=None, when_full="block", max_pending=20,
    )
    def price(n):
        return "p"

    return price

def by_hand(sink):
    def write(n):
        value = "v" * (n * 997 % 32_000)
        names = (f"call-{n}", "shop.price", "v2", "match")
        sink(Record(*names, 1.5, "web-1", 7, 0.1, control_value=value))

    return write

def load(place, number):
    sink = sink_of(place, number)
    do = by_calls(sink) if number % 4 < 2 else by_hand(sink)
    numbers = itertools.count()

    def go_on():
        for n in numbers:
            do(n)

    threads = [threading.Thread(target=go_on) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

def has_told(place):
    try:
        return os.path.getsize(place + "/told") > 0
    except OSError:
        return False

waiting = collections.deque(enumerate(places))
running = {}
while waiting or running:
    while waiting and len(running) < AT_ONCE:
        number, place = waiting.popleft()
        os.mkdir(place)
        child = os.fork()
        if not child:
            load(place, number)
            os._exit(1)
        running[child] = (place, None)
    for child, (place, kill_at) in list(running.items()):
        if kill_at is None and has_told(place):
            running[child] = (place, time.monotonic() + chance.uniform(0.0, 0.25))
        elif kill_at is not None and time.monotonic() >= kill_at:
            os.kill(child, signal.SIGKILL)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
            del running[child]
    time.sleep(0.001)
print(json.dumps("done"))
"""


@pytest.fixture
def places(tmp_path):
    """A folder for each process; every other one in memory, where more lines are cut off."""
    memory = pathlib.Path("/dev/shm")
    both = [tmp_path]
    if os.access(memory, os.W_OK):
        both.append(pathlib.Path(tempfile.mkdtemp(dir=memory)))
    yield [both[number % len(both)] / f"killed{number}" for number in range(KILLS)]
    for folder in both[1:]:
        shutil.rmtree(folder)


class Losses(collections.Counter):
    """What the processes told before they were killed, compared with what can be read."""

    def of(self, place, source):
        # The kill may have cut off the last of them.
        *told, _ = (place / "told").read_text("ascii").split("\n")
        reading = read(source)
        found = [record["call_id"] for record in reading]
        self["found"] += len(found)
        self["lost"] += len(set(told) - set(found))
        self["twice"] += len(found) - len(set(found))
        self.update(reading.skipped)
        return len(found) - len(told)


def test_a_kill_harms_no_line_but_the_one_that_is_being_written(run_script, measured, places):
    assert run_script(KILLED, "JSONL", *places).answer == "done"
    losses = Losses()
    for place in places:
        # Each thread may have written one more than it told.
        assert 0 <= losses.of(place, place) <= 3
        finished = sorted(place.glob("*.jsonl"))[:-1]
        assert all(path.read_bytes().endswith(b"\n") for path in finished)
    torn = losses["torn"]
    assert losses["twice"] == 0
    assert torn == sum(losses[reason] for reason in read(places[0]).skipped)
    what = f"{KILLS} kills of a process that writes JSON lines"
    measured(f"{what}: records that can be read", losses["found"], at_least=10 * KILLS)
    measured(f"{what}: records lost of those that were written", losses["lost"], at_most=0)
    measured(f"{what}: lines torn in the middle of a file", losses["not_json"], at_most=0)
    measured(f"{what}: last lines cut off, each counted by the reader", torn, at_most=KILLS)


def test_a_kill_harms_no_row_that_is_committed(run_script, measured, places):
    assert run_script(KILLED, "SQLite", *places).answer == "done"
    losses = Losses()
    for place in places:
        path = place / "records.db"
        # One more batch than was told may have been committed.
        assert 0 <= losses.of(place, path) <= 500
        with contextlib.closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert losses["twice"] == 0
    skipped = sum(losses[reason] for reason in read(places[0]).skipped)
    what = f"{KILLS} kills of a process that writes a database"
    measured(f"{what}: records that can be read", losses["found"], at_least=10 * KILLS)
    measured(f"{what}: records lost of those that were written", losses["lost"], at_most=0)
    measured(f"{what}: rows that cannot be read", skipped, at_most=0)
