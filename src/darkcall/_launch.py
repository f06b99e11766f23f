"""A launch: its control, its candidates, its policy, its switches and its counts."""

from __future__ import annotations

import itertools
import sys
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Unpack

from . import _config, _guard
from ._candidate import Candidate
from ._errors import ConfigurationError
from ._gate import REFUSALS, Gate
from ._job import Job
from ._model import CONTROL_NAME, CandidateStats, Outcome, Stats
from ._noise import Rerun
from ._parameters import Parameters
from ._policy import Knobs, as_given, check_names
from ._reference import reference_of
from ._signatures import is_async, signature_of
from ._tally import Tally
from ._telling import Teller
from ._terms import Terms, sample_rate_of
from ._text import escaped, qualname_of


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._policy import Policy
    from .runners import Runner

_indexes = itertools.count()


class Counts:
    """How often a call took each way.

    Attributes:
        refused: Shadowed calls that the gate of the only candidate refused, by reason.  One step
            counts the call and its outcome, so that nothing can come between the two.
    """

    __slots__ = ("nested", "off", "refused", "shadowed", "unsampled")

    def __init__(self) -> None:
        self.off = Tally()
        self.nested = Tally()
        self.unsampled = Tally()
        self.shadowed = Tally()
        self.refused = {reason: Tally() for reason in REFUSALS}


