"""What a replay found, as plain objects."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import attrs


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Answer(enum.StrEnum):
    """What became of all the differences."""

    FIXED = "FIXED"
    NOT_FIXED = "NOT_FIXED"
    UNKNOWN = "UNKNOWN"


@attrs.frozen(kw_only=True)
class SignatureReplay:
    """The inputs on which a candidate differs with one signature now.

    Attributes:
        is_new: Whether the inputs were recorded with other signatures, or as a match.
        outcome: What the launch would record.
        signature: What its records would have as a signature.
        inputs: On how many different inputs.
        calls: On how many recorded calls.
        recorded: The signatures with which the inputs were recorded; ``(match)`` if they matched.
        arguments: The arguments of one of the inputs, as they were recorded.
        differences: Where the sides differ on that input.
        control_raised: What the control raised on it, if it did.
        candidate_raised: What the candidate raised.
    """

    is_new: bool
    outcome: str
    signature: str
    inputs: int
    calls: int
    recorded: Sequence[str]
    arguments: Mapping[str, Any]
    differences: Sequence[Mapping[str, Any]] = ()
    control_raised: Mapping[str, Any] | None = None
    candidate_raised: Mapping[str, Any] | None = None


@attrs.frozen(kw_only=True)
class CandidateReplay:
    """What became of the inputs of one candidate.

    Attributes:
        name: The candidate's name.
        inputs: How many different inputs were run and compared.
        calls: How many recorded calls they are from.
        fixed: On how many inputs it differed, and does not now.
        agrees: On how many inputs it did not differ, and does not now.
        signatures: With what signatures it differs now: first those that were recorded, then new
            ones, the most frequent first.
    """

    name: str
    inputs: int
    calls: int
    fixed: int
    agrees: int
    signatures: Sequence[SignatureReplay]

    @property
    def remains(self) -> int:
        """On how many inputs it differs as it was recorded."""
        return sum(one.inputs for one in self.signatures if not one.is_new)

    @property
    def new(self) -> int:
        """On how many inputs it differs with a signature that was not recorded of them."""
        return sum(one.inputs for one in self.signatures if one.is_new)


@attrs.frozen(kw_only=True)
class Replay:
    """What became of recorded differences.

    Attributes:
        launch: The launch's name.
        candidates: What became of the inputs of each candidate.
        left_out: How many inputs could not be judged, by reason.
        changed_controls: On how many inputs the control does something else than was recorded.
        passed_over: How many records are of other launches.
        unread: What is no record, by reason.
        rollups: How many rollups there are: what they count has no inputs.
    """

    launch: str
    candidates: Sequence[CandidateReplay]
    left_out: Mapping[str, int]
    changed_controls: int
    passed_over: int
    unread: Mapping[str, int]
    rollups: int

    @property
    def answer(self) -> Answer:
        """``NOT_FIXED`` if anything differs, else ``UNKNOWN`` if there is what was not judged.

        What was not read may have been a record.
        """
        if any(one.signatures for one in self.candidates):
            return Answer.NOT_FIXED
        is_all = not self.left_out and not self.unread
        if not is_all or not any(one.inputs for one in self.candidates):
            return Answer.UNKNOWN
        return Answer.FIXED

    def to_dict(self, *, limit: int | None = None) -> dict[str, Any]:
        """Give it as a dict that :mod:`json` can write.

        Args:
            limit: At most so many signatures for each candidate; all by default.
        """
        return {
            "answer": self.answer.value,
            "launch": self.launch,
            "candidates": [
                {
                    **attrs.asdict(one, filter=lambda field, _: field.name != "signatures"),
                    "remains": one.remains,
                    "new": one.new,
                    "signatures": [
                        attrs.asdict(found, filter=lambda _, value: value is not None)
                        for found in one.signatures[:limit]
                    ],
                }
                for one in self.candidates
            ],
            "left_out": dict(self.left_out),
            "changed_controls": self.changed_controls,
            "passed_over": self.passed_over,
            "unread": dict(self.unread),
            "rollups": self.rollups,
        }
