"""The nine promises of the design, each a test whose name is the sentence.

Here each is shown once, plainly; test_promise_one.py and test_isolation.py go deeper.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from darkcall import dark_launch, flush, is_dark, launch_of
from darkcall.runners import InlineRunner, ThreadRunner
from darkcall.sinks import MemorySink
from looking import wait_until


FAILING_KNOBS = ["sample", "compare", "ignore", "normalize", "context", "isolate"]


def fails(*_args, **_kwargs):
    raise ValueError("this is no answer")


def run_script(text, *args):
    """Run a program of its own; it has to end by itself."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text), *args],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        # What is measured in the child would be seen among what it imports and says.
        env={name: value for name, value in os.environ.items() if "COV" not in name},
    )


@pytest.mark.parametrize("knob", [*FAILING_KNOBS, "candidate", "sink", "redact"])
def test_the_caller_gets_the_controls_own_object_or_the_very_exception_it_raised(knob):
    answer, error = object(), KeyError("no")
    knobs = {knob: fails} if knob in FAILING_KNOBS else {}

    @dark_launch(
        candidate=fails if knob == "candidate" else lambda is_failing: None,
        sinks=[fails if knob == "sink" else MemorySink()],
        redact=(fails,) if knob == "redact" else (),
        runner=ThreadRunner(),
        **knobs,
    )
    def control(is_failing):
        if is_failing:
            raise error
        return answer

    assert control(is_failing=False) is answer
    with pytest.raises(KeyError) as info:
        control(is_failing=True)
    assert info.value is error
    assert flush()


def test_the_caller_never_waits_for_a_candidate_or_a_sink():
    go_on = threading.Event()

    def waits(*_args):
        go_on.wait(20)

    @dark_launch(candidate=waits, sinks=[waits], runner=ThreadRunner(), max_pending=3)
    def control():
        return 3

    began = time.thread_time(), time.monotonic()
    answers = [control() for _ in range(10)]
    ended = time.thread_time(), time.monotonic()
    stats = launch_of(control).stats()
    go_on.set()

    assert answers == [3] * 10
    assert ended[1] - began[1] < 5
    # Only where it was asked for would the eleventh wait for room.
    assert (stats.pending, stats.reasons) == (3, {"full": 7})
    assert flush()


def test_a_candidate_never_sees_what_was_done_afterwards_nor_is_seen_outside():
    sink = MemorySink()
    go_on = threading.Event()
    seen = []

    def candidate(lines):
        go_on.wait(20)
        seen.append(list(lines))
        lines.clear()
        return [1, 2]

    @dark_launch(candidate=candidate, sinks=[sink], runner=ThreadRunner())
    def control(lines):
        lines.append(2)
        return lines

    lines = [1]
    assert control(lines) is lines
    lines.append(3)
    go_on.set()

    assert flush()
    assert seen == [[1]]
    assert lines == [1, 2, 3]
    assert [record.outcome for record in sink.records] == ["match"]


def test_what_cannot_be_copied_is_skipped_and_told_once_with_the_way_out(caplog):
    @dark_launch(candidate=lambda session: 3, sinks=[], runner=InlineRunner(), name="shop.price")
    def control(session):
        return 3

    for _ in range(3):
        assert control(threading.Lock()) == 3
    assert flush()

    [line] = [message for message in caplog.messages if "skipped" in message]
    assert line.startswith("shop.price: a call was skipped, parameter 'session' (lock)")
    assert "share=('session',)" in line
    assert launch_of(control).stats().outcomes["skipped"] == 3


