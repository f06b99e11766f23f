"""Which calls a verdict is about: those of one code version, unless all are asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

import attrs

from ._words import counted
from ._working import FAILED


if TYPE_CHECKING:
    from ._findings import Latency, Noise
    from ._summary import CandidateSummary, Coverage, Part, Stratum, Version

#: Versions whose last calls lie no further apart than this ran side by side: of those the one that
#: began last is the newest, whichever of them was called last.
SIDE_BY_SIDE_SECONDS: Final = 300.0
ALL: Final = "all"
#: What stands for a version whose code is unknown.
UNKNOWN: Final = "unknown"


@attrs.frozen(kw_only=True)
class Slice:
    """The calls that share a sampling rate, or a value of the context and a sampling rate."""

    rate: float | None
    failed: int
    real: int
    compared: int


@attrs.frozen(kw_only=True)
class Judged:
    """The calls that a verdict is about; ``about`` says in words which."""

    version: str | None
    about: str
    outcomes: dict[str, int]
    compared: int
    failed: int
    coverage: Coverage
    slices: tuple[Slice, ...]
    noise: Noise | None
    latency: Latency
    #: For each key, for each value, in the order in which the values came: its slices.
    parts: dict[str, dict[str | None, tuple[Slice, ...]]]
    #: For each key: compared calls of which nobody knows the value.
    unparted: Counter[str]
    #: Failed calls that totals alone tell of: they count, though their records are lost.
    lost: int = 0
    #: Whether other code had the same name in the same process meanwhile, and none was chosen.
    has_rival: bool = False


def judged(candidate: CandidateSummary, version: str | None, now: float) -> Judged | None:
    """Choose the calls to judge; None if the version is unknown, or its digest ambiguous."""
    versions = candidate.versions
    if version == ALL or (version is None and not versions):
        return _all(candidate)
    if version is None:
        chosen = _newest(versions, now)
    else:
        fitting = tuple(one for one in versions if (one.candidate or UNKNOWN).startswith(version))
        if len({one.candidate for one in fitting}) != 1:
            return None
        chosen = _newest(fitting, now)
    from ._coverage import Account, together  # noqa: PLC0415 -- it needs the summary, which judges

    doubtful = [one for one in versions if _may_be(chosen, one)]
    kept = [chosen, *doubtful]
    left_out = sum(one.compared for one in versions if one not in kept)
    about = _name(chosen)
    if doubtful:
        unknown = counted(sum(one.compared for one in doubtful), "compared call")
        about += f" and {unknown} of unknown code, which may be the same"
    if left_out:
        about += f"; {counted(left_out, 'compared call')} of other code left out"
    account = together(Account(one.coverage, one.outcomes) for one in kept)
    compared, failed = sum(one.compared for one in kept), sum(one.failed for one in kept)
    return _with_what_was_lost(
        Judged(
            version=chosen.candidate,
            about=about,
            outcomes=account.outcomes,
            compared=compared,
            failed=failed,
            coverage=account.coverage,
            slices=_slices(kept) or _one_slice(failed, compared),
            noise=chosen.noise,
            latency=chosen.latency,
            parts=_parts(kept),
            unparted=_unparted(kept),
            has_rival=chosen.has_rival and version is None,
        )
    )


def _may_be(chosen: Version, other: Version) -> bool:
    """Whether calls of unknown code may be of the chosen code: no process told which it ran."""
    return (
        other is not chosen
        and other.candidate is None
        and other.control is None
        and other.coverage.without_totals > 0
        and other.last >= chosen.first
    )


def _newest(versions: tuple[Version, ...], now: float) -> Version:
    # A clock that is ahead must not make old code the newest.
    end = max(min(one.last, now) for one in versions)
    running = [one for one in versions if min(one.last, now) >= end - SIDE_BY_SIDE_SECONDS]
    return max(running, key=lambda one: (min(one.first, now), one.last))


def _name(version: Version) -> str:
    return f"code {version.candidate}" if version.candidate else "code unknown"


def _all(candidate: CandidateSummary) -> Judged:
    number = len(candidate.versions)
    slices = _slices(candidate.versions) or _one_slice(candidate.failed, candidate.compared)
    if candidate.noise is not None and len(slices) == 1:
        # What is noise was told from all versions together.
        slices = (attrs.evolve(slices[0], real=candidate.noise.real),)
    return _with_what_was_lost(
        Judged(
            version=None,
            about=f"all code, {counted(number, 'version')}" if number > 1 else "all code",
            outcomes=candidate.outcomes,
            compared=candidate.compared,
            failed=candidate.failed,
            coverage=candidate.coverage,
            slices=slices,
            noise=candidate.noise,
            latency=candidate.latency,
            parts=_parts(candidate.versions),
            unparted=_unparted(candidate.versions),
        )
    )


def _with_what_was_lost(found: Judged) -> Judged:
    """Count failures whose records are lost: that there were some is known."""
    lost = sum(found.outcomes.get(outcome, 0) for outcome in FAILED) - found.failed
    if lost <= 0:
        return found
    first, *others = found.slices or (Slice(rate=None, failed=0, real=0, compared=0),)
    if others:
        # Nobody knows at which rate they were sampled.
        slices = (*found.slices, Slice(rate=None, failed=lost, real=lost, compared=lost))
    else:
        grown = attrs.evolve(
            first,
            failed=first.failed + lost,
            real=first.real + lost,
            compared=first.compared + lost,
        )
        slices = (grown,)
    return attrs.evolve(
        found,
        slices=slices,
        failed=found.failed + lost,
        compared=found.compared + lost,
        lost=lost,
    )


def _unparted(versions: tuple[Version, ...] | list[Version]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for version in versions:
        counts.update(version.unparted)
    return counts


def _one_slice(failed: int, compared: int) -> tuple[Slice, ...]:
    return (Slice(rate=None, failed=failed, real=failed, compared=compared),)


def _slices(versions: tuple[Version, ...] | list[Version]) -> tuple[Slice, ...]:
    return _added_up([stratum for one in versions for stratum in one.strata])


def _added_up(strata: list[Stratum]) -> tuple[Slice, ...]:
    counts: defaultdict[float | None, Counter[str]] = defaultdict(Counter)
    for one in strata:
        counts[one.rate].update(failed=one.failed, real=one.real, compared=one.compared)
    return tuple(
        Slice(rate=rate, failed=n["failed"], real=n["real"], compared=n["compared"])
        for rate, n in counts.items()
    )


def _parts(
    versions: tuple[Version, ...] | list[Version],
) -> dict[str, dict[str | None, tuple[Slice, ...]]]:
    by_key: defaultdict[str, defaultdict[str | None, list[Part]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for version in versions:
        for key, parts in version.parts.items():
            for part in parts:
                by_key[key][part.value].append(part)
    return {
        key: {
            value: _added_up([stratum for part in parts for stratum in part.strata])
            or _one_slice(sum(p.failed for p in parts), sum(p.compared for p in parts))
            for value, parts in sorted(values.items(), key=_began)
        }
        for key, values in by_key.items()
    }


def _began(item: tuple[str | None, list[Part]]) -> tuple[float, str]:
    value, parts = item
    return min(part.first for part in parts), value or ""
