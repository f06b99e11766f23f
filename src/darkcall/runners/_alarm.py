"""What a supervisor sleeps by."""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress


class Alarm:
    """A bell that rings at a planned time, or before.

    Attributes:
        planned: When it rings by itself, a reading of ``time.perf_counter``.
    """

    def __init__(self) -> None:
        self.planned = math.inf
        self._bell = threading.Lock()
        self._bell.acquire()

    def ring(self) -> None:
        """Wake who waits, or who waits next."""
        with suppress(RuntimeError):
            self._bell.release()

    def wait(self) -> None:
        """Sleep until it rings."""
        seconds = self.planned - time.perf_counter()
        if seconds >= threading.TIMEOUT_MAX:
            self._bell.acquire()
        elif seconds > 0.0:
            self._bell.acquire(timeout=seconds)
