"""What candidates take from the requests of the process that they run in.

A loop of requests, with the bare function and with the decorated one in turn, in one process for
each row.  A request is 50 microseconds of Python and one call of the function, which answers at
once; with I/O, it waits for a millisecond, too.  That is a sleep, because it gives the interpreter
lock away as any read does, and needs no second process that would take part of a core.

The candidate takes 5 ms.  Where it uses the CPU, a segment is as long as what the CPU budget is
averaged over, and the bare segment before it is as long again, so that the budget is whole: the
second that ``cpu_budget=0.10`` lets candidates have at once is all in what is measured.

``python benchmarks/neighbours.py`` runs all rows, ``--only NAME,NAME`` some, ``--quick`` all of
them for a moment, to see that they run.
"""

from __future__ import annotations

import argparse
import array
import importlib
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from beside import candidates, tables

import darkcall
from darkcall import dark_launch, flush, launch_of
from darkcall._budget import BUDGET_SECONDS
from darkcall.sinks import MemorySink


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PYTHON_SECONDS = 50e-6
IO_SECONDS = 1e-3
#: For a candidate that only sleeps.
SHORT_SECONDS = 3.0


@attrs.frozen
class Neighbour:
    """What runs beside the requests.

    Attributes:
        what: As the table says it.
        work: The candidate's name; None: the loop beside itself, with the bare function twice.
        knobs: What the launch is given beside its defaults.
        process: Whether it runs in a process.
        p99: What the p99 of the requests may be, at most, with I/O and without.
        throughput: What the throughput must be, at least.
    """

    what: str
    work: str | None = None
    knobs: dict[str, Any] = attrs.field(factory=dict)
    process: bool = False
    p99: tuple[float | None, float | None] = (None, None)
    throughput: float | None = None

    @property
    def seconds(self) -> float:
        """How long a segment is."""
        return BUDGET_SECONDS if self.work in {"releasing", "computing"} else SHORT_SECONDS


NEIGHBOURS = {
    "nothing": Neighbour("nothing: the bare function twice"),
    "sleeping": Neighbour("sleeps", "sleeping", p99=(1.10, 1.10), throughput=0.95),
    "releasing": Neighbour(
        "computes without the GIL", "releasing", p99=(1.10,) * 2, throughput=0.95
    ),
    "computing": Neighbour("computes in Python", "computing", throughput=0.90),
    "sparing": Neighbour(
        "computes in Python, `cpu_budget=0.01`",
        "computing",
        {"cpu_budget": 0.01},
        p99=(1.30, 1.30),
        throughput=0.95,
    ),
    "process": Neighbour(
        "computes in Python, `ProcessRunner(workers=1, nice=19)`",
        "computing",
        process=True,
        p99=(1.10, 1.25),
        throughput=0.97,
    ),
}
SHAPES = {"io": "1 ms of I/O", "cpu": "CPU only"}
SAMPLES = {"every": 1.0, "some": 0.05}


def row_names() -> list[str]:
    """Name the rows: neighbour, shape, share of calls."""
    return [
        f"{neighbour}-{shape}-{sample}"
        for neighbour, of in NEIGHBOURS.items()
        for shape in SHAPES
        for sample in (SAMPLES if of.work else ("every",))
    ]


@attrs.frozen
class Segment:
    """What the requests of one segment took: seconds, and how many in a second."""

    p50: float
    p99: float
    rate: float


