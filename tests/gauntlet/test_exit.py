"""The process exits in time, whatever hangs."""

from __future__ import annotations

import collections
import textwrap
import time

import pytest

from looking import records_in


@pytest.fixture
def exits(run_script):
    """Run a script that prints the time last of all, and tell how long it took from there."""

    def run(source, *arguments):
        ran = run_script(textwrap.dedent(source) + AT_THE_END, *arguments, traced=False)
        return ran, time.perf_counter() - ran.answer

    return run


AT_THE_END = """
import time
print(time.perf_counter(), flush=True)
"""

HUNG_CANDIDATES = {
    "hangs": """
        def candidate(x):
            threading.Event().wait()
    """,
    "burns the CPU": """
        def candidate(x):
            while True:
                pass
    """,
    "swallows its cancellation": """
        async def candidate(x):
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    pass
    """,
    "blocks darkcall's loop": """
        async def candidate(x):
            threading.Event().wait()
    """,
}

CALLS_IT = """
import asyncio, threading, time
from darkcall import dark_launch
{candidate}
@dark_launch(candidate=candidate, timeout=None, cpu_budget=None)
def control(x):
    return x

for x in range(10):
    control(x)
time.sleep(0.1)
"""


@pytest.mark.parametrize("kind", HUNG_CANDIDATES)
def test_a_candidate_that_never_returns_does_not_hold_the_exit(exits, measured_exit, kind):
    candidate = textwrap.dedent(HUNG_CANDIDATES[kind])
    ran, seconds = exits(CALLS_IT.format(candidate=candidate))

    measured_exit(f"exit with a candidate that {kind}, seconds", seconds)
    assert ran.stderr.count("\n") == 1
    assert "not compared when darkcall closed: 10 (dropped: exit); it had 2 s" in ran.stderr


HUNG_SINKS = """
import sys, threading
from darkcall import dark_launch
from darkcall.sinks import JsonlSink

class Hung:
    def __call__(self, record):
        threading.Event().wait()
    def close(self):
        threading.Event().wait()

class HungClose(Hung):
    def __call__(self, record):
        pass

class HungFlush(HungClose):
    def flush(self, timeout):
        threading.Event().wait()

sinks = [Hung(), HungClose(), HungFlush(), JsonlSink(sys.argv[1])]

@dark_launch(candidate=lambda x: x, sinks=sinks)
def control(x):
    return x

@dark_launch(candidate=lambda: threading.Event().wait(), sinks=sinks, timeout=None)
def hung():
    pass

for x in range(50):
    control(x)
hung()
"""


def test_sinks_that_hang_share_one_deadline_and_a_good_one_gets_all(
    exits, measured, measured_exit, tmp_path
):
    ran, seconds = exits(HUNG_SINKS, tmp_path / "records")

    measured_exit("exit with three hung sinks and a hung candidate, seconds", seconds)
    measured(
        "delivered of 50 to a good sink beside them",
        len(records_in(tmp_path / "records")),
        at_least=50,
    )
    told = collections.Counter("left behind" in line for line in ran.stderr.splitlines())
    assert told == {True: 3, False: 1}


AT_THE_LAST_MOMENT = """
import sys, threading, time
from darkcall import dark_launch
from darkcall.sinks import JsonlSink

class Hung:
    def __call__(self, record):
        threading.Event().wait()

class HungClose:
    def __call__(self, record):
        pass
    def close(self):
        threading.Event().wait()

def candidate(x):
    time.sleep(0.1)
    return x

async def later(x):
    return x

sinks = [Hung(), Hung(), HungClose(), JsonlSink(sys.argv[1])]

@dark_launch(candidate={"plain": candidate, "async": later}, sinks=sinks, timeout=None)
def control(x):
    return x

if sys.argv[2] == "one call":
    control(1)
"""


def test_of_the_first_call_right_before_the_exit_a_good_sink_gets_all(
    exits, measured_exit, tmp_path
):
    # No thread can be started from then on, so all have to be there already.
    _, seconds = exits(AT_THE_LAST_MOMENT, tmp_path / "records", "one call")
    records = records_in(tmp_path / "records")

    measured_exit("exit with hung sinks after the first call, seconds", seconds)
    assert {one["candidate"]: one["outcome"] for one in records} == {
        "plain": "match",
        "async": "match",
    }


def test_a_sink_that_took_nothing_and_hangs_in_its_close_does_not_hold_the_exit(
    exits, measured_exit, tmp_path
):
    _, seconds = exits(AT_THE_LAST_MOMENT, tmp_path / "records", "no call")

    measured_exit("exit with a hung sink that took nothing, seconds", seconds)


SLOW_LOGGING = """
import logging, time

class Slow(logging.Handler):
    def emit(self, record):
        time.sleep(0.4)

logging.getLogger("darkcall").addHandler(Slow())
from darkcall import dark_launch

def candidate(x):
    time.sleep(0.05)
    return x

def fail(self, record):
    raise LookupError

sinks = [type(f"Sink{number}", (), {"__call__": fail})() for number in range(30)]

@dark_launch(candidate=candidate, sinks=sinks)
def control(x):
    return x

control(1)
"""


def test_a_slow_logging_handler_shares_the_deadline(exits, measured_exit):
    _, seconds = exits(SLOW_LOGGING)

    measured_exit(
        "exit with 30 lines for a logging handler that takes 0.4 s each, seconds", seconds
    )


MANY_RUNNERS = """
import threading, time
from darkcall import configure, dark_launch
from darkcall.runners import ThreadRunner

configure(close_timeout=0.5)
for _ in range(20):
    @dark_launch(
        candidate=lambda: threading.Event().wait(), timeout=None, runner=ThreadRunner(workers=1)
    )
    def control():
        pass
    control()
time.sleep(0.1)
"""


def test_twenty_runners_that_hang_share_one_deadline(exits, measured):
    _, seconds = exits(MANY_RUNNERS)

    measured(
        "exit with 20 runners that hang and a close_timeout of 0.5 s, seconds",
        seconds,
        at_most=1.5,
    )


CLOSE_TIMEOUT = """
import sys, threading, time
from datetime import timedelta
from darkcall import configure, dark_launch

@dark_launch(candidate=lambda: threading.Event().wait(), timeout=None)
def control():
    pass

control()
configure(close_timeout=eval(sys.argv[1]))
if sys.argv[2] == "child":
    import multiprocessing

    child = multiprocessing.get_context("fork").Process(target=control)
    child.start()
    began = time.perf_counter()
    child.join()
    assert child.exitcode == 0
    assert time.perf_counter() - began < 1.9
"""


@pytest.mark.parametrize(
    ("close_timeout", "where"),
    [("0.3", "main"), ("timedelta(seconds=0.3)", "main"), ("0.3", "child")],
)
def test_the_close_timeout_is_that_of_configure_at_the_exit(exits, measured, close_timeout, where):
    ran, seconds = exits(CLOSE_TIMEOUT, close_timeout, where)

    if where == "main":
        measured(f"exit with close_timeout={close_timeout}, seconds", seconds, at_most=1.3)
    assert "it had 0.3 s" in ran.stderr
