"""Something asked of a sink's thread, and the wait for its answer."""

from __future__ import annotations

import threading
import time
from typing import Literal


Action = Literal["flush", "close"]

#: How much longer than its deadline a flush or a close may take to answer.
GRACE_SECONDS = 0.2


class Request:
    """Something asked of a sink, in turn with its records."""

    __slots__ = ("action", "deadline", "done", "succeeded")

    def __init__(self, action: Action, deadline: float) -> None:
        self.action = action
        self.deadline = deadline
        self.done = threading.Event()
        self.succeeded = False

    def answer(self, *, succeeded: bool) -> None:
        """Let whoever asked go on."""
        self.succeeded = succeeded
        self.done.set()

    def wait(self) -> None:
        """Wait for the answer, until shortly after the deadline."""
        left = self.deadline + GRACE_SECONDS - time.monotonic()
        self.done.wait(min(max(left, 0.0), threading.TIMEOUT_MAX))
