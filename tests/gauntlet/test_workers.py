"""Workers: what hangs, fails or raises anything costs no worker and no later call."""

from __future__ import annotations

import pytest

from looking import LOOKING


PRELUDE = """
import json, logging, sys, threading, time
import darkcall
from darkcall import dark_launch, flush, launch_of
from darkcall.runners import ThreadRunner
from darkcall.sinks import MemorySink

logging.basicConfig(format="%(message)s")
# What hangs here hangs on purpose.
darkcall.configure(close_timeout=0.2)
quiet = {"sinks": [], "cpu_budget": None}


def named(name):
    return sum(thread.name == name for thread in threading.enumerate())


"""
ASKING = LOOKING + PRELUDE

HUNG_AND_GOOD = """
runner = ThreadRunner(workers=2)
hang = threading.Event()


def candidate(x):
    return hang.wait() if x < 4 else x


launches = [
    dark_launch(candidate=candidate, name=f"l{n}", runner=runner, timeout=0.5, **quiet)(lambda x: x)
    for n in range(int(sys.argv[1]))
]
began = time.perf_counter()
for x in range(20):
    launches[x % len(launches)](x)
wait_until(lambda: sum(stats_of(one).outcomes["match"] for one in launches) == 16)
seconds = time.perf_counter() - began
wait_until(lambda: sum(stats_of(one).outcomes["timeout"] for one in launches) == 4)
print(json.dumps([seconds, sum(stats_of(one).stuck for one in launches)]))
"""


@pytest.mark.parametrize("launches", [1, 4])
def test_four_candidates_that_hang_do_not_keep_sixteen_from_completing(
    run_script, measured, launches
):
    seconds, stuck = run_script(ASKING + HUNG_AND_GOOD, launches).answer

    measured(
        f"16 candidates behind 4 that hang until a timeout of 0.5 s, on 2 workers, {launches} "
        "launch(es): all compared after, seconds",
        seconds,
        at_most=1.5,
    )
    assert stuck == 4


CAP = """
from darkcall import _gate

_gate.STUCK_SECONDS = pause = 1.0
runner = ThreadRunner(workers=2)
hangs, let_go = True, threading.Event()


def candidate(x):
    if hangs:
        let_go.wait()
    return x


def launch(candidate, name):
    return dark_launch(
        candidate=candidate, name=name, runner=runner, timeout=0.1, max_stuck=4, **quiet
    )(lambda x: x)


stopped, other = launch(candidate, "stopped"), launch(lambda x: x, "other")


def call_until(outcome, reason=None):
    began = time.perf_counter()
    before = stats_of(stopped).outcomes[outcome]
    while stats_of(stopped).outcomes[outcome] == before:
        assert stopped(1) == 1
        assert time.perf_counter() - began < 10
        time.sleep(0.005)
    return time.perf_counter() - began


while stats_of(stopped).stuck < 4:
    assert stopped(1) == 1
    time.sleep(0.01)
time.sleep(0.3)
at, stopped_with = time.perf_counter(), stats_of(stopped).stuck
threads = named("darkcall-worker")
for x in range(50):
    assert (stopped(x), other(x)) == (x, x)
assert flush(timeout=5)
while_stopped = dict(outcomes(other))
call_until("timeout")
with_a_trial_that_hangs = time.perf_counter() - at
tried = stats_of(stopped).stuck - stopped_with
hangs = False
call_until("match")
works_again = time.perf_counter() - at
for x in range(20):
    stopped(x)
assert flush(timeout=5)
after = outcomes(stopped)["match"]
let_go.set()
wait_until(lambda: stats_of(stopped).stuck == 0)
stats = launch_of(stopped).stats()
print(json.dumps({
    "threads": threads,
    "while_stopped": while_stopped,
    "stopped_with": stopped_with,
    "tried": [with_a_trial_that_hangs, tried],
    "works_again": works_again,
    "after": after,
    "reasons": stats_of(stopped).reasons,
    "exact": stats.calls == stats.shadowed == sum(outcomes(stopped).values()),
    "late": stats_of(stopped).late,
    "timeouts": outcomes(stopped)["timeout"],
}))
"""


