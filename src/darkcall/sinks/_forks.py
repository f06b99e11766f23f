"""Keep a fork from happening inside SQLite, or with a database open.

SQLite remembers in the process's memory which locks it holds, and a forked child inherits
the memory but not the locks: it would go on without them and damage the database.  So the
database is closed before each fork, and opened again by whoever writes next.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Callable

#: How long a fork waits at most for writes to end; a child of an impatient one cannot write.
PATIENCE_SECONDS = 1.0

_gates: list[weakref.ref[ForkGate]] = []
_held = threading.local()


class ForkGate:
    """A lock around the use of what must not be open at a fork.

    Args:
        close: Called before a fork, while nobody is inside.

    Attributes:
        inside: Held while it is used.
        broken: Whether this process was forked while it was used, and cannot use it.
    """

    def __init__(self, close: Callable[[], None]) -> None:
        self.inside = threading.Lock()
        self.broken = False
        self._close = weakref.WeakMethod(close)
        _gates.append(weakref.ref(self, _gates.remove))

    def shut(self, deadline: float) -> bool:
        """Keep everybody outside, and close; whether that worked in time."""
        shut = self.inside.acquire(timeout=max(deadline - time.monotonic(), 0.0))
        close = self._close()
        if shut and close is not None:
            close()
        return shut

    def renew(self, *, was_shut: bool) -> None:
        """Start anew in the child; who is inside in the parent is not there."""
        self.inside = threading.Lock()
        self.broken = self.broken or not was_shut


def _before() -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
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
