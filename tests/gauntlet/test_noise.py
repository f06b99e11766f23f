"""A control that runs again in the dark: what it hangs in, exits, forks and signals."""

from __future__ import annotations

import collections
import textwrap
import time

from looking import records_in


HUNG = """
import threading, time
from darkcall import dark_launch, is_dark
from darkcall.sinks import JsonlSink
import sys

@dark_launch(
    candidate=lambda x: {answer}, {knob}, timeout=None, sinks=[JsonlSink(sys.argv[1])]
)
def control(x):
    if is_dark():
        threading.Event().wait()
    return x

control(1)
time.sleep(0.1)
print(time.perf_counter(), flush=True)
"""


def test_a_control_that_hangs_in_the_dark_does_not_hold_the_exit(
    run_script, measured_exit, tmp_path
):
    script = HUNG.format(answer="x", knob="noise=1.0")
    ran = run_script(script, tmp_path, traced=False)

    measured_exit("exit with a control that hangs in the dark, seconds", ran_for(ran))
    assert "not compared when darkcall closed: 1 (dropped: exit); it had 2 s" in ran.stderr
    assert [record["outcome"] for record in records_in(tmp_path)] == ["match"]


def test_a_confirmation_that_hangs_does_not_hold_the_exit_and_its_call_is_compared(
    run_script, measured_exit, tmp_path
):
    script = HUNG.format(answer="-x", knob="confirm=True")
    ran = run_script(script, tmp_path, traced=False)

    measured_exit("exit with a confirmation that hangs, seconds", ran_for(ran))
    # The sink has no time left for its record, or a moment.
    assert "not compared" not in ran.stderr


def ran_for(ran):
    return time.perf_counter() - ran.answer


FORKS = """
import json, os, sys, threading
from darkcall import dark_launch, flush, is_dark, launch_of
from darkcall.sinks import JsonlSink

let_go = threading.Event()
let_go.set()

def candidate(x):
    let_go.wait(20)
    return -x

@dark_launch(
    candidate=candidate, noise=1.0, confirm=True, cpu_budget=None, sinks=[JsonlSink(sys.argv[1])]
)
def control(x):
    return x

def counted():
    stats = launch_of(control).stats()
    noise = stats.noise
    again = [None, None] if noise is None else [noise.shadowed, sum(noise.outcomes.values())]
    return [stats.shadowed, sum(stats.outcomes.values()), *again]

control(1)
assert flush()
let_go.clear()
# These wait, the control that is to follow them as well, while the process forks.
control(2)
control(3)
codes = []
for _ in range(5):
    pid = os.fork()
    if not pid:
        before = counted()
        let_go.set()
        control(4)
        is_right = flush() and before == [0, 0, None, None] and counted() == [1, 1, 1, 1]
        sys.exit(0 if is_right else 3)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
let_go.set()
assert flush()
print(json.dumps({"codes": codes, "counted": counted()}))
"""


def test_a_forked_child_runs_its_own_again_and_none_of_its_parents(run_script, tmp_path):
    answer = run_script(FORKS, tmp_path).answer
    records = records_in(tmp_path)

    assert answer == {"codes": [0] * 5, "counted": [3, 3, 3, 3]}
    assert collections.Counter((record["candidate"], record["outcome"]) for record in records) == {
        ("candidate", "mismatch"): 8,
        ("control", "match"): 8,
    }
    assert len({record["call_id"] for record in records}) == 8


SIGNALS = """
import itertools, json, signal, sys, time
from darkcall import dark_launch, flush, launch_of
from darkcall.runners import InlineRunner
from darkcall.sinks import MemorySink

def launched(**knobs):
    memory = MemorySink(max_records=10)
    return dark_launch(
        candidate={"good": lambda x: x, "bad": lambda x: 7},
        noise=0.5, confirm=True, cpu_budget=None, sinks=[memory], **knobs
    )(lambda x: x)

functions = [launched(), launched(runner=InlineRunner()), launched(max_pending=2)]
sys.setswitchinterval(0.0001)
handled, turns, strikes = itertools.count(), itertools.cycle(functions), itertools.count(1)


def handler(*_):
    next(handled)
    value = [1]
    assert next(turns)(value) is value
    if may_strike and not next(strikes) % 3:
        raise KeyboardInterrupt

may_strike = False
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
began = time.monotonic()
while time.monotonic() - began < 2:
    try:
        may_strike = True
        for function in functions:
            value = {"lines": [1, 2]}
            assert function(value) is value
        may_strike = False
    except KeyboardInterrupt:
        may_strike = False
signal.setitimer(signal.ITIMER_REAL, 0)
assert flush(20)
told = []
for function in functions:
    stats = launch_of(function).stats()
    gates = [one.gate for one in (*launch_of(function).candidates, launch_of(function)._rerun)]
    told.append({
        "pending": stats.pending,
        "noise_pending": stats.noise.pending,
        "noise": stats.noise.shadowed,
        "lost_places": sum(gate.room._size - len(gate.room.places) for gate in gates),
    })
print(json.dumps({"handled": next(handled), "launches": told}))
"""


def test_signals_that_call_it_and_interrupt_it_leave_no_run_uncounted(run_script, measured):
    answer = run_script(textwrap.dedent(SIGNALS), traced=False).answer
    launches = answer["launches"]

    assert answer["handled"] > 100
    assert all(one["noise"] for one in launches)
    measured(
        "runs of a control for noise that are not accounted for",
        sum(one["pending"] + one["noise_pending"] for one in launches),
        at_most=0,
    )
