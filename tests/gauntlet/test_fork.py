"""A fork is safe at any moment, and a child delivers its own records and no others."""

from __future__ import annotations

import collections
import itertools
import json
import sqlite3

from looking import records_in


FORKS = 200

UNDER_LOAD = """
import json, os, sys, threading, time
from darkcall import dark_launch, flush
from darkcall.sinks import JsonlSink, SqliteSink

forks, folder = int(sys.argv[1]), sys.argv[2]

@dark_launch(
    candidate=lambda who: who,
    sinks=[JsonlSink(folder + "/jsonl"), SqliteSink(folder + "/records.db")],
    keep="everything",
    cpu_budget=None,
)
def control(who):
    return who

calls, is_over = [0, 0, 0], threading.Event()

def call(thread):
    while not is_over.is_set():
        control("parent")
        calls[thread] += 1
        time.sleep(0.001)

threads = [threading.Thread(target=call, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()

running, codes, numbers, hung = {}, set(), {}, 0

def reap(at_most):
    global hung
    while len(running) > at_most:
        for pid, began in list(running.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if not done and time.monotonic() - began > 20:
                os.kill(pid, 9)
                hung += 1
                done, status = os.waitpid(pid, 0)
            if done:
                codes.add(os.waitstatus_to_exitcode(status))
                del running[pid]
        time.sleep(0.001)

for number in range(forks):
    pid = os.fork()
    if not pid:
        for _ in range(3):
            control(f"child {number}")
        # What is pending is delivered by the hook of atexit.
        sys.exit(0)
    running[pid], numbers[pid] = time.monotonic(), number
    reap(at_most=7)
reap(at_most=0)
is_over.set()
for thread in threads:
    thread.join()
is_flushed = flush(20)
print(json.dumps({
    "parent": os.getpid(), "children": numbers, "codes": sorted(codes), "hung": hung,
    "calls": sum(calls), "is_flushed": is_flushed,
}))
"""

FIRST_RECORD = """
import json, os, sys, time
from darkcall import Record, dark_launch, flush
from darkcall.sinks import JsonlSink

reader, writer = os.pipe()

class Telling(JsonlSink):
    def write_batch(self, records):
        written = super().write_batch(records)
        if any(type(record) is Record for record in records):
            os.write(writer, f"{time.monotonic() - began}\\n".encode())
        return written

@dark_launch(candidate=lambda x: x, sinks=[Telling(sys.argv[1])], cpu_budget=None)
def control(x):
    return x

began = time.monotonic()
control(0)
assert flush(5)
seconds = [os.read(reader, 100)]
# Long enough for the workers to park.
time.sleep(1.0)
for _ in range(20):
    began = time.monotonic()
    child = os.fork()
    if not child:
        control(1)
        sys.exit(0)
    seconds.append(float(os.read(reader, 100)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(json.dumps(seconds[1:]))
"""

DESCRIPTORS = """
import glob, json, os, sqlite3, sys
from darkcall import dark_launch, flush
from darkcall.sinks import JsonlSink, SqliteSink

folder = sys.argv[1]

class OwnSink:
    def __init__(self):
        self.file = open(f"{folder}/own-{os.getpid()}", "w")

    def __call__(self, record):
        self.file.write(f"{record.pid}\\n")
        self.file.flush()

    def after_fork(self):
        self.__init__()

@dark_launch(
    candidate=lambda x: x,
    sinks=[JsonlSink(folder + "/jsonl"), SqliteSink(folder + "/records.db"), OwnSink()],
    cpu_budget=None,
)
def control(x):
    return x

def opened():
    paths = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    return sorted(path for path in paths if path.startswith(os.path.realpath(folder)))

def sizes():
    return {path: os.stat(path).st_size for path in glob.glob(folder + "/jsonl/*")}

control("parent")
assert flush(10)
inherited, before = opened(), sizes()
reader, writer = os.pipe()
child = os.fork()
if not child:
    at_birth = opened()
    control("child")
    assert flush(10)
    told = {"at_birth": at_birth, "opened": opened(), "pid": os.getpid()}
    os.write(writer, json.dumps(told).encode())
    sys.exit(0)
told = json.loads(os.read(reader, 65536))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
grown = [path for path, size in sizes().items() if size != before.get(path)]
control("parent again")
assert flush(10)
print(json.dumps({**told, "parent": os.getpid(), "inherited": inherited, "grown": grown}))
"""


IMPORTING = """
import json, os, sys, threading, time
from darkcall import dark_launch, flush, launch_of
from darkcall.sinks import MemorySink

with open(sys.argv[1] + "/slow.py", "w") as file:
    file.write(f"import time\\nprint('importing', flush=True)\\ntime.sleep({sys.argv[2]})\\n")
    file.write("def candidate(x): return x\\n")

@dark_launch(candidate="slow:candidate", sinks=[MemorySink()])
def control(x):
    return x

printed, sys.stdout = os.pipe(), sys.stdout
sys.stdout = os.fdopen(printed[1], "w")
control(1)
os.read(printed[0], 100)
sys.stdout = sys.__stdout__
reader, told = os.pipe()
began = time.monotonic()
child = os.fork()
if not child:
    control(2)
    is_flushed = flush(10)
    # A daemon: should it wait for ever, the child ends all the same.
    importing = threading.Thread(target=__import__, args=("slow",), daemon=True)
    importing.start()
    importing.join(1)
    stats = launch_of(control).stats()
    os.write(told, json.dumps({
        "is_flushed": is_flushed, "can_import": not importing.is_alive(),
        "matches": stats.outcomes["match"], "reasons": list(stats.reasons),
    }).encode())
    sys.exit(0)
fork_seconds = time.monotonic() - began
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert flush(10)
assert launch_of(control).stats().outcomes["match"] == 1
print(json.dumps({"fork_seconds": fork_seconds, **json.loads(os.read(reader, 65536))}))
"""


