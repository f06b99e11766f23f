"""What a runner offers that has candidates run in other processes."""

from __future__ import annotations

from typing import Protocol


class RefusedError(Exception):
    """Nothing can be run elsewhere at the moment; the message says why."""


class EndedError(Exception):
    """What ran elsewhere was ended before it had answered; the message says how.

    A candidate whose process ended is taken for one that raised this.
    """

    __module__ = "darkcall.runners"


class Errand(Protocol):
    """One candidate's call, elsewhere."""

    #: CPU time that it took to replace a process for it, in seconds.
    restart_cpu_seconds: float

    @property
    def clock(self) -> int | None:
        """The CPU time of what runs it, for ``time.clock_gettime``; None if there is none."""

    def prepare(self, function: str, argument: bytes) -> bytes:
        """Get ready to run, and call a function there, if that has not succeeded before.

        Args:
            function: ``package.module:function``; it takes and returns bytes.
            argument: What it is called with.

        Returns:
            Why it failed; nothing if it did not.

        Raises:
            RefusedError: Nothing can be run.
            EndedError: What would run it ended.
        """

    def run(self, function: str, argument: bytes) -> bytes:
        """Call a function there; returns what it returned, and raises what ``prepare`` does."""

    def give_up(self) -> None:
        """End what runs, if that can be done; from another thread, and at once."""


class Remote(Protocol):
    """Where candidates run that do not run in this process.

    Attributes:
        max_wait_seconds: A call that has waited longer is not run any more; None for no limit.
    """

    max_wait_seconds: float | None

    def errand(self) -> Errand:
        """Begin an errand, for one candidate on one call."""
