"""Keep a fork from happening in the middle of what a child could not go on with.

SQLite remembers in the process's memory which locks it holds, and a forked child inherits
the memory but not the locks: it would go on without them and damage the database.  So the
database is closed before each fork, and opened again by whoever writes next.

Python remembers which thread imports a module, and whoever imports it, too, waits for
that thread, which a forked child does not have.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

from . import _threads


if TYPE_CHECKING:
    from collections.abc import Callable

#: How long a fork waits at most; a child of one that waited in vain cannot use what it forked.
FORK_WAITS_SECONDS = 1.0

_gates: list[weakref.ref[ForkGate]] = []
_held = threading.local()


class ForkGate:
    """A lock around what must not be under way at a fork.

    Args:
        close: Called before a fork, while nobody is inside.

    Attributes:
        inside: Held while it is under way.
        broken: Whether this process was forked meanwhile, and cannot do it any more.
    """

    def __init__(self, close: Callable[[], None] | None = None) -> None:
        self.inside = _threads.Lock()
        self.broken = False
        self._close = None if close is None else weakref.WeakMethod(close)
        _gates.append(weakref.ref(self, _gates.remove))

    def close(self) -> None:
        """Do what is to be done before a fork."""
        close = None if self._close is None else self._close()
        if close is not None:
            close()

    def renew(self, *, was_shut: bool) -> None:
        """Start anew in the child; who is inside in the parent is not there."""
        self.inside = _threads.Lock()
        self.broken = self.broken or not was_shut


class _Shutting:
    """What became of one gate before a fork, however far a signal handler let it come."""

    def __init__(self, gate: ForkGate) -> None:
        self.gate = gate
        self._inside = gate.inside
        self._is_held: list[bool] = []
        self._is_closed = False

    def shut(self, deadline: float) -> None:
        """Keep everybody outside, and close, if that is possible in time."""
        seconds = max(deadline - time.monotonic(), 0.0)
        # No line of Python between: a signal handler that raises there would leave a lock
        # that is held, and not known to be.
        self._is_held.extend(map(self._inside.acquire, (True,), (seconds,)))
        if self._is_held == [True]:
            self.gate.close()
            self._is_closed = True

    def reopen(self) -> None:
        """Let everybody in again, in the parent."""
        if self._is_held == [True]:
            self._inside.release()

    def renew(self) -> None:
        """Start anew, in the child."""
        self.gate.renew(was_shut=self._is_closed)


def _before() -> None:
    deadline = time.monotonic() + FORK_WAITS_SECONDS
    gates = [gate for reference in list(_gates) if (gate := reference()) is not None]
    shuttings = [_Shutting(gate) for gate in gates]
    # A stack: a signal handler that forks may come in between.
    _stack().append(shuttings)
    for shutting in shuttings:
        shutting.shut(deadline)


def _after_in_parent() -> None:
    for shutting in _last():
        shutting.reopen()


def _after_in_child() -> None:
    for shutting in _last():
        shutting.renew()


def _last() -> list[_Shutting]:
    # None if a signal handler that raised let nothing begin.
    return _stack().pop() if _stack() else []


def _stack() -> list[list[_Shutting]]:
    if not hasattr(_held, "stack"):
        _held.stack = []
    stack: list[list[_Shutting]] = _held.stack
    return stack


if hasattr(os, "register_at_fork"):  # pragma: no branch -- Windows has no fork
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
