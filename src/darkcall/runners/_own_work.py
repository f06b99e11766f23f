"""Work that a runner gives itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._work import Watch

#: How long telling of work that is overdue may hold a worker.
TELLING_SECONDS: Final = 5.0


class Continuation:
    """What is left to do for work that is overdue, away from the thread it holds."""

    def __init__(self, on_abandoned: Callable[[str], None]) -> None:
        self._on_abandoned = on_abandoned

    def run(self, watch: Watch) -> None:
        """Tell of it, on a worker."""
        watch.start(TELLING_SECONDS, _nothing)
        self._on_abandoned("timeout")
        watch.end()

    def drop(self, reason: str) -> None:
        """Tell of it, where no worker will."""
        self._on_abandoned(reason)


class Milestone:
    """Shows how far the workers have come."""

    def __init__(self) -> None:
        self.is_reached = False
        self.is_dropped = False

    def run(self, watch: Watch) -> None:  # noqa: ARG002 -- takes no time
        """Be reached."""
        self.is_reached = True

    def drop(self, reason: str) -> None:  # noqa: ARG002 -- whatever it is
        """Tell whoever waits that it will not be reached."""
        self.is_dropped = True


def _nothing(reason: str) -> None:
    """Leave it at that: what is overdue here has nothing left to do."""
