"""Run candidates in processes of their own, of a low priority, which are killed when overdue.

A thread of this process waits for each of them, so callers pay what they pay for threads; it
also compares and records.  The processes are started anew, never forked.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from darkcall import _threads
from darkcall._errors import ConfigurationError
from darkcall._policy import checked_seconds

from ._remote import EndedError, RefusedError
from .thread import ThreadRunner


if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from darkcall._forks import ForkGate

    from ._process import Process

#: A process that cannot be started is tried again after so many seconds.
RETRY_SECONDS: Final = 30.0
#: After one that ended, the next is started so much later, in seconds: to start takes the CPU.
RESTART_SECONDS: Final = 0.25
#: How long processes may take to end by themselves when a runner closes, in seconds.
CLOSING_SECONDS: Final = 0.3


class ProcessRunner(ThreadRunner):
    """Runs candidates in worker processes, which share neither memory nor lock with callers.

    A candidate is named to them, so it is a function at the top level of a module, or given
    by name; its arguments and its result are pickled.  It sees no context variables, and what
    it prints stands where this process prints.  One that is over its deadline is killed, and
    one that takes its process with it is a ``candidate_error``.

    Args:
        workers: How many candidates may run at once, each in a process of its own.
        nice: By how much the priority of the processes is lowered, from 0 to 19.
        max_wait_seconds: A call that has waited longer for a process is dropped
            (``expired``), in seconds or as a timedelta; None for no limit.

    Raises:
        ConfigurationError: One of these is out of its range, or the system is Windows.

    Example:
        >>> ProcessRunner(workers=2)
        ProcessRunner(workers=2, nice=19)
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        nice: int = 19,
        max_wait_seconds: float | dt.timedelta | None = 60.0,
    ) -> None:
        if not hasattr(os, "posix_spawn"):
            raise ConfigurationError("ProcessRunner needs a POSIX system: use ThreadRunner here")
        if not isinstance(nice, int) or not 0 <= nice <= 19:
            raise ConfigurationError(f"ProcessRunner(nice={nice!r}): give a number from 0 to 19")
        if max_wait_seconds is not None:
            max_wait_seconds = checked_seconds(
                "ProcessRunner", max_wait_seconds, name="max_wait_seconds"
            )
        super().__init__(workers=workers)
        # Here, where no fork comes in its middle; slow to import.
        from ._process import Process, starting  # noqa: PLC0415

        self._nice = nice
        self.remote = _Processes(lambda: Process(nice), starting, max_wait_seconds)

    def close(self, timeout: float) -> bool:
        """Flush, then end the processes and drop what is not done.

        Work that is submitted later starts new ones.

        Args:
            timeout: How long to wait, in seconds.

        Returns:
            Whether all was done.
        """
        is_done = super().close(timeout)
        self.remote.close()
        return is_done

    def after_fork(self) -> None:
        """Forget the parent's processes and work; the next call starts new ones."""
        super().after_fork()
        self.remote.after_fork()

    def __repr__(self) -> str:
        return f"ProcessRunner(workers={self._count}, nice={self._nice})"


