"""What darkcall takes while no call is made: by waiting, by being imported, by being idle."""

from __future__ import annotations

import gc
import inspect
import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Callable


#: More than the first call makes once, less than a queue holds.
WAITING = 500


def switches() -> int:
    """Count how often the threads of this process were woken, but for the one that asks."""
    found = 0
    for task in Path("/proc/self/task").iterdir():
        if task.name != str(threading.get_native_id()):
            lines = (task / "status").read_text().splitlines()
            found += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return found


IDLE = f"""
import threading, time
from pathlib import Path
from darkcall import dark_launch, flush
from darkcall.sinks import MemorySink

@dark_launch(candidate=lambda x: x, sinks=[MemorySink()])
def control(x):
    return x

{inspect.getsource(switches)}
for x in range(100):
    control(x)
assert flush(timeout=10)
time.sleep(2)
assert threading.active_count() > 1, "no thread of darkcall's is there"
before = switches()
time.sleep(5)
print(switches() - before)
"""


def bytes_waiting(call: Callable[[int], object]) -> float:
    """Measure what one call adds to the memory while it waits; what it returns is kept."""
    for number in range(WAITING):
        call(number)
    kept: list[object] = [None] * WAITING
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(WAITING):
        kept[number] = call(number)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / WAITING


def wake_ups() -> int | None:
    """Count how often darkcall's threads run within five seconds without a call.

    Returns:
        The context switches of all threads but the main one; None where the system does not count.
    """
    if not Path("/proc/self/task").is_dir():
        return None
    # Measuring coverage in the child would be measured too.
    env = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", IDLE], env=env, check=True, capture_output=True, text=True
    )
    return int(done.stdout)
