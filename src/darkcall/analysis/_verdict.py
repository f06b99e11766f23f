"""What a judgement is made of."""

from __future__ import annotations

import enum
from typing import Any

import attrs


class Verdict(enum.StrEnum):
    """Whether it is safe to switch, as far as the records tell."""

    READY = "READY"
    NOT_READY = "NOT_READY"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@attrs.frozen(kw_only=True)
class Criterion:
    """One question that was asked of the records.

    Attributes:
        name: ``data``, ``min_calls``, ``mismatch_rate``, ``dropped``, ``latency_ratio`` or
            ``per``.
        verdict: The answer to this question alone.
        figure: What was found; None if nothing was.
        limit: What it may be at most, or must be at least.
        text: One sentence that says so, with the figures.
        more_calls: How many more calls without a difference would be enough; None if no number
            of them would, or none is needed.
    """

    name: str
    verdict: Verdict
    figure: float | None
    limit: float | None
    text: str
    more_calls: int | None = None


@attrs.frozen(kw_only=True)
class CandidateJudgement:
    """The verdict on one candidate.

    Attributes:
        launch: The launch's name.
        candidate: The candidate's name.
        version: The candidate's code version that was judged; None where unknown.
        verdict: ``NOT_READY`` if any criterion says so, else ``INSUFFICIENT_DATA`` if any says
            so, else ``READY``.
        criteria: Each criterion with its answer.
    """

    launch: str
    candidate: str
    version: str | None
    verdict: Verdict
    criteria: tuple[Criterion, ...]


@attrs.frozen(kw_only=True)
class Judgement:
    """The verdict on what was asked about.

    Attributes:
        verdict: That of the candidates together, as for criteria; ``INSUFFICIENT_DATA`` if there
            is none.
        candidates: The verdict on each.
        notes: What is missing: launches or candidates that nothing was recorded of.
    """

    verdict: Verdict
    candidates: tuple[CandidateJudgement, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as a dict that :mod:`json` can write."""
        return attrs.asdict(self)
