"""What the demo prints: plain ASCII, at most a hundred characters wide."""

from __future__ import annotations

import platform
import statistics
import sys
import textwrap
from typing import TYPE_CHECKING, Any, Final, TextIO

from darkcall import Outcome


if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Mapping, Sequence

    from ._account import Account, Kind, Tally
    from ._cost import Cost
    from ._docstrings import StandardLibrary

_WIDTH: Final = 96
_MAX_SHOWN: Final = 60
_MAX_KINDS: Final = 6
_MAX_NAMES: Final = 5
_MICROSECONDS: Final = 1e6


class Page:
    """What is printed, section by section.

    Args:
        out: Where to; standard output by default.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out

    def show_input(self, library: StandardLibrary, count: int, seconds: float) -> None:
        """Say what the demo runs on.

        Args:
            library: The files.
            count: How many docstrings were found.
            seconds: How long that took.
        """
        self._title("A dark launch of textwrap.dedent")
        self._row("control", f"textwrap.dedent of CPython {platform.python_version()}")
        self._row("candidates", "naive (known to be wrong), rewrite (known to be right)")
        self._row("input", f"{count:,} docstrings of {library.files:,} files, in {seconds:.1f} s")
        self._row("", shown_text(str(library.root)))
        if library.unparsed:
            self._row("left out", f"{len(library.unparsed)} files that do not parse:")
            names = [*library.unparsed[:_MAX_NAMES]]
            if len(library.unparsed) > _MAX_NAMES:
                names.append(f"and {len(library.unparsed) - _MAX_NAMES} more")
            for name in names:
                self._row("", name)

    def show_work(self, directory: pathlib.Path, count: int, seconds: float) -> None:
        """Say where the records are, and how long it took to make them.

        Args:
            directory: Where they are.
            count: How many calls were made.
            seconds: How long it took until all of them were recorded.
        """
        self._row("calls", f"{count:,}, compared and recorded twice each, in {seconds:.1f} s")
        # Whole, however long: it is to be copied.
        self._row("records", str(directory))

    def show_outcomes(self, launch: str, accounts: Iterable[Account]) -> None:
        """Show how often each outcome came about.

        Args:
            launch: The launch.
            accounts: The account of each candidate.
        """
        self._title(f"Outcomes of {launch}")
        self._table(
            ["candidate", *Outcome],
            [
                [one.candidate, *(_n(one.counts.outcomes[outcome]) for outcome in Outcome)]
                for one in accounts
                if one.launch == launch
            ],
        )

    def show_accounts(self, accounts: Sequence[Account]) -> None:
        """Show whether every call is accounted for.

        Args:
            accounts: The account of each candidate.
        """
        self._title("Is every call accounted for?")
        heads = ["launch", "candidate", "made", "counted", "outcomes", "pending"]
        self._table(
            [*heads, "records due", "records read", ""],
            [
                [
                    one.launch,
                    one.candidate,
                    _n(one.made),
                    _n(one.stats.calls),
                    _n(one.settled),
                    _n(one.counts.pending),
                    _n(sum(one.recorded.values())),
                    _n(sum(one.records.values())),
                    "yes" if one.holds else "NO",
                ]
                for one in accounts
            ],
        )
        self._note(
            "Made: the demo's own count of its calls. Counted, outcomes and pending: what the "
            "launch's stats() say. Records: one for each outcome but dropped, read back from the "
            "files, and compared outcome by outcome."
        )
        for name, sink in accounts[-1].stats.sinks.items():
            self._note(
                f"{name}: {_n(sink.offered)} records offered, {_n(sink.written)} written, "
                f"{_n(sink.failed)} failed, {_n(sink.dropped)} dropped, {_n(sink.waiting)} waiting."
            )

    def show_mismatches(self, launch: str, tally: Tally) -> None:
        """Show the kinds of mismatch, the most frequent first, each with an example.

        Args:
            launch: Whose mismatches.
            tally: What the records tell.
        """
        kinds = [(key, kind) for key, kind in tally.kinds.items() if key[0] == launch]
        kinds.sort(key=lambda item: (-item[1].count, item[0]))
        self._title(f"Mismatches of {launch}, by signature")
        for (_, candidate, signature), kind in kinds[:_MAX_KINDS]:
            self._say(f"  {_n(kind.count):>7}  {candidate}  {shown_text(signature, 70)}")
            self._show_example(kind)
        left = kinds[_MAX_KINDS:]
        if left:
            calls = sum(kind.count for _, kind in left)
            self._say(f"  {_n(calls):>7}  of {len(left)} more signatures")
        if not kinds:
            self._say("  none")

    def _show_example(self, kind: Kind) -> None:
        difference = kind.example["differences"][0]
        place = kind.example.get("context", {}).get("docstring", "")
        where = f"{shown_text(str(place), 40)}, at {difference['path']}:"
        self._say(f"           e.g. {where} {difference['kind']}")
        for side in ("control", "candidate"):
            self._say(f"             {side:<10} {shown(difference.get(side))}")

    def show_costs(self, costs: Mapping[str, Cost]) -> None:
        """Show what the caller lost.

        Args:
            costs: What was measured, by the conditions of it.
        """
        self._title("Time that the caller lost, microseconds per call")
        rows = []
        for conditions, cost in costs.items():
            for index, what in enumerate(("bare", "decorated", "lost")):
                seconds = getattr(cost, what)
                rows.append(
                    [
                        "" if index else conditions,
                        "" if index else _n(len(seconds)),
                        what,
                        *(f"{each * _MICROSECONDS:,.1f}" for each in _spread(seconds)),
                    ]
                )
        self._table(["", "calls", "", "median", "25 %", "75 %", "99 %"], rows)
        self._note(
            "demo.timed: the same two candidates, with the knobs as they are by default. The bare "
            "and the decorated function were called in turns on the same input; lost is the "
            "difference. Workers idle: each call finds them at rest, wakes them, and shares the "
            "interpreter's lock with them. Bursts: they are at work while the calls come, and "
            "either kind of call may have to wait for the lock."
        )

    def show_end(self, broken: Sequence[str], seconds: float) -> None:
        """Say whether all is as it should be.

        Args:
            broken: What is not.
            seconds: How long the demo took.
        """
        self._title("In short")
        for sentence in broken:
            self._note(f"FAILED: {shown_text(sentence, 400)}")
        if not broken:
            self._note(
                "rewrite matched on every call, naive did not, and every call is accounted for."
            )
        self._say(f"  {seconds:.1f} s in all")

    def _title(self, text: str) -> None:
        self._say(f"\n{text}\n{'-' * len(text)}")

    def _row(self, label: str, text: str) -> None:
        self._say(f"  {label:<11} {text}".rstrip())

    def _note(self, text: str) -> None:
        self._say(textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="  "))

    def _table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        columns = list(zip(heads, *rows, strict=True))
        widths = [max(map(len, column)) for column in columns]
        for row in (heads, *rows):
            cells = [
                f"{cell:>{width}}" if _is_number(column[1]) else f"{cell:<{width}}"
                for cell, width, column in zip(row, widths, columns, strict=True)
            ]
            self._say(f"  {'  '.join(cells)}".rstrip())

    def _say(self, line: str) -> None:
        print(line, file=self._out or sys.stdout, flush=True)


def shown(described: Any) -> str:
    r"""Show one side of a difference on one line of ASCII, of bounded length.

    Args:
        described: The side, as a record describes it.

    Returns:
        The line.

    Example:
        >>> print(shown("a"), shown({"$": "str", "escaped": r"\ta"}), shown(None))
        'a' '\ta' nothing
    """
    if described is None:
        return "nothing"
    if isinstance(described, dict) and "escaped" in described:
        # Control characters are escaped in the record already.
        line = f"'{described['escaped']}'"
    else:
        line = ascii(described)
    return line if len(line) <= _MAX_SHOWN else f"{line[:_MAX_SHOWN]}..."


def shown_text(text: str, most: int = 84) -> str:
    """Show a text without quotes, likewise."""
    line = ascii(text)[1:-1]
    return line if len(line) <= most else f"{line[:most]}..."


def _spread(seconds: Sequence[float]) -> list[float]:
    if len(seconds) == 1:
        return [seconds[0]] * 4
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return [cuts[49], cuts[24], cuts[74], cuts[98]]


def _n(number: int) -> str:
    return f"{number:,}"


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] == "-"
