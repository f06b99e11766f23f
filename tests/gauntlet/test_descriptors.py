"""Descriptors that the program closes, or never had, are not written into by mistake."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from looking import records_in


CLOSED = """
import json, os, pathlib, sys
from darkcall import dark_launch, flush, launch_of
from darkcall.sinks import JsonlSink

folder, compress = pathlib.Path(sys.argv[1]), sys.argv[2] == "compressed"
sink = JsonlSink(folder / "records", compress=compress)

@dark_launch(candidate=lambda x: x, sinks=[sink], cpu_budget=None)
def control(x):
    return x

control(1)
assert flush(20)
# As daemons do.
os.closerange(3, 256)
own = [os.open(folder / f"own{number}", os.O_CREAT | os.O_RDWR) for number in range(8)]
for number in range(20):
    control(number)
assert flush(20)
sink.close()
print(json.dumps({
    "sizes": [os.fstat(descriptor).st_size for descriptor in own],
    "written": launch_of(control).stats().sinks["JsonlSink"].written,
}))
"""

WITHOUT_STREAMS = """
import os, sys
from darkcall import dark_launch, flush
from darkcall.sinks import JsonlSink

folder = sys.argv[1]

@dark_launch(candidate=lambda x: x, sinks=[JsonlSink(folder + "/records")], cpu_budget=None)
def control(x):
    return x

control(1)
assert flush(20)
# What a library in C, or a child process, prints.
os.system("echo printed; echo printed >&2")
# What a program does that becomes a daemon later.
log = os.open(folder + "/log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
for stream in range(3):
    os.dup2(log, stream)
control(2)
assert flush(20)
"""

LOOP = """
import asyncio, json, os, sys, time
from darkcall import dark_launch, flush, launch_of
from darkcall.sinks import MemorySink

async def candidate(x):
    await asyncio.sleep(x)
    return x

@dark_launch(candidate=candidate, timeout=1, cpu_budget=None, sinks=[MemorySink()])
def control(x):
    return x

control(0.5)
time.sleep(0.2)
os.closerange(3, 256)
own = [os.open(sys.argv[1], os.O_CREAT | os.O_RDWR) for _ in range(20)]
time.sleep(1)
began = time.process_time()
time.sleep(2)
share = (time.process_time() - began) / 2
first = flush(10)
for _ in range(5):
    control(0)
second = flush(10)
stats = launch_of(control).stats().candidates["candidate"]
print(json.dumps({
    "share": share,
    "flushed": [first, second],
    "outcomes": {name: count for name, count in stats.outcomes.items() if count},
    "reasons": stats.reasons,
    "sizes": [os.fstat(descriptor).st_size for descriptor in own],
}))
"""


@pytest.mark.parametrize("way", ["plain", "compressed"])
def test_a_file_that_the_program_opened_under_a_closed_number_is_neither_written_nor_closed(
    run_script, tmp_path, measured, way
):
    told = run_script(CLOSED, tmp_path, way).answer

    measured(f"bytes written into the program's files ({way})", sum(told["sizes"]), at_most=0)
    assert told["written"] == 21
    if way == "plain":
        assert len(records_in(tmp_path / "records")) == 21
    else:
        # The last one has the totals of the exit.
        assert len(list((tmp_path / "records").glob("*.jsonl.gz"))) == 3


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1, 2]])
def test_in_a_process_without_standard_streams_nobody_prints_into_the_records(tmp_path, closed):
    script = tmp_path / "script.py"
    script.write_text(WITHOUT_STREAMS, encoding="utf-8")
    shell = " ".join(f"{stream}>&-" for stream in closed)
    subprocess.run(
        ["sh", "-c", f'exec "$@" {shell}', "sh", sys.executable, script, tmp_path],
        env={**os.environ, "COVERAGE_PROCESS_CONFIG": ""},
        capture_output=True,
        check=True,
        timeout=30,
    )

    assert len(records_in(tmp_path / "records")) == 2
    assert (tmp_path / "log").read_text() == ""


def test_a_loop_whose_descriptors_were_closed_does_not_spin_and_is_replaced(
    run_script, tmp_path, measured
):
    told = run_script(LOOP, tmp_path / "own").answer

    measured("CPU of a process whose loop lost its descriptors, cores", told["share"], at_most=0.05)
    assert told["flushed"] == [True, True]
    assert told["outcomes"] == {"dropped": 1, "match": 5}
    assert told["reasons"] == {"loop_closed": 1}
    assert set(told["sizes"]) == {0}
