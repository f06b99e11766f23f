"""Wait for what another thread makes, but not for ever."""

from __future__ import annotations

import time
from typing import Final

from darkcall import _threads


#: How long something may take to be made; who waits for it longer goes without.
COMING_SECONDS: Final = 5.0


class Coming:
    """Something that is being made; any number of threads may wait for it."""

    def __init__(self) -> None:
        self._unsettled = _threads.Lock()
        self._unsettled.acquire()
        self._gives_up_at = time.perf_counter() + COMING_SECONDS

    def settle(self) -> None:
        """Tell who waits that it is there, or is known not to come; once."""
        self._unsettled.release()

    def wait(self) -> None:
        """Wait until it is settled, or took too long; whoever comes later does not wait."""
        left = max(self._gives_up_at - time.perf_counter(), 0.0)
        if self._unsettled.acquire(timeout=left):
            self._unsettled.release()
