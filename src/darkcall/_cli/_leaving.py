"""The end of the process, where code of the user's own would hold it."""

from __future__ import annotations

import contextlib
import os
import sys


def leave(status: int) -> None:
    """End the process at once if a candidate that was left behind is still running.

    Threads of its own, as ``asyncio.to_thread`` starts them, would hold the process at its end for
    as long as they run.

    Args:
        status: What the process ends with.
    """
    # To import it would take longer than most commands.
    timed = sys.modules.get("darkcall.testing._timed")
    if timed is None or not timed.is_anything_left():
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)
