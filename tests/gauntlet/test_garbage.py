"""Programs that switch the garbage collector off do not grow by what darkcall leaves to it."""

from __future__ import annotations

import pytest


SCRIPT = """
import collections, gc, json, sys
from darkcall import dark_launch, flush
from darkcall.sinks import MemorySink

class Refused(Exception):
    pass

def raises(x):
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise Refused("outer") from error

CONTROLS = {
    "match": (lambda x: x, lambda x: x),
    "mismatch": (lambda x: x, lambda x: [x]),
    "control raises": (raises, lambda x: x),
    "candidate raises": (lambda x: x, raises),
    "both raise": (raises, raises),
}
control, candidate = CONTROLS[sys.argv[1]]
launched = dark_launch(
    candidate=candidate, sinks=[MemorySink(max_records=1)], cpu_budget=None, when_full="block"
)(control)

def call(times):
    for _ in range(times):
        try:
            launched([1, 2, {"a": 3}])
        except Refused:
            pass
    assert flush(20)

gc.disable()
call(30)
gc.collect()
call(20)
gc.set_debug(gc.DEBUG_SAVEALL)
print(json.dumps({
    "found": gc.collect(),
    "types": collections.Counter(type(one).__qualname__ for one in gc.garbage),
}))
"""


@pytest.mark.parametrize(
    "outcome", ["match", "mismatch", "control raises", "candidate raises", "both raise"]
)
def test_a_call_leaves_nothing_to_the_garbage_collector(run_script, measured, outcome):
    told = run_script(SCRIPT, outcome, traced=False).answer

    measured(f"objects left to the collector by 20 calls ({outcome})", told["found"], at_most=0)
    assert told["types"] == {}
