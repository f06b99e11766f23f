"""What is written of 10,000 calls a second: a minute of them through ``RollupSink(JsonlSink)``.

Records are made beforehand, with the times at which 10,000 calls a second begin, and come to the
sink 500 at once, as they do from a sink's queue that is never empty.  A day is 1,440 such minutes.
"""

from __future__ import annotations

import argparse
import pathlib
import random
import tempfile
import time
from typing import TYPE_CHECKING

from beside import tables

from darkcall import Record
from darkcall.sinks import JsonlSink, RollupSink


if TYPE_CHECKING:
    from collections.abc import Callable


CALLS_A_SECOND = 10_000
BATCH = 500
MINUTES_A_DAY = 1_440
BEGAN = 1_700_000_040.0  # a full minute
HEAD = ["of these calls", "µs a record", "lines", "of these in full", "bytes a minute", "MB a day"]

Sink = RollupSink | JsonlSink


def records(calls: int, *, every: int, kinds: int, tenants: int) -> list[Record]:
    """Make the records of a minute, or of the beginning of one.

    Args:
        calls: How many.
        every: Each so many-th is a mismatch; 0 for none.
        kinds: How many kinds of mismatches there are.
        tenants: How many contexts there are; 0 for none.
    """
    rng = random.Random(7)
    made = []
    for number in range(calls):
        control = rng.lognormvariate(-6.2, 0.6)
        differs = bool(every) and number % every == 0
        kind = number // every % kinds if differs else 0
        made.append(
            Record(
                f"9f2c61d04a7b-0-{number}",
                "shop.price",
                "price_v2",
                "mismatch" if differs else "match",
                BEGAN + number / CALLS_A_SECOND,
                "web-1.example.com",
                4711,
                control,
                waited_seconds=rng.expovariate(10_000),
                candidate_seconds=control * rng.lognormvariate(-0.1, 0.2),
                candidate_cpu_seconds=control * 0.8,
                sample_rate=1.0,
                input_digest=f"{rng.getrandbits(128):032x}",
                context={"tenant": f"tenant-{number % tenants}"} if tenants else None,
                **_what_differs(kind) if differs else {},
            )
        )
    return made


def _what_differs(kind: int) -> dict[str, object]:
    sides = {"control": "1249.00", "candidate": "1249.01"}
    types = {"control_type": "decimal.Decimal", "candidate_type": "decimal.Decimal"}
    paths = [f"$.lines[{line}].field_{kind}.price" for line in range(3)]
    return {
        "signature": f"{kind:016x}",
        "differences": [{"path": path, "kind": "value", **types, **sides} for path in paths],
        "confirmation": "deterministic",
    }


def minute(of: list[Record], make: Callable[[JsonlSink], Sink]) -> tuple[float, int, int, int]:
    """Write records; give the seconds that each took, and how many lines and bytes it made."""
    with tempfile.TemporaryDirectory() as folder:
        files = JsonlSink(folder)
        sink = make(files)
        began = time.process_time()
        for first in range(0, len(of), BATCH):
            sink.write_batch(of[first : first + BATCH])
        if isinstance(sink, RollupSink):
            sink.flush(10.0)
        seconds = (time.process_time() - began) / len(of)
        sink.close()
        paths = sorted(pathlib.Path(folder).iterdir())
        lines = [line for path in paths for line in path.read_bytes().splitlines(keepends=True)]
        full = sum(1 for line in lines if b'"kind":"rollup"' not in line)
        return seconds, len(lines), full, sum(map(len, lines))


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=60 * CALLS_A_SECOND)
    calls = parser.parse_args().calls
    mixtures = {
        "all match": {"every": 0, "kinds": 1, "tenants": 0},
        "0.1 % mismatches of one kind": {"every": 1000, "kinds": 1, "tenants": 0},
        "0.1 % mismatches of ten kinds": {"every": 1000, "kinds": 10, "tenants": 0},
        "0.1 % mismatches of ten kinds, ten tenants": {"every": 1000, "kinds": 10, "tenants": 10},
        "every call another of 1,000 kinds": {"every": 1, "kinds": 1000, "tenants": 0},
    }
    rows = []
    for name, mixture in mixtures.items():
        of = records(calls, **mixture)
        rows.append([name, *_told(minute(of, RollupSink))])
        if name == "all match":
            plain = minute(of, lambda files: files)
    rows.append(["all match, without RollupSink", *_told(plain)])
    print(tables.table(HEAD, rows))


def _told(found: tuple[float, int, int, int]) -> list[str]:
    seconds, lines, full, nbytes = found
    a_day = nbytes * MINUTES_A_DAY / 1e6
    return [f"{seconds * 1e6:.2f}", f"{lines}", f"{full}", f"{nbytes:,}", f"{a_day:,.1f}"]


if __name__ == "__main__":
    main()
