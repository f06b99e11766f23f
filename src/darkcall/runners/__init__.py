"""Where candidates run: ``ThreadRunner`` and ``InlineRunner``."""

from __future__ import annotations

from ._work import Runner, Watch, Work
from .inline import InlineRunner
from .thread import ThreadRunner


__all__ = ["InlineRunner", "Runner", "ThreadRunner", "Watch", "Work"]
