"""A child works whichever lock of darkcall's a thread of its parent held at the fork."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import darkcall


#: Where the locks are made that a thread may hold for a while.
HELD = {
    "_budget.Quota.__init__",
    "_config",
    "_forks.ForkGate.__init__",
    "_gate.Gate.__init__",
    "_gate.Room.__init__",
    "_guard",
    "_telling.Teller._begin",
    "runners._process.Process.__init__",
    "runners.loop",
    "runners.thread.ThreadRunner._reset",
    "sampling._PerSecond.__init__",
    "sinks._queue.Queue.__init__",
    "sinks.jsonl.JsonlSink._begin_files_of_this_process",
    "sinks.rollup.RollupSink._begin_in_this_process",
}
#: Bells: locked while there is no news, and never held.
BELLS = {
    "runners._coming.Coming.__init__",
    "runners._alarm.Alarm.__init__",
    "runners.thread._Worker.__init__",
    "sinks._outlet.Outlet._start_anew",
}
#: Claims: whoever takes one keeps it, and nobody waits for it.
CLAIMS = {
    "runners.loop._Run.__init__",
    "runners.process._Errand.__init__",
}
#: Of asyncio: no thread waits for them.
OF_LOOPS = {"runners._finish.finish"}
#: What a thread that comes too late waits by until the process has ended.
HALTS = {"_threads._halt"}
#: Made in the place of one of the above whose holder may not exist.
RENEWED = {
    "_config.after_fork",
    "_forks.ForkGate.renew",
    "_guard.reset",
    "runners.loop.after_fork",
    "runners.thread.ThreadRunner._start",
    "sampling._PerSecond.__call__",
}

SCRIPT = """
import _thread, asyncio, itertools, json, os, sys, threading, time, weakref

made = []

def noting(make):
    def make_lock():
        lock = make()
        code, module = sys._getframe(1).f_code, sys._getframe(1).f_globals["__name__"]
        if module.startswith("darkcall."):
            place = f"{module}.{code.co_qualname}".removesuffix(".<module>")
            made.append((place.removeprefix("darkcall."), weakref.ref(lock)))
        return lock
    return make_lock

_thread.allocate_lock, _thread.RLock = noting(_thread.allocate_lock), noting(_thread.RLock)

from darkcall import aflush, configure, dark_launch, flush, launch_of, launches
from darkcall.runners import ProcessRunner
from darkcall.sampling import per_second
from darkcall.sinks import JsonlSink, RollupSink, SqliteSink

folder, bells, claims = sys.argv[1], *map(json.loads, sys.argv[2:])
let_go, bounds = threading.Event(), itertools.count(900)
sinks = [JsonlSink(folder + "/jsonl"), SqliteSink(folder + "/records.db"), lambda record: None]
sinks.append(RollupSink(JsonlSink(folder + "/rolled-up")))

def named(x):
    return x

def candidate(x):
    if x == "wait":
        let_go.wait(30)
    return x

async def acandidate(x):
    while x == "wait" and not let_go.is_set():
        await asyncio.sleep(0.001)
    return x

configure(sinks=sinks, cpu_budget=None, timeout=30)

@dark_launch(candidate={"named": "__main__:named", "given": candidate}, sample=per_second(1e9))
def control(x):
    return x

@dark_launch(candidate=acandidate)
def with_async_candidate(x):
    return x

@dark_launch(candidate={"async": acandidate, "sync": candidate})
async def acontrol(x):
    return x

@dark_launch(candidate="operator:pos", runner=ProcessRunner())
def elsewhere(x, /):
    return x

@dark_launch(candidate="__main__:named")
def unresolved(x):
    return x

async def call_and_wait(x):
    await acontrol(x)
    await aflush(10)

def use():
    for number in range(3):
        control(number)
        with_async_candidate(number)
        elsewhere(number)
        asyncio.run(call_and_wait(number))
    launch_of(control).update(max_pending=next(bounds))
    with configure(timeout=20):
        control("configured")

