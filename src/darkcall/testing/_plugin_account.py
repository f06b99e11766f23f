"""What tests saw of each candidate: how often which outcome, why not, and what differed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall._text import one_line


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from darkcall._model import Record

#: What fails a test under ``--darkcall=strict``, and is told by kinds.  A block of ``strict`` has
#: calls raise that were skipped, too: whoever writes one means these calls.  A whole test suite
#: hands launches what cannot be copied; the end of the run tells of it.
FAILS_A_TEST: Final = frozenset({"mismatch", "candidate_error", "timeout", "uncomparable"})

#: Beyond so many kinds, calls are counted by their outcome alone.
MAX_KINDS: Final = 100
_MAX_DIFFERENCES: Final = 2
_MAX_CHARACTERS: Final = 60
_MAX_LINE: Final = 240


@attrs.define(eq=False)
class Kind:
    """Calls on which a candidate differs in the same way.

    Attributes:
        count: How many calls.
        allowed: On how many of them it was allowed to differ.
        test: Where the first of them was made.
        text: What differs on the first of them, one line.
    """

    count: int
    allowed: int
    test: str
    text: str


class Account:
    """What became of calls, by launch and candidate.

    Attributes:
        outcomes: How many calls, by launch, candidate and outcome.
        reasons: How many calls for which there is a reason, by launch, candidate, outcome, reason.
        kinds: What differed, by launch, candidate, outcome and signature.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str, str]] = Counter()
        self.reasons: Counter[tuple[str, str, str, str]] = Counter()
        self.kinds: dict[tuple[str, str, str, str], Kind] = {}

    def add(self, record: Record, outcome: str, test: str, *, is_allowed: bool) -> None:
        """Count a call.

        Args:
            record: Its record.
            outcome: What it counts as.
            test: Where it was made.
            is_allowed: Whether the candidate was allowed to differ.
        """
        key = (record.launch, record.candidate, outcome)
        self.outcomes[key] += 1
        if outcome in FAILS_A_TEST:
            kind = Kind(1, int(is_allowed), test, _what_differs(record))
            self._add_kind((*key, record.signature or ""), kind)
        elif outcome != record.outcome or record.reason is not None:
            self.reasons[(*key, record.reason or "a call inside it raised MismatchError")] += 1

    def _add_kind(self, key: tuple[str, str, str, str], kind: Kind) -> None:
        known = self.kinds.get(key)
        if known is not None:
            known.count += kind.count
            known.allowed += kind.allowed
        elif len(self.kinds) < MAX_KINDS:
            self.kinds[key] = kind

    def to_plain(self) -> dict[str, list[Any]]:
        """Return it as data that passes from one process to another."""
        return {
            "outcomes": [[*key, count] for key, count in self.outcomes.items()],
            "reasons": [[*key, count] for key, count in self.reasons.items()],
            "kinds": [[*key, *attrs.astuple(kind)] for key, kind in self.kinds.items()],
        }

    def add_plain(self, plain: Mapping[str, Sequence[Any]]) -> None:
        """Count what another account counted.

        Args:
            plain: What its ``to_plain`` returned.
        """
        for launch, candidate, outcome, count in plain["outcomes"]:
            self.outcomes[launch, candidate, outcome] += count
        for launch, candidate, outcome, reason, count in plain["reasons"]:
            self.reasons[launch, candidate, outcome, reason] += count
        for launch, candidate, outcome, signature, *kind in plain["kinds"]:
            self._add_kind((launch, candidate, outcome, signature), Kind(*kind))


def _what_differs(record: Record) -> str:
    if record.differences:
        first = [_text_of(one) for one in record.differences[:_MAX_DIFFERENCES]]
        left = len(record.differences) - len(first)
        text = "; ".join(first) + (f"; and {left} more" if left else "")
    elif record.candidate_raised is not None:
        text = f"it raised {record.candidate_raised['type']}"
    else:
        text = record.reason or record.outcome
    return one_line(text, _MAX_LINE)


def _text_of(difference: Mapping[str, Any]) -> str:
    # Imported when needed: it takes its time, and most calls agree.
    from darkcall.analysis._described import shown  # noqa: PLC0415

    path = f"{difference['path']} ({difference['kind']})"
    control, candidate = (
        "nothing"
        if difference[f"{side}_type"] is None
        else shown(difference.get(side), _MAX_CHARACTERS)
        for side in ("control", "candidate")
    )
    if control == candidate:
        return f"{path}: both are shown as {control}"
    return f"{path}: {control} | {candidate}"
