"""Whether it is safe to switch, as far as a summary tells."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from darkcall._model import CONTROL_NAME

from ._criteria import criteria
from ._judged import judged
from ._rules import Rules, checked, names
from ._verdict import CandidateJudgement, Criterion, Judgement, Verdict
from ._words import counted, named


if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._findings import PathCount
    from ._summary import CandidateSummary, Summary

#: Calls that are older than a week tell of what was, and may not tell of what is.
OLD_SECONDS: Final = 7 * 86_400.0
#: A process of which nothing was heard for so long runs no more, or is hardly called.
QUIET_SECONDS: Final = 300.0
#: Where the control differs from itself on so many calls, nothing else can be seen.
MUCH_NOISE: Final = 0.5
#: With fewer different inputs than one in so many calls a reader should know.
FEW_INPUTS: Final = 20


def judge(
    summary: Summary,
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
    """Judge a summary, as :meth:`~darkcall.analysis.Summary.judge` says."""
    rules = checked(
        Rules(
            launches=names("launch", launch),
            candidates=names("candidate", candidate),
            max_mismatch_rate=max_mismatch_rate,
            confidence=summary.confidence if confidence is None else confidence,
            min_calls=min_calls,
            max_dropped=max_dropped,
            max_latency_ratio=max_latency_ratio,
            per=per,
            code=code,
        ),
        summary.by,
    )
    known = [one for one in summary.candidates if one.candidate != CONTROL_NAME]
    chosen = [
        one
        for one in known
        if (rules.launches is None or one.launch in rules.launches)
        and (rules.candidates is None or one.candidate in rules.candidates)
    ]
    unknown = _unknown(known, chosen, rules)
    verdicts = [_judge_one(one, rules, summary.made_at) for one in chosen]
    all_verdicts = [one.verdict for one in verdicts]
    if unknown:
        all_verdicts.append(Verdict.INSUFFICIENT_DATA)
    notes = [note for one in chosen for note in _notes(one, summary.made_at)]
    if summary.sources.ahead:
        ahead = counted(summary.sources.ahead, "record")
        notes.append(f"{ahead} dated after the reading: a clock is wrong.")
    if rules.max_dropped >= 1.0:
        notes.append("Nobody asked how many calls were dropped (max_dropped=1.0).")
    return Judgement(
        verdict=_together(all_verdicts),
        candidates=tuple(verdicts),
        notes=(*unknown, *notes),
    )


def _judge_one(one: CandidateSummary, rules: Rules, now: float) -> CandidateJudgement:
    calls = judged(one, rules.code, now)
    if calls is None:
        digests = sorted({version.candidate or "unknown" for version in one.versions})
        criterion = Criterion(
            name="data",
            verdict=Verdict.INSUFFICIENT_DATA,
            figure=None,
            limit=None,
            text=f"No one code version is meant by {rules.code!r}: there is {named(digests)}.",
        )
        return CandidateJudgement(
            launch=one.launch,
            candidate=one.candidate,
            version=None,
            verdict=criterion.verdict,
            criteria=(criterion,),
        )
    answers = criteria(calls, one.inputs, rules)
    return CandidateJudgement(
        launch=one.launch,
        candidate=one.candidate,
        version=calls.version,
        verdict=_together([answer.verdict for answer in answers]),
        criteria=answers,
    )


def _together(verdicts: list[Verdict]) -> Verdict:
    if Verdict.NOT_READY in verdicts:
        return Verdict.NOT_READY
    if verdicts and all(verdict is Verdict.READY for verdict in verdicts):
        return Verdict.READY
    return Verdict.INSUFFICIENT_DATA


def _unknown(
    known: list[CandidateSummary], chosen: list[CandidateSummary], rules: Rules
) -> list[str]:
    """Say which of the names that were asked for stand for nothing."""
    launches = sorted({one.launch for one in known})
    notes = [
        f"No launch {named([name])} in the records{_near(name, launches)}."
        for name in rules.launches or ()
        if name not in launches
    ]
    within = [one for one in known if rules.launches is None or one.launch in rules.launches]
    candidates = sorted({one.candidate for one in within})
    for name in rules.candidates or ():
        if name == CONTROL_NAME:
            notes.append("'control' is the control that ran again, and cannot be judged.")
        elif name not in candidates:
            notes.append(f"No candidate {named([name])} in the records{_near(name, candidates)}.")
    with_one = {one.launch for one in chosen}
    notes += [
        f"Launch {named([name])} has none of these candidates."
        for name in rules.launches or ()
        if name in launches and name not in with_one
    ]
    return notes if known else [*notes, "No candidate in the records."]


def _near(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"; near it is {named(near)}"
    return f"; there is {named(names)}" if names else ""


def _notes(one: CandidateSummary, now: float) -> list[str]:
    """Say what does not change the verdict, and should change how far it is trusted."""
    where = f"{named([one.launch])}, {named([one.candidate])}"
    notes = []
    inputs = one.inputs
    if inputs is not None and 0 < inputs.distinct * FEW_INPUTS <= inputs.counted:
        different = counted(inputs.distinct, "different input")
        notes.append(
            f"{where}: only {different} in {counted(inputs.counted, 'call')}: what was never tried "
            "may differ."
        )
    if one.coverage.not_final and now - one.last > QUIET_SECONDS:
        notes.append(
            f"{where}: {one.coverage.not_final:,} of {one.coverage.processes:,} processes did not "
            "close darkcall, and nothing came since: if the candidate killed them, no record tells."
        )
    covered = [path.path for path in one.paths if _is_covered(path)]
    if covered:
        notes.append(
            f"{where}: at {named(covered)} the control differs from itself on half of the calls or "
            "more, so next to nothing is known of the candidate there: normalize or ignore them."
        )
    raised = sum(each.count for each in one.raised if each.side == "control")
    if raised * 2 > one.compared:
        calls = counted(one.compared, "compared call")
        notes.append(
            f"{where}: the control raised on {raised:,} of {calls}: they say little about what it "
            "returns."
        )
    if now - one.last > OLD_SECONDS:
        days = (now - one.last) / 86_400.0
        notes.append(f"{where}: the last call is {days:,.0f} days old.")
    return notes


def _is_covered(path: PathCount) -> bool:
    """Whether the control's own noise hides most of what the candidate does at a path."""
    return not path.is_difference and (path.noise_rate or 0.0) >= MUCH_NOISE
