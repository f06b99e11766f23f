"""Kinds of recorded mismatches, each with its smallest inputs."""

from __future__ import annotations

import bisect
import operator
from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall._describe import is_exact
from darkcall._errors import ConfigurationError
from darkcall._model import CONTROL_NAME
from darkcall._text import one_line

from ._rebuild import json_of
from ._recorded import DIFFERING, PassedOver, key_of


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: So many different inputs of a kind are kept.
MAX_INPUTS: Final = 200
_FLAKY: Final = frozenset({"flaky_control", "flaky_candidate", "first_sight"})
#: What a test is written of; the values that both sides returned are as large as all of it.
_NEEDED: Final[Sequence[str]] = (
    "arguments",
    "truncated",
    "control_raised",
    "differences",
    "confirmation",
)


@attrs.frozen(eq=False)
class _Kept:
    """A record; how hard its arguments are to take, and what they are known by."""

    effort: tuple[bool, bool, int]
    key: tuple[bool, bytes]
    record: dict[str, Any]


_effort_of: Final = operator.attrgetter("effort")


@attrs.define(eq=False)
class Kind:
    """One kind of mismatch.

    Attributes:
        launch: Of this launch.
        candidate: Of this candidate.
        signature: What makes it a kind.
        calls: How many there were.
        first_at: When the first of them was.
    """

    launch: str
    candidate: str
    signature: str
    calls: int = 0
    first_at: float = float("inf")
    _smallest: list[_Kept] = attrs.field(init=False, factory=list)
    _keys: set[tuple[bool, bytes]] = attrs.field(init=False, factory=set)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Those with the smallest arguments, each different ones, the smallest first."""
        return [one.record for one in self._smallest]

    def add(self, record: dict[str, Any]) -> None:
        """Count a call, and keep its record if its arguments are among the smallest."""
        self.calls += 1
        self.first_at = min(self.first_at, record["at"])
        arguments = record.get("arguments")
        size = len(json_of(arguments))
        is_full = len(self._smallest) == MAX_INPUTS
        if is_full and (False, False, size) >= self._smallest[-1].effort:
            # However whole it is: to find that out takes longer.
            return
        key = is_flaky(record), key_of(record)
        if key in self._keys:
            return
        is_whole = isinstance(arguments, dict) and is_exact(arguments)
        effort = (not is_whole, is_flaky(record), size)
        needed = {name: record[name] for name in _NEEDED if name in record}
        bisect.insort(self._smallest, _Kept(effort, key, needed), key=_effort_of)
        self._keys.add(key)
        if is_full:
            self._keys.discard(self._smallest.pop().key)


def is_flaky(record: Mapping[str, Any]) -> bool:
    """Whether the mismatch was not there again when both ran once more."""
    return record.get("confirmation") in _FLAKY


def kinds_in(records: Iterable[dict[str, Any]], launch: str | None) -> list[Kind]:
    """Find the kinds of mismatch in records.

    Args:
        records: What :func:`darkcall.analysis.read` gives.
        launch: Only this launch; None for all.

    Returns:
        The kinds, the most frequent first.

    Raises:
        ConfigurationError: No record is of the launch.
    """
    kinds: dict[tuple[str, str, str], Kind] = {}
    passed_over, is_there = PassedOver(), False
    for record in records:
        if launch not in {None, record["launch"]}:
            passed_over.add(record["launch"])
            continue
        is_there = True
        if record["outcome"] not in DIFFERING or record["candidate"] == CONTROL_NAME:
            continue
        signature = record.get("signature") or record["outcome"]
        key = (record["launch"], record["candidate"], signature)
        kinds.setdefault(key, Kind(*key)).add(record)
    if launch is not None and not is_there:
        raise ConfigurationError(one_line(passed_over.told(launch)))
    return sorted(kinds.values(), key=lambda kind: (-kind.calls, kind.launch, kind.signature))
