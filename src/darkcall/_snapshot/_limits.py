"""How large a copy may get, and how long making it may hold the caller."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple


if TYPE_CHECKING:
    import pickle

#: Waiting, for the interpreter or for the system, is no work of the copy's: only if it takes
#: so many times as long as copying may is it too much as well.
WAITING: Final = 10

clock = time.perf_counter
cpu_clock = time.thread_time


class UnkeepableError(Exception):
    """A value cannot be kept; the message says why."""


class TookTooLongError(UnkeepableError):
    """Copying a value would hold the caller for too long."""


class Limits(NamedTuple):
    """What one copy may cost.

    Attributes:
        nbytes: How large it may get, in bytes.
        seconds: How long it may hold the caller, in seconds; infinite for no limit.
    """

    nbytes: int
    seconds: float


class Writer:
    """A file in memory that refuses what exceeds the limits, before the bytes are made.

    The time is that of the calling thread's CPU.  To read that clock takes far longer than to
    read the wall clock, so it is not read before half of the time is over.

    Args:
        limits: What the copy may cost; the time begins now.

    Attributes:
        chunks: What was written.
        nbytes: How many bytes the copy has so far.
    """

    __slots__ = ("_cpu_ends", "_ends", "_limits", "_looks_at", "chunks", "nbytes")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._cpu_ends: float | None = None
        #: When to look whether the time is over, a reading of ``clock``.
        self._looks_at = clock() + limits.seconds / 2
        self.chunks: list[bytes] = []
        self.nbytes = 0

    def empty(self) -> None:
        """Begin again with no bytes; the time goes on.

        Raises:
            TookTooLongError: It is over.
        """
        self.look_if_due()
        self.chunks = []
        self.nbytes = 0

    def write(self, chunk: bytes) -> None:
        """Take what the pickler wrote: a small copy comes as a whole, a large one in parts."""
        if self.nbytes:
            self.look_if_due()
        self.take(len(chunk))
        # A large bytearray arrives as itself, and may change later.
        self.chunks.append(bytes(chunk))

    def take(self, nbytes: int) -> None:
        """Count bytes of the copy.

        Args:
            nbytes: How many were made.

        Raises:
            UnkeepableError: They are too many.
        """
        self.nbytes += nbytes
        if self.nbytes > self._limits.nbytes:
            raise self._too_large()

    def measure(self, buffer: pickle.PickleBuffer) -> bool:
        """Look at a buffer before it is copied; True has it written in its place."""
        self.reserve(memoryview(buffer).nbytes)
        return True

    def reserve(self, nbytes: int) -> None:
        """Refuse bytes that there is no room for.

        Args:
            nbytes: How many are about to be made.

        Raises:
            UnkeepableError: They are too many.
        """
        if self.nbytes + nbytes > self._limits.nbytes:
            raise self._too_large()

    def look_if_due(self) -> None:
        """Refuse to go on if the time is over; costs one reading of the wall clock.

        Raises:
            TookTooLongError: It is over.
        """
        if clock() > self._looks_at:
            self._look()

    def _too_large(self) -> UnkeepableError:
        return UnkeepableError(
            f"a copy would exceed max_copy_bytes={self._limits.nbytes}, which can be raised"
        )

    def _look(self) -> None:
        seconds = self._limits.seconds
        now, cpu_now = clock(), cpu_clock()
        if self._cpu_ends is None:
            self._cpu_ends = cpu_now + seconds / 2
            self._ends = self._looks_at + seconds * (WAITING - 0.5)
        left = min(self._cpu_ends - cpu_now, self._ends - now)
        if left <= 0:
            raise TookTooLongError(
                f"copying would hold the caller for over max_copy_seconds={seconds}, "
                "which can be raised"
            )
        # The CPU's time passes no faster.
        self._looks_at = now + left
