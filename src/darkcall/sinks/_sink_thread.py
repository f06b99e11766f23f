"""The thread of a sink, which ends once nobody can offer the sink anything any more."""

from __future__ import annotations

import functools
import threading
import weakref
from typing import TYPE_CHECKING, Any

from darkcall import _guard, _threads
from darkcall._dark import DARK, in_this_process

from ._face import cause_of, method_of


if TYPE_CHECKING:
    from ._outlet import Outlet, Sink

#: Those that have something to do, or have to be told of the exit.  Others last no longer
#: than somebody holds them: their thread does not.
lasting: set[Outlet] = set()


def must_last(sink: Sink) -> bool:
    """Tell whether a sink is to be flushed and closed though no launch uses it any more.

    That holds for each that can be, but for those of darkcall's that open again by themselves:
    a user's own may be used elsewhere, or hold back what it was given.
    """
    own: Any = vars(type(sink))
    if "_opens_again" in own:
        return not own["_opens_again"](sink)
    return any(method_of(sink, name) is not None for name in ("flush", "close"))


def start(outlet: Outlet) -> None:
    """Start the thread of a sink.

    Args:
        outlet: What stands before the sink.

    Raises:
        RuntimeError: The interpreter exits, or the system has no thread left.
    """
    bell = outlet.bell
    reference = weakref.ref(outlet, functools.partial(ring, bell))
    work = functools.partial(_work, reference, bell, outlet.sink)
    _threads.start(work, f"darkcall-sink-{outlet.name}")


def ring(bell: threading.Lock, _outlet: object = None) -> None:
    """Have a thread look for something to do."""
    if bell.locked():
        # Another thread may have rung it in between.
        try:  # noqa: SIM105 -- an interpreter that exits takes a module's names away first
            bell.release()
        except RuntimeError:
            pass


def _work(reference: weakref.ref[Outlet], bell: threading.Lock, sink: Sink) -> None:
    outlet = reference()
    is_at_work = outlet is not None and outlet.begin_work()
    if is_at_work:
        DARK.set(True)
    while is_at_work:
        outlet = None
        try:
            bell.acquire()
        except BaseException as error:  # noqa: BLE001 -- the thread must outlive everything
            _guard.fault(f"the thread of {type(sink).__qualname__}", error)
        outlet = reference()
        if outlet is None:
            _close_until_needed(sink)
            return
        is_at_work = outlet.work()
        outlet.may_go()
        if outlet.has_work:
            # It came before it was to be seen that it did.  Whoever adds anything from here
            # on rings the bell after it.
            is_at_work = outlet.work()


def _close_until_needed(sink: Sink) -> None:
    close = method_of(sink, "close")
    if close is not None:
        try:
            in_this_process(close)
        except BaseException as error:  # noqa: BLE001 -- nobody is there to hear of it
            _guard.fault(f"closing {type(sink).__qualname__}{cause_of(error)}", error)


def is_the_programs(error: BaseException) -> bool:
    """Tell whether an error is a Ctrl-C, or the exit that a signal handler asks for."""
    on_main_thread = threading.current_thread() is threading.main_thread()
    return on_main_thread and not isinstance(error, Exception)
