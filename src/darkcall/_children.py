"""Child processes that end without the hooks of atexit, and how they deliver all the same.

The children of multiprocessing, and of whatever is built on it, end with ``os._exit``
once they have run its finalizers.  Those of Celery's pool do not even run these: Celery
sends a signal of its own before.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from collections.abc import Callable

    Deliver = Callable[[], object]


class _Anchor:
    """What multiprocessing hangs the hook of a child process on."""


_anchor = _Anchor()
_followed: set[str] = set()


def follow(deliver: Deliver) -> None:
    """Have the children of all that is imported by now deliver before they end.

    Called again when more may have been imported; nothing is followed twice.

    Args:
        deliver: Called in a child when it is about to end.
    """
    for module, (needed, follow_it) in _WAYS.items():
        # Another thread may be importing it: what is needed comes later then.
        found: Any = getattr(sys.modules.get(module), needed, None)
        if found is not None and module not in _followed:
            _followed.add(module)
            follow_it(found, deliver)


def _follow_multiprocessing(register_after_fork: Any, deliver: Deliver) -> None:
    def deliver_at_the_end(_anchor: _Anchor) -> None:
        util: Any = sys.modules["multiprocessing.util"]
        util.Finalize(None, deliver, exitpriority=10)

    register_after_fork(_anchor, deliver_at_the_end)
    if _is_child():
        deliver_at_the_end(_anchor)


def _is_child() -> bool:
    # Celery's billiard has processes of its own, and the finalizers of multiprocessing.
    packages = [sys.modules.get(name) for name in ("multiprocessing", "billiard")]
    processes = [getattr(package, "current_process", None) for package in packages]
    return any(process is not None and process().name != "MainProcess" for process in processes)


def _follow_celery(worker_process_shutdown: Any, deliver: Deliver) -> None:
    def deliver_at_the_end(**_details: Any) -> None:
        deliver()

    worker_process_shutdown.connect(deliver_at_the_end, weak=False)


#: What is there once a module is imported, and what to do with it.
_WAYS = {
    "multiprocessing.util": ("register_after_fork", _follow_multiprocessing),
    "celery.signals": ("worker_process_shutdown", _follow_celery),
}
