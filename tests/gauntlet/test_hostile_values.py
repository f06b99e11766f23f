"""Random graphs of values made to hurt, through all that darkcall does with a value.

``make test`` tries a few hundred.  For more, ``HOSTILE_EXAMPLES=20000`` in the environment;
``benchmarks/fuzz_values.py`` has a coverage-guided fuzzer choose them.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import resource
import sqlite3
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from darkcall import dark_launch, flush, launch_of
from darkcall.compare import equal
from darkcall.runners import ThreadRunner
from darkcall.sinks import JsonlSink, LogSink, MemorySink, SqliteSink
from darkcall.sinks._line import MAX_LINE_BYTES
from gauntlet import hostile


EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "300"))
#: What one call may take, from its begin to its record, in seconds.
MAX_SECONDS = 1.0
MAX_COPY_BYTES = 1 << 16
MAX_NODES = 50_000
#: What the process may grow by while it tries them.
GROWTH_BYTES = 2 << 30
#: What one call may need meanwhile, in bytes: copies of both sides, the walk over them, a
#: record of 32 KB, and what the values' own code makes.
MAX_BYTES = 16 << 20

#: What a call may add to the most that the process has had, in bytes: what is traced counts
#: only what Python takes for itself, and is looked at now and then.
MAX_GROWTH_BYTES = 128 << 20

BOUNDED = equal.bounded(nodes=MAX_NODES)
RULES = BOUNDED.unordered("$", "$..*").loosely_typed().within(rel=1e-9).ignoring("$.itself")
KNOBS = {
    "default": {},
    "everything": {"keep": "everything"},
    "shared": {"keep": "everything", "isolate": "share"},
    "rules": {"keep": "everything", "compare": RULES},
    "context": {
        "keep": "everything",
        "context": lambda value: {hostile.EVIL_TEXT: value, "value": value},
        "redact": ["card", "$..first", lambda path, value: value],
        "normalize": lambda value: [value, value],
    },
}

plans = st.fixed_dictionaries(
    {
        "knobs": st.sampled_from(sorted(KNOBS)),
        "argument": hostile.graphs,
        "result": hostile.graphs,
        "raises": st.booleans(),
        "candidate": st.sampled_from(["the same", "the argument", "another", "raises"]),
        "other": hostile.graphs,
        # Tracing memory takes its time, so it is done now and then, and time is not measured.
        "is_traced": st.sampled_from([False, False, False, True]),
    }
)


def peak_bytes():
    """The most memory that the process has had until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


class Host:
    """A process with a launch of each kind, and every sink."""

    def __init__(self, folder):
        self.folder = folder
        self.memory = MemorySink(max_records=100)
        self.sinks = [
            self.memory,
            JsonlSink(folder),
            SqliteSink(folder / "db"),
            LogSink(max_per_minute=10**6),
        ]
        runner = ThreadRunner(workers=1)
        self.launched = {
            name: dark_launch(
                candidate=self.candidate,
                name=f"hostile {name}",
                sinks=self.sinks,
                runner=runner,
                max_copy_bytes=MAX_COPY_BYTES,
                **{"compare": BOUNDED, "cpu_budget": None, **knobs},
            )(lambda value: self.control())
            for name, knobs in KNOBS.items()
        }
        self.recorded = 0
        self.slowest = self.longest_wait = self.most_bytes = self.most_grown = 0

    def take(self, plan):
        self.plan = plan
        argument = hostile.built(plan["argument"])
        self.result = hostile.built(plan["result"])
        self.error = ValueError(self.result)
        function = self.launched[plan["knobs"]]
        before, peak = launch_of(function).stats(), peak_bytes()
        began = time.perf_counter()
        try:
            returned = function(argument)
        except BaseException as error:  # noqa: BLE001 -- whatever it is
            returned = error
        waited = time.perf_counter() - began
        assert returned is (self.error if plan["raises"] else self.result)
        assert flush(20)
        seconds = time.perf_counter() - began
        grown = peak_bytes() - peak
        assert grown <= MAX_GROWTH_BYTES
        self.most_grown = max(self.most_grown, grown)
        self.check_the_counts(function, before)
        self.check_the_record()
        return waited, seconds

    def bytes_for(self, plan):
        tracemalloc.start(1)
        try:
            self.take(plan)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def control(self):
        if self.plan["raises"]:
            raise self.error
        return self.result

    def candidate(self, value):
        way = self.plan["candidate"]
        if way == "raises":
            raise hostile.raised(2)
        if way == "the argument":
            return value
        return hostile.built(self.plan["result" if way == "the same" else "other"])

    def check_the_counts(self, function, before):
        stats = launch_of(function).stats()
        assert stats.calls == before.calls + 1 == stats.shadowed
        [outcome] = [
            name for name, n in stats.outcomes.items() if n == before.outcomes.get(name, 0) + 1
        ]
        assert sum(stats.outcomes.values()) == stats.shadowed
        assert stats.pending == 0
        new_reasons = {
            reason for reason, n in stats.reasons.items() if n > before.reasons.get(reason, 0)
        }
        # What a sink got is what the launch says that happened.
        assert "fault" not in new_reasons
        self.recorded += 1
        for name, sink in stats.sinks.items():
            assert sink.waiting == 0
            assert sink.offered == before.sinks[name].offered + 1, outcome
            assert sink.written == before.sinks[name].written + 1, outcome
        event(f"{outcome}: {next(iter(new_reasons), '')[:60]}")

    def check_the_record(self):
        record = self.memory.records[-1]
        json.dumps(record.to_dict(), allow_nan=False)
        for line in (record.reason, record.signature, record.stopped):
            assert line is None or line.isprintable()

    def check_what_was_written(self):
        lines = [
            line
            for path in self.folder.glob("*.jsonl")
            for line in path.read_bytes().splitlines(keepends=True)
        ]
        assert len(lines) == self.recorded
        for line in lines:
            assert len(line) <= MAX_LINE_BYTES
            assert line.endswith(b"\n")
            json.loads(line)
        with contextlib.closing(sqlite3.connect(self.folder / "db")) as reader:
            rows = reader.execute("SELECT differences, arguments FROM records").fetchall()
        assert len(rows) == self.recorded
        for cell in (cell for row in rows for cell in row if cell is not None):
            json.loads(cell)


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return Host(tmp_path_factory.mktemp("hostile"))


