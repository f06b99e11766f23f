"""The one place where darkcall's own faults go: counted, logged at a limited rate.

Nothing here raises, blocks or logs on the caller's thread: what is said there is
queued, and the next worker that has a moment says it.
"""

from __future__ import annotations

import collections
import contextlib
import math
import time
from typing import TYPE_CHECKING

from . import _threads
from ._dark import in_the_dark
from ._tally import Tally
from ._text import one_line, qualname_of


if TYPE_CHECKING:
    import logging
    import weakref
    from collections.abc import Hashable

#: The same thing is said at most once in so many seconds.
REPEAT_SECONDS = 60.0
#: For so long a thread may be in a logging handler at the exit, beyond the time of the close.
HANDLER_SECONDS = 0.1
_TICK_SECONDS = 0.001

faults = Tally()
_waiting: collections.deque[tuple[int, str]] = collections.deque(maxlen=100)
_last_said: dict[Hashable, float] = {}
_draining = _threads.Lock()

WARNING = 30
ERROR = 40


def fault(where: str, error: BaseException) -> None:
    """Count a fault of darkcall's own, or of a user's callable, and have it logged.

    Args:
        where: What was being done, as it stands in the log line: "sampling shop.price".
        error: What was raised.
    """
    faults.add()
    say(ERROR, f"{where} failed with {qualname_of(type(error))}")


def say(level: int, message: str, *, key: Hashable = None) -> None:
    """Queue a line for the log, unless the same was said within the last minute.

    Args:
        level: A level of :mod:`logging`.
        message: The line; what may not stand in one is escaped.
        key: What makes two lines the same; the message itself by default.
    """
    key = message if key is None else key
    now = time.monotonic()
    last = _last_said.get(key)
    if last is not None and now - last < REPEAT_SECONDS:
        return
    if len(_last_said) >= 1000:
        _last_said.clear()
    _last_said[key] = now
    _waiting.append((level, one_line(message)))


def has_lines() -> bool:
    """Whether a line waits to be logged, and nobody logs it."""
    return bool(_waiting) and not _draining.locked()


def drain(until: float = math.inf) -> None:
    """Log what waits. For workers: a logging handler may be slow, or raise.

    Args:
        until: No second line is begun after that, on the clock of :func:`time.monotonic`.
    """
    # A handler that hangs holds one thread, not one after the other; nor does logging itself,
    # whose lock somebody may hold.
    draining = _draining
    if not _waiting or not draining.acquire(blocking=False):
        return
    try:
        # logging is slow to import, and import darkcall must touch no logger.
        import logging  # noqa: PLC0415

        logger = logging.getLogger("darkcall")
        while _waiting:
            with contextlib.suppress(Exception):
                level, message = _waiting.popleft()
                in_the_dark(logger.log, level, "%s", message)
            if time.monotonic() >= until:
                break
    finally:
        draining.release()


def tell_all(timeout: float) -> None:
    """Have what waits logged, and wait for that.

    Args:
        timeout: How long to wait, in seconds.
    """
    deadline = time.monotonic() + timeout
    if not tell() and not _handlers_in_use():
        # The interpreter exits: there is no other thread to be had.
        drain(deadline)
    while (_waiting or _draining.locked()) and time.monotonic() < deadline:
        time.sleep(_TICK_SECONDS)


def tell() -> bool:
    """Have what waits logged, on a thread of its own.

    A logging handler may hang, and would take with it whoever had something to tell.

    Returns:
        False if there is no thread to be had; what waits goes on waiting.
    """
    if has_lines():
        try:
            # An audit hook that calls what is launched hears of this, and would come here.
            in_the_dark(_threads.start, drain, "darkcall-log")
        except RuntimeError:
            return False
    return True


def leave_handlers_behind() -> None:
    """Keep :func:`logging.shutdown` from handlers that a thread of darkcall's hangs in.

    It would wait for their locks.
    """
    if not _handlers_in_use():
        return
    time.sleep(HANDLER_SECONDS)
    import logging  # noqa: PLC0415 -- as above

    for reference in _handlers_in_use():
        with contextlib.suppress(ValueError):
            logging._handlerList.remove(reference)  # type: ignore[attr-defined]  # noqa: SLF001


def _handlers_in_use() -> list[weakref.ref[logging.Handler]]:
    """Give the logging handlers whose locks threads of darkcall's hold."""
    import logging  # noqa: PLC0415 -- as above

    references = list(logging._handlerList)  # type: ignore[attr-defined]  # noqa: SLF001
    return [one for one in references if _threads.is_held_by_ours(getattr(one(), "lock", None))]


def reset() -> None:
    """Forget what was said, and what waits; for a forked child and for tests."""
    global _draining  # noqa: PLW0603 -- its holder does not exist in a forked child
    _draining = _threads.Lock()
    _waiting.clear()
    _last_said.clear()
