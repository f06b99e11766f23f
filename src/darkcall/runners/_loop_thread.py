"""What darkcall's own event loop does on its thread."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from darkcall import _guard
from darkcall._dark import DARK


#: How long after its deadline a task may take to be cancelled, and a loop to answer, in
#: seconds.
GRACE_SECONDS: Final = 1.0

#: To collect a loop closes its descriptors.
_left_behind: list[asyncio.AbstractEventLoop] = []


def run_to_its_end(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, and end what candidates left on it.

    Args:
        loop: The loop; closed afterwards.
    """
    DARK.set(True)
    asyncio.set_event_loop(loop)
    try:
        _run_until_stopped(loop)
        # What candidates began on their own, too.
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=GRACE_SECONDS))
        for task in tasks:
            forget(task)
    except Exception as error:  # noqa: BLE001 -- what a loop cannot go on after
        _guard.fault("running the event loop", error)
        _leave_behind(loop)
    finally:
        loop.close()


def _run_until_stopped(loop: asyncio.AbstractEventLoop) -> None:
    is_stopped = False
    while not is_stopped:
        try:
            loop.run_forever()
            is_stopped = True
        except Exception:
            # Not a task's, which the loop keeps to itself.
            raise
        except BaseException as error:  # noqa: BLE001 -- SystemExit in a task of a candidate's own
            _guard.fault("running what a candidate left on its loop", error)


def _leave_behind(loop: asyncio.AbstractEventLoop) -> None:
    """Have a loop count as closed that must not close its descriptors.

    The program has closed them, as daemons do, and may have files of its own behind these
    numbers by now.
    """
    _left_behind.append(loop)
    # Loops that are not asyncio's own cannot be told so.
    with contextlib.suppress(AttributeError):
        loop._closed = True  # type: ignore[attr-defined]  # noqa: SLF001


def forget(task: asyncio.Task[Any]) -> None:
    """Have the interpreter keep quiet about a task that never ends.

    Args:
        task: The task.
    """
    # Nobody will ever end it, and the user's log is not to hear of that.
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