def in_child(told):
    use()
    unresolved("named")
    late = dark_launch(candidate=candidate, name="late")(lambda x: x)
    late("late")
    is_flushed = flush(10)
    stats = {one.name.removeprefix("__main__."): one.stats() for one in launches()}
    os.write(told, json.dumps({
        "is_flushed": is_flushed,
        "calls": {name: stat.calls for name, stat in stats.items()},
        "matches": {name: stat.outcomes["match"] for name, stat in stats.items()},
        "sinks": {
            name: [sink.offered, sink.written, sink.failed]
            for name, sink in stats["control"].sinks.items()
        },
    }).encode())
    sys.exit(0)

def hold(place, is_held, is_over, refused):
    locks = [lock for where, ref in made if where == place and (lock := ref()) is not None]
    held = []
    for lock in locks:
        (held if lock.acquire(timeout=1) else refused).append(lock)
    is_held.set()
    is_over.wait(60)
    for lock in held:
        lock.release()

def waited_for(child, deadline):
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(child, 9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def forked_while_held(place):
    # Two calls are under way, which nobody is to wait for in the child.
    let_go.clear()
    control("wait")
    with_async_candidate("wait")
    is_held, is_over, refused = threading.Event(), threading.Event(), []
    holder = threading.Thread(target=hold, args=(place, is_held, is_over, refused))
    holder.start()
    is_held.wait()
    reader, told = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if not child:
        in_child(told)
    fork_seconds = time.monotonic() - began
    os.close(told)
    exit_code = waited_for(child, began + 20)
    seconds = time.monotonic() - began
    is_over.set()
    holder.join()
    let_go.set()
    use()
    return {
        "exit_code": exit_code, "fork_seconds": fork_seconds, "seconds": seconds,
        "could_not_be_held": len(refused), "parent_is_flushed": flush(10),
        **json.loads(os.read(reader, 65536)),
    }

use()
assert flush(10)
places = {where for where, ref in made if ref() is not None} - set(bells) - set(claims)
print(json.dumps({place: forked_while_held(place) for place in sorted(places)}))
"""


def test_a_child_works_whichever_lock_was_held_at_the_fork(run_script, tmp_path, measured):
    unheld = json.dumps(sorted(BELLS)), json.dumps(sorted(CLAIMS))
    answers = run_script(SCRIPT, tmp_path, *unheld).answer
    calls = {"control": 4, "with_async_candidate": 3, "acontrol": 3, "unresolved": 1, "late": 1}
    calls |= {"elsewhere": 3}
    matches = {**calls, "control": 8, "acontrol": 6}

    assert set(answers) == HELD
    for place, answer in answers.items():
        # What a thread was in the middle of, the child cannot do: it says so, and goes on.
        is_forked = place == "_forks.ForkGate.__init__"
        assert answer["could_not_be_held"] == 0, place
        assert answer["exit_code"] == 0, place
        assert answer["is_flushed"], place
        assert answer["calls"] == calls, place
        assert answer["matches"] == matches | ({"unresolved": 0} if is_forked else {}), place
        assert answer["parent_is_flushed"], place
        for sink, (offered, written, failed) in answer["sinks"].items():
            lost = offered if is_forked and sink == "SqliteSink" else 0
            assert (written, failed) == (offered - lost, lost), (place, sink)
    measured(
        "a fork while a write to SQLite or the import of a candidate does not end, seconds",
        answers.pop("_forks.ForkGate.__init__")["fork_seconds"],
        at_most=1.5,
    )
    measured(
        f"calls, flush and exit of a child forked while a lock is held, slowest of"
        f" {len(answers)} locks, seconds",
        max(answer["seconds"] for answer in answers.values()),
        at_most=5.0,
    )


def test_each_lock_of_the_source_is_one_of_those():
    source = Path(darkcall.__file__).parent
    places = set()
    for file in source.rglob("*.py"):
        module = ".".join(file.relative_to(source).with_suffix("").parts)
        places |= {
            f"{module}.{inside}".rstrip(".")
            for inside in lock_makers(ast.parse(file.read_text(encoding="utf-8")))
        }

    assert places == HELD | BELLS | CLAIMS | OF_LOOPS | HALTS | RENEWED


def lock_makers(node, inside=""):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from lock_makers(child, f"{inside}.{child.name}".lstrip("."))
            continue
        if isinstance(child, ast.Call):
            called = getattr(child.func, "attr", getattr(child.func, "id", None))
            if called in {"Lock", "RLock", "Condition", "Event", "Semaphore", "allocate_lock"}:
                yield inside
        yield from lock_makers(child, inside)
