"""Steps 6 to 9: what a worker does with one call for one candidate.

    run the candidate ─▶ compare ─▶ describe ─▶ every sink

A job is what the caller's thread makes; all else is made on the worker.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import attrs

from . import _guard
from ._budget import Meter, time_of_this_thread
from ._candidate import CPU_BOUND_SECONDS, UnresolvedError
from ._comparison import Comparison, compare_sides, matches_plainly
from ._confirm import Confirming, is_within_quota, may_confirm
from ._course import Course
from ._elsewhere import run_elsewhere
from ._inputs import digest_inputs
from ._model import Observation, Outcome
from ._observe import observe
from ._report import describe_arguments, record_of, record_of_match
from ._snapshot import exception_from, opened
from ._text import qualname_of


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._job import Job, Pair
    from ._model import Record
    from .runners import Watch

_clock = time.perf_counter

#: How long comparing and describing may hold a worker, in seconds.
CONCLUDING_SECONDS: Final = 10.0
#: How long the import of a candidate that was given by name may hold a worker, in seconds.
IMPORT_SECONDS: Final = 60.0


class Trial:
    """One candidate's run on one call, from its start to its record."""

    __slots__ = (
        "arguments",
        "began",
        "input_digest",
        "job",
        "meter",
        "thread_time",
        "waited_seconds",
    )

    def __init__(self, job: Job) -> None:
        self.job = job
        self.began = now = _clock()
        self.waited_seconds = now - job.began - job.control_seconds
        self.arguments: dict[str, Any] | None = None
        self.input_digest: str | None = None
        self.thread_time = time_of_this_thread()
        self.meter = Meter(self.thread_time.clock, self.thread_time.until(now))

    def run(self, watch: Watch, step: Callable[[Watch], None] | None = None) -> None:
        """Go through the steps, on a worker; whatever they raise is accounted for.

        Args:
            watch: What they are supervised by.
            step: The only one that is left; None for all of them.

        Raises:
            BaseException: What is addressed to the caller's thread, if this is it.
        """
        try:
            self._run(watch) if step is None else step(watch)
        except BaseException as error:
            if not self._is_accounted_for(error, watch):
                raise

    def _is_accounted_for(self, error: BaseException, watch: Watch) -> bool:
        is_for_the_caller = watch.is_callers_thread and not isinstance(error, Exception)
        if not is_for_the_caller:
            _guard.fault(f"shadowing a call of {self.job.terms.launch}", error)
        self.ends_in_time(watch)
        self.settle(Outcome.SKIPPED, "interrupted" if is_for_the_caller else "fault")
        return not is_for_the_caller

    def _run(self, watch: Watch) -> None:
        job = self.job
        if job.skipped is not None:
            self.skip(watch, job.skipped)
            return
        refusal = job.gate.begin(self.meter, self.began)
        if refusal is not None:
            self.settle(Outcome.DROPPED, refusal)
            return
        function = job.candidate.function
        if function is not None:
            self._run_candidate(function, watch)
            return
        watch.start(IMPORT_SECONDS, self.abandon)
        try:
            function = job.candidate.resolve()
        except UnresolvedError as error:
            if self.ends_in_time(watch):
                self.skip(watch, f"importing the candidate failed: {error}")
            return
        if self.ends_in_time(watch):
            self._run_candidate(function, watch)

    def _run_candidate(self, function: Callable[..., Any], watch: Watch) -> None:
        job = self.job
        if job.terms.remote is not None:
            run_elsewhere(self, watch)
            return
        swallows = Exception if watch.is_callers_thread else BaseException
        watch.start(job.terms.policy.timeout, self.abandon)
        try:
            arguments = self._open_arguments()
        except swallows as error:
            # Opening a copy runs code of its own.
            _guard.fault(f"preparing a call of {job.candidate.full_name}", error)
            if self.ends_in_time(watch):
                self.skip(watch, f"preparing the call failed: {qualname_of(type(error))}")
            return
        if job.candidate.is_async:
            if self.ends_in_time(watch):
                self._run_on_loop(arguments, watch)
            return
        observation = observe(
            function, arguments, job.context, thread_time=self.thread_time, swallows=swallows
        )
        try:
            if watch.end():
                self.conclude(watch, observation)
            else:
                self.come_late(observation)
        finally:
            # Tracebacks of what was raised lead to this frame: a cycle if it stayed.
            del observation

    def ends_in_time(self, watch: Watch) -> bool:
        """End a phase in which the candidate did not run to its end.

        Args:
            watch: What the phase is supervised by.

        Returns:
            Whether nobody has given it up.
        """
        if watch.end():
            return True
        self.job.gate.got_free(self.meter)
        return False

    def _run_on_loop(self, arguments: Pair, watch: Watch) -> None:
        # Imported when needed: asyncio is slow to import.
        from .runners import loop  # noqa: PLC0415

        self.meter.leave_thread()
        loop.start(
            Course(self, arguments),
            loop=self.job.loop,
            context=self.job.context.copy(),
            is_awaited=watch.is_callers_thread,
        )

    def _open_arguments(self) -> Pair:
        self.describe_arguments()
        return self.opened_arguments()

    def describe_arguments(self) -> None:
        """Describe or digest the arguments if asked for, before the candidate changes any."""
        terms = self.job.terms
        if terms.describes_arguments:
            args, kwargs = self.opened_arguments()
            if terms.policy.keep == "everything":
                self.arguments = describe_arguments(terms, args, kwargs)
            if terms.policy.digest_inputs:
                self.input_digest = digest_inputs(terms, args, kwargs)

    def opened_arguments(self) -> Pair:
        """Give the arguments: those that can change are the candidate's own."""
        job = self.job
        if job.arguments is None:
            return job.args, job.kwargs
        pair: Pair = opened(job.arguments)
        return pair

    def skip(self, watch: Watch, reason: str) -> None:
        """Report a call that cannot be compared, and have the first one logged.

        Args:
            watch: What the report is supervised by.
            reason: Why.
        """
        job = self.job
        reason = job.terms.policy.redactor.text(reason)
        _guard.say(
            _guard.WARNING,
            f"{job.terms.launch}: a call was skipped, {reason}",
            key=("skipped", job.terms.launch),
        )
        watch.start(CONCLUDING_SECONDS, self._abandon_conclusion)
        self.report(self.without_candidate(Outcome.SKIPPED, reason), watch)

    def conclude(self, watch: Watch, candidate: Observation) -> None:
        """Compare, describe and report.

        Args:
            watch: What the conclusion is supervised by.
            candidate: What the candidate did.
        """
        cpu_seconds = candidate.cpu_seconds or 0.0
        if cpu_seconds > CPU_BOUND_SECONDS and not watch.is_callers_thread:
            self.job.candidate.took_the_cpu(cpu_seconds, candidate.duration_seconds)
        if self.job.terms.may_match_plainly and matches_plainly(self.job, candidate):
            self.job.gate.ended(self.meter, cpu_seconds)
            self._report_match(candidate)
            return
        self.begin_conclusion(watch, cpu_seconds)
        comparison = self.compared(watch, candidate)
        if self.job.terms.policy.confirm and may_confirm(self, comparison):
            self._confirm(comparison, candidate, watch)
        else:
            self.report(comparison, watch)

    def _confirm(self, comparison: Comparison, candidate: Observation, watch: Watch) -> None:
        # Taken before anything runs again, and could change what was seen.
        record = self._recorded(comparison)
        control = None
        if record is not None and is_within_quota(self, record):
            control = self._control_side()
        try:
            if not watch.end():
                return
            if record is None or control is None:
                self.deliver(comparison.outcome, record)
            else:
                confirming = Confirming(self, record, comparison.outcome)
                confirming.run(watch, control, candidate)
        finally:
            # Tracebacks lead to this frame, as above.
            del comparison, control, candidate

    def begin_conclusion(self, watch: Watch, cpu_seconds: float | None) -> None:
        """Leave the candidate behind, which ended in time.

        Args:
            watch: What the conclusion is supervised by.
            cpu_seconds: CPU time that the candidate took; None if that is not known.
        """
        watch.start(CONCLUDING_SECONDS, self._abandon_conclusion)
        self.job.gate.ended(self.meter, cpu_seconds)

    def _report_match(self, candidate: Observation) -> None:
        # It runs no code of a value's own, so that nothing can hang.
        if self.settle(Outcome.MATCH, None):
            self._hand_out(record_of_match(self, candidate))

    def _hand_out(self, record: Record) -> None:
        terms = self.job.terms
        for sink in terms.sinks:
            sink(record)
        if self.began >= terms.teller.due:
            terms.teller.tell_in_passing(self.began)

    def compared(self, watch: Watch, candidate: Observation) -> Comparison:
        """Compare what the candidate did with what the control did.

        Args:
            watch: What the comparison is supervised by.
            candidate: What the candidate did.

        Returns:
            The comparison.
        """
        swallows = Exception if watch.is_callers_thread else BaseException
        try:
            control = self._control_side()
        except swallows as error:
            # Opening a copy runs code of its own.
            _guard.fault(f"preparing what the control of {self.job.terms.launch} did", error)
            control = Observation(duration_seconds=self.job.control_seconds)
            reason = f"preparing what the control did failed: {qualname_of(type(error))}"
            return Comparison(Outcome.UNCOMPARABLE, control, candidate, reason=reason)
        return compare_sides(self.job.terms.policy, self.job.terms.launch, control, candidate)

    def _control_side(self) -> Observation:
        job = self.job
        value = job.result if job.kept is None else opened(job.kept)
        if job.has_raised:
            return Observation(None, exception_from(value), job.control_seconds)
        return Observation(value, None, job.control_seconds)

    def without_candidate(self, outcome: Outcome, reason: str | None) -> Comparison:
        """Make the comparison of a call on which the candidate did not run to its end.

        Args:
            outcome: The outcome.
            reason: Why, if there is more to say.

        Returns:
            The comparison.
        """
        control = Observation(duration_seconds=self.job.control_seconds)
        return Comparison(outcome, control, None, reason=reason)

    def report(self, comparison: Comparison, watch: Watch | None) -> None:
        """Count the outcome, and give the sinks a record of it.

        Args:
            comparison: What it came to.
            watch: What the report is supervised by; None if nobody supervises it.
        """
        if comparison.reason is not None:
            reason = self.job.terms.policy.redactor.text(comparison.reason)
            comparison = attrs.evolve(comparison, reason=reason)
        # Nobody would settle in this place if describing hung.
        is_settled = watch is None and self.settle(comparison.outcome, comparison.reason)
        record = self._recorded(comparison)
        if watch is not None and watch.end():
            is_settled = self.settle(comparison.outcome, comparison.reason)
        if record is not None and is_settled:
            self._hand_out(record)

    def _recorded(self, comparison: Comparison) -> Record | None:
        try:
            return record_of(self, comparison)
        except Exception as error:  # noqa: BLE001 -- the outcome stands without a record
            _guard.fault(f"recording a call of {self.job.terms.launch}", error)
            return None

    def deliver(self, outcome: Outcome, record: Record | None) -> None:
        """Count the outcome, and give the sinks the record that was made of it.

        Args:
            outcome: The outcome.
            record: The record; None if it could not be made.
        """
        if self.settle(outcome, None) and record is not None:
            self._hand_out(record)

    def abandon(self, reason: str) -> None:
        """Go on without the candidate, which holds its thread.

        Args:
            reason: ``timeout``, or ``exit`` if the runner closes.
        """
        self.job.gate.got_stuck(self.meter)
        self.conclude_without_candidate(reason)

    def conclude_without_candidate(self, reason: str) -> None:
        """Report a candidate that did not end.

        Args:
            reason: ``timeout``, or why the call counts as dropped.
        """
        if reason == "timeout":
            self.report(self.without_candidate(Outcome.TIMEOUT, None), None)
        else:
            self.settle(Outcome.DROPPED, reason)

    def come_late(self, observation: Observation) -> None:
        """Hear of a candidate that ended after it was abandoned.

        Args:
            observation: What it did, which nobody waits for any longer.
        """
        self.job.candidate.late.add()
        self.job.gate.got_free(self.meter, observation.cpu_seconds)

    def _abandon_conclusion(self, reason: str) -> None:
        # Nothing is described here: what hangs may be the value's own code.
        if reason == "timeout":
            self.settle(Outcome.UNCOMPARABLE, f"took over {CONCLUDING_SECONDS:g} s to compare")
        else:
            self.settle(Outcome.DROPPED, reason)

    def settle(self, outcome: Outcome, reason: str | None) -> bool:
        """Count the outcome, and have the gate hear of it.

        Args:
            outcome: The outcome.
            reason: Why, if there is more to say.

        Returns:
            Whether nobody had settled the call before.
        """
        if not self.job.settle(outcome, reason):
            return False
        if outcome in (Outcome.CANDIDATE_ERROR, Outcome.TIMEOUT):
            self.job.gate.failed()
        elif outcome in (Outcome.MATCH, Outcome.MISMATCH, Outcome.IGNORED):
            self.job.gate.succeeded()
        return True
