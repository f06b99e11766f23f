"""Runs the files of pytest-benchmark, ``bench_*.py``, and lays out what they measured.

``python -m pytest benchmarks --benchmark-only`` shows more of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from beside import tables


HERE = Path(__file__).parent
HEAD = ["best", "median", "quartiles"]


#: The blocks of the page, and the files that they come from.
FILES = {"calls": "bench_call.py", "keeping": "bench_snapshot.py"}
QUICK = ["--benchmark-max-time=0.001", "--benchmark-min-rounds=2", "--benchmark-warmup=off"]


def measured(file: str, options: list[str]) -> list[dict[str, Any]]:
    """Run one file, and give what pytest-benchmark tells of each of its tests."""
    # Measuring coverage in the child would be measured too.
    env = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "told.json")
        command = [sys.executable, "-m", "pytest", HERE / file, "--benchmark-only", "-q"]
        command += ["-p", "no:cacheprovider", f"--benchmark-json={told}", *options]
        subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)
        return json.loads(told.read_text("utf-8"))["benchmarks"]


def microseconds(seconds: float) -> str:
    """Lay out a duration with two digits that say something."""
    figure = 1e6 * seconds
    return f"{figure:,.0f} µs" if figure >= 100 else f"{figure:.2g} µs"


def as_sentence(name: str) -> str:
    """Read the name of a test."""
    return name.removeprefix("test_").replace("_", " ")


def as_tables(benchmarks: list[dict[str, Any]]) -> str:
    """Lay out a table for each group."""
    groups: dict[str, list[list[str]]] = {}
    for one in benchmarks:
        stats = one["stats"]
        cells = [microseconds(stats["min"]), microseconds(stats["median"])]
        quartiles = f"{microseconds(stats['q1'])} to {microseconds(stats['q3'])}"
        groups.setdefault(one["group"], []).append([as_sentence(one["name"]), *cells, quartiles])
    return "\n\n".join(tables.table([group, *HEAD], rows) for group, rows in groups.items())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=FILES, help="one of the blocks")
    parser.add_argument("--quick", action="store_true", help="see that it runs; measures nothing")
    tables.add_option(parser)
    options = parser.parse_args()
    if options.quick and options.write:
        parser.error("what --quick gives is not to be written")
    blocks = [options.only] if options.only else list(FILES)
    tables.check(options.write, *blocks)
    for block in blocks:
        text = as_tables(measured(FILES[block], QUICK if options.quick else []))
        print(f"{text}\n")
        tables.write(options.write, block, text)


if __name__ == "__main__":
    main()
