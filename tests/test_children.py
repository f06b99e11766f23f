"""Processes that a process starts deliver their own records."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


SCRIPT = """
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

from darkcall import dark_launch
from darkcall.sinks import JsonlSink

@dark_launch(candidate=lambda x: x, sinks=[JsonlSink(sys.argv[2])], cpu_budget=None)
def control(x):
    return x

def call_often():
    for number in range(20):
        control(number)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    if len(sys.argv) > 3:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            pool.submit(call_often).result()
    else:
        child = context.Process(target=call_often)
        child.start()
        child.join()
"""

LATE = """
import multiprocessing
import sys

def call_often():
    from darkcall import dark_launch
    from darkcall.sinks import JsonlSink

    control = dark_launch(candidate=abs, sinks=[JsonlSink(sys.argv[2])], cpu_budget=None)(abs)
    for number in range(20):
        control(number)

if __name__ == "__main__":
    child = multiprocessing.get_context(sys.argv[1]).Process(target=call_often)
    child.start()
    child.join()
"""


@pytest.mark.parametrize("way", [(), ("pool",)], ids=["process", "pool"])
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_child_of_multiprocessing_delivers_all_its_records(tmp_path, method, way):
    delivers_20_records(tmp_path, SCRIPT, method, *way)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_that_decorates_by_itself_delivers_all_its_records(tmp_path, method):
    delivers_20_records(tmp_path, LATE, method)


def delivers_20_records(tmp_path, source, method, *way):
    script = tmp_path / "script.py"
    script.write_text(source, encoding="utf-8")
    records = tmp_path / "records"
    command = [sys.executable, "-W", "ignore", str(script), method, str(records), *way]
    subprocess.run(command, check=True, timeout=50)

    lines = [
        json.loads(line)
        for file in records.iterdir()
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    assert [line["outcome"] for line in lines] == ["match"] * 20
    assert len({line["call_id"] for line in lines}) == 20
