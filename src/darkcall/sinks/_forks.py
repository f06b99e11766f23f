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

from darkcall import _threads


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

    def shut(self, deadline: float) -> bool:
        """Keep everybody outside, and close; whether that worked in time."""
        shut = self.inside.acquire(timeout=max(deadline - time.monotonic(), 0.0))
        close = None if self._close is None else self._close()
        if shut and close is not None:
            close()
        return shut

    def renew(self, *, was_shut: bool) -> None:
        """Start anew in the child; who is inside in the parent is not there."""
        self.inside = _threads.Lock()
        self.broken = self.broken or not was_shut


def _before() -> None:
    deadline = time.monotonic() + FORK_WAITS_SECONDS
    gates = [gate for reference in list(_gates) if (gate := reference()) is not None]
    # A stack: a signal handler that forks may come in between.
    _stack().append([(gate, gate.shut(deadline)) for gate in gates])


def _after_in_parent() -> None:
    for gate, was_shut in _stack().pop():
        if was_shut:
            gate.inside.release()


def _after_in_child() -> None:
    for gate, was_shut in _stack().pop():
        gate.renew(was_shut=was_shut)


def _stack() -> list[list[tuple[ForkGate, bool]]]:
    if not hasattr(_held, "stack"):
        _held.stack = []
    stack: list[list[tuple[ForkGate, bool]]] = _held.stack
    return stack


if hasattr(os, "register_at_fork"):  # pragma: no branch -- Windows has no fork
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
