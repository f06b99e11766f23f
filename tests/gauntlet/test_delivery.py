"""However the process exits, what is pending is delivered, or counted and told."""

from __future__ import annotations

import collections
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from looking import records_in


PENDING = """
import atexit, json, sys, time

def say():
    [counts] = launch_of(control).stats().candidates.values()
    print(json.dumps([counts.outcomes, counts.reasons, counts.pending, time.perf_counter()]))

# What is registered first runs last: after darkcall's own.
atexit.register(say)

import logging
logging.basicConfig(format="%(name)s: %(message)s")

from darkcall import dark_launch, launch_of
from darkcall.sinks import JsonlSink

def candidate(x):
    time.sleep(0.02)
    return x

@dark_launch(candidate=candidate, sinks=[JsonlSink(sys.argv[1])])
def control(x):
    return x

for x in range(int(sys.argv[2])):
    control(x)
ended = time.perf_counter()
atexit.register(print, ended)
"""


def test_a_hundred_pending_calls_are_all_delivered(run_script, measured, measured_exit, tmp_path):
    ran = run_script(PENDING, tmp_path / "records", 100, traced=False)
    outcomes, reasons, pending, ended = ran.answer

    assert (outcomes["match"], reasons, pending) == (100, {}, 0)
    delivered = len(records_in(tmp_path / "records"))
    measured("delivered of 100 calls pending at exit, of 20 ms each", delivered, at_least=100)
    seconds = ended - float(ran.stdout.splitlines()[0])
    measured_exit("exit with 100 calls of 20 ms pending, seconds", seconds)
    assert ran.stderr == ""


ASYNC_PENDING = PENDING.replace(
    "def candidate(x):\n    time.sleep(0.02)",
    "async def candidate(x):\n    import asyncio\n    await asyncio.sleep(0.02 if x % 2 else 60)",
)


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_of_a_thousand_pending_calls_the_rest_is_counted_and_told(
    run_script, measured, measured_exit, tmp_path, kind
):
    source = ASYNC_PENDING if kind == "async" else PENDING
    ran = run_script(source, tmp_path / "records", 1000, traced=False)
    seconds = time.perf_counter() - float(ran.stdout.splitlines()[0])
    outcomes, reasons, pending, _ = ran.answer
    delivered, dropped = len(records_in(tmp_path / "records")), outcomes["dropped"]

    measured_exit(f"exit with 1,000 {kind} calls of 20 ms pending, seconds", seconds)
    assert delivered == outcomes["match"] > 0
    assert reasons == {"exit": dropped}
    assert pending == 0
    measured(
        f"delivered + dropped (exit) of 1,000 {kind} calls pending at exit",
        delivered + dropped,
        at_least=1000,
        at_most=1000,
    )
    [line] = ran.stderr.splitlines()
    assert line == (
        f"darkcall: calls that were not compared when darkcall closed: {dropped} "
        "(dropped: exit); it had 2 s, configure(close_timeout=...) gives it more"
    )


ENDINGS = {
    "sys.exit within a configure": (
        3,
        """
        with configure(close_timeout=1.5, sample=1.0):
            call()
            sys.exit(3)
        """,
    ),
    "an exception that nobody handles": (
        1,
        """
        call()
        raise LookupError
        """,
    ),
    "sys.exit in another thread": (
        0,
        """
        def work():
            call()
            sys.exit(3)

        thread = threading.Thread(target=work)
        thread.start()
        """,
    ),
    "os._exit after a close": (
        4,
        """
        call()
        assert close(timeout=10)
        os._exit(4)
        """,
    ),
}

ENDS = """
import os, sys, threading, time
from darkcall import close, configure, dark_launch
from darkcall.sinks import JsonlSink

def candidate(x):
    time.sleep(0.01)
    return x

@dark_launch(candidate=candidate, sinks=[JsonlSink(sys.argv[1])])
def control(x):
    return x

def call():
    for x in range(20):
        control(x)
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_however_the_process_ends_what_is_pending_is_delivered(
    run_script, measured, tmp_path, ending
):
    code, last_lines = ENDINGS[ending]
    run_script(ENDS + textwrap.dedent(last_lines), tmp_path / "records", code=code)

    measured(
        f"delivered of 20 calls pending at {ending}",
        len(records_in(tmp_path / "records")),
        at_least=20,
    )


def test_an_os_exit_loses_what_is_pending_and_no_more(run_script, tmp_path):
    # Into a folder that is there, even if nothing was written.
    run_script(ENDS + "call()\nos._exit(4)\n", tmp_path, code=4)

    assert len(records_in(tmp_path)) < 20


SERVER = """
import signal, sys, time
from darkcall import dark_launch
from darkcall.sinks import JsonlSink

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

def candidate(x):
    time.sleep(0.001)
    return x

# The caller waits for room: most signals come in the middle of darkcall's own lines.
@dark_launch(
    candidate=candidate, sinks=[JsonlSink(sys.argv[1])], when_full="block", max_pending=100
)
def control(x):
    return x

returned = 0
try:
    for x in range(10**9):
        control(x)
        returned += 1
        if returned == 200:
            print("serving", flush=True)
finally:
    print(returned, time.perf_counter(), flush=True)
"""


def test_a_sigterm_that_the_host_turns_into_sys_exit_delivers_all(
    environment, measured, measured_exit, tmp_path
):
    script, lost, seconds = tmp_path / "server.py", [], []
    script.write_text(SERVER)
    for round_ in range(5):
        folder = tmp_path / f"records{round_}"
        command = [sys.executable, script, folder]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment(traced=False)
        ) as server:
            assert server.stdout.readline() == "serving\n"
            server.send_signal(signal.SIGTERM)
            returned, told_at = server.stdout.readline().split()
            assert server.wait(30) == 0
            seconds.append(time.perf_counter() - float(told_at))
        # A call that was interrupted in its middle is counted as skipped.
        outcomes = collections.Counter(one["outcome"] for one in records_in(folder))
        assert set(outcomes) == {"match"}
        lost.append(int(returned) - outcomes["match"])

    measured_exit("exit after a SIGTERM, longest of 5, seconds", max(seconds))
    measured("calls that returned before a SIGTERM and were lost", max(lost), at_most=0)


SIGNALS = """
import json, signal

def handlers():
    return [signal.getsignal(number) for number in sorted(signal.valid_signals())]

before = handlers()
import darkcall
from darkcall.sinks import JsonlSink, LogSink, SqliteSink

@darkcall.dark_launch(candidate=lambda x: x, sinks=[LogSink(), JsonlSink("a"), SqliteSink("b")])
def control(x):
    return x

async def candidate(x):
    return x

@darkcall.dark_launch(candidate=candidate, sinks=[])
def awaited(x):
    return x

control(1), awaited(1)
assert darkcall.flush(10)
assert darkcall.close(10)
print(json.dumps([handlers() == before, signal.set_wakeup_fd(-1)]))
"""


def test_no_signal_handler_is_ours(run_script, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    ran = run_script(SIGNALS, PYTHONPATH=os.pathsep.join(sys.path))

    assert ran.answer == [True, -1]
