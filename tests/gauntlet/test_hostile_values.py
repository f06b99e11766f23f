"""Random graphs of values made to hurt, through all that darkcall does with a value.

``make test`` tries the same few hundred each time; ``HOSTILE_EXAMPLES`` and ``HOSTILE_SEED`` in
the environment ask for more and for others (``make fuzz``);
``benchmarks/fuzz_values.py`` has a coverage-guided fuzzer choose them.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import resource
import sqlite3
import sys
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, currently_in_test_context, event, given, seed, settings

from darkcall import _gate, dark_launch, flush, launch_of
from darkcall.compare import equal
from darkcall.runners import ThreadRunner
from darkcall.sinks import JsonlSink, LogSink, MemorySink, SqliteSink
from darkcall.sinks._line import MAX_LINE_BYTES
from gauntlet import hostile, plans


EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "300"))
SEED = int(os.environ.get("HOSTILE_SEED", "1"))
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
LAUNCHES = {
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
            for name, knobs in LAUNCHES.items()
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
        if returned is not (self.error if plan["raises"] else self.result):
            # No assert would do: it asks for the repr of both.
            raise AssertionError("the caller got something else")
        assert flush(20)
        seconds = time.perf_counter() - began
        grown = peak_bytes() - peak
        assert grown <= MAX_GROWTH_BYTES
        self.most_grown = max(self.most_grown, grown)
        self.check_the_counts(function, before)
        self.check_the_record()
        return waited, seconds

    def try_out(self, plan):
        """Take a plan, and look at what it costs."""
        try:
            self.try_out_anywhere(plan)
        except AssertionError as error:
            # Pytest shows what each frame holds; a value whose repr presses Ctrl-C would end it.
            raise AssertionError(f"{error}, by {plan}") from None

    def try_out_anywhere(self, plan):
        """Take a plan; what it holds may be in the frames of what is raised."""
        if plan["is_traced"]:
            nbytes = self.bytes_for(plan)
            assert nbytes <= MAX_BYTES
            self.most_bytes = max(self.most_bytes, nbytes)
            return
        # The machine may be busy with something else: the best of three is what a call takes.
        for _ in range(3):
            waited, seconds = self.take(plan)
            if seconds <= MAX_SECONDS:
                break
        assert seconds <= MAX_SECONDS
        self.slowest = max(self.slowest, seconds)
        self.longest_wait = max(self.longest_wait, waited)

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
        if currently_in_test_context():
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
        assert sum("kind" not in json.loads(line) for line in lines) == self.recorded
        for line in lines:
            assert len(line) <= MAX_LINE_BYTES
            assert line.endswith(b"\n")
        with contextlib.closing(sqlite3.connect(self.folder / "db")) as reader:
            rows = reader.execute("SELECT differences, arguments FROM records").fetchall()
        assert len(rows) == self.recorded
        for cell in (cell for row in rows for cell in row if cell is not None):
            json.loads(cell)


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        # Candidates that raise, twenty times in a row, are what is tried here.
        patch.setattr(_gate, "BREAKER_FAILURES", sys.maxsize)
        yield Host(tmp_path_factory.mktemp("hostile"))


def fuzzing(host):
    """Make the function that has hypothesis, or another fuzzer, choose plans."""

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(plans.plans)
    def fuzz(plan):
        host.try_out(plan)

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
    rng = random.Random(SEED)
    for _ in range(EXAMPLES):
        host.try_out(plans.random_plan(rng))
    host.check_what_was_written()
    measured("hostile values: calls", host.recorded, at_least=2 * EXAMPLES)
    measured("hostile values: longest wait of a caller, seconds", host.longest_wait, at_most=1)
    measured("hostile values: longest way from call to record, seconds", host.slowest, at_most=1)
    measured("hostile values: most memory for a call, MB", host.most_bytes / 1e6, at_most=16)
    measured(
        "hostile values: most that a call made the process grow by, MB",
        host.most_grown / 1e6,
        at_most=MAX_GROWTH_BYTES / 1e6,
    )
