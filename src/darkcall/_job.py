"""One call for one candidate: what the caller's thread hands over, and how it is settled once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from . import _guard
from ._model import Outcome
from ._trial import Trial


if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextvars import Context

    from ._candidate import Candidate
    from ._noise import Follower
    from ._snapshot import Kept
    from ._terms import Terms
    from .runners import Watch

Pair: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]


class Job:
    """One call, for one candidate, as the caller hands it over.

    Filled step by step on the caller's thread: an ``__init__`` would take longer than all of that.

    Attributes:
        candidate: Which candidate is to run.
        gate: The gate in which the call holds a place; None if it holds none.
        is_unsettled: There, and True, until somebody settles the call.
        follower: What starts the job that is to come after those of the candidates; None if there
            is none.
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
        "follower",
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
    follower: Follower | None
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

    def submit(self) -> None:
        """Hand it to the runner; whatever that raises is accounted for."""
        try:
            self.terms.submit(self)
        except Exception as fault:  # noqa: BLE001 -- a runner of the user's own
            self.settle(Outcome.SKIPPED, "fault")
            _guard.fault(f"submitting a call of {self.terms.launch}", fault)

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
        follower = self.follower
        if follower is not None:
            # It holds the job that it starts, and that may be this one.
            self.follower = None
            if follower.job is not self:
                follower.hear(outcome, reason)
        return True