def segment(request: Callable[[], None], seconds: float) -> Segment:
    """Make one request after the other."""
    clock, taken = time.perf_counter, array.array("d")
    began = last = clock()
    until = began + seconds
    while last < until:
        request()
        now = clock()
        taken.append(now - last)
        last = now
    in_order = sorted(taken)
    return Segment(
        in_order[len(in_order) // 2],
        in_order[len(in_order) * 99 // 100],
        len(taken) / (last - began),
    )


def requests(function: Callable[[int], object], shape: str, amount: int) -> Callable[[], None]:
    """Make a request that calls a function."""
    compute, loops = (
        candidates.serving,
        candidates.amount_for(candidates.serving, PYTHON_SECONDS),
    )
    sleep, io_seconds = time.sleep, IO_SECONDS

    def computed() -> None:
        compute(loops)
        function(amount)

    def waited() -> None:
        compute(loops)
        function(amount)
        sleep(io_seconds)

    return waited if shape == "io" else computed


def process_runner() -> type | None:
    """Give the runner that uses processes, if this darkcall has it."""
    return getattr(importlib.import_module("darkcall.runners"), "ProcessRunner", None)


def launched(neighbour: Neighbour, sample: float) -> Any:
    """Decorate the control: all that is not told here is darkcall's default."""
    knobs = dict(neighbour.knobs)
    if neighbour.process:
        knobs["runner"] = process_runner()(workers=1, nice=19)
    candidate = getattr(candidates, neighbour.work)
    return dark_launch(candidate=candidate, sample=sample, sinks=[MemorySink()], **knobs)(
        candidates.control
    )


def measure(name: str, rounds: int, *, quick: bool) -> dict[str, Any]:
    """Measure one row, in this process."""
    kind, shape, sample = name.split("-")
    neighbour = NEIGHBOURS[kind]
    seconds = 0.2 if quick else neighbour.seconds
    if neighbour.work is None:
        function: Any = candidates.control
        amount = 0
    else:
        function = launched(neighbour, SAMPLES[sample])
        work = getattr(candidates, neighbour.work)
        amount = candidates.amount_for(work, candidates.CANDIDATE_SECONDS)
    bare = requests(candidates.control, shape, amount)
    beside = requests(function, shape, amount)
    # What is started at the first call is no part of what is measured.
    if function is not candidates.control:
        function(amount)
        flush(30.0)
    segment(bare, seconds / 4)
    segments = [segment(bare, seconds)]
    for _ in range(rounds):
        segments.append(segment(beside, seconds))
        # What waits is no neighbour of the bare function's.
        if not flush(60.0):
            raise RuntimeError(f"{name}: calls still wait after a minute")
        segments.append(segment(bare, seconds))
    told: dict[str, Any] = {"segments": [attrs.astuple(one) for one in segments]}
    if function is not candidates.control:
        stats = launch_of(function).stats()
        told["outcomes"] = {outcome: count for outcome, count in stats.outcomes.items() if count}
        told["reasons"] = {reason: count for reason, count in stats.reasons.items() if count}
        told["calls"] = stats.calls
    darkcall.close(5.0)
    return told


@attrs.frozen
class Row:
    """What a row measured: ratios to the bare segments before and after, one for each round."""

    name: str
    told: dict[str, Any]

    def ratios(self, figure: str) -> list[float]:
        """Give the ratios of a figure."""
        segments = [Segment(*one) for one in self.told["segments"]]
        values = [getattr(one, figure) for one in segments]
        return [
            values[at] / statistics.mean((values[at - 1], values[at + 1]))
            for at in range(1, len(values), 2)
        ]

    @property
    def matched(self) -> int:
        """How many calls were compared in a second of the segments."""
        return self.told.get("outcomes", {}).get("match", 0)

    def misses(self) -> bool:
        """Tell whether the medians miss what must hold."""
        kind, shape, _ = self.name.split("-")
        neighbour = NEIGHBOURS[kind]
        p99 = neighbour.p99[shape == "cpu"]
        return (p99 is not None and statistics.median(self.ratios("p99")) > p99) or (
            neighbour.throughput is not None
            and statistics.median(self.ratios("rate")) < neighbour.throughput
        )

    def cells(self) -> list[str]:
        """Lay it out."""
        kind, shape, sample = self.name.split("-")
        neighbour = NEIGHBOURS[kind]
        p99 = neighbour.p99[shape == "cpu"]
        bare = [1e6 * p for _, p, _ in self.told["segments"][::2]]
        return [
            neighbour.what,
            SHAPES[shape],
            ("1 in 20" if sample == "some" else "every") if neighbour.work else "-",
            f"{self.matched:,}" if neighbour.work else "-",
            spread(self.ratios("p50")),
            spread(self.ratios("p99")),
            "-" if p99 is None else f"{p99:.2f}",
            f"{statistics.median(bare):,.0f} µs",
            spread(self.ratios("rate")),
            "-" if neighbour.throughput is None else f"{neighbour.throughput:.2f}",
            "**no**" if self.misses() else "yes",
        ]


HEAD = [
    "the candidate",
    "requests",
    "calls shadowed",
    "compared",
    "p50",
    "p99",
    "must be at most",
    "bare p99",
    "throughput",
    "must be at least",
    "holds",
]


def spread(values: list[float]) -> str:
    """Lay out the median, the least and the most."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def in_a_process(name: str, rounds: int, *, quick: bool) -> Row | None:
    """Measure a row in a fresh process; None if there is no runner for it."""
    if NEIGHBOURS[name.split("-", maxsplit=1)[0]].process and process_runner() is None:
        print(f"{name}: this darkcall has no ProcessRunner", flush=True)
        return None
    command = [sys.executable, Path(__file__), "--one", name, "--rounds", str(rounds)]
    done = subprocess.run(
        [*command, *(["--quick"] if quick else [])], stdout=subprocess.PIPE, text=True, check=True
    )
    return Row(name, json.loads(done.stdout))


def measured(names: Iterable[str], rounds: int, *, quick: bool) -> list[Row]:
    """Measure rows, one after the other, and print each when it is there."""
    rows = []
    for name in names:
        row = in_a_process(name, rounds, quick=quick)
        if row is not None:
            rows.append(row)
            print(" | ".join(row.cells()), flush=True)
            print(f"    {row.told.get('outcomes', {})} {row.told.get('reasons', {})}", flush=True)
    return rows


def chosen(text: str) -> list[str]:
    """Read the names of rows, or beginnings of them."""
    names = [name for name in row_names() if name.startswith(tuple(text.split(",")))]
    if not names:
        msg = f"no row begins with {text!r}: choose from {', '.join(row_names())}"
        raise argparse.ArgumentTypeError(msg)
    return names


def main() -> int:
    """Print the table; return 1 if a row misses what must hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=chosen, default=row_names(), metavar="NAMES")
    parser.add_argument("--quick", action="store_true", help="see that it runs; measures nothing")
    parser.add_argument("--one", choices=row_names(), help=argparse.SUPPRESS)
    tables.add_option(parser)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.rounds, quick=options.quick)))
        return 0
    if options.quick and options.write:
        parser.error("what --quick gives is not to be written")
    tables.check(options.write, "neighbours")
    print(" | ".join(HEAD))
    rows = measured(options.only, options.rounds, quick=options.quick)
    tables.write(options.write, "neighbours", tables.table(HEAD, (row.cells() for row in rows)))
    return not options.quick and any(row.misses() for row in rows)


if __name__ == "__main__":
    sys.exit(main())
