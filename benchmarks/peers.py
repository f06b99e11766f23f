"""The same with darkcall and with each library for the same purpose, in turn, in one process.

One control, one candidate, compared, noted in memory; both return what they are given.  Each
figure is of batches that are timed in turn, the bare function among them: what is added is what a
batch took beyond the median of the bare batches.  What a library does later is waited for after
each batch, outside the clock.

``make peers`` installs the libraries, each into a folder of its own; ``--peers`` says where.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib.metadata
import itertools
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from beside import rivals, tables
from beside.rivals import RIVALS, NotOfferedError, PyentistAsItIs, Rival
from ratios import CART, plain, plain_coroutine


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROOT = Path(__file__).parents[1]
SLEEP_SECONDS = 0.005
_clock = time.perf_counter

NOT_OFFERED, NOT_INSTALLED = "no", "not installed"


@attrs.frozen
class State:
    """What is measured: how it reads, how a library launches it, and with what."""

    what: str
    way: str
    value: Any
    calls: int
    is_async: bool = False


STATES = (
    State("off", "off", 5, 2000),
    State("sampled out, 1 %", "sampled", 5, 2000),
    State("shadowed, a number", "shadowed", 5, 100),
    State("shadowed, a nested dict", "shadowed", CART, 100),
    State("async, shadowed, a number", "awaited", 5, 100, is_async=True),
)


@attrs.frozen
class Cell:
    """What a table says in one place: a text, or the figures of the rounds."""

    text: str = ""
    values: list[float] = attrs.field(factory=list)
    best: Callable[[list[float]], float] = min

    def __str__(self) -> str:
        if not self.values:
            return self.text
        low, median, high = statistics.quantiles(self.values, n=4)
        return f"{median:.2f} (best {self.best(self.values):.2f}; {low:.2f} to {high:.2f})"


def rewritten(value: Any) -> Any:
    """Return what it is given: another function than the control, or one library runs one."""
    return value


async def rewritten_coroutine(value: Any) -> Any:
    """Return what it is given."""
    return value


def sleeping(value: Any) -> Any:
    """Return what it is given, later."""
    time.sleep(SLEEP_SECONDS)
    return value


async def sleeping_coroutine(value: Any) -> Any:
    """Return what it is given, later."""
    await asyncio.sleep(SLEEP_SECONDS)
    return value


class Contest:
    """All libraries that are there, and what was found broken."""

    def __init__(self, peers: Path, rounds: int) -> None:
        self.rounds = rounds
        self.broken: dict[str, str] = {}
        self.rivals: dict[type[Rival], Rival] = {}
        for kind in (*RIVALS, PyentistAsItIs):
            with contextlib.suppress(ImportError, FileNotFoundError):
                self.rivals[kind] = kind(peers)

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """Make an event loop that notes what a task raised which nobody awaited."""
        loop = asyncio.new_event_loop()

        def note(_: object, context: dict[str, Any]) -> None:
            error = context.get("exception")
            self.broken["an async candidate's task"] = f"{type(error).__name__}: {error}"

        loop.set_exception_handler(note)
        return loop

    def entrants(
        self, way: str, control: Callable, candidate: Callable, trial: Callable[[Rival, Any], None]
    ) -> tuple[dict[type[Rival], Callable], dict[type[Rival], Cell]]:
        """Launch with each library; give the functions, and why others give none."""
        functions, cells = {}, {}
        for kind in RIVALS:
            rival = self.rivals.get(kind)
            if rival is None:
                cells[kind] = Cell(NOT_INSTALLED)
                continue
            try:
                function = getattr(rival, way)(control, candidate)
                trial(rival, function)
            except NotOfferedError:
                cells[kind] = Cell(NOT_OFFERED)
            except Exception as error:  # noqa: BLE001 -- what is broken may raise anything
                rival.compared.clear()
                cells[kind] = Cell("broken")
                self.broken[f"{rival.title}, {way}"] = f"{type(error).__name__}: {error}"
                # What it left behind is not to be told at the next collection.
                gc.collect()
            else:
                functions[kind] = function
        return functions, cells

    def in_turn(
        self, once: Callable[[Any, Callable], float], functions: dict[Any, Callable]
    ) -> dict[Any, list[float]]:
        """Time each in turn, as often as there are rounds."""
        seconds: dict[Any, list[float]] = {kind: [] for kind in functions}
        for number in range(self.rounds + 1):
            for kind, function in functions.items():
                one = once(self.rivals.get(kind), function)
                # The first round is to warm up.
                if number:
                    seconds[kind].append(one)
        return seconds

    def added(
        self, once: Callable[[Any, Callable], float], bare: Callable, functions: dict[Any, Callable]
    ) -> dict[Any, list[float]]:
        """Time each in turn with the bare function, and give what each adds to it."""
        seconds = self.in_turn(once, {None: bare, **functions})
        base = statistics.median(seconds.pop(None))
        return {kind: [one - base for one in some] for kind, some in seconds.items()}


def settled(rival: Rival, calls: int, expected: int) -> None:
    """Wait for what a library does later; all that was compared must have been equal."""
    rival.settle(expected)
    agreed = all(rival.compared)
    rival.compared.clear()
    if not agreed:
        raise ValueError(f"{calls} equal calls were not all found equal")


def added_seconds(contest: Contest, state: State) -> dict[type[Rival], Cell]:
    """Measure what a state adds to each call, in microseconds."""
    expected = state.calls if state.way == "shadowed" else 0

    def once(rival: Rival | None, function: Callable, calls: int = state.calls) -> float:
        value, repeated = state.value, itertools.repeat(None, calls)
        began = _clock()
        for _ in repeated:
            function(value)
        seconds = (_clock() - began) / calls
        if rival is not None:
            settled(rival, calls, expected)
        return seconds

    functions, cells = contest.entrants(state.way, plain, rewritten, once)
    timed = contest.added(once, plain, functions)
    return {**cells, **in_microseconds(timed)}


def added_seconds_awaited(contest: Contest, state: State) -> dict[type[Rival], Cell]:
    """Measure what a state adds to each awaited call, in microseconds."""

    def once(rival: Rival | None, function: Callable) -> float:
        return loop.run_until_complete(awaited(rival, function))

    async def awaited(rival: Rival | None, function: Callable) -> float:
        value, repeated = state.value, itertools.repeat(None, state.calls)
        began = _clock()
        for _ in repeated:
            await function(value)
        seconds = (_clock() - began) / state.calls
        if rival is not None:
            await rival.settle_awaited(state.calls)
            settled(rival, state.calls, 0)
        return seconds

    loop = contest.new_loop()
    functions, cells = contest.entrants("awaited", plain_coroutine, rewritten_coroutine, once)
    timed = contest.added(once, plain_coroutine, functions)
    loop.close()
    return {**cells, **in_microseconds(timed)}


def in_microseconds(timed: dict[type[Rival], list[float]]) -> dict[type[Rival], Cell]:
    """Lay out seconds as microseconds."""
    return {kind: Cell(values=[1e6 * one for one in some]) for kind, some in timed.items()}


def thousands_a_second(contest: Contest, calls: int = 1000) -> dict[type[Rival], Cell]:
    """Measure how many calls are made, compared and noted in a second, in thousands."""

    def once(rival: Rival | None, function: Callable) -> float:
        began = _clock()
        for number in range(calls):
            function(number)
        if rival is not None:
            rival.settle(calls)
        seconds = (_clock() - began) / calls
        if rival is not None:
            settled(rival, calls, 0)
        return seconds

    functions, cells = contest.entrants("shadowed", plain, rewritten, once)
    timed = contest.in_turn(once, functions)
    rates = {kind: [1e-3 / one for one in some] for kind, some in timed.items()}
    return {**cells, **{kind: Cell(values=some, best=max) for kind, some in rates.items()}}


def milliseconds_waited(contest: Contest) -> dict[type[Rival], Cell]:
    """Measure how long a caller waits for a candidate that sleeps 5 ms, in milliseconds."""

    def once(rival: Rival | None, function: Callable) -> float:
        began = _clock()
        function(5)
        seconds = _clock() - began
        if rival is not None:
            settled(rival, 1, 1)
        return seconds

    functions, cells = contest.entrants("shadowed", plain, sleeping, once)
    timed = contest.added(once, plain, functions)
    return {
        **cells,
        **{kind: Cell(values=[1e3 * one for one in some]) for kind, some in timed.items()},
    }


def milliseconds_awaited(contest: Contest) -> dict[type[Rival], Cell]:
    """Measure how long an awaiting caller waits for an async candidate that sleeps 5 ms."""

    def once(rival: Rival | None, function: Callable) -> float:
        return loop.run_until_complete(awaited(rival, function))

    async def awaited(rival: Rival | None, function: Callable) -> float:
        began = _clock()
        await function(5)
        seconds = _clock() - began
        if rival is not None:
            await rival.settle_awaited(1)
            settled(rival, 1, 0)
        return seconds

    loop = contest.new_loop()
    functions, cells = contest.entrants("awaited", plain_coroutine, sleeping_coroutine, once)
    timed = contest.added(once, plain_coroutine, functions)
    loop.close()
    return {
        **cells,
        **{kind: Cell(values=[1e3 * one for one in some]) for kind, some in timed.items()},
    }


def columns(contest: Contest) -> Iterator[tuple[str, dict[type[Rival], Cell]]]:
    """Measure one column after the other."""
    for state in STATES:
        measure = added_seconds_awaited if state.is_async else added_seconds
        yield f"{state.what}, µs", measure(contest, state)
    yield "thousand calls a second, compared", thousands_a_second(contest)
    yield "candidate of 5 ms: wait, ms", milliseconds_waited(contest)
    yield "the same, async: wait, ms", milliseconds_awaited(contest)


def without_a_comparer(contest: Contest) -> str | None:
    """Tell what Pyentist finds of two equal answers when it is given no comparer."""
    rival = contest.rivals.get(PyentistAsItIs)
    if rival is None:
        return None
    rival.shadowed(plain, rewritten)(5)
    return f"{rival.title}: 5 and 5 were found {'equal' if all(rival.compared) else 'different'}"


def never_compares(contest: Contest) -> str | None:
    """Tell whether what scientist publishes by itself depends on a comparison."""
    rival = contest.rivals.get(rivals.Scientist)
    if rival is None:
        return None
    experiment = rival.module.Experiment(plain)
    result = sys.modules[f"{rival.module.__name__}.experiment"].Result(experiment, [], (), {})
    read = result.observations_are_equivalent
    return (
        f"{rival.title}: `publish` and `raise_on_mismatches` read "
        f"`result.observations_are_equivalent`, a {type(read).__name__}, "
        f"which is {bool(read)} whatever was returned"
    )


def notes(contest: Contest) -> list[str]:
    """Say what is broken, as it was found in this run."""
    found = [f"{where}: `{error}`" for where, error in contest.broken.items()]
    return [*found, *filter(None, (without_a_comparer(contest), never_compares(contest)))]


def as_tables(found: dict[str, dict[type[Rival], Cell]]) -> str:
    """Lay out two tables: what is added, and what else is asked."""
    names = list(found)
    parts = []
    for some in (names[:3], names[3:5], names[5:]):
        rows = [[kind.title, *(str(found[name][kind]) for name in some)] for kind in RIVALS]
        parts.append(tables.table(["", *some], rows))
    copies = [[kind.title, kind.copies] for kind in RIVALS]
    parts.append(tables.table(["", "the candidate's arguments are copies"], copies))
    return "\n\n".join(parts)


def versions() -> str:
    """Name what is compared and is not named in the table."""
    named: Iterable[str] = ("sentry-sdk",)
    found = []
    for name in named:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(found)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-peers", metavar="FOLDER")
    tables.add_option(parser)
    options = parser.parse_args()
    if options.rounds < 20 and options.write:
        parser.error("fewer than 20 rounds are not to be written")
    tables.check(options.write, "peers")
    contest = Contest(options.peers, options.rounds)
    # What was imported is nothing for a collection to look through.
    gc.collect()
    gc.freeze()
    found = {}
    for name, cells in columns(contest):
        print(name)
        for kind in RIVALS:
            print(f"    {kind.title:<30}{cells[kind]}", flush=True)
        found[name] = cells
    told = "\n".join(f"- {note}" for note in notes(contest))
    print(told)
    for rival in contest.rivals.values():
        rival.close()
    counted = f"Medians of {options.rounds} rounds, with the best and the quartiles; {versions()}."
    tables.write(options.write, "peers", f"{counted}\n\n{as_tables(found)}\n\n{told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
