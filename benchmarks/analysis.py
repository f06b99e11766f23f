"""How fast records are read into tables, beside a loop of ``json.loads`` over the same files.

The records are made by the library under load, unless ``--records`` names some that are there.
The two ways are timed in turn, each run in a process of its own, which also tells its memory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path


_LOOP = """
import json, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jsonl")):
    with path.open("rb") as lines:
        for line in lines:
            json.loads(line)
"""
_LOAD = """
import sys
from darkcall.analysis._load import load
load([sys.argv[1]]).close()
"""
_MEASURED = """
import json, resource, time
begun = time.perf_counter()
{code}
print(json.dumps([time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def make(directory: Path, records: int, threads: int) -> None:
    """Launch a pair of functions in the dark, one call in 500 of which differs."""
    import darkcall  # noqa: PLC0415 - not needed to read
    from darkcall.sinks import JsonlSink  # noqa: PLC0415

    sink = JsonlSink(directory)

    @darkcall.dark_launch(
        candidate=lambda number: number + (number % 500 == 0),
        name="shop.price",
        when_full="block",
        cpu_budget=None,
        sinks=[sink],
    )
    def price(number: int) -> int:
        return number

    def call(first: int) -> None:
        for number in range(first, records, threads):
            price(number)

    workers = [threading.Thread(target=call, args=(first,)) for first in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    darkcall.flush(60.0)
    darkcall.close(60.0)


def measured(code: str, directory: Path) -> tuple[float, float]:
    """Return the seconds that code takes in a process of its own, and its memory in MB."""
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURED.format(code=code), str(directory)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, kilobytes = json.loads(ran.stdout)
    return seconds, kilobytes / 1024


def compare(directory: Path, rounds: int) -> None:
    """Print both ways' figures for the records of a directory."""
    ratios, times, memory = [], [], 0.0
    for _ in range(rounds):
        loop, _ = measured(_LOOP, directory)
        load, megabytes = measured(_LOAD, directory)
        ratios.append(loop / load)
        times.append(load)
        memory = max(memory, megabytes)
    print(
        f"{directory}: load {statistics.median(times):.2f} s, {statistics.median(ratios):.1f} times"
        f" as fast as json.loads ({min(ratios):.1f} to {max(ratios):.1f}), {memory:.0f} MB at most"
    )


def main() -> None:
    """Make records, or take those that are there, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, action="append", help="a directory; repeatable")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        directories = options.records or [Path(made)]
        if not options.records:
            make(Path(made), options.count, options.threads)
        for directory in directories:
            compare(directory, options.rounds)


if __name__ == "__main__":
    main()