class Launch:
    """One decorated control with its candidates and its policy.

    ``launch_of(function)`` and ``launches()`` give launches; they are not made by hand.

    Attributes:
        name: Its name, in records and log lines.
        control: The existing function, undecorated.
        candidates: Its candidates, each with a ``name``.
    """

    def __init__(
        self,
        control: Callable[..., Any],
        candidates: Mapping[str, Callable[..., Any] | str],
        name: str,
        knobs: Knobs,
    ) -> None:
        self.name = name
        self.control = control
        self._index = next(_indexes)
        policy = _config.own_policy(knobs)
        self._policy = policy
        self._explicit = as_given(knobs)
        self._is_paused = False
        self._signature = signature_of(control)
        self._counts = Counts()
        self._teller = Teller(self, self._index)
        # Calls whose shadowing was interrupted, to be accounted for.
        self._lost: deque[tuple[Counts, list[Job], int | None, list[type[BaseException]]]] = deque()
        self.candidates = tuple(
            Candidate(
                candidate_name,
                target,
                launch=name,
                control=control,
                gate=_gate_for(f"{name} [{candidate_name}]", policy),
            )
            for candidate_name, target in candidates.items()
        )
        #: What refuses a call by itself; None if there are several.
        self.only_candidate = self.candidates[0] if len(self.candidates) == 1 else None
        # The control as a candidate, from when it is first asked for.
        self._rerun: Rerun | None = None
        self._loop = self._loop_of_its_own()
        # None while it is off.
        self._terms: Terms | None = None
        self._is_stale = True
        self._check(policy, self._explicit)
        self._adopt(policy)
        _config.add(self)
        # Until now it heard of no switch.
        with _config.locked():
            self._refresh()

    def check_runner(self, runner: Runner | None, knobs: Mapping[str, Any] | None = None) -> None:
        """Refuse a runner that cannot run each of the candidates.

        Args:
            runner: The runner.
            knobs: What the launch is to be given by itself; None for what it has.

        Raises:
            ConfigurationError: It runs them in other processes, which would not find one, or not
                the control that this launch by itself is told to run again.
        """
        if getattr(runner, "remote", None) is None:
            return
        for candidate in self.candidates:
            candidate.reference()
        noise = (self._explicit if knobs is None else knobs).get("noise")
        if not noise:
            return
        try:
            reference_of(self.control, is_decorated=True)
        except ConfigurationError as error:
            msg = (
                f"noise={noise:g}: the control of {self.name} runs again as a candidate, "
                f"and {error}; or leave out noise"
            )
            raise ConfigurationError(msg) from None

    @property
    def has_own_runner(self) -> bool:
        """Whether it was given a runner by itself."""
        return self._explicit.get("runner") is not None

    def _after_fork(self) -> None:
        """Begin to count at nothing, in a forked child."""
        self._counts = Counts()
        self._to_start = self._what_to_start()
        self._teller.after_fork()
        for candidate in self.candidates:
            candidate.reset(_gate_for(candidate.full_name, self._policy))
        if self._rerun is not None:
            self._rerun.reset(_gate_for(self._rerun.full_name, self._policy))

    def _loop_of_its_own(self) -> Any:
        """Give the module of the loop in the background; None if that is not needed."""
        if is_async(self.control) or not any(one.is_async for one in self.candidates):
            return None
        # Imported when needed: asyncio is slow to import.
        from .runners import loop  # noqa: PLC0415

        return loop

    def _what_to_start(self) -> list[Callable[[], object]]:
        starts: list[Callable[[], object]] = [outlet.start for outlet in self._outlets]
        return starts if self._loop is None else [*starts, self._loop.start_ahead]

    def _start_ahead(self) -> None:
        """Start the threads that calls will need: at the exit there is none to be had."""
        to_start, self._to_start = self._to_start, []
        for start in to_start:
            start()

    def _refresh(self) -> None:
        """Take over the defaults and switches as they are now; under the lock of these."""
        is_stale = True
        while is_stale:
            self._is_stale = False
            self._adopt(_config.policy_with(self._explicit))
            is_stale = self._is_stale
        # A signal handler may have come here in the middle: what it interrupted is stale.
        self._is_stale = True

    def _check(self, policy: Policy, explicit: Mapping[str, Any]) -> None:
        """Refuse what this launch cannot be given by itself, whatever is forced just now."""
        self.check_runner(policy.runner, explicit)
        _config.outlets_for(policy)
        if "share" in explicit:
            Parameters(self._signature, policy.share)

    def _adopt(self, policy: Policy) -> None:
        # A default for the whole process names what some controls have, and others not.
        self._parameters = Parameters(self._signature, policy.share, ignores_unknown=True)
        if policy.bounds != self._policy.bounds:
            for candidate in (*self.candidates, *([self._rerun] if self._rerun else ())):
                candidate.own_gate.rebound(**policy.bounds)
        self._policy = policy
        # Kept while it is off, too: with the last holder an outlet's counts would go.
        self._outlets = _config.outlets_for(policy)
        self._teller.aim(self._outlets, sample_rate_of(policy))
        self._to_start = self._what_to_start()
        onlooker = _config.onlooker()
        if self._is_paused or not _config.is_enabled():
            self._terms = None
        else:
            runner = _config.runner_for(policy)
            self._terms = Terms(
                launch=self.name,
                index=self._index,
                policy=policy,
                parameters=self._parameters,
                outlets=self._outlets,
                runner=runner,
                rerun=self._rerun_by(policy, runner),
                teller=self._teller,
                onlooker=onlooker,
            )
        for candidate in (*self.candidates, *([self._rerun] if self._rerun else ())):
            candidate.stand_behind(onlooker and onlooker.gate)

    def _rerun_by(self, policy: Policy, runner: Runner) -> Rerun | None:
        """Give the control as a candidate; None if it is not to run again, or cannot there."""
        if not policy.noise:
            return None
        if getattr(runner, "remote", None) is not None:
            try:
                reference_of(self.control, is_decorated=True)
            except ConfigurationError:
                # A default for the whole process asks for what some controls cannot do.
                return None
        if self._rerun is None:
            gate = _gate_for(f"{self.name} [{CONTROL_NAME}]", policy)
            self._rerun = Rerun(self.control, launch=self.name, gate=gate)
        return self._rerun

    @property
    def is_paused(self) -> bool:
        """Whether ``pause`` was called, and ``resume`` was not."""
        return self._is_paused

    def pause(self) -> None:
        """Switch this launch off; its calls count as ``off``."""
        self._pause(is_paused=True)

    def resume(self) -> None:
        """Switch it on again."""
        self._pause(is_paused=False)

    def _pause(self, *, is_paused: bool) -> None:
        with _config.locked():
            self._is_paused = is_paused
            self._refresh()

    def update(self, **knobs: Unpack[Knobs]) -> None:
        """Change knobs; calls that begin from now on go by them.

        Args:
            **knobs: Any knobs of ``dark_launch`` but ``candidate`` and ``name``.

        Raises:
            TypeError: There is no such knob.
            ConfigurationError: A knob cannot have that value.

        Example:
            >>> from darkcall import dark_launch, launch_of
            >>> @dark_launch(candidate=lambda x: x + x)
            ... def double(x): return 2 * x
            >>> launch_of(double).update(sample=0.5)
        """
        check_names(knobs, "update")
        with _config.locked():
            explicit = {**self._explicit, **knobs}
            self._check(_config.own_policy(explicit), explicit)
            before, self._explicit = self._explicit, {**self._explicit, **as_given(knobs)}
            try:
                self._refresh()
            except BaseException:
                # Something struck in the middle, or is not what it was when it was checked.
                self._explicit = before
                self._refresh()
                raise

    def _settle_lost(self) -> None:
        """Account for the calls whose shadowing was interrupted."""
        with suppress(IndexError):
            while True:
                lost = self._lost.popleft()
                try:
                    self._settle_each(*lost)
                except BaseException:
                    # As where the stack ends.
                    self._lost.append(lost)
                    raise

    def _settle_each(
        self, counts: Counts, jobs: list[Job], number: int | None, causes: list[type[BaseException]]
    ) -> None:
        if counts is not self._counts:
            # What a parent process began is not its forked child's to count.
            return
        [cause] = causes
        reason = "fault" if issubclass(cause, Exception) else "interrupted"
        if reason == "fault":
            _guard.say(
                _guard.ERROR, f"shadowing a call of {self.name} failed: {qualname_of(cause)}"
            )
        if number is None:
            # It was not counted as shadowed.  Last of all: what breaks off is begun again.
            counts.unsampled.add()
            return
        # Candidates that the call did not come to.
        for candidate in self.candidates[len(jobs) :]:
            job = Job()
            job.candidate, job.gate, job.follower, job.is_unsettled = candidate, None, None, True
            jobs.append(job)
        # The control that is to run again first: it is not to begin when the rest is settled.
        for job in reversed(jobs):
            job.settle(Outcome.SKIPPED, reason)

    def stats(self) -> Stats:
        """Read the counts.

        Returns:
            The counts as they are now; at each moment ``calls = off + nested +
            unsampled + shadowed``, and for each candidate ``shadowed`` is the sum of
            its outcomes and ``pending``.

        Example:
            >>> from darkcall import dark_launch, launch_of
            >>> @dark_launch(candidate=lambda x: x + x, sample=0.0)
            ... def double(x): return 2 * x
            >>> double(4)
            8
            >>> launch_of(double).stats().unsampled
            1
        """
        self._settle_lost()
        # Outcomes first: no call is to have an outcome before it is counted as shadowed.
        counted = [(candidate, *candidate.counts()) for candidate in self.candidates]
        counts = self._counts
        refused = {reason: tally.value for reason, tally in counts.refused.items() if tally.value}
        for _, outcomes, reasons in counted:
            # If there are any, there is one candidate alone.
            outcomes[Outcome.DROPPED.value] += sum(refused.values())
            for reason, times in refused.items():
                reasons[reason] = reasons.get(reason, 0) + times
        shadowed = counts.shadowed.value + sum(refused.values())
        return Stats(
            off=counts.off.value,
            nested=counts.nested.value,
            unsampled=counts.unsampled.value,
            shadowed=shadowed,
            candidates={
                candidate.name: CandidateStats(
                    outcomes=outcomes,
                    reasons=reasons,
                    pending=shadowed - sum(outcomes.values()),
                    late=candidate.late.value,
                    stuck=candidate.own_gate.stuck,
                    cpu_bound=candidate.cpu_bound.value,
                )
                for candidate, outcomes, reasons in counted
            },
            sinks=_config.sink_stats(self._outlets),
            noise=None if self._rerun is None else self._rerun.stats(),
        )

    @property
    def is_pending(self) -> bool:
        """Whether there is a call of which something is yet to be done."""
        stats = self.stats()
        return self.runs_again or any(one.pending for one in stats.candidates.values())

    def __del__(self, _is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if _is_finalizing():  # pragma: no cover -- too late for coverage, too
            # The modules that would hear of it are being taken apart.
            return
        # None of a launch that was refused.
        teller = vars(self).get("_teller")
        if teller is not None:
            # The teller may keep it for a while.
            _config.forget(self)
            teller.leave(self)

    @property
    def runs_again(self) -> bool:
        """Whether there is a call on which the control is yet to run again."""
        noise = None if self._rerun is None else self._rerun.stats()
        return noise is not None and noise.pending > 0

    def __repr__(self) -> str:
        state = "paused" if self._is_paused else "on" if self._terms is not None else "off"
        candidates = ", ".join(candidate.name for candidate in self.candidates)
        return escaped(f"<Launch {self.name} ({state}): {candidates}>")


def _gate_for(name: str, policy: Policy) -> Gate:
    return Gate(name, **policy.bounds)
