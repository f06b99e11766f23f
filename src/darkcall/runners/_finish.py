"""Wait for the async candidates of one call, on its own loop: for runners that are inline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from . import loop


if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._work import Work


async def finish(works: Sequence[Work]) -> None:
    """Wait until the candidates of a call that run on this loop have ended, or were abandoned.

    Those of other calls are not waited for, and nothing here goes by the clock: so the calls of a
    program go on in the same order each time.

    Args:
        works: What a runner was given for the call.
    """
    here = loop.current()
    # One that has ended may have started another: a control that runs again.
    while runs := [
        run
        for run in list(loop._runs)  # noqa: SLF001 -- theirs, and too much for one file
        if run.loop is here and run.course.work in works and not run.is_settled
    ]:
        if (over := runs[0].waiter) is None:
            # It is settled on any thread, and may be by now: it is looked at again.
            runs[0].waiter = asyncio.Event()
        else:
            await over.wait()
