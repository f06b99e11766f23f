"""A process that runs candidates for this one, as this one sees it."""

from __future__ import annotations

import _socket
import contextlib
import fcntl
import itertools
import multiprocessing.process
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

# Here, where no fork comes in the middle of an import.
from multiprocessing import spawn
from typing import TYPE_CHECKING, Final

from darkcall import _threads
from darkcall._forks import ForkGate

from . import _child, _frames
from ._remote import EndedError


if TYPE_CHECKING:
    from collections.abc import Callable

#: How long a process that closed its channel, or was killed, may take to end, in seconds.
ENDING_SECONDS: Final = 1.0
#: An import that failed there is tried again after so many seconds.
RETRY_SECONDS: Final = 30.0
_TICK_SECONDS: Final = 0.001
_STDERR: Final = 2
_UNKNOWN: Final = 256  #: No process ends with this.

# Where this process has found darkcall, so does that one.
_PROGRAM: Final = (
    "import sys; sys.path[:] = sys.argv[1:]; from darkcall.runners._child import main; main()"
)

# What an empty entry of sys.path stood for when the program began.
_ORIGINAL_FOLDER: Final[str] = getattr(multiprocessing.process, "ORIGINAL_DIR", None) or ""

#: A child that is forked while one is started would hold the other end of its channel.
starting: Final = ForkGate()


class Process:
    """A process and the channel to it; to be begun before it is called.

    Args:
        nice: By how much its priority is lowered.

    Raises:
        OSError: The system has no process left, or no descriptor.
        TypeError: There is no interpreter to start.
        ValueError: As before, or ``sys.path`` cannot be passed on.

    Attributes:
        pid: Its number.
        clock: Its CPU time, for ``time.clock_gettime``; None where there is no such clock.
    """

    def __init__(self, nice: int) -> None:
        self._prepared: dict[tuple[str, bytes], tuple[bytes, float]] = {}
        self._numbers = itertools.count()
        self._has_begun = False
        self._code: int | None = None
        # Re-entrant, for a signal handler that closes.
        self._reaping = _threads.RLock()
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            # Not of the module socket, over which gevent patches its own.
            self._channel, channel = _socket.socketpair()
            ours.callback(self._channel.close)
            theirs.callback(channel.close)
            # Nothing is ever written to it: it is there as long as this process is.
            pipe, self._lifeline = os.pipe()
            ours.callback(os.close, self._lifeline)
            theirs.callback(os.close, pipe)
            self.pid = _spawn(channel.fileno(), pipe)
            # Only if none could be started is it closed here.
            ours.pop_all()
        self.clock = _clock_of(self.pid)
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.pid, os.nice(0) + nice)

    def begin(self) -> bool:
        """Wait until it can be called.

        Returns:
            Whether it could not before.

        Raises:
            EndedError: It ended before.
        """
        if self._has_begun:
            return False
        self._ask(pickle.dumps({"argv": [str(one) for one in getattr(sys, "argv", [])]}))
        self._has_begun = True
        return True

    def cpu_seconds(self) -> float:
        """Give the CPU time that it has used, in seconds; 0.0 where that is not known."""
        with suppress(OSError):
            return 0.0 if self.clock is None else time.clock_gettime(self.clock)
        return 0.0

    def call(self, function: str, argument: bytes) -> bytes:
        """Call a function in it, and wait for what it returns.

        Args:
            function: ``package.module:function``.
            argument: What it is called with.

        Returns:
            What it returns.

        Raises:
            EndedError: The process ended before.
        """
        return self._ask(pickle.dumps((function, argument)))

    def prepare(self, function: str, argument: bytes) -> bytes:
        """Call a function in it that says why it failed, once and for all if it did not.

        Args:
            function: ``package.module:function``.
            argument: What it is called with.

        Returns:
            What it returned; nothing if it did not fail.

        Raises:
            EndedError: The process ended before.
        """
        now = time.perf_counter()
        why, try_again_at = self._prepared.get((function, argument), (b"never", 0.0))
        if why and now >= try_again_at:
            why = self.call(function, argument)
            self._prepared[function, argument] = why, now + RETRY_SECONDS
        return why

    def _ask(self, message: bytes) -> bytes:
        answer, number = None, next(self._numbers)
        with suppress(OSError):
            _frames.send(self._channel, number, message)
            answer = _frames.receive(self._channel)
        if answer is None or answer[0] != number:
            self.wait(time.perf_counter() + ENDING_SECONDS)
            raise EndedError(f"the worker process {self._how_it_ended()}")
        return answer[1]

    @property
    def has_ended(self) -> bool:
        """Whether it is no more."""
        with self._reaping:
            if self._code is None:
                self._code = _code_of(self.pid)
            return self._code is not None

    def _how_it_ended(self) -> str:
        code = self._code
        if code is None or code == _UNKNOWN:
            return "ended" if code else "does not answer any more"
        if code >= 0:
            return f"ended by itself, with the status {code}"
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
        return f"was ended by the signal {-code}"

    def let_go(self) -> None:
        """Have it end, by itself if it has nothing to do."""
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        """End it now, with what it has started; whoever waits for its answer hears of it."""
        with self._reaping:
            # Once it was waited for, another process may have its number.
            if not self.has_ended:
                _kill_group(self.pid)
        # A process that it has forked may have the other end open.
        self.let_go()

    def end(self) -> None:
        """End it now, and give back what it holds; for whoever would wait for its answer."""
        self.kill()
        self.wait(time.perf_counter() + ENDING_SECONDS)
        self.forget()

    def wait(self, gives_up_at: float) -> None:
        """Wait until it has ended.

        Args:
            gives_up_at: Until when at most, a reading of ``time.perf_counter``.
        """
        while not self.has_ended and time.perf_counter() < gives_up_at:
            _threads.sleep(_TICK_SECONDS)

    def forget(self) -> None:
        """Give back what it holds here: it has ended, or is the parent process's."""
        self._channel.close()
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)


