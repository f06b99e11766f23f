"""Calls while the interpreter exits: the caller gets the control's result, and it is counted."""

from __future__ import annotations

import textwrap

import pytest


EXIT_HOOKS = """
import atexit, json, time

results = []

def call(x):
    results.append(control(x) == 2 * x)
    results.append(shop.method(x) == 2 * x)
    results.append(proxy(x) == 2 * x)
    results.append(awaited(x) == 2 * x)
    try:
        awaiting(x).send(None)
    except StopIteration as end:
        results.append(end.value == 2 * x)

def call_after_close_at_exit():
    call(3)
    with darkcall.configure(sample=0.5), darkcall.set_enabled(True):
        call(4)
    # It is at an end, whatever is called.
    results.append(darkcall.flush(1.0))
    results.append(darkcall.close(1.0))
    call(5)
    answer = {}
    for launch in darkcall.launches():
        stats = launch.stats()
        [candidate] = stats.candidates.values()
        adds_up = stats.shadowed == sum(candidate.outcomes.values()) + candidate.pending
        answer[launch.name] = [stats.calls, stats.off, adds_up, candidate.pending]
    print(json.dumps([results, answer]))

# What is registered first runs last.
atexit.register(call_after_close_at_exit)

import darkcall
from darkcall.sinks import JsonlSink, MemorySink

launched = darkcall.dark_launch
sinks = [MemorySink()]

def double(x):
    return x + x

async def double_later(x):
    return x + x

class Shop:
    @darkcall.dark_launch(candidate=lambda self, x: x + x, sinks=sinks, name="method")
    def method(self, x):
        return 2 * x

class Callable:
    def __call__(self, x):
        return 2 * x

shop = Shop()
control = launched(candidate=double, sinks=sinks, name="function")(lambda x: 2 * x)
proxy = launched(candidate=double, sinks=sinks, name="proxy")(Callable())
awaited = launched(candidate=double_later, sinks=sinks, name="async candidate")(lambda x: 2 * x)
awaiting = launched(candidate=double_later, sinks=sinks, name="async control")(double_later)

atexit.register(call, 2)
call(1)
"""


def test_calls_from_exit_hooks_before_and_after_ours_return_and_are_counted(run_script):
    ran = run_script(EXIT_HOOKS)
    results, launches = ran.answer

    assert results == [True] * 27
    assert launches == {
        name: [5, 3, True, 0]
        for name in ("async candidate", "async control", "function", "method", "proxy")
    }
    assert ran.stderr == ""


FIRST_USE = """
import atexit, sys

def use():
    import json
    import darkcall
    from darkcall.sinks import JsonlSink, LogSink

    sinks = [LogSink(), JsonlSink(sys.argv[1])]

    async def candidate(x):
        return x

    one = darkcall.dark_launch(candidate=lambda x: x, name="one", sinks=sinks)(lambda x: x)
    two = darkcall.dark_launch(candidate=candidate, name="two", sinks=sinks)(lambda x: x)
    results = [one(1), two(2), one(3), darkcall.flush(1.0), darkcall.close(1.0), two(4)]
    darkcall.set_enabled(True)
    darkcall.launch_of(two).resume()
    results.append(two(5))
    counts = []
    for launched in (one, two):
        stats = darkcall.launch_of(launched).stats()
        [candidate] = stats.candidates.values()
        adds_up = stats.shadowed == sum(candidate.outcomes.values()) + candidate.pending
        counts.append([stats.calls, stats.off, adds_up])
    print(json.dumps([results, counts]))

atexit.register(use)
"""


def test_a_first_use_in_an_exit_hook_returns_and_is_counted(run_script, tmp_path):
    ran = run_script("import threading\n" + textwrap.dedent(FIRST_USE), tmp_path / "records")
    results, counts = ran.answer

    assert results == [1, 2, 3, True, True, 4, 5]
    assert counts == [[2, 2, True], [3, 3, True]]
    assert ran.stderr == ""
    assert not (tmp_path / "records").exists()


def test_so_does_one_in_a_program_that_never_heard_of_threads(run_script, tmp_path):
    # Nothing tells a library then that the process exits, but that no thread starts.
    results, counts = run_script(FIRST_USE, tmp_path / "records").answer

    assert results == [1, 2, 3, True, True, 4, 5]
    assert [(calls, adds_up) for calls, _, adds_up in counts] == [(2, True), (3, True)]


