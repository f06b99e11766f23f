"""What a candidate or a sink forks ends where it comes back, and is no second worker."""

from __future__ import annotations

import pytest


FORKING = """
import json, os, sys, time
from darkcall import dark_launch, flush, launch_of
from darkcall.runners import InlineRunner

where, how = sys.argv[1:3]
file = os.open(sys.argv[3], os.O_CREAT | os.O_APPEND | os.O_WRONLY)
children = []

def fork():
    if child := os.fork():
        children.append(child)
    elif how == "exits":
        sys.exit(5)
    elif how == "raises":
        raise ValueError

def candidate(x):
    if where in ("candidate", "candidate inline"):
        fork()
    return x

class Sink:
    never_blocks = where == "sink that never blocks"

    def __call__(self, record):
        os.write(file, b"a record\\n")
        if where.startswith("sink"):
            fork()

    def flush(self, timeout):
        if where == "flush of a sink" and not children:
            fork()

runner = {"runner": InlineRunner()} if where == "candidate inline" else {}

@dark_launch(candidate=candidate, sinks=[Sink()], cpu_budget=None, **runner)
def control(x):
    return x

parent, began = os.getpid(), time.monotonic()
assert control(7) == 7
if os.getpid() != parent:
    os.write(file, b"a second caller\\n")
    os._exit(1)
assert flush(20)
[child] = children
while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < began + 20:
    time.sleep(0.001)
seconds = time.monotonic() - began
if not ended[0]:
    os.kill(child, 9)
    os.waitpid(child, 0)
print(json.dumps({
    "code": os.waitstatus_to_exitcode(ended[1]),
    "seconds": seconds,
    "outcomes": {k: v for k, v in launch_of(control).stats()
                 .candidates["candidate"].outcomes.items() if v},
}))
"""

PLACES = ["candidate", "candidate inline", "sink", "sink that never blocks", "flush of a sink"]


@pytest.mark.parametrize("where", PLACES)
def test_a_child_that_is_forked_within_ends_where_it_would_come_back(
    run_script, tmp_path, measured, where
):
    seconds = []
    for how in ("returns", "exits", "raises"):
        told = run_script(FORKING, where, how, tmp_path / how).answer
        seconds.append(told["seconds"])
        assert told["code"] == 0
        assert told["outcomes"] == {"match": 1}
        assert (tmp_path / how).read_text() == "a record\n"

    measured(f"end of a child that a {where} forked, seconds", max(seconds), at_most=5)
