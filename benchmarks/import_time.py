"""What ``import darkcall`` costs beside ``import attrs, wrapt``, which it needs anyway."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

from beside import tables


BASE = "import attrs, wrapt"
OURS = "import darkcall"

TIMED = """
import time
begin = time.perf_counter()
{}
print(time.perf_counter() - begin)
"""


def seconds_of(statement: str) -> float:
    """Return how long a statement takes in a fresh interpreter, in seconds."""
    # Measuring coverage in the child would be measured too.
    # So would compiling each module anew, which nobody does in production.
    unwanted = ("COVERAGE", "PYTHONDONTWRITEBYTECODE")
    env = {name: text for name, text in os.environ.items() if not name.startswith(unwanted)}
    timed = TIMED.format(statement)
    done = subprocess.run(
        [sys.executable, "-c", timed], env=env, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def in_turn(rounds: int) -> dict[str, list[float]]:
    """Time each import, in turn, so that a slow moment of the machine hits both."""
    seconds: dict[str, list[float]] = {BASE: [], OURS: []}
    for statement in seconds:
        seconds_of(statement)  # writes the .pyc files
    for _ in range(rounds):
        for statement, taken in seconds.items():
            taken.append(seconds_of(statement))
    return seconds


def main() -> int:
    """Print the table; return 1 if the ratio is above the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--at-most", type=float, default=float("inf"), metavar="RATIO")
    tables.add_option(parser)
    options = parser.parse_args()
    tables.check(options.write, "import")
    seconds = in_turn(options.rounds)

    print(f"{'milliseconds, fresh interpreter':<34}{'median':>8}{'quartiles':>16}{'best':>8}")
    rows = []
    for statement, taken in seconds.items():
        low, median, high = (1000 * cut for cut in statistics.quantiles(taken, n=4))
        best = 1000 * min(taken)
        print(f"{statement:<34}{median:>8.1f}{f'{low:.1f} to {high:.1f}':>16}{best:>8.1f}")
        rows.append(
            [f"`{statement}`", f"{median:.1f} ms", f"{low:.1f} to {high:.1f}", f"{best:.1f} ms"]
        )
    ratio = statistics.median(seconds[OURS]) / statistics.median(seconds[BASE])
    told = f"ratio of the medians, {options.rounds} rounds: {ratio:.2f}"
    print(told)
    table = tables.table(["a fresh interpreter", "median", "quartiles", "best"], rows)
    tables.write(options.write, "import", f"{table}\n\n{told[0].upper()}{told[1:]}.")
    return ratio > options.at_most


if __name__ == "__main__":
    sys.exit(main())
