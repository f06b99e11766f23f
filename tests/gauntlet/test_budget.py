"""The budget: what candidates use of the CPU stays within the share they were given."""

from __future__ import annotations


BUSY = """
import bisect, json, threading, time
from darkcall import dark_launch, flush, launch_of
from darkcall.runners import ThreadRunner

WINDOW, SECONDS = 10.0, 21.0
runs = []


def compute(seconds):
    began = time.thread_time_ns()
    while time.thread_time_ns() - began < seconds * 1e9:
        pass
    return (time.thread_time_ns() - began) / 1e9


def candidate(x):
    began = time.perf_counter()
    cpu_seconds = compute(0.005)
    runs.append((began, time.perf_counter(), cpu_seconds))
    return x


function = dark_launch(
    candidate=candidate, cpu_budget=0.10, runner=ThreadRunner(workers=2), sinks=[]
)(lambda x: x)
began = time.perf_counter()
while time.perf_counter() < began + SECONDS:
    assert function(1) == 1
    compute(0.001)
    time.sleep(0.004)
assert flush(timeout=5)

# Whatever ran at any moment of a window counts with all that it used.
windows = [
    sum(cpu for first, last, cpu in runs if first < start + WINDOW and last > start)
    for start in [first for first, _, _ in runs] + [last for _, last, _ in runs]
]
starts = sorted(first for first, _, _ in runs)
gaps = [after - before for before, after in zip(starts, starts[1:] + [began + SECONDS])]
stats = launch_of(function).stats()
counts = stats.candidates["candidate"]
print(json.dumps({
    "share": max(windows) / WINDOW,
    "runs": len(runs),
    "gap": max(gaps),
    "calls": stats.calls,
    "matched": counts.outcomes["match"],
    "dropped": counts.outcomes["dropped"],
    "reasons": counts.reasons,
}))
"""


def test_candidates_use_no_more_of_a_core_than_their_budget_over_any_ten_seconds(
    run_script, measured
):
    answer = run_script(BUSY).answer

    measured(
        "share of one core that candidates use over any 10 s, with cpu_budget=0.10",
        answer["share"],
        at_most=0.12,
    )
    measured(
        "longest time without a candidate while the budget is used up, seconds",
        answer["gap"],
        at_most=10.0,
    )
    measured("calls in 21 s that are more than the budget pays for", answer["dropped"], at_least=1)
    assert answer["matched"] == answer["runs"] > 0
    assert answer["reasons"] == {"over_budget": answer["dropped"]}
    assert answer["calls"] == answer["matched"] + answer["dropped"]
