"""The process exits in time though logging, or the making of an event loop, hangs."""

from __future__ import annotations

import time

import pytest


@pytest.fixture
def seconds_since():
    """How long ago a script printed its clock, which is that of all processes."""
    return lambda printed: time.perf_counter() - float(printed)


HUNG_HANDLER = """
import logging, sys, threading, time
from darkcall import dark_launch

class Hung(logging.Handler):
    def emit(self, record):
        reached.set()
        threading.Event().wait()

class Kept(logging.Handler):
    def close(self):
        print("closed", flush=True)
        super().close()

def fail(*_args):
    raise LookupError

def log(x):
    logging.getLogger("shop").warning("the candidate has a word")
    return x

reached = threading.Event()
logging.getLogger().addHandler(Hung())
kept = Kept()
knobs = {
    "a record": {"candidate": lambda x: x + 1},
    "a fault": {"candidate": lambda x: x, "context": fail, "sinks": []},
    "a candidate's line": {"candidate": log, "sinks": [], "timeout": None},
}

@dark_launch(**knobs[sys.argv[1]])
def control(x):
    return x

control(1)
assert reached.wait(10)
print(time.perf_counter(), flush=True)
"""


@pytest.mark.parametrize("what", ["a record", "a fault", "a candidate's line"])
def test_a_logging_handler_that_hangs_does_not_hold_the_exit(
    run_script, measured_exit, seconds_since, what
):
    ran = run_script(HUNG_HANDLER, what, traced=False)
    began, *others = ran.stdout.splitlines()

    measured_exit(
        f"exit with a logging handler that hangs in {what}, seconds", seconds_since(began)
    )
    assert others == ["closed"]


FULL_PIPE = """
import os, sys, time
from darkcall import dark_launch

_unread, full = os.pipe()
os.dup2(full, 2)
os.set_blocking(2, False)
try:
    while True:
        os.write(2, b"x" * 4096)
except BlockingIOError:
    os.set_blocking(2, True)

@dark_launch(candidate=lambda x: x + 1)
def control(x):
    return x

control(1)
time.sleep(0.3)
print(time.perf_counter(), flush=True)
"""


def test_a_standard_error_that_nobody_reads_does_not_hold_the_exit(
    run_script, measured_exit, seconds_since
):
    # With a buffer the interpreter itself waits, before any hook: see the known limits.
    ran = run_script(FULL_PIPE, traced=False, PYTHONUNBUFFERED="1")

    measured_exit(
        "exit with an unbuffered standard error that is a full pipe, seconds",
        seconds_since(ran.stdout),
    )


HUNG_LOOP = """
import asyncio, sys, threading, time, warnings
import darkcall
from darkcall import dark_launch, launch_of

class Hung(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        threading.Event().wait()

asyncio.set_event_loop_policy(Hung())

async def candidate(x):
    return x

@dark_launch(candidate=candidate)
def control(x):
    return x

for x in range(4):
    control(x)
began = time.perf_counter()
if sys.argv[1] == "close":
    assert not darkcall.flush(timeout=0.5)
    assert not darkcall.close(timeout=0.5)
    assert launch_of(control).stats().reasons == {"exit": 4}
    assert time.perf_counter() - began < 3.0
print(time.perf_counter(), flush=True)
"""


@pytest.mark.parametrize("first", ["close", "nothing"])
def test_the_making_of_an_event_loop_that_hangs_does_not_hold_the_exit(
    run_script, measured_exit, seconds_since, first
):
    ran = run_script(HUNG_LOOP, first, traced=False)

    measured_exit(
        f"exit with an event loop whose making hangs, {first} before it, seconds",
        seconds_since(ran.stdout),
    )


LOCKED_LOGGING = """
import json, logging, os, threading, time
import darkcall
from darkcall import dark_launch

def fail(*_args):
    raise ValueError

def launched(name):
    return dark_launch(candidate=abs, context=fail, name=name, cpu_budget=None, sinks=[])(abs)

first, second = launched("first"), launched("second")
first(1)
darkcall.flush()
before = threading.active_count()
# As logging.config does while it makes a handler that connects.
with logging._lock:
    most = 0
    for x in range(200):
        second(x)
        time.sleep(0.001)
        most = max(most, len(os.listdir("/proc/self/task")))
print(json.dumps(most))
"""


def test_while_somebody_holds_the_lock_of_logging_one_thread_waits_for_it(run_script, measured):
    ran = run_script(LOCKED_LOGGING, traced=False)

    measured("threads while the lock of logging is held", ran.answer, at_most=6)


INTERRUPTED_CLOSE = """
import json, signal, sys, threading, time
import darkcall
from darkcall import dark_launch, launch_of

took = []

class Sink:
    hangs = sys.argv[1] == "sink"
    def __call__(self, record):
        took.append(record.launch)
    def close(self):
        if self.hangs:
            time.sleep(1)

def slow(x):
    time.sleep(0.5 if slow.hangs else 0)
    return x

async def later(x):
    return x

slow.hangs = sys.argv[1] == "candidate"
knobs = {"sinks": [Sink()], "cpu_budget": None}
sync = dark_launch(candidate=slow, name="sync", **knobs)(lambda x: x)
other = dark_launch(candidate=later, name="async", **knobs)(lambda x: x)
sync(1)
other(1)
if not slow.hangs:
    assert darkcall.flush()
signal.setitimer(signal.ITIMER_REAL, 0.2)
signal.signal(signal.SIGALRM, signal.default_int_handler)
try:
    darkcall.close(timeout=10)
    interrupted = False
except KeyboardInterrupt:
    interrupted = True
Sink.hangs = slow.hangs = False
sync(2)
other(2)
print(json.dumps([interrupted, darkcall.flush(5), sorted(took)]))
"""


@pytest.mark.parametrize("what", ["candidate", "sink"])
def test_after_a_close_that_ctrl_c_interrupts_calls_are_recorded_anew(run_script, what):
    ran = run_script(INTERRUPTED_CLOSE, what)

    assert ran.answer == [True, True, ["async", "async", "sync", "sync"]]
    assert ran.stderr == ""
