"""What was recorded, read again: in another process, on another machine, weeks later.

Nothing here is imported by ``import darkcall``, and nothing here runs a candidate.
"""

from __future__ import annotations

from ._findings import (
    Distribution,
    Group,
    Inputs,
    Latency,
    Noise,
    PathCount,
    Point,
    Raised,
)
from ._read import Reading, read
from ._summarise import summarise
from ._summary import CandidateSummary, Coverage, Part, Sources, Stratum, Summary, Version
from ._verdict import CandidateJudgement, Criterion, Judgement, Verdict


__all__ = [
    "CandidateJudgement",
    "CandidateSummary",
    "Coverage",
    "Criterion",
    "Distribution",
    "Group",
    "Inputs",
    "Judgement",
    "Latency",
    "Noise",
    "Part",
    "PathCount",
    "Point",
    "Raised",
    "Reading",
    "Sources",
    "Stratum",
    "Summary",
    "Verdict",
    "Version",
    "read",
    "summarise",
]