ANYWHERE = """
import os, signal, sys, threading
from darkcall import dark_launch, flush, is_dark, launch_of
from darkcall.runners import InlineRunner
from darkcall.sinks import JsonlSink

class FailingRunner(InlineRunner):
    def after_fork(self):
        raise ValueError

sink = JsonlSink(sys.argv[1])

@dark_launch(candidate=lambda x: x, sinks=[sink], runner=FailingRunner())
def other(x):
    return x

@dark_launch(candidate=lambda where: where, sinks=[sink], keep="everything", cpu_budget=None)
def control(where):
    return where

def fork(where, then=lambda: None):
    child = os.fork()
    if not child:
        control(where)
        then()
        is_right = launch_of(control).stats().calls == 1 and (flush(10) or is_dark())
        os._exit(0 if is_right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, where

other(1)
control("parent")
fork("child", then=lambda: fork("child of a child"))
thread = threading.Thread(target=fork, args=("child of a thread",))
thread.start()
thread.join()
signal.signal(signal.SIGUSR1, lambda *_: fork("child of a signal handler"))
signal.raise_signal(signal.SIGUSR1)

@dark_launch(candidate=lambda x: fork("child of a candidate"), sinks=[sink], cpu_budget=None)
def forking(x):
    return x

forking(1)
assert flush(10)
assert launch_of(forking).stats().outcomes["mismatch"] == 1
"""


def test_a_fork_while_threads_call_hangs_no_child_and_loses_or_doubles_no_record(
    run_script, tmp_path, measured
):
    answer = run_script(UNDER_LOAD, FORKS, tmp_path, timeout=55, traced=False).answer
    files = {file.name: records_in(file) for file in (tmp_path / "jsonl").iterdir()}
    own_calls = {int(pid): {f"child {n}": 3} for pid, n in answer["children"].items()}

    assert answer["codes"] == [0]
    assert answer["is_flushed"]
    for name, records in files.items():
        assert {record["pid"] for record in records} == {int(name.split("-")[-3])}
    for kind, records in (
        ("JSONL", list(itertools.chain(*files.values()))),
        ("SQLite", read_sqlite(tmp_path / "records.db")),
    ):
        made_by = collections.defaultdict(collections.Counter)
        pids_of = collections.defaultdict(set)
        for record in records:
            made_by[record["pid"]][record["arguments"]["who"]] += 1
            pids_of[record["call_id"].split("-")[0]].add(record["pid"])
        measured(
            f"children that delivered their own records to {kind}, of {FORKS} forked while"
            " 3 threads call",
            sum(made_by[pid] == calls for pid, calls in own_calls.items()),
            at_least=FORKS,
        )
        assert made_by == {**own_calls, answer["parent"]: {"parent": answer["calls"]}}
        assert all(len(pids) == 1 for pids in pids_of.values())
        assert len({record["call_id"] for record in records}) == len(records)
    measured(
        f"children that hung, of {FORKS} forked while 3 threads call", answer["hung"], at_most=0
    )


def test_a_child_of_an_idle_parent_writes_its_first_record_at_once(run_script, tmp_path, measured):
    seconds = run_script(FIRST_RECORD, tmp_path / "records", traced=False).answer

    assert len(seconds) == 20
    measured(
        "first record of a child after the fork, slowest of 20, seconds", max(seconds), at_most=1.0
    )


def test_no_file_offset_and_no_sqlite_connection_crosses_a_fork(run_script, tmp_path):
    answer = run_script(DESCRIPTORS, tmp_path).answer
    own, parents = (tmp_path.resolve() / f"own-{answer[who]}" for who in ("pid", "parent"))
    [grown] = answer["grown"]

    # The parent had all three open, the child nothing but what its own sink opens anew.
    for part in ("/jsonl/", "/records.db", str(parents)):
        assert any(part in path for path in answer["inherited"])
    assert answer["at_birth"] == [str(own)]
    assert f"-{answer['pid']}-" in grown
    assert [path for path in answer["opened"] if "jsonl" in path] == [grown]
    assert own.read_text() == f"{answer['pid']}\n"
    assert parents.read_text() == f"{answer['parent']}\n" * 2


def test_a_child_of_whatever_forks_delivers_its_records(run_script, tmp_path):
    run_script(ANYWHERE, tmp_path / "records")
    records = records_in(tmp_path / "records")
    where = [record["arguments"]["where"] for record in records if "arguments" in record]

    assert sorted(where) == [
        "child",
        "child of a child",
        "child of a signal handler",
        "child of a thread",
        "parent",
    ]


def test_a_fork_waits_for_the_import_of_a_candidate_which_the_child_could_not_end(
    run_script, tmp_path, measured
):
    answer = run_script(IMPORTING, tmp_path, 0.3).answer

    assert answer["is_flushed"]
    assert answer["can_import"]
    assert answer["matches"] == 1
    measured(
        "a fork while a candidate is imported for 0.3 s, seconds",
        answer["fork_seconds"],
        at_most=1.5,
    )


def test_the_child_of_a_fork_that_waited_in_vain_skips_the_candidate(run_script, tmp_path):
    answer = run_script(IMPORTING, tmp_path, 3).answer

    assert answer["is_flushed"]
    assert answer["matches"] == 0
    [reason] = answer["reasons"]
    assert "this process was forked while its parent imported it" in reason


def read_sqlite(path):
    reader = sqlite3.connect(path)
    reader.row_factory = sqlite3.Row
    try:
        rows = reader.execute("SELECT pid, call_id, arguments FROM records").fetchall()
    finally:
        reader.close()
    return [{**row, "arguments": json.loads(row["arguments"])} for row in rows]
