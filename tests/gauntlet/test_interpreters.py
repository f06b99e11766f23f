"""Children that darkcall's threads fork, and interpreters within the process."""

from __future__ import annotations

import pytest


FORKS_FROM_OURS = """
import json, multiprocessing, sys, threading
from darkcall import dark_launch, flush

def run_child():
    child = multiprocessing.get_context("fork").Process(target=look)
    child.start()
    child.join(10)
    codes.append(child.exitcode)

def look():
    assert threading.current_thread() is threading.main_thread()
    assert threading.main_thread().name == "MainThread"

def candidate(x):
    if sys.argv[1] == "candidate":
        run_child()
    return x

def sink(record):
    if sys.argv[1] == "sink":
        run_child()

codes = []

@dark_launch(candidate=candidate, sinks=[sink], timeout=20)
def control(x):
    return x

control(1)
assert flush(20)
print(json.dumps(codes))
"""


@pytest.mark.parametrize("where", ["candidate", "sink"])
def test_a_child_that_a_candidate_or_a_sink_forks_by_multiprocessing_ends_well(run_script, where):
    ran = run_script(FORKS_FROM_OURS, where)

    assert ran.answer == [0]
    assert ran.stderr == ""


SUB_INTERPRETER = '''
import sys

try:
    import _xxsubinterpreters as interpreters
except ImportError:
    import _interpreters as interpreters

CODE = """
from darkcall import dark_launch, flush, launch_of
from darkcall.sinks import MemorySink

async def later(x):
    return x

sinks = [MemorySink()]
sync = dark_launch(candidate=abs, sinks=sinks)(abs)
other = dark_launch(candidate=later, sinks=sinks)(abs)
for one in (sync, other):
    assert one(-1) == 1
flush(1.0)
print([dict(launch_of(one).stats().reasons) for one in (sync, other)], flush=True)
"""

# The kind that mod_wsgi has; isolated ones may have no such threads anyway.
if sys.version_info >= (3, 13):
    within = interpreters.create("legacy")
else:
    within = interpreters.create(isolated=False)
path = f"import sys; sys.path[:] = {sys.path!r}"
print(interpreters.run_string(within, path + CODE), flush=True)
interpreters.destroy(within)
'''


def test_in_a_sub_interpreter_the_caller_gets_its_result_and_the_process_stays(run_script):
    ran = run_script(SUB_INTERPRETER, traced=False)

    assert ran.stdout.splitlines() == ["[{'no_thread': 1}, {'no_thread': 1}]", "None"]
