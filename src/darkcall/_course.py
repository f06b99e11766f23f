"""Step 6 for async candidates: a run on an event loop, and its way back to a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from . import _guard
from ._model import Outcome
from ._observe import observe_async


if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ._model import Observation
    from ._observe import Arguments
    from ._trial import Trial
    from .runners import Watch

#: How long recording that a candidate did not end may hold a worker, in seconds.
REPORTING_SECONDS: Final = 10.0


class Course:
    """An async candidate on an event loop; what it came to goes back to a worker."""

    def __init__(self, trial: Trial, arguments: Arguments) -> None:
        self._trial = trial
        self.work = trial.job
        self._arguments = arguments
        self.timeout = trial.job.terms.policy.timeout

    def observe(self) -> Coroutine[Any, Any, Observation]:
        """Run the candidate."""
        return observe_async(self._trial.job.candidate.resolve(), self._arguments)

    def ended(self, observation: Observation) -> None:
        """Have what it did compared."""
        self._hand_back(lambda watch: self._trial.conclude(watch, observation))

    def abandoned(self, reason: str) -> None:
        """Go on without it."""
        if reason == "timeout":
            self._hand_back(lambda _watch: self._trial.conclude_without_candidate(reason))
        else:
            # There is no record to make, and a runner that was closed is to stay so.
            self._trial.conclude_without_candidate(reason)

    def _hand_back(self, conclude: Callable[[Watch], None]) -> None:
        job = self._trial.job
        try:
            job.terms.runner.submit(Conclusion(self._trial, conclude))
        except Exception as fault:  # noqa: BLE001 -- a runner of the user's own
            job.settle(Outcome.SKIPPED, "fault")
            _guard.fault(f"handing back a call of {job.terms.launch}", fault)

    def got_stuck(self) -> None:
        """Hear that it goes on after it was cancelled."""
        self._trial.job.gate.got_stuck(self._trial.meter)

    def ended_late(self, observation: Observation | None) -> None:
        """Hear that it ended after all; None if it was cancelled as it should be."""
        if observation is None:
            self._trial.job.gate.got_free(self._trial.meter)
        else:
            self._trial.come_late(observation)


class Conclusion:
    """The rest of a trial whose candidate ran on an event loop, as work for a runner."""

    def __init__(self, trial: Trial, conclude: Callable[[Watch], None]) -> None:
        self._trial = trial
        self._conclude = conclude

    def run(self, watch: Watch) -> None:
        """Conclude, on a worker."""
        watch.start(REPORTING_SECONDS, _leave_it)
        self._trial.run(watch, self._conclude)
        watch.end()

    def drop(self, reason: str) -> None:
        """Count the call as dropped."""
        self._trial.conclude_without_candidate(reason)


def _leave_it(reason: str) -> None:
    """Leave a timeout whose record cannot be described: it was settled before."""
