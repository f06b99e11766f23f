"""The thread of a sink, which ends once nobody can offer the sink anything any more."""

from __future__ import annotations

import contextlib
import functools
import weakref
from typing import TYPE_CHECKING

from darkcall import _guard, _threads
from darkcall._dark import DARK, in_this_process

from ._face import attribute_of, cause_of


if TYPE_CHECKING:
    import threading

    from ._outlet import Outlet, Sink

#: Those that have something to do.  Others last no longer than somebody holds them: their
#: thread does not.
busy: set[Outlet] = set()


def start(outlet: Outlet) -> None:
    """Start the thread of a sink.

    Args:
        outlet: What stands before the sink.

    Raises:
        RuntimeError: The interpreter exits, or the system has no thread left.
    """
    bell = outlet.bell
    reference = weakref.ref(outlet, lambda _: ring(bell))
    work = functools.partial(_work, reference, bell, outlet.sink)
    _threads.start(work, f"darkcall-sink-{outlet.name}")


def ring(bell: threading.Lock) -> None:
    """Have a thread look for something to do."""
    if bell.locked():
        # Another thread may have rung it in between.
        with contextlib.suppress(RuntimeError):
            bell.release()


def _work(reference: weakref.ref[Outlet], bell: threading.Lock, sink: Sink) -> None:
    outlet = reference()
    is_at_work = outlet is not None and outlet.begin_work()
    if is_at_work:
        DARK.set(True)
    while is_at_work:
        outlet = None
        bell.acquire()
        outlet = reference()
        if outlet is None:
            _close_until_needed(sink)
            return
        is_at_work = outlet.work()
        busy.discard(outlet)
        if outlet.has_work:
            # It came before it was to be seen that it did.
            is_at_work = outlet.work()


def _close_until_needed(sink: Sink) -> None:
    # A sink of the user's own may be used elsewhere; these open again by themselves.
    if attribute_of(sink, "_opens_again") is True:
        try:
            in_this_process(sink.close)  # type: ignore[attr-defined]
        except BaseException as error:  # noqa: BLE001 -- nobody is there to hear of it
            _guard.fault(f"closing {type(sink).__qualname__}{cause_of(error)}", error)
