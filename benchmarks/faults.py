"""The same faults, darkcall beside other libraries that live inside their hosts.

Each fault strikes each library in a process of its own, one library after the other, in one
run.  ``python benchmarks/faults.py --only a,d`` runs some of them; all take about four minutes.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import dataclasses
import importlib.metadata
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beside.pieces import done, told


if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Library:
    """What is struck: its title, and the distribution that it comes in."""

    title: str
    distribution: str | None = None

    @property
    def is_installed(self) -> bool:
        if self.distribution is None:
            return True
        # Not by the module: a namespace may be there without it.
        try:
            importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return False
        return True


LIBRARIES = {
    "darkcall": Library("darkcall"),
    "sentry": Library("sentry-sdk", "sentry-sdk"),
    "opentelemetry": Library("OpenTelemetry", "opentelemetry-sdk"),
    "pool": Library("ThreadPoolExecutor"),
}
GEVENT = Library("gevent", "gevent")


@dataclasses.dataclass(frozen=True)
class Ran:
    """What became of a process: its answer is None if it gave none before its end."""

    answer: Any
    seconds_to_leave: float
    #: None if it went by itself.
    killed_after_seconds: float | None
    done: int
    told: int
    errors: str


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault: what is asked, how long it may take in seconds, and how the answer reads."""

    title: str
    limit: float
    cell: Callable[[Ran], str]
    does_not_apply: dict[str, str] = dataclasses.field(default_factory=dict)
    #: Processes that only sleep do not disturb each other's time.
    together: bool = False
    needs: Library | None = None


def seconds_to_leave(ran: Ran) -> str:
    if ran.killed_after_seconds is not None:
        return f"> {ran.killed_after_seconds:.0f}"
    return f"{ran.seconds_to_leave:.1f}"


def delivered_of(calls: int) -> Callable[[Ran], str]:
    def cell(ran: Ran) -> str:
        lost = calls - ran.done
        how = "none lost" if not lost else f"{lost} lost, {min(ran.told, lost)} of them told"
        return f"{seconds_to_leave(ran)} s; {ran.done} delivered, {how}"

    return cell


def forks(ran: Ran) -> str:
    return "{hung} hang, {delivered} deliver".format(**ran.answer)


def load(ran: Ran) -> str:
    if ran.answer["told"]:
        losses = f"{ran.answer['told']:,} dropped and counted"
    else:
        losses = "dropped uncounted" if "dropping" in ran.errors else "none dropped"
    return f"{ran.answer['megabytes']:+.0f} MB; {ran.answer['slowest']:.1f} ms; {losses}"


def signals(ran: Ran) -> str:
    return "{lost:,} of {made:,} lost".format(**ran.answer)


def is_it(name: str) -> Callable[[Ran], str]:
    return lambda ran: "yes" if ran.answer[name] else "no"


COMPARES_NOTHING = {"sentry": "n/a: compares nothing", "opentelemetry": "n/a: compares nothing"}

FAULTS = {
    "a": Fault(
        "Work that never returns: seconds until the process is gone",
        40,
        seconds_to_leave,
        together=True,
    ),
    "b": Fault("100 pieces of 20 ms wait at exit: delivered of 100", 40, lambda ran: str(ran.done)),
    "c": Fault("1,000 pieces of 20 ms wait at exit", 40, delivered_of(1000)),
    "d": Fault("20 forks while three threads call: children that", 60, forks),
    "e": Fault("Work raises SystemExit: is the next piece done?", 20, is_it("goes_on")),
    "f": Fault(
        "4 pieces hang: of 16 good ones, done within 3 s", 20, lambda ran: str(ran.answer["done"])
    ),
    "g": Fault(
        "100,000 calls with 1 KB, work of 1 s: growth; slowest call; drops",
        240,
        load,
    ),
    "h": Fault("A signal handler calls it at 2 kHz for 2 s", 15, signals),
    "i": Fault("Work changes its arguments: does the caller see it?", 20, is_it("seen")),
    "j": Fault(
        "A result's `__eq__` raises: does the caller see it?",
        20,
        lambda ran: f"{is_it('seen')(ran)}; {ran.answer['verdict']}",
        COMPARES_NOTHING,
    ),
    "k": Fault(
        "gevent, work that computes for 1 s: longest stall of a greenlet, ms",
        20,
        lambda ran: f"{ran.answer['stall']:.0f}",
        needs=GEVENT,
    ),
}


