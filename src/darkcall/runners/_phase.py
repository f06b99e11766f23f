"""What a worker does now, until when, and whose it is to end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Callable


class Phase:
    """One phase of a worker's work; filled in, as a job is.

    Attributes:
        seconds: How long it may take.
        deadline: Until when, a reading of ``time.perf_counter``.
        on_abandoned: What is called if it takes longer.
        interrupt: What ends what it waits for; None if nothing does.
        standstills_left: How often it gets its full time anew.
        is_unclaimed: There, and True, until somebody takes it: who ends it, or who abandons it.
    """

    __slots__ = (
        "deadline",
        "interrupt",
        "is_unclaimed",
        "on_abandoned",
        "seconds",
        "standstills_left",
    )

    seconds: float
    deadline: float
    on_abandoned: Callable[[str], None]
    interrupt: Callable[[], None] | None
    standstills_left: int
    is_unclaimed: bool

    def is_abandoned_now(self) -> bool:
        """Take it, unless somebody has, and end what it waits for."""
        try:
            # One step, which one thread alone can take.
            del self.is_unclaimed
        except AttributeError:
            return False
        if self.interrupt is not None:
            self.interrupt()
        return True

    def gets_time_anew(self) -> bool:
        """Give it its full time again, if it may have it."""
        if not self.standstills_left:
            return False
        self.standstills_left -= 1
        self.deadline = time.perf_counter() + self.seconds
        return True
