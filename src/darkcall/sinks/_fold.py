"""Records folded into counts and sketches, in memory of bounded size."""

from __future__ import annotations

import bisect
import json
import math
from typing import TYPE_CHECKING, Any, Final

from darkcall._rollup import Rollup
from darkcall._sketch import SMALLEST, index_of
from darkcall._storage import OTHERS


if TYPE_CHECKING:
    from darkcall._model import Record

#: So many signatures and reasons of a candidate are counted one by one in a span.
MAX_KINDS: Final = 1_000
#: So many records of a candidate are written in full in a span, over all their kinds.
MAX_IN_FULL: Final = 300
#: So many of the smallest digests of inputs are kept.
MAX_INPUTS: Final = 64
#: A signature, a reason or a confirmation that is longer is cut; a signature of ours never is, or
#: one of two that differ in their ends only could be taken for the other.
MAX_KEY: Final = 500
_MAX_SPELLINGS: Final = 10_000

_canonical: Final = json.JSONEncoder(sort_keys=True, allow_nan=False, separators=(",", ":")).encode


class Folds:
    """What is open of one candidate: a fold for each context, and what was written in full.

    Args:
        max_per_signature: How many records of a kind may be written in full in a span.
        max_contexts: How many contexts are counted one by one.
    """

    def __init__(self, max_per_signature: int, max_contexts: int) -> None:
        self._max_per_signature = max_per_signature
        self._max_contexts = max_contexts
        self._in_full: dict[tuple[str, str | None], int] = {}
        self._left_in_full = MAX_IN_FULL
        self._kinds_left = MAX_KINDS
        self.by_context: dict[str | None, Fold] = {}
        # To spare most records the text: what looks the same is the same.
        self._by_spelling: dict[str | None, Fold] = {}

    def forget(self, text: str | None) -> None:
        """Forget what was folded for a context, once it is written."""
        del self.by_context[text]
        self._by_spelling.clear()
        if not self.by_context:
            self._kinds_left = MAX_KINDS

    def begin_span(self) -> None:
        """Let records be written in full again."""
        self._in_full = {}
        self._left_in_full = MAX_IN_FULL

    def may_be_in_full(self, record: Record) -> bool:
        """Take one of the places for records in full, if one is left for its kind."""
        kind = record.signature if record.signature is not None else record.reason
        key = (record.outcome, kind if kind is None else kind[:MAX_KEY])
        before = self._in_full.get(key, 0)
        if before >= self._max_per_signature or not self._left_in_full:
            return False
        self._in_full[key] = before + 1
        self._left_in_full -= 1
        return True

    def add(self, record: Record, source: str) -> None:
        """Count a record."""
        context = record.context
        spelling = None if context is None else repr(context)
        fold = self._by_spelling.get(spelling)
        if fold is None:
            fold = self._fold_of(record, source)
            if len(self._by_spelling) < _MAX_SPELLINGS and not fold.is_mixed:
                self._by_spelling[spelling] = fold
        fold.add(record)
        if record.signature is not None:
            self._count(fold.signatures, record.signature)
        if record.reason is not None:
            self._count(fold.reasons, record.reason)
        if record.confirmation is not None:
            self._count(fold.confirmations, record.confirmation)

    def _fold_of(self, record: Record, source: str) -> Fold:
        text = _text_of(record.context)
        if text not in self.by_context:
            # The two that are not counted here: of calls without a context, and the mixed one.
            if text is not None and len(self.by_context.keys() - {None, OTHERS}) >= (
                self._max_contexts
            ):
                text = OTHERS
            if text not in self.by_context:
                self.by_context[text] = Fold(record, source, is_mixed=text == OTHERS)
        return self.by_context[text]

    def _count(self, counts: dict[str, int], key: str) -> None:
        key = key[:MAX_KEY]
        if key not in counts:
            if self._kinds_left:
                self._kinds_left -= 1
            else:
                key = OTHERS
        counts[key] = counts.get(key, 0) + 1