TEARDOWN = """
import atexit, builtins, codecs, os, sys, threading
from darkcall import dark_launch
from darkcall.sinks import MemorySink

class Late:
    def __init__(self, place, function):
        self.place, self.function, self.write = place, function, os.write

    def __del__(self):
        result = self.function(20)
        self.write(1, self.place.encode() + (b" right\\n" if result == 40 else b" wrong\\n"))

sinks = [MemorySink()]

class Shop:
    @dark_launch(candidate=lambda self, x: x + x, sinks=sinks, isolate="share")
    def method(self, x):
        return 2 * x

class Callable:
    def __call__(self, x):
        return 2 * x

async def double(x):
    return 2 * x

awaiting = dark_launch(candidate=double, sinks=sinks)(double)

def run(x):
    try:
        awaiting(x).send(None)
    except StopIteration as end:
        return end.value

functions = {
    "function": dark_launch(candidate=lambda x: x + x, sinks=sinks)(lambda x: 2 * x),
    "method": Shop().method,
    "proxy": dark_launch(candidate=lambda x: x + x, sinks=sinks)(Callable()),
    "coroutine": run,
}
if sys.argv[1] == "called before":
    for name in ("function", "method", "proxy"):
        functions[name](1)

keep_away_from_the_collector = []
for name, function in functions.items():
    setattr(sys, "late_" + name, Late(f"sys {name}", function))
    setattr(builtins, "late_" + name, Late(f"builtins {name}", function))
    globals()["late_" + name] = Late(f"globals {name}", function)
    cycle = Late(f"cycle {name}", function)
    cycle.itself = cycle
    keep_away_from_the_collector.append(cycle)
    in_a_registry = Late(f"registry {name}", function)
    codecs.register(lambda _, kept=in_a_registry: None)
    del cycle, in_a_registry
if sys.argv[2] == "without the hooks of the exit":
    atexit._clear()
"""


@pytest.mark.parametrize("before", ["called before", "first called then"])
@pytest.mark.parametrize("how", ["after the hooks of the exit", "without the hooks of the exit"])
def test_calls_from_finalizers_get_their_result_while_modules_are_taken_apart(
    run_script, measured, before, how
):
    ran = run_script(TEARDOWN, before, how)
    lines = ran.stdout.splitlines()
    wrong = [line for line in lines if not line.endswith(" right")]

    # What else is held until then, the interpreter may never free.
    places = {"builtins", "sys"} if how.startswith("without") else {"builtins", "sys", "registry"}
    assert places <= {line.split()[0] for line in lines}
    assert {line.split()[1] for line in lines} == {"function", "method", "proxy", "coroutine"}
    measured(f"wrong results of calls from __del__ {how}, {before}", len(wrong), at_most=0)
    assert ran.stderr == ""


UNDER_WAY = """
import atexit, json, threading, time

def say():
    stopping.set()
    thread.join()
    stats = launch_of(control).stats()
    [candidate] = stats.candidates.values()
    adds_up = stats.shadowed == sum(candidate.outcomes.values()) + candidate.pending
    print(json.dumps([calls, stats.calls, stats.off, candidate.pending, adds_up]))

atexit.register(say)

from darkcall import dark_launch, launch_of
from darkcall.sinks import MemorySink

def candidate(x):
    time.sleep(0.001)
    return x

@dark_launch(candidate=candidate, sinks=[MemorySink()])
def control(x):
    return x

def call():
    global calls
    while not stopping.is_set():
        assert control(calls) == calls
        calls += 1
        time.sleep(0.0002)

calls, stopping = 0, threading.Event()
thread = threading.Thread(target=call, daemon=True)
thread.start()
while calls < 300:
    time.sleep(0.001)
"""


def test_a_thread_that_goes_on_calling_during_the_exit_is_counted_to_the_last_call(
    run_script, measured
):
    ran = run_script(UNDER_WAY)
    made, counted, off, pending, adds_up = ran.answer

    measured("calls made during the exit that are not counted", made - counted, at_most=0)
    assert made == counted
    assert off > 0
    assert pending == 0
    assert adds_up
