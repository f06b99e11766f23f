"""What holds for one launch right now: its policy, and where its work and records go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._policy import Policy
    from .runners import Runner
    from .sinks._outlet import Outlet


class Terms:
    """A launch's policy, made ready for its calls; replaced as a whole, never changed.

    Attributes:
        launch: The launch's name.
        index: Tells launches of one name apart, within the process.
        policy: Every knob.
        sample_rate: The share of calls that is sampled; None where it is unknown.
        sampler: The user's own sampler, if there is one.
        named: Gives each argument its parameter's name.
        outlets: The sinks, each behind a queue of its own.
        sinks: What takes the records; it never raises, and waits only where that was asked for.
        runner: Where candidates run.
    """

    __slots__ = (
        "index",
        "launch",
        "named",
        "outlets",
        "policy",
        "runner",
        "sample_rate",
        "sampler",
        "sinks",
    )

    def __init__(
        self,
        *,
        launch: str,
        index: int,
        policy: Policy,
        named: Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]],
        outlets: Sequence[Outlet],
        runner: Runner,
    ) -> None:
        self.launch = launch
        self.index = index
        self.policy = policy
        self.named = named
        self.outlets = outlets
        is_patient = policy.when_full == "block"
        self.sinks = [one.offer_patiently if is_patient else one.offer for one in outlets]
        self.runner = runner
        if callable(policy.sample):
            self.sampler = policy.sample
            share = getattr(policy.sample, "share", None)
            self.sample_rate = share if type(share) is float and 0.0 <= share <= 1.0 else None
        else:
            self.sampler = None
            self.sample_rate = policy.sample