def test_the_cap_stops_the_launch_not_the_process_and_it_starts_again_by_itself(
    run_script, measured
):
    ran = run_script(ASKING + CAP)
    answer = ran.answer

    # The other worker may have been about to get stuck, too; and there are two more.
    measured("threads with max_stuck=4 and 2 workers", answer["threads"], at_most=4 + 1 + 2)
    assert answer["while_stopped"] == {"match": 50}
    seconds, got_stuck = answer["tried"]
    assert got_stuck == 1
    measured(
        "one call is tried after a pause of 1 s (30 in production), seconds", seconds, at_most=1.8
    )
    measured(
        "a launch that was stopped, and whose next trial hung, compares again after 3 s "
        "(90 in production), seconds",
        answer["works_again"],
        at_most=4.5,
    )
    assert answer["works_again"] > 2.5
    assert answer["after"] >= 21
    assert set(answer["reasons"]) == {"stuck"}
    assert answer["exact"]
    assert answer["late"] == answer["timeouts"] == answer["stopped_with"] + 1
    told = [line for line in ran.stderr.splitlines() if line.startswith("stopped [candidate]")]
    assert [line.split(": ", 1)[1] for line in told] == [
        (
            "4 candidates are past their timeout and hold a thread each; no more are started "
            "until one of them ends; one call is tried in 1 s"
        ),
        "a candidate ended, more are started again",
    ]


ENDLESS = """
runner = ThreadRunner(workers=2)


def candidate(x):
    while True:
        pass


function = dark_launch(
    candidate=candidate, name="f", runner=runner, timeout=1.0, cpu_budget=0.01, sinks=[]
)(lambda x: x)
ends = time.perf_counter() + 3
while time.perf_counter() < ends:
    function(1)
    time.sleep(0.01)
print(json.dumps([stats_of(function).stuck, stats_of(function).reasons["over_budget"]]))
"""


def test_a_budget_starts_no_more_beside_candidates_that_compute_without_end(run_script, measured):
    stuck, dropped = run_script(ASKING + ENDLESS).answer

    measured(
        "threads that a candidate which computes without end takes, of max_stuck=8, with "
        "cpu_budget=0.01 and 2 workers",
        stuck,
        # Two, and those that began before the first of them was known to be overdue.
        at_most=4,
    )
    assert dropped > 0


BREAKER = """
from darkcall import _gate

_gate.BREAKER_SECONDS = 0.5
fails = True


def with_an_error(x):
    if fails:
        raise ValueError
    return x


def too_late(x):
    if fails:
        time.sleep(0.03)
    return x


runner = ThreadRunner(workers=1)
function = dark_launch(
    candidate=with_an_error if sys.argv[1] == "errors" else too_late,
    name="f", runner=runner, timeout=0.01, max_stuck=100, **quiet,
)(lambda x: x)
for x in range(60):
    function(x)
    assert flush(timeout=5)
opened = dict(outcomes(function)), dict(stats_of(function).reasons)
fails = False
wait_until(lambda: function(1) and flush() and outcomes(function).get("match"))
for x in range(10):
    function(x)
assert flush(timeout=5)
print(json.dumps([*opened, outcomes(function)["match"]]))
"""


@pytest.mark.parametrize(
    ("failing", "outcome"), [("errors", "candidate_error"), ("late", "timeout")]
)
def test_the_breaker_opens_on_errors_and_timeouts_and_says_so_once(run_script, failing, outcome):
    ran = run_script(ASKING + BREAKER, failing)
    counted, reasons, matched = ran.answer
    told = [line for line in ran.stderr.splitlines() if "breaker" in line]

    # One is tried each half second while the calls go on.
    assert 20 <= counted[outcome] <= 24
    assert counted["dropped"] == reasons["breaker"] == 60 - counted[outcome]
    assert matched == 11
    assert [line.split(": ", 1)[1] for line in told] == [
        "failed 20 times in a row, the breaker opens; one call is tried every 0.5 s",
        "works again, the breaker closes",
    ]


STRUCK = """
import ctypes

logging.disable()
runner = ThreadRunner(workers=2)
function = dark_launch(candidate=lambda x: x, name="f", runner=runner, **quiet)(lambda x: x)


def workers():
    return [one for one in threading.enumerate() if one.name == "darkcall-worker"]


function(0)
assert flush(timeout=5)
strikes = 0
for round in range(30):
    for worker in workers():
        # What libraries for timeouts in threads do, sometimes a moment too late.
        for kind in (SystemExit, KeyboardInterrupt, ValueError):
            strikes += ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(worker.ident), ctypes.py_object(kind)
            )
            time.sleep(0.002)
    for x in range(3):
        function(x)
flush(timeout=5)
for x in range(20):
    function(x)
is_done = flush(timeout=5)
print(json.dumps({
    "strikes": strikes,
    "workers": len(workers()),
    "done": is_done,
    "matched": stats_of(function).outcomes["match"],
}))
"""


def test_an_exception_that_strikes_a_worker_between_two_calls_does_not_end_it(run_script, measured):
    answer = run_script(ASKING + STRUCK).answer

    measured(
        "workers of 2 after exceptions that other threads raised in them, between calls",
        answer["workers"],
        at_least=2,
    )
    assert answer["strikes"] > 0
    assert answer["done"]
    assert answer["matched"] >= 20