class _Processes:
    """The processes of a runner: as many as its threads ask for at once."""

    def __init__(
        self, make: Callable[[], Process], starting: ForkGate, max_wait_seconds: float | None
    ) -> None:
        self.max_wait_seconds = max_wait_seconds
        self._make = make
        self._starting = starting
        self._reset()

    def _reset(self) -> None:
        self._idle: list[Process] = []
        self._all: set[Process] = set()
        self.has_ended_any = False
        self._start_at = 0.0
        self._pause_seconds = 0.0
        self._failure: str | None = None

    def errand(self) -> _Errand:
        """Begin an errand, for one candidate on one call."""
        return _Errand(self)

    def take(self) -> Process:
        """Give a process that has nothing to do; a new one, if there is none.

        Raises:
            RefusedError: None can be started.
        """
        with suppress(IndexError):
            while True:
                process = self._idle.pop()
                if not process.has_ended:
                    return process
                self.drop(process)
        seconds = self._start_at - time.perf_counter()
        if self._failure is not None and seconds > 0.0:
            raise RefusedError(self._failure)
        if seconds > 0.0:
            _threads.sleep(seconds)
        try:
            with self._starting.inside:
                process = self._make()
                self._all.add(process)
        except (OSError, TypeError, ValueError) as error:
            raise self.refused(str(error)) from None
        return process

    def refused(self, why: str) -> RefusedError:
        """Start none for a while, as it failed: twice as long each time."""
        self._pause_seconds = min(2 * self._pause_seconds or RESTART_SECONDS, RETRY_SECONDS)
        self._start_at = time.perf_counter() + self._pause_seconds
        self._failure = f"no worker process can be started: {why}"
        return RefusedError(self._failure)

    def give_back(self, process: Process) -> None:
        """Take a process back that has nothing to do."""
        self._failure, self._pause_seconds = None, 0.0
        self._idle.append(process)
        if process not in self._all:
            # The runner was closed meanwhile.
            self.drop(process)

    def drop(self, process: Process) -> None:
        """Have done with a process, and start the next one a moment later."""
        process.end()
        self._all.discard(process)
        self.has_ended_any = True
        self._start_at = max(self._start_at, time.perf_counter() + RESTART_SECONDS)

    def close(self) -> None:
        """End all processes; whoever waits for the answer of one hears of it."""
        idle, busy = self._idle, self._all.difference(self._idle)
        self._reset()
        gives_up_at = time.perf_counter() + CLOSING_SECONDS
        for process in busy:
            process.kill()
        for process in idle:
            process.let_go()
        for process in busy:
            process.wait(gives_up_at)
        for process in idle:
            process.wait(gives_up_at)
            process.end()

    def after_fork(self) -> None:
        """Leave all processes to the parent."""
        processes = list(self._all)
        self._reset()
        for process in processes:
            process.forget()


class _Errand:
    """One candidate's call, in a process that has nothing else to do."""

    def __init__(self, processes: _Processes) -> None:
        self._processes = processes
        self._process: Any = None
        self._claimed = _threads.Lock()
        self.restart_cpu_seconds = 0.0

    @property
    def clock(self) -> int | None:
        """The CPU time of the process, for ``time.clock_gettime``."""
        return self._process.clock  # type: ignore[no-any-return]

    def prepare(self, function: str, argument: bytes) -> bytes:
        """Find a process, and call a function in it, if that has not succeeded there before.

        Args:
            function: ``package.module:function``.
            argument: What it is called with.

        Returns:
            What it returned: why it failed, if it did.

        Raises:
            RefusedError: No process can be had.
            EndedError: The process ended.
        """
        self._process = process = self._processes.take()
        if self._claimed.locked():
            # Before there was one to be killed.
            process.kill()
        try:
            is_new: bool = self._held(process.begin)
        except EndedError as error:
            if self._claimed.locked():
                raise
            raise self._processes.refused(str(error)) from None
        why: bytes = self._held(process.prepare, function, argument)
        if is_new and self._processes.has_ended_any:
            self.restart_cpu_seconds = process.cpu_seconds()
        if why:
            self._processes.give_back(process)
        return why

    def run(self, function: str, argument: bytes) -> bytes:
        """Call a function in the process that was prepared.

        Args:
            function: ``package.module:function``.
            argument: What it is called with.

        Returns:
            What it returned.

        Raises:
            EndedError: The process ended.
        """
        answer: bytes = self._held(self._process.call, function, argument)
        if self._claimed.acquire(blocking=False):
            self._processes.give_back(self._process)
        else:
            self._processes.drop(self._process)
        return answer

    def _held(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except BaseException:
            # Nobody knows what it would answer next.
            self._processes.drop(self._process)
            raise

    def give_up(self) -> None:
        """Kill the process, unless it has answered; from another thread."""
        if self._claimed.acquire(blocking=False) and self._process is not None:
            self._process.kill()
