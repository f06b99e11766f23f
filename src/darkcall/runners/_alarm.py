"""What a supervisor sleeps by."""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress
from typing import Final

from darkcall import _threads


#: What wakes up so much later than planned was frozen with its process, as between two
#: calls of a serverless function.
STANDSTILL_SECONDS: Final = 1.0
#: How often work gets its full time anew after a standstill; it may hang all the same.
STANDSTILLS: Final = 3


class Alarm:
    """A bell that rings at a planned time, or before.

    Attributes:
        planned: When it rings by itself, a reading of ``time.perf_counter``.
    """

    def __init__(self) -> None:
        self.planned = math.inf
        self._bell = _threads.Lock()
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
