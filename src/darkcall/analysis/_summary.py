"""What a summary is made of: plain data about what was read, for each launch and candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from ._judge import judge


if TYPE_CHECKING:
    from collections.abc import Iterable

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


@attrs.frozen(kw_only=True)
class Group:
    """The calls that differ in the same way.

    Attributes:
        signature: What they have in common; for calls without one the reason, or the outcome.
        outcome: Their outcome: ``mismatch``, ``candidate_error``, ``timeout`` or ``ignored``.
        count: How many there are.
        share: Their share of all calls of these outcomes, 0 to 1; of the ignored, their share of
            those.
        first: When the first began, in seconds since 1970-01-01 UTC.
        last: When the last began, likewise.
        versions: The candidate's code versions on which they came about.
        is_noise: Whether the control differs from itself as often at each of their paths; None if
            that was not measured.
        confirmations: How often each confirmation came about.
        examples: A few records, as dicts; the first and the last among them.
    """

    signature: str
    outcome: str
    count: int
    share: float
    first: float
    last: float
    versions: tuple[str, ...]
    is_noise: bool | None
    confirmations: dict[str, int]
    examples: tuple[dict[str, Any], ...]


@attrs.frozen(kw_only=True)
class PathCount:
    """How often results differ at one path.

    Attributes:
        path: The path, with ``[*]`` for indexes.
        count: On how many calls the candidate differs there.
        rate: The share of the calls that were compared, 0 to 1.
        noise_count: On how many of the calls on which the control ran again it differs from
            itself there; None if it never did run again.
        noise_rate: The share of these calls; None likewise.
        p_value: How probable it is that the candidate differs there at least so often if it
            differs no more often than the control: Fisher's exact test, one-sided; None likewise.
        is_difference: Whether the candidate differs there more often than the control, at the
            level of the summary; True where that was not measured.
    """

    path: str
    count: int
    rate: float
    noise_count: int | None
    noise_rate: float | None
    p_value: float | None
    is_difference: bool


@attrs.frozen(kw_only=True)
class Raised:
    """How often a class of exception was raised.

    Attributes:
        side: ``control`` or ``candidate``.
        type: The exception's class.
        count: How often.
        message: The message of one of them, if any was kept.
    """

    side: str
    type: str
    count: int
    message: str | None


@attrs.frozen(kw_only=True)
class Point:
    """One span of time.

    Attributes:
        at: Its beginning, in seconds since 1970-01-01 UTC.
        compared: Calls that were compared in it.
        failed: Those that differ.
        compared_so_far: Calls that were compared from the first on.
        failed_so_far: Those that differ.
        low: The lower bound of the rate of differences, from all calls so far.
        high: The upper bound.
    """

    at: float
    compared: int
    failed: int
    compared_so_far: int
    failed_so_far: int
    low: float
    high: float


@attrs.frozen(kw_only=True)
class Distribution:
    """How long something took, or a ratio: quantiles to within 2.5 %.

    Attributes:
        count: How many values there are.
        zeros: How many of these are not above 1e-9.
        counts: How many values lie in each class: above ``GAMMA ** (index - 1)``, at most
            at ``GAMMA ** index``.
        quantiles: The values at 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999.
    """

    count: int
    zeros: int
    counts: dict[int, int]
    quantiles: dict[float, float]


@attrs.frozen(kw_only=True)
class Latency:
    """How long the two sides took.

    Attributes:
        control: The control's seconds, on its callers' threads.
        candidate: The candidate's seconds, on workers; calls that ended in time.
        ratio: The candidate's seconds divided by the control's, call by call.
        is_fair: Whether ``ratio`` is of control and candidate both measured on workers, on the
            calls on which the control ran again.
        candidate_cpu_seconds: The candidate's CPU time on all calls for which it was
            measured, in seconds.
        cpu_measured: For how many calls it was measured.
    """

    control: Distribution
    candidate: Distribution
    ratio: Distribution
    is_fair: bool
    candidate_cpu_seconds: float
    cpu_measured: int


@attrs.frozen(kw_only=True)
class Noise:
    """How often the control disagrees with itself, where it ran a second time.

    Attributes:
        compared: On how many calls it ran again and was compared.
        failed: On how many of these it differs from itself.
        level: The level of the test that tells a difference from noise.
        real: Failed calls of the candidate that differ at a path where noise was not seen, or is
            rarer, or that have no path.
        noisy: The other failed calls of the candidate.
        noisy_failed: On how many of ``compared`` the control differs from itself at one of the
            paths that count as noise.
    """

    compared: int
    failed: int
    level: float
    real: int
    noisy: int
    noisy_failed: int


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


@attrs.frozen(kw_only=True)
class Inputs:
    """How many different inputs there were: calls are not independent.

    Attributes:
        counted: Calls whose arguments were kept or digested.
        distinct: How many different arguments these had.
        is_estimate: Whether that is an estimate, to within about 13 %, from the sketches of
            rollups.
    """

    counted: int
    distinct: int
    is_estimate: bool


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
        """Return it as a dict that :mod:`json` can write."""
        return attrs.asdict(self)

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
        version: str | None = None,
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
            version: The beginning of a digest of the candidate's code; ``"all"`` for all code,
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
            version=version,
        )
