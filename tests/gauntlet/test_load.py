"""More calls than candidates can take, and more records than sinks can: memory stays bounded."""

from __future__ import annotations

import pathlib

import pytest


MEGABYTE = 1e6
ARGUMENTS = ["text", "mapping"]

PREAMBLE = """
    import array
    import json
    import os
    import resource
    import sys
    import threading
    import time

    import attrs

    from darkcall import dark_launch, launch_of
    from darkcall.runners import InlineRunner
    from darkcall.sinks import MemorySink

    PAGE = os.sysconf("SC_PAGE_SIZE")

    def resident_bytes():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * PAGE

    def an_argument(kind, number, nbytes=1024):
        text = f"{number:08}" * (nbytes // 8)
        return text if kind == "text" else {"text": text[:-32], "rows": [number] * 8}

    def answer(**fields):
        print(json.dumps(fields), flush=True)
        # How it exits is the subject of other tests.
        os._exit(0)
"""

SLOW_CANDIDATE = """
    CALLS, ROUNDS = 100_000, 3

    @dark_launch(candidate=lambda argument: time.sleep(1), sinks=[MemorySink()])
    def control(argument):
        return None

    def times_waited():
        return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw

    def nanoseconds_of(argument):
        waited, cpu_began = times_waited(), time.thread_time_ns()
        began = time.perf_counter_ns()
        control(argument)
        taken = time.perf_counter_ns() - began
        if taken > 1_000_000 and times_waited() == waited:
            # It waited for nothing: the system gave the processor to another process.
            return time.thread_time_ns() - cpu_began
        return taken

    times = array.array("q", bytes(8 * CALLS))
    control(an_argument(sys.argv[1], 0))
    before = highest = resident_bytes()
    calls, rounds = 1, []
    while len(rounds) < ROUNDS and (not rounds or rounds[-1]["longest"] >= 5e-3):
        for number in range(CALLS):
            times[number] = nanoseconds_of(an_argument(sys.argv[1], number))
            if number % 5000 == 0:
                highest = max(highest, resident_bytes())
        calls += CALLS
        highest = max(highest, resident_bytes())
        in_order = sorted(times)
        rounds.append({
            "half": in_order[CALLS // 2] / 1e9,
            "all_but_one_in_1000": in_order[CALLS - CALLS // 1000] / 1e9,
            "longest": in_order[-1] / 1e9,
        })

    stats = launch_of(control).stats()
    answer(
        calls=calls,
        grown=highest - before,
        best=min(rounds, key=lambda one: one["longest"]),
        counted=stats.calls,
        shadowed=stats.shadowed,
        outcomes=stats.outcomes,
        reasons=stats.reasons,
        pending=stats.pending,
    )
"""


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_100000_calls_with_a_slow_candidate_are_counted_and_cost_little_memory_and_time(
    run_script, measured, kind
):
    answer = run_script(PREAMBLE + SLOW_CANDIDATE, kind).answer
    outcomes, reasons, best = answer["outcomes"], answer["reasons"], answer["best"]
    assert answer["calls"] == answer["counted"] == answer["shadowed"]
    assert answer["shadowed"] == sum(outcomes.values()) + answer["pending"]
    assert outcomes["dropped"] == sum(reasons.values())
    # Most find the queue full; some may come while the budget for CPU time is spent.
    assert set(reasons) <= {"full", "over_budget"}
    assert answer["pending"] <= 1000
    what = f"100,000 calls with 1 KB of {kind} and a candidate of 1 s"
    measured(f"{what}: memory grows, MB", answer["grown"] / MEGABYTE, at_most=20)
    # Of a call that the system interrupted for another process, the CPU time counts; for
    # waiting for another thread that the system interrupts, the best of three rounds.
    measured(f"{what}: longest call, milliseconds", 1e3 * best["longest"], at_most=5)
    measured(
        f"{what}: 99.9 % of the calls within, milliseconds",
        1e3 * best["all_but_one_in_1000"],
        at_most=1,
    )
    measured(f"{what}: half of the calls within, milliseconds", 1e3 * best["half"], at_most=0.1)


FEW_BYTES = """
    @dark_launch(
        candidate=lambda argument: time.sleep(1),
        max_pending=1_000_000,
        max_pending_bytes=4_000_000,
        sinks=[MemorySink()],
    )
    def control(argument):
        return None

    control(an_argument(sys.argv[1], 0))
    before = resident_bytes()
    for number in range(20_000):
        control(an_argument(sys.argv[1], number, 10_240))
    stats = launch_of(control).stats()
    answer(
        grown=resident_bytes() - before,
        shadowed=stats.shadowed,
        outcomes=stats.outcomes,
        reasons=stats.reasons,
        pending=stats.pending,
    )
"""


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_calls_that_wait_are_bounded_by_bytes(run_script, measured, kind):
    answer = run_script(PREAMBLE + FEW_BYTES, kind).answer
    assert answer["shadowed"] == 20_001 == sum(answer["outcomes"].values()) + answer["pending"]
    assert answer["reasons"] == {"full": answer["outcomes"]["dropped"]}
    what = f"calls with 10 KB of {kind} and max_pending_bytes of 4 MB"
    # Weighed roughly, and without what a call takes besides its arguments.
    measured(f"{what}: calls that wait", answer["pending"], at_most=420)
    measured(f"{what}: memory grows, MB", answer["grown"] / MEGABYTE, at_most=8)


SINK_THAT_HANGS = """
    hanging = threading.Event()

    def large():
        # One such character, and Python takes four bytes for each.
        return [f"\\U0001f600{number:08}" + "x" * 3990 for number in range(6)]

    def hangs(record):
        hanging.wait()

    @dark_launch(
        candidate=lambda number: large(),
        keep="everything",
        cpu_budget=None,
        runner=InlineRunner(),
        sinks=[hangs],
    )
    def control(number):
        return large()

    control(0)
    before = resident_bytes()
    for number in range(1000):
        control(number)
    grown = resident_bytes() - before
    answer(grown=grown, **attrs.asdict(launch_of(control).stats().sinks["hangs"]))
"""


def test_records_that_wait_for_a_sink_that_hangs_are_bounded_by_bytes(run_script, measured):
    answer = run_script(PREAMBLE + SINK_THAT_HANGS).answer
    assert answer["offered"] == 1001 == answer["waiting"] + answer["dropped"]
    assert answer["dropped"] > 0
    what = "1,000 records as large as they get, and a sink that hangs: memory grows, MB"
    measured(what, answer["grown"] / MEGABYTE, at_most=40)


def test_a_mixed_load_leaves_memory_threads_and_descriptors_flat_and_counts_exact(run_script):
    # The same for ten minutes: python benchmarks/soak.py
    soak = pathlib.Path(__file__).parents[2] / "benchmarks/soak.py"
    ran = run_script(soak.read_text(encoding="utf-8"), "--seconds", "5")
    assert "counts: exact" in ran.stdout
    assert ran.stdout.count("flat") == 3
