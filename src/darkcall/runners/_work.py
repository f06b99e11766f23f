"""What a runner is given, and what it gives: a callable and a deadline, never a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol


if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from darkcall._model import Observation


class Watch(Protocol):
    """How work in progress says how long it may take.

    Attributes:
        is_callers_thread: Whether the work is done while the caller waits.
    """

    is_callers_thread: bool

    def start(
        self,
        seconds: float | None,
        on_abandoned: Callable[[str], None],
        interrupt: Callable[[], None] | None = None,
    ) -> None:
        """Begin a phase.

        Args:
            seconds: How long the phase may take; None for as long as it likes.
            on_abandoned: Called elsewhere, with ``timeout`` if the phase takes longer,
                with ``exit`` if the runner closes before.
            interrupt: Called before that, by whoever finds the phase overdue, to end what it
                waits for; it returns at once.
        """

    def end(self) -> bool:
        """End the phase; False if it was abandoned before."""


class Work(Protocol):
    """A piece of work for a runner."""

    def run(self, watch: Watch) -> None:
        """Do it, on a worker."""

    def drop(self, reason: str) -> None:
        """Hear that it will not be done, or not to its end."""


class Runner(Protocol):
    """Where work is done.

    Attributes:
        is_inline: Whether the caller waits until the work is done.
    """

    is_inline: bool

    def submit(self, work: Work) -> None:
        """Take work over, at once and without raising."""

    def flush(self, timeout: float) -> bool:
        """Wait until all work that was submitted before is done; False if it is not."""

    def close(self, timeout: float) -> bool:
        """Flush, then stop, and drop what is not done; False if anything was dropped."""

    def after_fork(self) -> None:
        """Forget the parent's threads and work, in a forked child."""


class Course(Protocol):
    """What becomes of an async candidate, as its run hears of it."""

    @property
    def work(self) -> Work:
        """What a runner was given, and came to this."""

    @property
    def timeout(self) -> float | None:
        """How long it may take, in seconds."""

    def observe(self) -> Coroutine[Any, Any, Observation]:
        """Run it."""

    def ended(self, observation: Observation) -> None:
        """Hear what it did."""

    def abandoned(self, reason: str) -> None:
        """Hear that it did not end in time, was cancelled, or lost its loop."""

    def got_stuck(self) -> None:
        """Hear that it goes on after it was cancelled."""

    def ended_late(self, observation: Observation | None) -> None:
        """Hear that it ended after it was abandoned; None if it was cancelled."""
