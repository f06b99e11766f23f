"""Steps 6 to 9: what a worker does with one call for one candidate.

    run the candidate ─▶ compare ─▶ describe ─▶ every sink

A job is what the caller's thread makes; all else is made on the worker.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from . import _guard
from ._budget import Meter, thread_clock
from ._candidate import Candidate, UnresolvedError
from ._comparison import Comparison, compare_sides
from ._course import Course
from ._model import Observation, Outcome
from ._observe import observe
from ._report import describe_arguments, record_of
from ._snapshot import exception_from, opened
from ._text import qualname_of


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextvars import Context

    from ._snapshot import Kept
    from ._terms import Terms
    from .runners import Watch

Pair: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

#: How long comparing and describing may hold a worker, in seconds.
CONCLUDING_SECONDS: Final = 10.0
#: How long the import of a candidate that was given by name may hold a worker, in seconds.
IMPORT_SECONDS: Final = 60.0


class Job:
    """One call, for one candidate, as the caller hands it over.

    Filled step by step on the caller's thread: an ``__init__`` would take longer than all of that.

    Attributes:
        candidate: Which candidate is to run.
        gate: The gate in which the call holds a place; None if it holds none.
        is_unsettled: There, and True, until somebody settles the call.
        nbytes: What the call weighs while it waits, in bytes.
        terms: What holds for the launch.
        number: Which shadowed call of the launch this is.
        args: The positional arguments, if none of all arguments can change.
        kwargs: The keyword arguments, likewise.
        arguments: ``(args, kwargs)``, kept, if any can change.
        shared: What may be handed over as it is, wherever it occurs.
        skipped: Why the call cannot be compared; None if it can.
        context: The caller's context variables.
        user_context: What the user's ``context`` returned, kept.
        began: When the control began, a reading of ``time.perf_counter``.
        control_seconds: How long the control took.
        result: What the control returned, if that cannot change.
        kept: What the control returned, kept, if it can; or what it raised, taken apart.
        has_raised: Whether it raised.
        loop: The event loop of an async control; None for a sync one.
    """

    __slots__ = (
        "args",
        "arguments",
        "began",
        "candidate",
        "context",
        "control_seconds",
        "gate",
        "has_raised",
        "is_unsettled",
        "kept",
        "kwargs",
        "loop",
        "nbytes",
        "number",
        "result",
        "shared",
        "skipped",
        "terms",
        "user_context",
    )

    candidate: Candidate
    gate: Any
    is_unsettled: bool
    nbytes: int
    terms: Terms
    number: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    arguments: Kept | None
    shared: Sequence[object]
    skipped: str | None
    context: Context
    user_context: Kept | None
    began: float
    control_seconds: float
    result: Any
    kept: Kept | None
    has_raised: bool
    loop: Any

    def run(self, watch: Watch) -> None:
        """Do all of it, on a worker."""
        Trial(self).run(watch)

    def drop(self, reason: str) -> None:
        """Count the call as dropped."""
        self.settle(Outcome.DROPPED, reason)

    def settle(self, outcome: Outcome, reason: str | None = None) -> bool:
        """Count how the call ended, once, and give its place back.

        Args:
            outcome: The outcome.
            reason: Why, if there is more to say.

        Returns:
            Whether nobody had settled it before.
        """
        try:
            # One step, which one thread alone can take.
            del self.is_unsettled
        except AttributeError:
            return False
        try:
            self.candidate.settle(outcome, reason)
        except BaseException:
            # As where the stack ends: whoever settles what is lost takes it again.
            self.is_unsettled = True
            raise
        if self.gate is not None:
            self.gate.room.give_back(self.nbytes)
        return True


class Trial:
    """One candidate's run on one call, from its start to its record."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.waited_seconds = time.perf_counter() - job.began - job.control_seconds
        self.arguments: dict[str, Any] | None = None
        self.meter = Meter(thread_clock())

    def run(self, watch: Watch) -> None:
        """Go through the steps, on a worker."""
        self.guarded(watch, self._run)

    def guarded(self, watch: Watch, step: Callable[[Watch], None]) -> None:
        """Take a step; whatever it raises is accounted for.

        Args:
            watch: What the step is supervised by.
            step: What to do.

        Raises:
            BaseException: What is addressed to the caller's thread, if this is it.
        """
        try:
            step(watch)
        except BaseException as error:
            is_for_the_caller = watch.is_callers_thread and not isinstance(error, Exception)
            if not is_for_the_caller:
                _guard.fault(f"shadowing a call of {self.job.terms.launch}", error)
            self._ends_in_time(watch)
            self._settle(Outcome.SKIPPED, "interrupted" if is_for_the_caller else "fault")
            if is_for_the_caller:
                raise

    def _run(self, watch: Watch) -> None:
        job = self.job
        if job.skipped is not None:
            self._skip(watch, job.skipped)
            return
        refusal = job.gate.begin(self.meter, time.perf_counter())
        if refusal is not None:
            self._settle(Outcome.DROPPED, refusal)
            return
        function = job.candidate.function
        if function is not None:
            self._run_candidate(function, watch)
            return
        watch.start(IMPORT_SECONDS, self.abandon)
        try:
            function = job.candidate.resolve()
        except UnresolvedError as error:
            if self._ends_in_time(watch):
                self._skip(watch, f"importing the candidate failed: {error}")
            return
        if self._ends_in_time(watch):
            self._run_candidate(function, watch)

    def _run_candidate(self, function: Callable[..., Any], watch: Watch) -> None:
        job = self.job
        swallows = Exception if watch.is_callers_thread else BaseException
        watch.start(job.terms.policy.timeout, self.abandon)
        try:
            arguments = self._open_arguments()
        except swallows as error:
            # Opening a copy runs code of its own.
            _guard.fault(f"preparing a call of {job.candidate.full_name}", error)
            if self._ends_in_time(watch):
                self._skip(watch, f"preparing the call failed: {qualname_of(type(error))}")
            return
        if job.candidate.is_async:
            if self._ends_in_time(watch):
                self._run_on_loop(arguments, watch)
            return
        observation = observe(function, arguments, job.context, swallows=swallows)
        try:
            if watch.end():
                self.conclude(watch, observation)
            else:
                self.come_late(observation)
        finally:
            # Tracebacks of what was raised lead to this frame: a cycle if it stayed.
            del observation

    def _ends_in_time(self, watch: Watch) -> bool:
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
        job = self.job
        if job.terms.policy.keep == "everything":
            # Before the candidate runs: it may change those that are shared.
            self.arguments = describe_arguments(job.terms, *self._opened())
        return self._opened()

    def _opened(self) -> Pair:
        job = self.job
        if job.arguments is None:
            return job.args, job.kwargs
        pair: Pair = opened(job.arguments)
        return pair

    def _skip(self, watch: Watch, reason: str) -> None:
        job = self.job
        reason = job.terms.policy.redactor.text(reason)
        _guard.say(
            _guard.WARNING,
            f"{job.terms.launch}: a call was skipped, {reason}",
            key=("skipped", job.terms.launch),
        )
        watch.start(CONCLUDING_SECONDS, self._abandon_conclusion)
        self._report(self._without_candidate(Outcome.SKIPPED, reason), watch)

    def conclude(self, watch: Watch, candidate: Observation) -> None:
        """Compare, describe and report.

        Args:
            watch: What the conclusion is supervised by.
            candidate: What the candidate did.
        """
        watch.start(CONCLUDING_SECONDS, self._abandon_conclusion)
        self.job.gate.ended(self.meter, candidate.cpu_seconds)
        self._report(self._compared(watch, candidate), watch)

    def _compared(self, watch: Watch, candidate: Observation) -> Comparison:
        swallows = Exception if watch.is_callers_thread else BaseException
        try:
            control = self._control_side()
        except swallows as error:
            # Opening a copy runs code of its own.
            _guard.fault(f"preparing what the control of {self.job.terms.launch} did", error)
            control = Observation(duration_seconds=self.job.control_seconds)
            reason = f"preparing what the control did failed: {qualname_of(type(error))}"
            return Comparison(Outcome.UNCOMPARABLE, control, candidate, reason=reason)
        return compare_sides(self.job.terms, control, candidate)

    def _control_side(self) -> Observation:
        job = self.job
        value = job.result if job.kept is None else opened(job.kept)
        if job.has_raised:
            return Observation(None, exception_from(value), job.control_seconds)
        return Observation(value, None, job.control_seconds)

    def _without_candidate(self, outcome: Outcome, reason: str | None) -> Comparison:
        control = Observation(duration_seconds=self.job.control_seconds)
        return Comparison(outcome, control, None, reason=reason)

    def _report(self, comparison: Comparison, watch: Watch | None) -> None:
        if comparison.reason is not None:
            reason = self.job.terms.policy.redactor.text(comparison.reason)
            comparison = attrs.evolve(comparison, reason=reason)
        # Nobody would settle in this place if describing hung.
        is_settled = watch is None and self._settle(comparison.outcome, comparison.reason)
        record = None
        try:
            record = record_of(self, comparison)
        except Exception as error:  # noqa: BLE001 -- the outcome stands without a record
            _guard.fault(f"recording a call of {self.job.terms.launch}", error)
        if watch is not None and watch.end():
            is_settled = self._settle(comparison.outcome, comparison.reason)
        if record is not None and is_settled:
            for sink in self.job.terms.sinks:
                sink(record)

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
            self._report(self._without_candidate(Outcome.TIMEOUT, None), None)
        else:
            self._settle(Outcome.DROPPED, reason)

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
            self._settle(Outcome.UNCOMPARABLE, f"took over {CONCLUDING_SECONDS:g} s to compare")
        else:
            self._settle(Outcome.DROPPED, reason)

    def _settle(self, outcome: Outcome, reason: str | None) -> bool:
        if not self.job.settle(outcome, reason):
            return False
        if outcome in (Outcome.CANDIDATE_ERROR, Outcome.TIMEOUT):
            self.job.gate.failed()
        elif outcome in (Outcome.MATCH, Outcome.MISMATCH, Outcome.IGNORED):
            self.job.gate.succeeded()
        return True
