"""How fast records are loaded and summarised, beside a loop of ``json.loads`` over the same files.

The records are made by the library under load, unless ``--records`` names some that are there.
They are timed in turn, each run in a process of its own, which also tells its memory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
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
_SUMMARISE = """
import sys
from darkcall.analysis import summarise
summarise(sys.argv[1])
"""
_MEASURED = """
import json, resource, time
begun = time.perf_counter()
{code}
seconds = time.perf_counter() - begun
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
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


def measured(code: str, directory: Path) -> tuple[float, float, float]:
    """Return the seconds that code takes in a process of its own, its CPU's, and its MB."""
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURED.format(code=code), str(directory)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, cpu, megabytes = json.loads(ran.stdout)
    return seconds, cpu, megabytes


def compare(directory: Path, rounds: int) -> None:
    """Print each way's figures for the records of a directory."""
    ways = {"load": _LOAD, "summarise": _SUMMARISE}
    runs: dict[str, list[tuple[float, float, float, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        loop, *_ = measured(_LOOP, directory)
        for way, code in ways.items():
            seconds, cpu, megabytes = measured(code, directory)
            runs[way].append((loop / seconds, seconds, cpu, megabytes))
    for way, each in runs.items():
        ratios, seconds_each, cpus, memory = zip(*each, strict=True)
        print(
            f"{directory}: {way} {statistics.median(seconds_each):.2f} s"
            f" ({statistics.median(cpus):.2f} s of CPU), {statistics.median(ratios):.1f} times as"
            f" fast as json.loads ({min(ratios):.1f} to {max(ratios):.1f}), {max(memory):.0f} MB"
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
            begun = time.perf_counter()
            make(Path(made), options.count, options.threads)
            print(f"{options.count} calls were made in {time.perf_counter() - begun:.0f} s")
        for directory in directories:
            compare(directory, options.rounds)


if __name__ == "__main__":
    main()
