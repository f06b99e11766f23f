"""What the page shows of one candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall.analysis._verdict import Verdict
from darkcall.analysis._words import counted

from ._charts import Bin, Drawing, bins_of, distribution_chart, rate_chart, thinned
from ._examples import Bounds, ShownGroup, shown_groups


if TYPE_CHECKING:
    from darkcall.analysis._findings import Point
    from darkcall.analysis._summary import CandidateSummary, Coverage, Part, Summary
    from darkcall.analysis._verdict import CandidateJudgement, Criterion, Judgement

#: So many candidates are shown in full; the table has more.
MAX_SECTIONS: Final = 50
#: So many candidates are in the table at the top.
MAX_OVERVIEW: Final = 200

WORDS: Final = {
    Verdict.READY: "Ready to switch",
    Verdict.NOT_READY: "Not ready to switch",
    Verdict.INSUFFICIENT_DATA: "Not enough data to tell",
    None: "What was recorded",
}
_WORST_FIRST: Final = (Verdict.NOT_READY, Verdict.INSUFFICIENT_DATA, Verdict.READY, None)
_OUTCOMES: Final = {
    "match": "the candidate did the same",
    "mismatch": "the candidate did something else",
    "candidate_error": "the candidate raised, the control did not",
    "timeout": "the candidate did not end in time",
    "ignored": "differs, and a rule says to ignore it",
    "uncomparable": "the results could not be compared",
    "skipped": "the arguments could not be kept",
    "dropped": "there was no room: the busy moments may be missing",
}


@attrs.frozen(kw_only=True)
class Term:
    """One term of the identity that accounts for all calls.

    Attributes:
        name: Its name.
        count: How many calls.
        whole: Of how many.
        meaning: What it counts.
        is_compared: Whether it says something about the candidate.
    """

    name: str
    count: int
    whole: int
    meaning: str
    is_compared: bool = False


@attrs.frozen(kw_only=True)
class Section:
    """One candidate on the page.

    Attributes:
        anchor: What links lead to.
        launch: The launch's name.
        candidate: The candidate's name.
        summary: The figures; None if there are none.
        judgement: The verdict; None if it was not asked for.
        why: The verdict's reason, in a sentence.
    """

    anchor: str
    launch: str
    candidate: str
    summary: CandidateSummary | None
    judgement: CandidateJudgement | None
    why: str

    @property
    def verdict(self) -> Verdict | None:
        """The verdict; None if it was not asked for."""
        return self.judgement.verdict if self.judgement else None


@attrs.frozen(kw_only=True)
class Details:
    """What takes work to show, of one candidate.

    Attributes:
        bounds: How much of it is shown.
        gate: The calls as the gate saw them.
        terms: The calls that were chosen, by what became of them.
        adds_up: Whether the terms add up.
        groups: How results differ.
        points: The rate over time.
        bins: How long the two sides took.
        ratio_bins: The ratios.
        rate_chart: Drawn; None if there is nothing to be seen.
        latency_chart: Likewise.
        ratio_chart: Likewise.
        parts: By key of the context.
    """

    bounds: Bounds
    gate: tuple[Term, ...]
    terms: tuple[Term, ...]
    adds_up: bool
    groups: tuple[ShownGroup, ...]
    points: tuple[Point, ...]
    bins: tuple[Bin, ...]
    ratio_bins: tuple[Bin, ...]
    rate_chart: Drawing | None
    latency_chart: Drawing | None
    ratio_chart: Drawing | None
    parts: dict[str, tuple[Part, ...]]


def sections_of(summary: Summary, judgement: Judgement | None) -> list[Section]:
    """Return each candidate that was summarised or judged, the worst verdict first."""
    summaries = {(each.launch, each.candidate): each for each in summary.candidates}
    judged = judgement.candidates if judgement else ()
    judgements = {(each.launch, each.candidate): each for each in judged}
    names = sorted(
        {*summaries, *judgements},
        key=lambda name: (_WORST_FIRST.index(_verdict_of(judgements.get(name))), name),
    )
    return [
        Section(
            anchor=f"candidate-{number}",
            launch=name[0],
            candidate=name[1],
            summary=summaries.get(name),
            judgement=judgements.get(name),
            why=why(judgements.get(name)),
        )
        for number, name in enumerate(names, 1)
    ]


def _verdict_of(judgement: CandidateJudgement | None) -> Verdict | None:
    return judgement.verdict if judgement else None


def why(judgement: CandidateJudgement | None) -> str:
    """Say in a sentence why the verdict is what it is."""
    if judgement is None:
        return "No verdict was asked for."
    deciding = [each for each in judgement.criteria if each.verdict is judgement.verdict]
    if not deciding:
        return "No criterion was asked about."
    if judgement.verdict is not Verdict.READY:
        return deciding[0].text
    told = next((each for each in deciding if each.name == "mismatch_rate"), deciding[0])
    if len(deciding) == 1:
        return told.text
    return f"All {len(deciding)} criteria are met. {told.text}"


def why_of_all(sections: list[Section]) -> str:
    """Say in a sentence how many candidates are ready."""
    if not sections:
        return "There is no record of any candidate."
    numbers = [
        (verdict, sum(section.verdict is verdict for section in sections))
        for verdict in _WORST_FIRST
    ]
    words = {
        Verdict.READY: "ready",
        Verdict.NOT_READY: "not ready",
        Verdict.INSUFFICIENT_DATA: "without enough data",
        None: "not judged",
    }
    told = [f"{number} {words[verdict]}" for verdict, number in numbers if number]
    return f"Of {counted(len(sections), 'candidate')}: {', '.join(told)}."


def details_of(section: Section, bounds: Bounds) -> Details | None:
    """Work out what is shown of a candidate.

    Args:
        section: The candidate.
        bounds: How much of it is shown.

    Returns:
        The details; None if nothing was recorded of it.
    """
    summary = section.summary
    if summary is None:
        return None
    points = thinned(summary.trend)
    bins = bins_of(summary.latency.control, summary.latency.candidate)
    ratio_bins = bins_of(summary.latency.ratio)
    coverage = summary.coverage
    gate, terms = _gate_of(coverage), _terms_of(coverage)
    limit = _limit_of(section.judgement)
    return Details(
        bounds=bounds,
        gate=gate,
        terms=terms,
        adds_up=coverage.calls is None
        or (
            sum(term.count for term in gate) == coverage.calls
            and sum(term.count for term in terms) == coverage.shadowed
        ),
        groups=shown_groups(summary.groups, bounds),
        points=points,
        bins=bins,
        ratio_bins=ratio_bins,
        rate_chart=rate_chart(points, limit) if bounds.has_charts else None,
        latency_chart=distribution_chart(bins) if bounds.has_charts else None,
        ratio_chart=distribution_chart(ratio_bins, is_ratio=True) if bounds.has_charts else None,
        parts=_parts_of(section),
    )


def _limit_of(judgement: CandidateJudgement | None) -> float | None:
    criteria: tuple[Criterion, ...] = judgement.criteria if judgement else ()
    return next((each.limit for each in criteria if each.name == "mismatch_rate"), None)


def _gate_of(coverage: Coverage) -> tuple[Term, ...]:
    if coverage.calls is None:
        return ()
    meanings = {
        "off": "made while the launch was switched off or paused",
        "nested": "made by a candidate, a comparison or a sink",
        "unsampled": "not chosen by the sampler",
        "shadowed": "chosen: the candidate was to run on them",
    }
    return tuple(
        Term(name=name, count=getattr(coverage, name), whole=coverage.calls, meaning=meaning)
        for name, meaning in meanings.items()
    )


def _terms_of(coverage: Coverage) -> tuple[Term, ...]:
    counts: dict[str, Any] = {**dict.fromkeys(_OUTCOMES, 0), **coverage.outcomes}
    counts["pending"] = coverage.pending
    whole = coverage.shadowed or sum(counts.values())
    compared = ("match", "mismatch", "candidate_error", "timeout")
    meanings = {**_OUTCOMES, "pending": "had no outcome yet"}
    return tuple(
        Term(
            name=name,
            count=count,
            whole=whole,
            meaning=meanings.get(name, ""),
            is_compared=name in compared,
        )
        for name, count in counts.items()
    )


def _parts_of(section: Section) -> dict[str, tuple[Part, ...]]:
    """Those of the version that was judged, or else of the newest."""
    versions = section.summary.versions if section.summary else ()
    if not versions:
        return {}
    judged = section.judgement.version if section.judgement else None
    version = next((each for each in versions[::-1] if each.candidate == judged), versions[-1])
    return {
        key: tuple(sorted(parts, key=lambda part: (-part.failed, -part.compared, str(part.value))))
        for key, parts in version.parts.items()
    }
