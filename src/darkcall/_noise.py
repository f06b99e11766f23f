"""Noise: the control run once more, in the dark, after a call's candidates.

How often a control disagrees with itself tells how much of what a candidate is blamed for it
could help.  The run comes last: control, candidate, control.  So as much time lies between the
control's two answers as between the control's and the candidate's, or more, and noise is not
underestimated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._candidate import Candidate
from ._job import Job
from ._model import CONTROL_NAME, CandidateStats, Outcome
from ._reference import reference_of
from ._tally import Tally


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._gate import Gate


class Rerun(Candidate):
    """The control as a candidate, behind a gate of its own.

    Attributes:
        chosen: Calls on which it was to run again; replaced in a forked child.
    """

    def __init__(self, control: Callable[..., Any], *, launch: str, gate: Gate) -> None:
        super().__init__(CONTROL_NAME, control, launch=launch, control=control, gate=gate)

    def reset(self, gate: Gate) -> None:
        """Begin to count at nothing, behind a new gate."""
        super().reset(gate)
        self.chosen = Tally()

    def reference(self) -> str:
        """Name the control so that another process finds it, decorated: in the dark it is plain.

        Returns:
            ``package.module:function``.

        Raises:
            ConfigurationError: Another process would not find it.
        """
        # Not when it is decorated: what is to stand under its name does not stand there yet.
        if self._reference is None:
            self._reference = reference_of(self.function, is_decorated=True)
        return self._reference

    def follow(self, jobs: list[Job]) -> bool:
        """Make the job in which the control runs again, once the candidates' are settled.

        Args:
            jobs: Those of the candidates; it is put behind them.  One whose gate is None is
                settled already.

        Returns:
            Whether there is room for it.
        """
        job = Job()
        job.candidate, job.gate, job.nbytes, job.follower = self, None, 0, None
        follower = Follower(job, [one for one in jobs if one.gate is not None])
        jobs.append(job)
        # Nothing can come between the count and what has it settled.
        for _ in self.chosen:  # pragma: no branch -- it has no end
            job.is_unsettled = True
            break
        gate = self.gate
        refusal = gate.enter()
        if refusal is None:
            job.gate, job.follower = gate, follower
            return True
        for one in jobs:
            one.follower = None
        job.drop(refusal)
        return False

    def stats(self) -> CandidateStats | None:
        """Read the counts; None if the control was never to run again."""
        outcomes, reasons = self.counts()
        # After the outcomes: no call is to have one before it is counted.
        chosen = self.chosen.value
        if not chosen:
            return None
        return CandidateStats(
            outcomes=outcomes,
            reasons=reasons,
            pending=chosen - sum(outcomes.values()),
            late=self.late.value,
            stuck=self.own_gate.stuck,
            cpu_bound=self.cpu_bound.value,
        )


class Follower:
    """Starts the job that is to follow the others of a call.

    It waits for each of these to be settled, and for the caller to have filled in the job.
    Whoever is the last starts it.

    Attributes:
        job: The job.
    """

    __slots__ = ("_awaited", "_dropped", "_heard", "job")

    def __init__(self, job: Job, others: list[Job]) -> None:
        self.job = job
        self._heard = Tally()
        self._awaited = len(others)
        self._dropped: str | None = None
        for other in others:
            other.follower = self

    def hear(self, outcome: Outcome | None = None, reason: str | None = None) -> None:
        """Hear that another job is settled, or, without an outcome, that this one is filled in.

        Args:
            outcome: How it was settled.
            reason: Why.
        """
        if outcome is Outcome.DROPPED:
            # There was no time or no room for a candidate: so there is none for this, either.
            self._dropped = reason
        # One step, so one alone is the last.
        if self._heard.add() == self._awaited:
            self._start()

    def _start(self) -> None:
        job = self.job
        # They hold each other, and what the call holds is to be freed when it is done.
        job.follower = None
        if self._dropped is not None:
            job.drop(self._dropped)
        elif hasattr(job, "is_unsettled"):
            job.submit()
