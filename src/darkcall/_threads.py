"""Threads, locks and sleep as the system has them, whatever was patched over them.

gevent's monkey patches turn threads into greenlets, which share one thread: a candidate
that computes would stop the whole process.  So what runs in the background uses these.
What waits on a caller's thread uses ``time.sleep``, which lets other greenlets run.
"""

from __future__ import annotations

import _thread
import atexit
import importlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final


if TYPE_CHECKING:
    from collections.abc import Callable


def native(module: Any, name: str) -> Any:
    """Give what a module had under a name before gevent patched it."""
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is None:
        return getattr(module, name)
    return monkey.get_original(module.__name__, name)


Lock: Callable[[], threading.Lock] = native(_thread, "allocate_lock")
#: Not patched by gevent: it has one of its own for threading.
RLock: Callable[[], threading.RLock] = _thread.RLock
#: For what belongs to a thread, whichever greenlet runs in it.
Local: type = native(_thread, "_local")
sleep: Callable[[float], None] = native(time, "sleep")
get_ident: Callable[[], int] = native(_thread, "get_ident")

_start_new_thread = native(_thread, "start_new_thread")

#: How long the exit of the process waits for threads that are about to end, in seconds.
ENDING_SECONDS: Final = 0.1
_TICK_SECONDS: Final = 0.001
_MOMENT_SECONDS: Final = 0.00005


def _is_main_interpreter() -> bool:
    ask: Callable[[], bool] | None = getattr(_thread, "_is_main_interpreter", None)
    if ask is not None:
        return ask()
    try:
        # CPython 3.11.
        interpreters: Any = importlib.import_module("_xxsubinterpreters")
    except ImportError:
        return True
    return bool(interpreters.get_current() == interpreters.get_main())


#: A thread that is there when a sub-interpreter ends takes the process with it.
_may_have_threads = _is_main_interpreter()
_is_exit_followed = False
_is_exiting = False
_is_gevent_loaded = False
#: Threads that were started here, and are there.
_ours: set[int] = set()
#: Threads that end their part of gevent.
_ending: set[int] = set()


def start(target: Callable[[], object], name: str) -> None:
    """Run a function in a thread that does not keep the process alive.

    ``threading.Thread`` takes locks to start: a signal handler that comes in the middle
    of another start would wait for them without end.

    Args:
        target: The function; it must not raise.
        name: The thread's name.

    Raises:
        RuntimeError: The system has no thread left, the interpreter exits, or it is a
            sub-interpreter.

    Example:
        >>> start(lambda: None, "darkcall-worker")
    """
    global _is_exit_followed  # noqa: PLW0603 -- once for the process
    if not _may_have_threads:
        raise RuntimeError(f"no thread for {name}: this is a sub-interpreter")
    if not _is_exit_followed:
        _is_exit_followed = True
        atexit.register(_begin_exit)
    _have_gevent_loaded()
    try:
        _start_new_thread(_run, (target, name))
    except Exception as error:
        # An audit hook may raise anything.
        raise RuntimeError(f"no thread for {name}") from error


def _have_gevent_loaded() -> None:
    """Have gevent load the rest of itself before two threads can want it at once.

    It does so when a thread first waits by it, under locks that it has patched itself: two
    threads that come to it together would wait for each other without end.
    """
    global _is_gevent_loaded  # noqa: PLW0603 -- once for the process
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is not None and not _is_gevent_loaded and monkey.is_module_patched("_thread"):
        _is_gevent_loaded = True
        sys.modules["gevent"].get_hub()


def _run(target: Callable[[], object], name: str) -> None:  # pragma: no cover -- not traced yet
    # What debuggers, profilers and coverage want of each new thread.
    if (trace := threading.gettrace()) is not None:
        sys.settrace(trace)
    if (profile := threading.getprofile()) is not None:
        sys.setprofile(profile)
    _live(target, name)


def _live(target: Callable[[], object], name: str) -> None:
    threading.current_thread().name = name
    _ours.add(get_ident())
    try:
        target()
    finally:
        _end()


def _end() -> None:
    ident = get_ident()
    _ending.add(ident)
    try:
        if not _is_exiting:
            _end_hub()
    finally:
        _ending.discard(ident)
        _ours.discard(ident)
    # Up to CPython 3.12 threading never forgets a thread that it did not start; for gevent,
    # its identity is that of the greenlet.
    for known_as in {ident, threading.get_ident()}:
        _active().pop(known_as, None)
    if _is_exiting:
        _halt()


def _active() -> dict[int, threading.Thread]:
    active: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]  # noqa: SLF001
    return active


class Pauses:
    """Waits for what another thread does: for moments at first, then for a millisecond."""

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds = _MOMENT_SECONDS

    def take(self) -> None:
        """Sleep; twice as long the next time."""
        time.sleep(self._seconds)
        self._seconds = min(2 * self._seconds, _TICK_SECONDS)


def _end_hub() -> None:
    """End the loop that gevent gave this thread, if a candidate waited by it."""
    local: Any = sys.modules.get("gevent._hub_local")
    hub = None if local is None else local.get_hub_if_exists()
    if hub is not None:
        hub.destroy(destroy_loop=True)


def _begin_exit() -> None:
    """Have threads halt from now on instead of ending.

    The interpreter ends a thread by force that comes back to it while it exits itself, and
    one that is in the middle of gevent's clean-up would take the process with it.
    """
    global _is_exiting  # noqa: PLW0603 -- once for the process
    _is_exiting = True
    gives_up_at = time.perf_counter() + ENDING_SECONDS
    while _ending and time.perf_counter() < gives_up_at:
        time.sleep(_TICK_SECONDS)


def _halt() -> None:
    never = Lock()
    never.acquire()
    never.acquire()


def after_fork() -> None:
    """Forget the parent's threads, in a forked child, and that the parent exits."""
    global _is_exiting  # noqa: PLW0603 -- once for the process
    _is_exiting = False
    _ending.clear()
    if get_ident() in _ours:
        _become_main_thread()
    _ours.clear()


def _become_main_thread() -> None:
    """Do what CPython 3.13 does: up to 3.12 the exit fails in a child of such a thread."""
    if isinstance(threading.main_thread(), threading._DummyThread):  # noqa: SLF001
        _active().pop(threading.get_ident(), None)
        main_thread = threading._MainThread()  # type: ignore[attr-defined]  # noqa: SLF001
        threading._main_thread = main_thread  # type: ignore[attr-defined]  # noqa: SLF001


def is_held_by_ours(lock: object) -> bool:
    """Tell whether a thread that was started here holds a re-entrant lock.

    Args:
        lock: The lock; of anything else it is not known.

    Returns:
        Whether one does.

    Example:
        >>> is_held_by_ours(RLock())
        False
    """
    # Nothing else tells whose it is.
    text = repr(lock)
    return any(f" owner={ident} " in text for ident in tuple(_ours))
