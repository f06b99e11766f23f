"""Something asked of a sink's thread, and the wait for its answer."""

from __future__ import annotations

import time
from typing import Literal

from darkcall import _threads


Action = Literal["flush", "close"]

#: How much longer than its deadline a flush or a close may take to answer.
ANSWERING_SECONDS = 0.2


class Request:
    """Something asked of a sink, in turn with its records."""

    __slots__ = ("action", "deadline", "is_done", "succeeded")

    def __init__(self, action: Action, deadline: float) -> None:
        self.action = action
        self.deadline = deadline
        self.is_done = False
        self.succeeded = False

    def answer(self, *, succeeded: bool) -> None:
        """Let whoever asked go on."""
        self.succeeded = succeeded
        self.is_done = True

    def wait(self) -> None:
        """Wait for the answer, until shortly after the deadline."""
        # Not an event, which would stop all greenlets of a thread.
        pauses = _threads.Pauses()
        while not self.is_done and time.monotonic() < self.deadline + ANSWERING_SECONDS:
            pauses.take()