def _text_of(context: dict[str, Any] | None) -> str | None:
    """Give the same text for the same context, whatever the order of its keys."""
    if context is None:
        return None
    try:
        return _canonical(context)
    except (TypeError, ValueError, RecursionError):
        # It could not be written.
        return OTHERS


class Fold:
    """Counts and sketches of the records of one candidate that have one context.

    Args:
        record: The first of them, which is not counted yet.
        source: Where its call comes from.
        is_mixed: Whether it is for what is left of too many contexts.
    """

    __slots__ = (
        "_began", "_candidate_seconds", "_control_seconds", "_cpu_measured", "_cpu_seconds",
        "_ended", "_first", "_inputs", "_inputs_counted", "_outcomes", "_ratio", "_source",
        "confirmations", "is_mixed", "reasons", "signatures",
    )  # fmt: skip

    def __init__(self, record: Record, source: str, *, is_mixed: bool) -> None:
        # Not the record itself, which may hold arguments and values.
        self._first: dict[str, Any] = {
            "launch": record.launch,
            "candidate": record.candidate,
            "host": record.host,
            "pid": record.pid,
            "sample_rate": record.sample_rate,
            "context": None if is_mixed else record.context,
        }
        self._source = source
        self.is_mixed = is_mixed
        self._began = self._ended = record.at
        self._outcomes: dict[str, int] = {}
        self.signatures: dict[str, int] = {}
        self.reasons: dict[str, int] = {}
        self.confirmations: dict[str, int] = {}
        # By class; the values that have none are under None.
        self._control_seconds: dict[int | None, int] = {}
        self._candidate_seconds: dict[int | None, int] = {}
        self._ratio: dict[int | None, int] = {}
        self._cpu_seconds = 0.0
        self._cpu_measured = 0
        self._inputs: list[str] = []
        self._inputs_counted = 0

    def add(self, record: Record) -> None:
        """Count a record, but for its signature, its reason and its confirmation."""
        outcome = record.outcome
        self._outcomes[outcome] = self._outcomes.get(outcome, 0) + 1
        at = record.at
        if at > self._ended:
            self._ended = at
        elif at < self._began:
            self._began = at
        control, candidate = record.control_seconds, record.candidate_seconds
        _sort_in(control, self._control_seconds)
        if candidate is not None:
            _sort_in(candidate, self._candidate_seconds)
            if control > SMALLEST:
                _sort_in(candidate / control, self._ratio)
        cpu = record.candidate_cpu_seconds
        if cpu is not None:
            self._cpu_seconds += cpu
            self._cpu_measured += 1
        digest = record.input_digest
        if digest is not None:
            self._inputs_counted += 1
            inputs = self._inputs
            if len(inputs) < MAX_INPUTS or digest < inputs[-1]:
                _insert(digest, inputs)

    def rollup(self) -> Rollup:
        """Tell what was counted."""
        return Rollup(
            source=self._source,
            **self._first,
            began=self._began,
            ended=self._ended,
            outcomes=self._outcomes,
            signatures=self.signatures,
            reasons=self.reasons,
            confirmations=self.confirmations,
            is_mixed=self.is_mixed,
            control_seconds=_sketch_of(self._control_seconds),
            candidate_seconds=_sketch_of(self._candidate_seconds),
            ratio=_sketch_of(self._ratio),
            cpu_seconds=self._cpu_seconds,
            cpu_measured=self._cpu_measured,
            inputs=self._inputs,
            inputs_counted=self._inputs_counted,
        )


def _sort_in(value: float, counts: dict[int | None, int]) -> None:
    index = index_of(value) if SMALLEST < value < math.inf else None
    counts[index] = counts.get(index, 0) + 1


def _sketch_of(counts: dict[int | None, int]) -> dict[str, Any]:
    if not counts:
        return {}
    indices = sorted(index for index in counts if index is not None)
    return {
        "zeros": counts.get(None, 0),
        "counts": {str(index): counts[index] for index in indices},
    }


def _insert(digest: str, inputs: list[str]) -> None:
    place = bisect.bisect_left(inputs, digest)
    if place == len(inputs) or inputs[place] != digest:
        inputs.insert(place, digest)
        del inputs[MAX_INPUTS:]