def _spawn(channel: int, lifeline: int) -> int:
    """Start a process; not by subprocess, which gevent leaves nothing of that threads can use."""
    # Where Python is part of another program, it was told which this is.
    executable = os.fsdecode(spawn.get_executable())
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    path = [str(one) or _ORIGINAL_FOLDER for one in sys.path]
    posix_spawn: Callable[..., int] = _threads.native(os, "posix_spawn")
    with contextlib.ExitStack() as copies:
        # None of them has a number that another is to get.
        for_channel, for_lifeline = (
            fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, _child.LIFELINE + 1)
            for one in (channel, lifeline)
        )
        copies.callback(os.close, for_channel)
        copies.callback(os.close, for_lifeline)
        return posix_spawn(
            executable,
            [executable, *flags, "-c", _PROGRAM, *path],
            # What it calls that is decorated is a plain call.
            {**os.environ, "DARKCALL": "off"},
            file_actions=[
                *((os.POSIX_SPAWN_CLOSE, leak) for leak in _leaks()),
                (os.POSIX_SPAWN_DUP2, for_channel, 0),
                (os.POSIX_SPAWN_DUP2, for_lifeline, _child.LIFELINE),
            ],
            # What candidates start is killed with it; signals to the host's group are not for it.
            setpgroup=0,
            setsigmask=_child.KEPT_OUT,
        )


def _leaks() -> list[int]:
    """List the descriptors that a process would inherit, such as those of a server written in C."""
    found = []
    with suppress(OSError):
        for name in os.listdir("/dev/fd"):  # noqa: PTH208 -- slow to import
            # The one that lists them is closed by now.
            with suppress(OSError):
                if int(name) > _STDERR and os.get_inheritable(int(name)):
                    found.append(int(name))
    return found


def _code_of(pid: int) -> int | None:
    """Give what a process ended with; None while it goes on."""
    wait: Callable[[int, int], tuple[int, int]] = _threads.native(os, "waitpid")
    try:
        if hasattr(os, "waitid"):  # pragma: no branch -- not on macOS before CPython 3.13
            options = os.WEXITED | os.WNOHANG | os.WNOWAIT
            if os.waitid(os.P_PID, pid, options) is None:
                return None
            # What it has started, while its number is its own.
            _kill_group(pid)
        ended, status = wait(pid, os.WNOHANG)
    except ChildProcessError:
        # The host waits for any child, or gevent does.
        return _UNKNOWN
    return os.waitstatus_to_exitcode(status) if ended else None


def _kill_group(pid: int) -> None:
    with suppress(OSError):
        os.killpg(pid, signal.SIGKILL)


def _clock_of(pid: int) -> int | None:
    """Do as ``clock_getcpuclockid``, which Python does not have."""
    return (~pid << 3) | 2 if sys.platform == "linux" else None
