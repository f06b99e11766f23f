"""A value nested as deep as the host lets Python recurse does not end the process."""

from __future__ import annotations

import sys

import pytest


SCRIPT = """
import json, sys
from darkcall import dark_launch, flush, launch_of

class Node:
    def __init__(self, following):
        self.following = following

depth, kind = int(sys.argv[1]), sys.argv[2]
sys.setrecursionlimit(depth + 1000)

@dark_launch(
    candidate=lambda value: None, keep="everything", max_copy_bytes=1 << 28, max_copy_seconds=10,
    cpu_budget=None,
)
def control(value):
    return None

WRAP = {"list": lambda value: [value], "dict": lambda value: {"key": value}, "object": Node}
value = None
for _ in range(depth):
    value = WRAP[kind](value)
control(value)
assert flush(20)
stats = launch_of(control).stats().candidates["candidate"]
print(json.dumps({"skipped": stats.outcomes["skipped"], "reasons": list(stats.reasons)}))
"""


@pytest.mark.parametrize("kind", ["list", "dict", "object"])
@pytest.mark.parametrize("depth", [28_000, 200_000])
def test_a_value_as_deep_as_the_recursion_limit_is_skipped(run_script, depth, kind):
    told = run_script(SCRIPT, depth, kind).answer

    assert told["skipped"] == 1
    [reason] = told["reasons"]
    is_refused = depth > 30_000 and sys.version_info < (3, 12)
    assert ("sys.setrecursionlimit" in reason) == is_refused