def fuzzing(host):
    """Make the function that has hypothesis, or another fuzzer, choose plans."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        # The same few hundred each time; those that are asked for by number are new ones.
        derandomize="HOSTILE_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )
    @given(plans)
    def fuzz(plan):
        if plan["is_traced"]:
            nbytes = host.bytes_for(plan)
            assert nbytes <= MAX_BYTES
            host.most_bytes = max(host.most_bytes, nbytes)
            return
        # The machine may be busy with something else: the best of three is what a call takes.
        for _ in range(3):
            waited, seconds = host.take(plan)
            if seconds <= MAX_SECONDS:
                break
        assert seconds <= MAX_SECONDS
        host.slowest = max(host.slowest, seconds)
        host.longest_wait = max(host.longest_wait, waited)

    return fuzz


@pytest.fixture
def little_memory():
    """Have what grows without end raise, and be shown, before the machine runs out of memory."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(pathlib.Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = used * resource.getpagesize() + GROWTH_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.timeout(max(60, EXAMPLES))
def test_no_value_hurts_the_caller_or_a_sink(host, measured):
    fuzzing(host)()
    host.check_what_was_written()
    measured("hostile values: calls", host.recorded, at_least=EXAMPLES)
    measured("hostile values: longest wait of a caller, seconds", host.longest_wait, at_most=1)
    measured("hostile values: longest way from call to record, seconds", host.slowest, at_most=1)
    measured("hostile values: most memory for a call, MB", host.most_bytes / 1e6, at_most=16)
    measured(
        "hostile values: most that a call made the process grow by, MB",
        host.most_grown / 1e6,
        at_most=MAX_GROWTH_BYTES / 1e6,
    )


ENDLESS = """
    import collections.abc, json, resource, sys, time
    from darkcall import dark_launch, flush, launch_of

    class Deep(collections.abc.Mapping):
        def __getitem__(self, key):
            return Deep()
        def __iter__(self):
            return iter("ab")
        def __len__(self):
            return 2

    class Wide(collections.abc.Sequence):
        def __getitem__(self, index):
            return object()
        def __len__(self):
            return 1
        def __iter__(self):
            while True:
                yield object()

    class Reduced:
        def __reduce__(self):
            return iter(int, 1)

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    longest, before = 0, peak()
    for kind, isolate in ((Deep, "share"), (Wide, "share"), (Reduced, "copy")):
        @dark_launch(candidate=lambda value: kind(), name=kind.__name__, isolate=isolate, sinks=[])
        def same(value):
            return value

        value = kind()
        began = time.thread_time()
        assert same(value) is value
        longest = max(longest, time.thread_time() - began)
        assert flush(20)
        assert launch_of(same).stats().pending == 0
    print(json.dumps({"longest": longest, "grown": peak() - before}))
"""


def test_an_endless_value_comes_to_an_end(run_script, measured):
    answer = run_script(ENDLESS).answer
    measured("endless values: CPU time of the caller, seconds", answer["longest"], at_most=0.5)
    measured("endless values: growth of the process, MB", answer["grown"], at_most=200)


CHAIN = """
    import json, time
    from darkcall import dark_launch, flush, launch_of

    def chain(links):
        error = ValueError()
        for _ in range(links):
            outer = KeyError(error)
            outer.__cause__ = error
            error = outer
        return error

    @dark_launch(candidate=lambda value: value, sinks=[])
    def same(value):
        return value

    seconds = []
    for _ in range(3):
        value = chain(500)
        began = time.thread_time()
        assert same(value) is value
        seconds.append(time.thread_time() - began)
    assert flush(20)
    print(json.dumps({"seconds": min(seconds)}))
"""


def test_errors_that_hold_one_another_are_each_taken_apart_once(run_script, measured):
    seconds = run_script(CHAIN).answer["seconds"]
    measured("500 errors that hold one another: CPU time of the caller, s", seconds, at_most=0.5)


class FailsWhenOpened:
    """Can be copied on the caller's thread; the copy cannot be opened on the worker."""

    def __init__(self, error):
        self.error = error

    def __setstate__(self, state):
        raise state["error"]


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_result_whose_copy_cannot_be_opened_is_uncomparable_and_says_so(launched, error):
    value = FailsWhenOpened(error)
    same, memory = launched(lambda: value, lambda: 3)
    assert same() is value
    assert flush()
    [record] = memory.records
    assert record.outcome == "uncomparable"
    assert record.reason == f"preparing what the control did failed: {error.__name__}"


def test_a_context_whose_copy_cannot_be_opened_leaves_the_record_as_it_is(launched):
    knobs = {"context": lambda: {"tenant": FailsWhenOpened(ValueError)}}
    same, memory = launched(lambda: 3, lambda: 3, **knobs)
    assert same() == 3
    assert flush()
    [record] = memory.records
    assert record.outcome == "match"
    assert record.context == {"$": {"$": "dict", "undescribable": True}}
