"""Whether every call is accounted for: the demo's own count, the launch's, the records."""

from __future__ import annotations

import collections
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from darkcall import Outcome, launch_of


if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from darkcall import CandidateStats, Stats

#: The candidates, and whether each is to match on every call.
IS_RIGHT: Final = {"naive": False, "rewrite": True}


class Kind:
    """The mismatches of one signature.

    Attributes:
        count: How many there are.
        example: The record of the first.
    """

    def __init__(self, example: dict[str, Any]) -> None:
        self.count = 0
        self.example = example


class Tally:
    """What the records of this run tell.

    Attributes:
        outcomes: How many records there are by launch, candidate and outcome.
        kinds: The mismatches by launch, candidate and signature.
    """

    def __init__(self) -> None:
        self.outcomes: collections.Counter[tuple[str, str, str]] = collections.Counter()
        self.kinds: dict[tuple[str, str, str], Kind] = {}

    def add(self, record: dict[str, Any]) -> None:
        """Count a record.

        Args:
            record: A line of a JSONL file.
        """
        side = record["launch"], record["candidate"]
        self.outcomes[*side, record["outcome"]] += 1
        if record["outcome"] == Outcome.MISMATCH:
            kind = self.kinds.setdefault((*side, record["signature"]), Kind(record))
            kind.count += 1


class Account(NamedTuple):
    """The counts of one candidate, from three sides.

    Attributes:
        launch: The launch's name.
        candidate: The candidate's name.
        made: How many calls the demo made.
        stats: What the launch counted.
        records: How many records were read back, by outcome.
    """

    launch: str
    candidate: str
    made: int
    stats: Stats
    records: Mapping[str, int]

    @property
    def counts(self) -> CandidateStats:
        """What the launch counted for this candidate."""
        return self.stats.candidates[self.candidate]

    @property
    def settled(self) -> int:
        """How many calls have an outcome."""
        return sum(self.counts.outcomes.values())

    @property
    def recorded(self) -> dict[str, int]:
        """How often each outcome came about that makes a record; a dropped call makes none."""
        return {
            outcome: count
            for outcome, count in self.counts.outcomes.items()
            if count and outcome != Outcome.DROPPED
        }

    @property
    def holds(self) -> bool:
        """Whether the demo, the launch and the records agree."""
        return (
            self.made == self.stats.calls == self.stats.shadowed == self.settled
            and self.counts.pending == 0
            and self.recorded == self.records
        )


def new_files(directory: pathlib.Path, older: Collection[pathlib.Path]) -> frozenset[pathlib.Path]:
    """List the files of records that were not there before.

    Args:
        directory: Where they are.
        older: Those that were.

    Returns:
        The files.
    """
    return frozenset(directory.glob("*.jsonl")).difference(older)


def read_records(files: Iterable[pathlib.Path]) -> Tally:
    """Read files of records back.

    Args:
        files: What a ``JsonlSink`` wrote.

    Returns:
        What they tell.
    """
    tally = Tally()
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                data = json.loads(line)
                # Totals stand among the records.
                if "kind" not in data:
                    tally.add(data)
    return tally


def accounts_of(made: Mapping[Callable[[str], str], int], tally: Tally) -> list[Account]:
    """Put side by side what three sides counted.

    Args:
        made: The decorated functions, and how often the demo called each.
        tally: What the records tell.

    Returns:
        An account for each candidate of each launch.
    """
    accounts = []
    for function, calls in made.items():
        launch = launch_of(function)
        stats = launch.stats()
        for candidate in stats.candidates:
            records = {
                outcome.value: tally.outcomes[launch.name, candidate, outcome.value]
                for outcome in Outcome
                if tally.outcomes[launch.name, candidate, outcome.value]
            }
            accounts.append(Account(launch.name, candidate, calls, stats, records))
    return accounts


def broken_promises(accounts: Iterable[Account]) -> Iterator[str]:
    """Tell what is not as it should be.

    Args:
        accounts: The account of each candidate.

    Yields:
        A sentence for each thing.
    """
    for account in accounts:
        who = f"{account.launch} [{account.candidate}]"
        if not account.holds:
            yield f"{who}: not every call is accounted for; {_sides(account)}"
        matches = account.counts.outcomes[Outcome.MATCH]
        if IS_RIGHT[account.candidate] and matches != account.made:
            yield f"{who}: matched on {matches} of {account.made} calls, not on all"
        if not IS_RIGHT[account.candidate] and not account.counts.outcomes[Outcome.MISMATCH]:
            yield f"{who}: never mismatched, and is known to be wrong"


def _sides(account: Account) -> str:
    stats = account.stats
    return (
        f"made {account.made}, counted {stats.calls} (off {stats.off}, nested {stats.nested}, "
        f"unsampled {stats.unsampled}, shadowed {stats.shadowed}), "
        f"with an outcome {account.settled}, pending {account.counts.pending}, "
        f"records {sum(account.records.values())} of {sum(account.recorded.values())}"
    )
