"""The records of one launch, of those outcomes that are asked for."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final

from darkcall._errors import ConfigurationError
from darkcall._hash import blake2b
from darkcall._model import CONTROL_NAME, Outcome
from darkcall._text import one_line
from darkcall.analysis import read

from ._rebuild import json_of


if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator, Sequence

#: On these a candidate did something else than the control.
DIFFERING: Final = (Outcome.MISMATCH.value, Outcome.CANDIDATE_ERROR.value)
#: What a record with arguments may have.
OUTCOMES: Final = tuple(
    outcome.value for outcome in Outcome if outcome not in {Outcome.DROPPED, Outcome.SKIPPED}
)

_MAX_NAMED: Final = 5
_DIGEST_BYTES: Final = 16


class PassedOver(collections.Counter[str]):
    """Counts records of launches that nobody asked for; the first few launches by name."""

    def add(self, launch: str) -> None:
        """Count a record."""
        is_known = launch in self or len(self) < _MAX_NAMED
        self[launch if is_known else "(others)"] += 1

    def told(self, launch: str) -> str:
        """Say that there is none of the launch that somebody asked for, and of which there are."""
        others = ", ".join(f"{count:,} of {name}" for name, count in self.items())
        there = f"; there are {others}" if others else ""
        return f"no record is of the launch {launch}{there}"


class Recorded:
    """Goes once through records and gives those of one launch.

    Those of the control that ran again for noise say nothing about a candidate: they are passed
    over.

    Args:
        sources: As :func:`darkcall.analysis.read` takes them.
        launch: The launch's name.
        outcomes: Give records of these.

    Attributes:
        passed_over: How many records of other launches there were up to now, by launch; those of
            more than a few launches under ``(others)``.

    Raises:
        ConfigurationError: A source does not exist, or no record has such an outcome.
    """

    def __init__(
        self,
        sources: Sequence[str | os.PathLike[str]],
        launch: str,
        outcomes: Collection[str],
    ) -> None:
        for outcome in outcomes:
            if outcome not in OUTCOMES:
                raise ConfigurationError(f"{outcome!r} is none of {', '.join(OUTCOMES)}")
        self._sources = sources
        self._launch = launch
        self._outcomes = frozenset(outcomes)
        self._reading = read(*sources)
        self.passed_over = PassedOver()

    @property
    def unread(self) -> dict[str, int]:
        """What is no record, by reason, up to now."""
        return {reason: count for reason, count in self._reading.skipped.items() if count}

    @property
    def rollups(self) -> int:
        """How many rollups there were up to now."""
        return self._reading.rollups

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Give the records.

        Raises:
            ConfigurationError: None at all is of the launch.
        """
        is_there = False
        for record in self._reading:
            if record["launch"] != self._launch:
                self.passed_over.add(record["launch"])
                continue
            is_there = True
            if record["outcome"] in self._outcomes and record["candidate"] != CONTROL_NAME:
                yield record
        if not is_there:
            where = ", ".join(map(str, self._sources))
            raise ConfigurationError(one_line(f"{where}: {self.passed_over.told(self._launch)}"))


def key_of(record: dict[str, Any]) -> bytes:
    """Give what equal arguments have in common, and no others.

    Args:
        record: A record.

    Returns:
        A digest of its arguments.
    """
    text = json_of(record.get("arguments"))
    return blake2b(text.encode("ascii"), digest_size=_DIGEST_BYTES).digest()
