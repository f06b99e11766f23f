"""Confirmation: on a call on which the two differ, run both once more, on a worker.

The control first, then the candidate, as on the call.  So between each side's two answers stands
one answer of the other, and neither looks less steady than the other for the order alone.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import attrs

from . import _guard
from ._budget import Meter, time_of_this_thread
from ._comparison import compare_sides
from ._model import AGREES, CONTROL_NAME, Observation, Outcome
from ._observe import observe


if TYPE_CHECKING:
    from ._comparison import Comparison
    from ._model import Record
    from ._trial import Trial
    from .runners import Watch

_DIFFER: Final = (Outcome.MISMATCH, Outcome.CANDIDATE_ERROR)


def may_confirm(trial: Trial, comparison: Comparison) -> bool:
    """Tell whether both sides can run once more on a call.

    Args:
        trial: The candidate's run, in this process.
        comparison: What it came to.

    Returns:
        False if they agree, or if there is nothing left to run on: arguments that were not copied
        are used up, and a coroutine runs on a loop, not on this worker.
    """
    job = trial.job
    policy, candidate = job.terms.policy, job.candidate
    return (
        comparison.outcome in _DIFFER
        and policy.isolate == "copy"
        and not candidate.is_async
        and job.loop is None
        and candidate.name != CONTROL_NAME
    )


def is_within_quota(trial: Trial, record: Record) -> bool:
    """Tell whether a difference of this kind is confirmed now, and count it if so.

    Args:
        trial: The candidate's run.
        record: What is recorded of it.

    Returns:
        False if enough were.
    """
    return trial.job.candidate.quota.take(f"{record.outcome} {record.signature}")


class Confirming:
    """Both sides' second run, and the report of the first.

    The record is made before, so that whatever becomes of the second run, it is there.
    """

    def __init__(self, trial: Trial, record: Record, outcome: Outcome) -> None:
        self._trial = trial
        self._record = record
        self._outcome = outcome
        self._thread_time = thread_time = time_of_this_thread()
        self._began = now = time.perf_counter()
        self._meter = Meter(thread_time.clock, thread_time.until(now))

    def run(self, watch: Watch, control: Observation, candidate: Observation) -> None:
        """Run both, class the difference and report it.

        Args:
            watch: What it is supervised by.
            control: What the control did first.
            candidate: What the candidate did first.
        """
        job = self._trial.job
        gate = job.gate
        if gate.begin(self._meter, self._began) is not None:
            self._deliver(self._record)
            return
        swallows = Exception if watch.is_callers_thread else BaseException
        word = None
        watch.start(job.terms.policy.timeout, self._abandon)
        try:
            word = self._word(control, candidate, swallows)
        except swallows as error:
            # Opening a copy runs code of its own.
            _guard.fault(f"confirming a call of {job.candidate.full_name}", error)
        used_seconds = self._thread_time.until(time.perf_counter()) - self._meter.began
        if watch.end():
            gate.ended(self._meter, used_seconds)
            self._deliver(attrs.evolve(self._record, confirmation=word))
        else:
            gate.got_free(self._meter, used_seconds)

    def _word(
        self, control: Observation, candidate: Observation, swallows: type[BaseException]
    ) -> str | None:
        job = self._trial.job
        control_again = self._again(job.candidate.control, swallows)
        candidate_again = self._again(job.candidate.resolve(), swallows)
        try:
            control_repeats = self._agree(control, control_again)
            candidate_repeats = self._agree(candidate, candidate_again)
            if control_repeats is None or candidate_repeats is None:
                return None
            if control_repeats and candidate_repeats:
                # Within a tolerance each may be near its first answer, and near the other now.
                differ = self._agree(control_again, candidate_again) is False
                return "deterministic" if differ else "first_sight"
            if control_repeats:
                return "flaky_candidate"
            return "flaky_control" if candidate_repeats else "first_sight"
        finally:
            # Tracebacks of what was raised lead to this frame: a cycle if it stayed.
            del control, candidate, control_again, candidate_again

    def _again(self, function: Any, swallows: type[BaseException]) -> Observation:
        return observe(
            function,
            self._trial.opened_arguments(),
            self._trial.job.context,
            thread_time=self._thread_time,
            swallows=swallows,
        )

    def _agree(self, first: Observation, second: Observation) -> bool | None:
        terms = self._trial.job.terms
        outcome = compare_sides(terms.policy, terms.launch, first, second).outcome
        return None if outcome is Outcome.UNCOMPARABLE else outcome in AGREES

    def _abandon(self, reason: str) -> None:  # noqa: ARG002 -- whatever it is
        """Report without it: its thread is held."""
        self._trial.job.gate.got_stuck(self._meter)
        self._deliver(self._record)

    def _deliver(self, record: Record) -> None:
        self._trial.deliver(self._outcome, record)
