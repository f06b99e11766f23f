"""What holds for one launch right now: its policy, and where its work and records go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from .compare import Equality


if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._job import Job
    from ._noise import Rerun
    from ._parameters import Parameters
    from ._policy import Policy
    from ._telling import Teller
    from .runners import Remote, Runner
    from .sinks._outlet import Outlet


class Onlooker(Protocol):
    """A test that looks on; there is none in production.

    Attributes:
        gate: What stands before each candidate meanwhile.
    """

    gate: Any

    def look_back(self, jobs: Sequence[Job], error: Exception | None) -> None:
        """Hear that a call is over, and raise what is to be raised out of it.

        Args:
            jobs: Those of the call.
            error: What the control raised; None if it returned.
        """


class Terms:
    """A launch's policy, made ready for its calls; replaced as a whole, never changed.

    Attributes:
        launch: The launch's name.
        index: Tells launches of one name apart, within the process.
        may_match_plainly: Whether to see that both sides are the same plain value is to know the
            outcome and the whole record.
        rate: The share of calls that is chosen at random; 1.0 where a sampler of the user's
            own chooses.
        isolate: How arguments are kept: ``copy``, ``share``, or a callable of the user's own.
        copies: Whether arguments that can change are copied, and the others handed over.
        copy_limits: What a copy may cost.
        describes_arguments: Whether the arguments are to be kept in the record, or digested.
        shares: Whether any argument is handed over as it is.
        has_context: Whether the user's ``context`` is to be asked.
        blocks: Whether a caller waits for room.
        submit: Hands a job to the runner.
        policy: Every knob.
        sample_rate: The share of calls that is sampled; None where it is unknown.
        sampler: The user's own sampler, if there is one.
        named: Gives each argument its parameter's name.
        outlets: The sinks, each behind a queue of its own.
        sinks: What takes the records; it never raises, and waits only where that was asked for.
        runner: Where candidates run.
        rerun: The control as a candidate; None if it does not run again.
        remote: What runs them in other processes, if the runner has them run so.
        look_back: What a test has done last at each call, and may raise; None but in tests.
        teller: Tells the sinks what the launch counted.
    """

    __slots__ = (
        "blocks",
        "copies",
        "copy_limits",
        "describes_arguments",
        "has_context",
        "index",
        "isolate",
        "launch",
        "look_back",
        "may_match_plainly",
        "named",
        "outlets",
        "policy",
        "rate",
        "remote",
        "rerun",
        "runner",
        "sample_rate",
        "sampler",
        "shares",
        "sinks",
        "submit",
        "teller",
    )

    def __init__(
        self,
        *,
        launch: str,
        index: int,
        policy: Policy,
        parameters: Parameters,
        outlets: Sequence[Outlet],
        runner: Runner,
        rerun: Rerun | None,
        teller: Teller,
        onlooker: Onlooker | None = None,
    ) -> None:
        self.launch = launch
        self.index = index
        self.policy = policy
        self.named = parameters.named
        self.outlets = outlets
        self.isolate: Any = policy.isolate
        self.copies = policy.isolate == "copy" and not parameters.has_changeable_defaults
        self.copy_limits = policy.copy_limits
        self.shares = bool(policy.share)
        self.has_context = policy.context is not None
        self.blocks = policy.when_full == "block"
        self.sinks = [one.offer_patiently if self.blocks else one.offer for one in outlets]
        self.runner = runner
        self.rerun = rerun
        self.remote: Remote | None = getattr(runner, "remote", None)
        self.submit = runner.submit
        self.look_back = None if onlooker is None else onlooker.look_back
        self.teller = teller
        self.describes_arguments = policy.keep == "everything" or policy.digest_inputs
        self.may_match_plainly = (
            type(policy.compare) is Equality
            and not policy.compare.judges
            and policy.normalize is None
            and policy.context is None
            and policy.keep != "everything"
        )
        self.sampler = policy.sample if callable(policy.sample) else None
        self.rate = policy.sample if self.sampler is None else 1.0
        self.sample_rate = sample_rate_of(policy)


def sample_rate_of(policy: Policy) -> float | None:
    """Give the share of calls that is sampled.

    Args:
        policy: A policy.

    Returns:
        From 0.0 to 1.0; None where it is unknown, as for a sampler of the user's own that does
        not say.
    """
    if not callable(policy.sample):
        rate: float = policy.sample
        return rate
    share = getattr(policy.sample, "share", None)
    return share if type(share) is float and 0.0 <= share <= 1.0 else None