def environment() -> dict[str, str]:
    # Measuring coverage in the child would be measured too.
    env = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), env.get("PYTHONPATH")]))
    return env


def python(module: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-m", module, *map(str, arguments)]
    return subprocess.Popen(command, env=environment(), text=True, **options)


@contextlib.contextmanager
def server(library: str, folder: Path):
    """Run the server that sentry-sdk sends to; give its port."""
    if library != "sentry":
        yield 0
        return
    with python("beside.loopback", folder, stdout=subprocess.PIPE) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def strike(fault: str, library: str) -> Ran:
    """Have a fault strike a library in a new process, and wait until that is gone."""
    with tempfile.TemporaryDirectory() as name, server(library, Path(name)) as port:
        folder = Path(name)
        with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
            process = python(
                "beside.strike",
                fault,
                library,
                folder,
                port,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            limit = FAULTS[fault].limit
            killed_after_seconds = None if has_gone(process, limit) else limit
        gone = time.monotonic()
        answer = json.loads((folder / "out").read_text() or "null")
        errors = (folder / "err").read_text()
        leaves = gone if answer is None else answer.get("leaves", gone)
        lost_and_told = told(folder) + logged(errors)
        return Ran(
            answer,
            gone - leaves,
            killed_after_seconds,
            len(done(folder)),
            lost_and_told,
            errors,
        )


def has_gone(process: subprocess.Popen[str], limit: float) -> bool:
    """Wait for the end of a process; end it, and all that it started, if there is none."""
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        return False
    else:
        return True
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def logged(errors: str) -> int:
    """Return how many dropped pieces the log tells of."""
    counts = (re.search(r"\d+", line) for line in errors.splitlines() if "dropped" in line)
    return sum(int(count.group()) for count in counts if count)


def cell(letter: str, library: str) -> str:
    fault = FAULTS[letter]
    if library in fault.does_not_apply:
        return fault.does_not_apply[library]
    if not LIBRARIES[library].is_installed:
        return "not installed"
    if fault.needs is not None and not fault.needs.is_installed:
        return f"n/a: {fault.needs.title} is not installed"
    ran = strike(letter, library)
    if ran.answer is not None:
        return fault.cell(ran)
    if ran.killed_after_seconds is not None:
        return f"hangs (ended after {ran.killed_after_seconds:.0f} s)"
    print(f"{letter}, {library}:\n{ran.errors}", file=sys.stderr)
    return "the process died"


def row(letter: str) -> str:
    fault = FAULTS[letter]
    with concurrent.futures.ThreadPoolExecutor(len(LIBRARIES) if fault.together else 1) as pool:
        cells = list(pool.map(lambda library: cell(letter, library), LIBRARIES))
    return " | ".join([f"| {letter}", fault.title, *cells]) + " |"


def versions() -> str:
    machine = f"CPython {platform.python_version()}, {os.cpu_count()} cores"
    installed = [one for one in (*LIBRARIES.values(), GEVENT) if one.is_installed]
    distributions = filter(None, (one.distribution for one in installed))
    named = [f"{name} {importlib.metadata.version(name)}" for name in distributions]
    return ", ".join([machine, *named])


def letters(text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := [letter for letter in chosen if letter not in FAULTS]:
        msg = f"there is no fault {unknown[0]!r}: choose from {','.join(FAULTS)}"
        raise argparse.ArgumentTypeError(msg)
    return chosen


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=letters, default=list(FAULTS), metavar="LETTERS")
    options = parser.parse_args()

    print(f"{versions()}\n")
    print(" | ".join(["| |", *(library.title for library in LIBRARIES.values())]) + " |")
    print("|---" * (len(LIBRARIES) + 2) + "|")
    for letter in options.only:
        print(row(letter), flush=True)


if __name__ == "__main__":
    main()