def test_every_call_is_accounted_for_exactly():
    def candidate(n):
        if n % 5 == 0:
            raise ValueError(n)
        if n % 7 == 0:
            control(n)
        return n + (n % 3 == 0)

    @dark_launch(
        candidate=candidate,
        sinks=[],
        runner=ThreadRunner(),
        sample=lambda call: call.args[0] % 2 == 0,
        ignore=lambda control, candidate: control.value % 9 == 0,
        max_pending=50,
        cpu_budget=None,
    )
    def control(n):
        return n

    launch = launch_of(control)
    barrier = threading.Barrier(4)

    def call():
        barrier.wait()
        for n in range(300):
            control(n)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        stats = launch.stats()
        [counted] = stats.candidates.values()
        assert stats.calls == stats.off + stats.nested + stats.unsampled + stats.shadowed
        assert stats.shadowed == sum(counted.outcomes.values()) + counted.pending
        assert counted.pending >= 0
    assert flush()
    launch.pause()
    control(0)

    stats = launch.stats()
    assert stats.pending == 0
    assert stats.off == 1
    assert stats.unsampled == stats.shadowed == 600
    assert stats.calls == 1201 + stats.nested
    assert sum(stats.outcomes.values()) == 600
    assert stats.outcomes["candidate_error"] > 0
    assert stats.outcomes["ignored"] > 0


def test_a_timeout_means_that_nobody_waits_any_longer():
    sink = MemorySink()
    go_on = threading.Event()

    def hangs_at_first(n):
        if n < 2:
            go_on.wait(20)
        return n

    @dark_launch(
        candidate=hangs_at_first,
        sinks=[sink],
        runner=ThreadRunner(workers=1),
        timeout=0.02,
        max_stuck=2,
    )
    def control(n):
        return n

    def outcomes():
        return {name: n for name, n in launch_of(control).stats().outcomes.items() if n}

    control(0)
    wait_until(lambda: outcomes() == {"timeout": 1})
    # The thread is abandoned, and replaced.
    control(2)
    wait_until(lambda: outcomes() == {"timeout": 1, "match": 1})
    control(1)
    wait_until(lambda: outcomes() == {"timeout": 2, "match": 1})
    # At the cap the launch stops itself, until one of them ends.
    assert launch_of(control).stats().candidates["candidate"].stuck == 2
    assert control(3) == 3
    assert launch_of(control).stats().reasons == {"stuck": 1}
    go_on.set()
    wait_until(lambda: launch_of(control).stats().late == 2)
    wait_until(lambda: launch_of(control).stats().candidates["candidate"].stuck == 0)
    control(4)

    assert flush()
    assert outcomes() == {"timeout": 2, "match": 2, "dropped": 1}
    assert [r.outcome for r in sink.records] == ["timeout", "match", "timeout", "match"]


EXIT = """
    import sys, threading, time
    from darkcall import dark_launch

    def hangs(*args):
        while True:
            time.sleep(60)

    place = sys.argv[1]

    @dark_launch(candidate=hangs if place == "candidate" else lambda: 3,
                 compare=hangs if place == "comparison" else lambda one, other: True,
                 sinks=[hangs] if place == "sink" else [], timeout=None)
    def control():
        return 3

    assert control() == 3
    print("done")
"""


@pytest.mark.parametrize("place", ["candidate", "comparison", "sink"])
def test_the_process_always_exits(place):
    began = time.monotonic()
    ended = run_script(EXIT, place)

    [told] = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (0, "done\n")
    if place == "sink":
        assert told == "hangs did not end in time: it is left behind, 0 records are dropped"
    else:
        assert told.startswith("calls that were not compared when darkcall closed: 1 (dropped")
    assert time.monotonic() - began < 20


FORK = """
    import os, sys, threading
    from darkcall import dark_launch, flush, launch_of
    from darkcall.sinks import MemorySink

    sink = MemorySink()

    @dark_launch(candidate=lambda n: n, sinks=[sink], cpu_budget=None)
    def control(n):
        return n

    stop = threading.Event()

    def load():
        while not stop.is_set():
            control(1)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    codes = []
    for _ in range(5):
        control(0)
        child = os.fork()
        if child == 0:
            sink.clear()
            control(7)
            is_done = flush(timeout=10)
            stats = launch_of(control).stats()
            is_counted = stats.shadowed == sum(stats.outcomes.values()) == 1
            os._exit(0 if is_done and is_counted and len(sink.records) == 1 else 1)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    stop.set()
    for thread in threads:
        thread.join()
    print(codes, flush())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_is_always_safe():
    # From 3.12 on Python itself warns of threads; that is no matter of darkcall's.
    ended = run_script("import warnings; warnings.simplefilter('ignore')\n" + textwrap.dedent(FORK))

    assert (ended.returncode, ended.stdout) == (0, "[0, 0, 0, 0, 0] True\n"), ended.stderr


def test_memory_is_bounded_by_count_and_bytes():
    go_on = threading.Event()

    def launched(**bounds):
        @dark_launch(
            candidate=lambda text: go_on.wait(20), sinks=[], runner=ThreadRunner(), **bounds
        )
        def control(text):
            return True

        for _ in range(50):
            control("x" * 1000)
        return launch_of(control).stats()

    by_count = launched(max_pending=10)
    by_bytes = launched(max_pending_bytes=10_000)
    go_on.set()

    assert (by_count.pending, by_count.reasons) == (10, {"full": 40})
    assert (by_bytes.pending, by_bytes.reasons) == (10, {"full": 40})
    assert flush()


class Card:
    def __init__(self):
        self.password = "hunter2-secret"
        self.items = [f"x{number}" for number in range(100_000)]
        self.lock = None


def is_plain(value):
    if type(value) is dict:
        return all(type(key) is str and is_plain(inner) for key, inner in value.items())
    if type(value) is list:
        return all(map(is_plain, value))
    return value is None or type(value) in (str, int, float, bool)


def one_record(**knobs):
    sink = MemorySink()

    def candidate(card, token):
        raise RuntimeError("no", card)

    @dark_launch(
        candidate=candidate,
        sinks=[sink],
        runner=InlineRunner(),
        keep="everything",
        max_copy_bytes=10 << 20,
        max_copy_seconds=None,
        context=lambda card, token: {"card": card},
        **knobs,
    )
    def control(card, token):
        return {"card": card, "email": "ann at example"}

    control(Card(), "tok-secret")
    [record] = sink.records
    return record


def test_a_record_holds_no_live_object_and_no_more_than_its_bounds():
    record = one_record()

    assert is_plain(record.to_dict())
    assert len(json.dumps(record.to_dict(), allow_nan=False)) < 200_000


def test_secrets_are_redacted_before_anything_is_written():
    text = json.dumps(one_record(redact=("email",)).to_dict())

    assert "RuntimeError" in text
    assert "secret" not in text
    assert "ann at example" not in text


def test_a_redactor_that_fails_hides_all():
    record = one_record(redact=(fails,))
    text = json.dumps([record.arguments, record.control_value, record.context])

    assert "x1" not in text
    assert "ann at example" not in text


IMPORT = """
    import logging, sys, threading
    before = set(logging.Logger.manager.loggerDict)
    import darkcall
    optional = {"wrapt", "numpy", "pandas", "polars", "pydantic", "sqlite3", "asyncio", "pebble",
                "duckdb", "multiprocessing", "concurrent.futures"}
    print(threading.active_count(), sorted(optional & set(sys.modules)),
          {name for name in set(logging.Logger.manager.loggerDict) - before
           if not name.startswith("darkcall")},
          logging.getLogger().handlers)
"""


def test_import_darkcall_starts_nothing_imports_nothing_optional_and_touches_no_logger():
    ended = run_script(IMPORT)

    assert (ended.stdout, ended.stderr) == ("1 [] set() []\n", "")


def test_a_call_made_by_a_candidate_to_a_decorated_function_is_a_plain_call():
    sink = MemorySink()
    seen = []

    def inner_candidate(n):
        seen.append(n)
        return n

    @dark_launch(candidate=inner_candidate, sinks=[sink], runner=ThreadRunner())
    def inner(n):
        return n

    def candidate(n):
        assert is_dark()
        return inner(n)

    @dark_launch(candidate=candidate, sinks=[sink], runner=ThreadRunner())
    def outer(n):
        return n

    assert outer(3) == 3
    assert flush()
    assert not is_dark()
    assert seen == []
    assert [record.launch for record in sink.records] == [launch_of(outer).name]
    stats = launch_of(inner).stats()
    assert (stats.calls, stats.nested, stats.shadowed) == (1, 1, 0)
