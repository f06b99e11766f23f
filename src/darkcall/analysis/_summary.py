"""What a summary is made of: plain data about what was read, for each launch and candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from ._judge import judge


if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._findings import Group, Inputs, Latency, Noise, PathCount, Point, Raised
    from ._verdict import Judgement


@attrs.frozen(kw_only=True)
class Sources:
    """What was read, and what was left out.

    Attributes:
        files: How many files were read.
        nbytes: Their size, in bytes.
        records: Records that count.
        rolled_up: Calls that rollups count beside them.
        skipped: Lines and rows that are no record, by reason; zeros included.
        duplicates: Records, rollups and totals that were there before, and count once.
        ahead: Records that are dated after the reading by more than a minute; they count.
        processes: How many processes they are of.
        hosts: How many machines.
        seconds: How long the reading took, in seconds.
    """

    files: int
    nbytes: int
    records: int
    rolled_up: int
    skipped: dict[str, int]
    duplicates: int
    ahead: int
    processes: int
    hosts: int
    seconds: float


@attrs.frozen(kw_only=True)
class Coverage:
    """What became of all calls of a launch, for one candidate.

    ``calls = off + nested + unsampled + shadowed``, and ``shadowed`` is the sum of ``outcomes`` and
    ``pending``: each as the newest totals of each process tell.

    Attributes:
        calls: All calls; None if no process told its totals.
        off: Calls while the launch was switched off or paused.
        nested: Calls made by a candidate, a comparison or a sink.
        unsampled: Calls that the sampler did not choose.
        shadowed: Calls that were chosen.
        pending: Calls that had no outcome yet.
        outcomes: How often each outcome came about, ``dropped`` included.
        reasons: How often each reason was given for a skip, a drop and so on.
        missing: Outcomes that the totals tell of and no record was read of: lost, or in files that
            were removed or not read.
        uncounted: Records that no totals tell of: of processes that told none, or newer than the
            last ones.
        doubled: How many of these are more than a process that closed had in all: the same calls
            were read from two sinks that count them in different ways.
        processes: How many processes there are records or totals of.
        without_totals: How many of these told no totals.
        not_final: How many of these told totals, but no final ones: they run, or were killed.
    """

    calls: int | None
    off: int
    nested: int
    unsampled: int
    shadowed: int
    pending: int
    outcomes: dict[str, int]
    reasons: dict[str, int]
    missing: int
    uncounted: int
    processes: int
    without_totals: int
    not_final: int
    doubled: int = 0


@attrs.frozen(kw_only=True)
class Stratum:
    """The calls that were sampled at one rate.

    Attributes:
        rate: The share of calls that was sampled; None where unknown.
        compared: Calls that were compared.
        failed: Those that differ.
        real: As in :class:`Noise`; ``failed`` if noise was not measured.
    """

    rate: float | None
    compared: int
    failed: int
    real: int


@attrs.frozen(kw_only=True)
class Part:
    """The calls whose context has one value at a key.

    Attributes:
        value: The value, as text; None for calls without that key.
        outcomes: How often each outcome came about.
        compared: Calls that were compared.
        failed: Those that differ.
        strata: The same by sampling rate.
        first: When the first began, in seconds since 1970-01-01 UTC.
        last: When the last began.
    """

    value: str | None
    outcomes: dict[str, int]
    compared: int
    failed: int
    strata: tuple[Stratum, ...]
    first: float
    last: float


@attrs.frozen(kw_only=True)
class Version:
    """The calls of one pair of code versions.

    Attributes:
        control: A digest of the control's code; None where unknown.
        candidate: A digest of the candidate's code; None where unknown.
        first: When the first call began, in seconds since 1970-01-01 UTC.
        last: When the last one began.
        outcomes: How often each outcome came about.
        compared: Calls that were compared.
        failed: Those that differ.
        coverage: What became of all calls of these versions.
        strata: The same by sampling rate.
        noise: What running the control again showed; None if it never did.
        latency: How long the two sides took.
        parts: By the keys that were asked for: the parts of these calls.
        unparted: By these keys: how many compared calls are in no part of their own, for rollups
            had too many contexts, or there are too many values to list.
        has_rival: Whether, in one process, calls of other code went on meanwhile under the same
            names: then two launches have one name, and neither is a version of the other.
    """

    control: str | None
    candidate: str | None
    first: float
    last: float
    outcomes: dict[str, int]
    compared: int
    failed: int
    coverage: Coverage
    strata: tuple[Stratum, ...]
    noise: Noise | None
    latency: Latency
    parts: dict[str, tuple[Part, ...]]
    unparted: dict[str, int] = attrs.field(factory=dict)
    has_rival: bool = False


@attrs.frozen(kw_only=True)
class CandidateSummary:
    """One candidate of one launch, over all of its records.

    ``compared`` are calls whose outcome says something about the candidate: ``match``,
    ``mismatch``, ``candidate_error`` and ``timeout``; ``failed`` are all of these but ``match``.

    Attributes:
        launch: The launch's name.
        candidate: The candidate's name.
        first: When the first call began, in seconds since 1970-01-01 UTC.
        last: When the last one began.
        outcomes: How often each outcome came about: records, rollups, and what the totals tell of
            those without either (``dropped``, and what is missing).
        compared: Calls that were compared, in records and rollups.
        failed: Those that differ.
        low: The lower bound of the rate of differences; holds however often one looks.
        high: The upper bound.
        coverage: What became of all calls.
        groups: The ways in which they differ, the most frequent first.
        groups_left_out: How many more groups there are.
        paths: Where they differ, the most frequent first.
        raised: The exceptions of both sides, the most frequent first.
        reasons: How often each reason was given.
        trend: The rate over time.
        latency: How long the two sides took.
        noise: What running the control again showed; None if it never did.
        confirmations: How often each confirmation came about.
        inputs: How many different inputs there were; None if none was kept or digested.
        versions: By code version, the newest last; all in one where no totals tell them apart.
        notes: What a reader should know: a launch that was renamed, a mix of versions, clocks.
    """

    launch: str
    candidate: str
    first: float
    last: float
    outcomes: dict[str, int]
    compared: int
    failed: int
    low: float
    high: float
    coverage: Coverage
    groups: tuple[Group, ...]
    groups_left_out: int
    paths: tuple[PathCount, ...]
    raised: tuple[Raised, ...]
    reasons: dict[str, int]
    trend: tuple[Point, ...]
    latency: Latency
    noise: Noise | None
    confirmations: dict[str, int]
    inputs: Inputs | None
    versions: tuple[Version, ...]
    notes: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Summary:
    """What records tell, as plain data.

    Attributes:
        confidence: The confidence of all bounds, 0 to 1.
        by: The keys of the context that were asked for.
        made_at: When it was made, in seconds since 1970-01-01 UTC.
        sources: What was read.
        candidates: Each candidate of each launch, in the order of their names.
    """

    confidence: float
    by: tuple[str, ...]
    made_at: float
    sources: Sources
    candidates: tuple[CandidateSummary, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a dict that :mod:`json` can write: all keys are text."""
        data: dict[str, Any] = _with_text_keys(attrs.asdict(self))
        return data

    def judge(
        self,
        *,
        launch: str | Iterable[str] | None = None,
        candidate: str | Iterable[str] | None = None,
        max_mismatch_rate: float = 1e-3,
        confidence: float | None = None,
        min_calls: int | None = None,
        max_dropped: float = 0.05,
        max_latency_ratio: float | None = None,
        per: str | None = None,
        code: str | None = None,
    ) -> Judgement:
        """Tell whether it is safe to switch, and why.

        Args:
            launch: The launch, or several; None for all.
            candidate: The candidate, or several; None for all.
            max_mismatch_rate: On so large a share of calls it may differ, above 0 and below 1.
            confidence: Of each bound, above 0 and below 1; None for that of the summary.
            min_calls: So many calls must have been compared; None for as many as the bound needs.
            max_dropped: So large a share of the calls that were chosen may say nothing about the
                candidate: dropped, skipped, ignored, lost; 1.0 not to ask.
            max_latency_ratio: On half of the calls the candidate may take so many times as long as
                the control; None not to ask.
            per: A key of the context; each of its values must be ready by itself.
            code: The beginning of a digest of the candidate's code; ``"all"`` for all code,
                None for the newest.

        Returns:
            The verdict, on each candidate and on all of them together: ``READY`` only if every
            question that was asked is answered by data.

        Raises:
            ConfigurationError: An argument has a value that it cannot have.
        """
        return judge(
            self,
            launch=launch,
            candidate=candidate,
            max_mismatch_rate=max_mismatch_rate,
            confidence=confidence,
            min_calls=min_calls,
            max_dropped=max_dropped,
            max_latency_ratio=max_latency_ratio,
            per=per,
            code=code,
        )


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_text_keys(item) for item in value]
    return value
