"""A gate that lets each call through, for while a test looks on."""

from __future__ import annotations


class OpenGate:
    """Stands before all candidates at once, and remembers nothing of them.

    What their own gates hold, calls that wait and a breaker that is open, is there again
    afterwards: a job keeps the gate that it came through.  It has what is used of a
    :class:`darkcall._gate.Gate`.
    """

    shut_until = 0.0

    def __init__(self) -> None:
        self.room = EndlessRoom()

    def enter(self) -> None:
        """Let a call through."""

    def begin(self, meter: object, now: float) -> None:
        """Let a call begin."""

    def ended(self, meter: object, cpu_seconds: float | None) -> None:
        """Hear that a candidate ended."""

    def succeeded(self) -> None:
        """Hear that a candidate succeeded."""

    def failed(self) -> None:
        """Hear that a candidate failed."""

    def got_stuck(self, meter: object) -> None:
        """Hear that a candidate goes on past its deadline."""

    def got_free(self, meter: object, cpu_seconds: float | None = None) -> None:
        """Hear that it ended after all."""


class EndlessRoom:
    """Has a place for each call."""

    places = (None,)
    nbytes = 0
    max_bytes = 1
    is_full = False

    def weigh(self, nbytes: int) -> None:
        """Count nothing."""

    def give_back(self, nbytes: int) -> None:
        """Count nothing."""
