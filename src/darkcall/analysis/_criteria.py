"""The questions that are asked of one candidate, each with its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from darkcall._sketch import GAMMA

from ._bounds import bounds, fewest
from ._rate import Rate
from ._verdict import Criterion, Verdict
from ._words import counted, named, percent


if TYPE_CHECKING:
    from ._findings import Inputs
    from ._judged import Judged
    from ._rules import Rules

#: Outcomes that say nothing in favour of a candidate.
SILENT: Final = ("dropped", "skipped", "uncomparable", "ignored")
#: Calls that came after the last totals, or of processes that told none.
_UNTOLD: Final = "without totals"


def criteria(judged: Judged, inputs: Inputs | None, rules: Rules) -> tuple[Criterion, ...]:
    """Ask all that the rules ask."""
    asked = [data(judged), mismatch_rate(judged, inputs, rules)]
    if rules.min_calls is not None:
        asked.append(min_calls(judged, rules.min_calls))
    if rules.max_dropped < 1.0:
        asked.append(dropped(judged, rules.max_dropped))
    if rules.max_latency_ratio is not None:
        asked.append(latency_ratio(judged, rules.max_latency_ratio, rules.confidence))
    if rules.per is not None:
        asked.append(per(judged, rules.per, rules))
    return tuple(asked)


def data(judged: Judged) -> Criterion:
    """Whether there is anything to go by."""
    if judged.has_rival:
        text = f"Launches of different code have this name in one process ({judged.about}): "
        text += "give each a name of its own, or judge code='all'."
        return _criterion("data", Verdict.INSUFFICIENT_DATA, (judged.compared, 1), text)
    if judged.coverage.doubled:
        text = f"{counted(judged.coverage.doubled, 'call')} too many were found ({judged.about}): "
        text += "two sinks took the same calls, one of them rolled up; read what one of them wrote."
        return _criterion("data", Verdict.INSUFFICIENT_DATA, (judged.compared, 1), text)
    if judged.compared:
        text = f"{counted(judged.compared, 'call')} compared ({judged.about})."
        return _criterion("data", Verdict.READY, (judged.compared, 1), text)
    silent = {name: count for name, count in judged.outcomes.items() if count}
    told = ", ".join(f"{count:,} {name}" for name, count in sorted(silent.items()))
    text = f"No call was compared ({judged.about}): {told or 'nothing was recorded'}."
    return _criterion("data", Verdict.INSUFFICIENT_DATA, (0, 1), text)


def mismatch_rate(judged: Judged, inputs: Inputs | None, rules: Rules) -> Criterion:
    """Whether the candidate differs as rarely as it must."""
    rate = Rate(judged.slices, judged.noise)
    limit, confidence = rules.max_mismatch_rate, rules.confidence
    low, high = rate.bounds(confidence)
    verdict = _compare(low, high, limit)
    more = None
    facts = [f"{judged.failed:,} of {counted(judged.compared, 'compared call')} differ"]
    if verdict is Verdict.READY:
        found = f"At most {percent(high)} of calls differ"
    elif verdict is Verdict.NOT_READY:
        found = f"At least {percent(low)} of calls differ"
    else:
        found = f"Between {percent(low)} and {percent(high)} of calls differ"
        more = rate.calls_needed(limit, confidence)
        facts.append(_needed(more))
    if sum(one.compared > 0 for one in rate.slices) > 1:
        facts.append("each is weighted by the rate at which it was sampled")
    if judged.lost:
        facts.append(
            f"{judged.lost:,} of these are known from totals alone: no record of them was read"
        )
    if rate.subtracts:
        facts.append("what the control differs from itself is taken off")
    elif rate.measures_noise:
        facts.append(
            "the control's noise is not taken off, for calls were sampled at several rates"
        )
    if inputs is not None and inputs.counted:
        different = counted(inputs.distinct, "different input")
        facts.append(f"{different} in {counted(inputs.counted, 'call')} whose inputs are known")
    text = f"{found} with {percent(confidence)} confidence, and {percent(limit)} may: "
    text += f"{'; '.join(facts)}."
    figure = low if verdict is Verdict.NOT_READY else high
    return _criterion("mismatch_rate", verdict, (figure, limit), text, more)


def min_calls(judged: Judged, least: int) -> Criterion:
    """Whether so many calls were compared as were asked for."""
    missing = least - judged.compared
    text = f"{counted(judged.compared, 'call')} compared, and {least:,} must be."
    if missing <= 0:
        return _criterion("min_calls", Verdict.READY, (judged.compared, least), text)
    verdict = Verdict.INSUFFICIENT_DATA
    return _criterion("min_calls", verdict, (judged.compared, least), text, missing)


def dropped(judged: Judged, limit: float) -> Criterion:
    """Whether so few chosen calls are unaccounted for that they cannot hide much.

    They are no evidence against the candidate, so the answer is never ``NOT_READY``.
    """
    coverage = judged.coverage
    verdict = Verdict.INSUFFICIENT_DATA
    if coverage.calls is None:
        text = (
            "No process told its totals, so nobody knows how many calls were dropped: write with a "
            "sink that takes totals, or pass max_dropped=1.0 not to ask."
        )
        return _criterion("dropped", verdict, (None, limit), text)
    silent = {name: coverage.outcomes.get(name, 0) for name in SILENT}
    silent |= {
        "pending": coverage.pending,
        "without a record": coverage.missing,
        _UNTOLD: coverage.uncounted,
    }
    chosen = coverage.shadowed
    lost = sum(silent.values())
    if not chosen:
        text = "No call was chosen to be compared, as far as totals tell."
        return _criterion("dropped", verdict, (None, limit), text)
    share = lost / chosen
    largest = max(silent, key=lambda name: silent[name])
    text = f"{percent(share)} of {counted(chosen, 'chosen call')} "
    if lost and largest == _UNTOLD:
        text += f"are not accounted for, and {percent(limit)} may: of {coverage.uncounted:,} no "
        text += "totals tell, so nobody knows how many were dropped beside them; totals come about "
        text += "once a minute, at a flush and at the close"
    else:
        text += f"say nothing about the candidate, and {percent(limit)} may"
        if lost:
            text += f": {lost:,}, most of them {largest} ({silent[largest]:,}); each could be one "
            text += "that differs"
    if share <= limit:
        verdict = Verdict.READY
    return _criterion("dropped", verdict, (share, limit), f"{text}.")


def latency_ratio(judged: Judged, limit: float, confidence: float) -> Criterion:
    """Whether the candidate takes at most so many times as long on half of the calls.

    The share of calls on which it takes longer is bounded as the rate of differences is.  The class
    of a ratio that the limit divides counts for whatever is worse to be wrong about, and so does a
    call that timed out, whose ratio nobody knows.
    """
    ratio = judged.latency.ratio
    name, unsure = "latency_ratio", Verdict.INSUFFICIENT_DATA
    if not ratio.count:
        text = "No call has both durations, so the ratio is unknown."
        return _criterion(name, unsure, (None, limit), text)
    above = sum(n for i, n in ratio.counts.items() if GAMMA ** (i - 1) >= limit)
    unclear = sum(n for i, n in ratio.counts.items() if GAMMA ** (i - 1) < limit < GAMMA**i)
    timeouts = 0 if judged.latency.is_fair else judged.outcomes.get("timeout", 0)
    worst, calls = above + unclear + timeouts, ratio.count + timeouts
    low, _ = bounds(above, calls, confidence)
    _, high = bounds(worst, calls, confidence)
    verdict = _compare(low, high, 0.5)
    median = ratio.quantiles.get(0.5)
    found = "an unknown number of" if median is None else f"{median:.3g}"
    text = f"The candidate takes {found} times as long as the control in the median, and "
    text += f"{limit:.3g} may be: {worst:,} of {counted(calls, 'call')} take longer"
    text += (
        ", both measured on workers"
        if judged.latency.is_fair
        else (", the control measured on its callers' threads and the candidate on workers")
    )
    more = None
    if verdict is unsure:
        more = fewest(lambda m: bounds(worst, calls + m, confidence)[1] <= 0.5)
        text += f"; {_needed(more, 'that do not')}"
    return _criterion(name, verdict, (median, limit), f"{text}.", more)


def per(judged: Judged, key: str, rules: Rules) -> Criterion:
    """Whether each part is ready by itself.

    That all are needs no correction: if one is not, then to say so of that one alone is wrong with
    a probability of alpha at most.  That one is not is said at ``alpha / (j (j + 1))`` for the
    ``j``-th part that came: these add up to alpha, however many parts there will be.  Noise is not
    taken off for a part; what it holds cannot make a part ``NOT_READY``.
    """
    limit, confidence = rules.max_mismatch_rate, rules.confidence
    parts = judged.parts.get(key, {})
    unsure = Verdict.INSUFFICIENT_DATA
    if not any(value is not None for value in parts):
        return _criterion(
            "per", unsure, (None, limit), f"No call has a {named([key])} in its context."
        )
    failing: dict[str, float] = {}
    lacking: dict[str, tuple[float, int | None]] = {}
    worst = 0.0
    for j, (value, slices) in enumerate(parts.items(), start=1):
        name = "(none)" if value is None else value
        rate = Rate(slices)
        _, high = rate.bounds(confidence)
        worst = max(worst, high)
        if high <= limit:
            continue
        low, _ = Rate(
            tuple(attrs.evolve(one, failed=min(one.real, one.failed)) for one in slices)
        ).bounds(1.0 - (1.0 - confidence) / (j * (j + 1)))
        if low > limit:
            failing[name] = low
        else:
            lacking[name] = high, rate.calls_needed(limit, confidence)
    each = f"of {counted(len(parts), 'part')} by {named([key])}"
    if failing:
        names = sorted(failing, key=failing.__getitem__, reverse=True)
        most = failing[names[0]]
        text = f"{len(failing):,} {each} {_differ(failing)} on more than the {percent(limit)} "
        text += "of calls that may: "
        text += f"{named(names)}; at least {percent(most)} of the calls of the worst."
        return _criterion("per", Verdict.NOT_READY, (most, limit), text)
    if lacking:
        names = sorted(lacking, key=lambda name: lacking[name][0], reverse=True)
        needs = [more for _, more in lacking.values() if more is not None]
        total = sum(needs) if len(needs) == len(lacking) else None
        text = f"{len(lacking):,} {each} {'lacks' if len(lacking) == 1 else 'lack'} calls: "
        text += f"{named(names)}; the worst may differ on up to {percent(worst)} of calls, where "
        text += f"{percent(limit)} may; {_needed(total)}, in those parts."
        return _criterion("per", unsure, (worst, limit), text, total)
    unparted = judged.unparted[key]
    if unparted:
        text = f"Of {counted(unparted, 'compared call')} the {named([key])} is not told apart, so "
        text += "a part among them may differ: give the sink that rolls up a max_contexts that is "
        text += "larger, or write records in full."
        return _criterion("per", unsure, (None, limit), text)
    text = f"In each {each} at most {percent(worst)} of calls differ, and {percent(limit)} may."
    return _criterion("per", Verdict.READY, (worst, limit), text)


def _compare(low: float, high: float, limit: float) -> Verdict:
    if high <= limit:
        return Verdict.READY
    return Verdict.NOT_READY if low > limit else Verdict.INSUFFICIENT_DATA


def _needed(more: int | None, which: str = "without a difference") -> str:
    if more is None:
        return "no number of calls that one could wait for would show it"
    return f"{counted(more, 'more call')} {which} would show it"


def _differ(parts: dict[str, float]) -> str:
    return "differs" if len(parts) == 1 else "differ"


def _criterion(
    name: str,
    verdict: Verdict,
    figures: tuple[float | None, float],
    text: str,
    more_calls: int | None = None,
) -> Criterion:
    figure, limit = figures
    return Criterion(
        name=name, verdict=verdict, figure=figure, limit=limit, text=text, more_calls=more_calls
    )
