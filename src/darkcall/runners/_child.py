"""What a process does that runs candidates for another one.

It is asked on a socket, which is its standard input when it starts.  It ends when the process
that started it closes the other end, or is no more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import pickle
import select
import signal
import socket
import sys
import time
from typing import Any, Final

from darkcall import _threads
from darkcall._reference import imported

from . import _frames


#: Where the process that starts this one puts a pipe that it never writes to.
LIFELINE: Final = 3
#: Sent to all processes of a service or of a terminal: who started this one ends it.
KEPT_OUT: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: How long the process may take to end by itself once nobody needs it, in seconds.
ENDING_SECONDS: Final = 1.0
#: When memory runs out, the system is to end this process before any that does its own work.
_OOM_SCORE: Final = "800"


def main() -> None:
    """Do what is asked for, until nobody asks any more."""
    _end_with_the_pipe()
    channel = socket.socket(fileno=fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, LIFELINE))
    _open_the_standard_ones()
    life = _Life(channel.fileno())
    _threads.start(life.end_with_the_other, "darkcall-lifeline")
    os.register_at_fork(
        # None of these may reach a child while it would still be kept out.
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, KEPT_OUT),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, KEPT_OUT),
        after_in_child=lambda: _be_a_candidates_child(channel),
    )
    with contextlib.suppress(OSError):
        _serve(channel, life)


def _end_with_the_pipe() -> None:
    """Have the system kill this process when the pipe's other end is closed.

    That needs no thread, which would wait for a candidate that holds the interpreter's lock.
    """
    os.set_inheritable(LIFELINE, False)  # noqa: FBT003 -- by place alone
    if hasattr(fcntl, "F_SETSIG"):  # pragma: no branch -- Linux; elsewhere the thread must do
        fcntl.fcntl(LIFELINE, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(LIFELINE, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(LIFELINE, fcntl.F_SETFL, os.O_ASYNC)


def _open_the_standard_ones() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    # Those that were closed in the process that started this one: no file is to get their number.
    while nothing < LIFELINE:
        nothing = os.dup(nothing)
    os.dup2(nothing, 0)
    os.close(nothing)


def _be_a_candidates_child(channel: socket.socket) -> None:
    channel.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for ends in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ends, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, KEPT_OUT)


def _serve(channel: socket.socket, life: _Life) -> None:
    pid = os.getpid()
    if (told := _frames.receive(channel)) is None:
        return
    number, settings = told
    _settle_in(pickle.loads(settings))  # noqa: S301 -- from who started this
    answer = b""
    while True:
        life.is_at_work = False
        _frames.send(channel, number, answer)
        if (asked := _frames.receive(channel)) is None:
            return
        life.is_at_work = True
        number, request = asked
        function, argument = pickle.loads(request)  # noqa: S301 -- from who started this
        try:
            answer = imported(function)(argument)
        finally:
            if os.getpid() != pid:
                # A child that a candidate has forked, and that came back from there.
                os._exit(0)
        del asked, request, argument


class _Life:
    """Whether the process is needed."""

    def __init__(self, channel: int) -> None:
        self.is_at_work = False
        self._channel = channel

    def end_with_the_other(self) -> None:
        """End when the other end of the channel is closed, and a candidate lets this thread run."""
        poll = select.poll()
        # That the other end is gone is told without being asked for.
        poll.register(self._channel, 0)
        poll.poll()
        if not self.is_at_work:
            time.sleep(ENDING_SECONDS)
        # With what candidates have started.
        os.killpg(0, signal.SIGKILL)


def _settle_in(settings: dict[str, Any]) -> None:
    """Make this process like the one that started it."""
    sys.argv = settings["argv"]
    for signal_ in KEPT_OUT:
        signal.signal(signal_, _stay)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, KEPT_OUT)
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)


def _stay(_signal: int, _frame: object) -> None:
    """Do not ignore the signal: processes that a candidate starts would inherit that."""
