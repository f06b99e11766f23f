"""What was found out about one candidate: how it differs, how often, how fast, since when."""

from __future__ import annotations

from typing import Any

import attrs


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
            differs no more often than the control: Fisher's exact test, one-sided; the smallest
            of all differences there and of each kind of them; None likewise.
        is_difference: Whether the candidate differs there, in any one kind of difference, more
            often than the control, at the level of the summary; True where that was not measured.
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
