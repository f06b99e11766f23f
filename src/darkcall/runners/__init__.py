"""Where candidates run: in threads, in processes, on an executor, or inline."""

from __future__ import annotations

from ._remote import EndedError, Errand, RefusedError, Remote
from ._work import Runner, Watch, Work
from .executor import ExecutorRunner
from .inline import InlineRunner
from .process import ProcessRunner
from .thread import ThreadRunner


__all__ = [
    "EndedError",
    "Errand",
    "ExecutorRunner",
    "InlineRunner",
    "ProcessRunner",
    "RefusedError",
    "Remote",
    "Runner",
    "ThreadRunner",
    "Watch",
    "Work",
]
