"""A piece of work, the same for every library, and what is noted of it."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple


if TYPE_CHECKING:
    from pathlib import Path


class Incomparable:
    """A result whose comparison raises."""

    __hash__ = None

    def __eq__(self, other):
        msg = "no answer"
        raise ValueError(msg)


class Piece(NamedTuple):
    """What is handed over: the kind of work, and what it is done with."""

    kind: str
    argument: Any = None


def do(piece):
    """Do a piece of work, on whatever thread the library does it."""
    return WORK[piece.kind](piece.argument)


def _never_return(_):
    while True:
        time.sleep(3600)


def _exit(_):
    raise SystemExit


def _compute(_):
    until = time.perf_counter() + 1
    while time.perf_counter() < until:
        pass


WORK = {
    "nothing": lambda _: None,
    "20 ms": lambda _: time.sleep(0.02),
    "1 s": lambda _: time.sleep(1),
    "endless": _never_return,
    "exit": _exit,
    "compute": _compute,
    "change": lambda argument: argument.append("changed by the work"),
    "incomparable": lambda _: Incomparable(),
}


def control(piece):
    """Answer as the work does, in no time."""
    return Incomparable() if piece.kind == "incomparable" else None


def note_done(folder, pid=None):
    """Note a piece that was done, with the process that handed it over."""
    _append(folder / "done", os.getpid() if pid is None else pid)


def note_told(folder, lost):
    """Note how many pieces a library told that it lost."""
    _append(folder / "told", lost)


def _append(path: Path, number: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, f"{number}\n".encode())
    finally:
        os.close(descriptor)


def done(folder):
    """Return the process of each piece that was done."""
    lines = [
        json.loads(line)
        for path in folder.glob("records/*.jsonl")
        for line in path.read_text().splitlines()
    ]
    # What else there is are totals.
    return _numbers(folder / "done") + [
        line["pid"] for line in lines if line.get("outcome") == "match"
    ]


def told(folder):
    """Return how many lost pieces were told of."""
    return sum(_numbers(folder / "told"))


def _numbers(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []
