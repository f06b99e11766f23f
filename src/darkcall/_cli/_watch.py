"""Verdict and summary, again and again, while records come in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from darkcall.analysis._terminal import render_judgement, render_summary, verdict_line
from darkcall.analysis._verdict import Verdict
from darkcall.analysis._words import counted

from ._following import sizes_of
from ._out import console, say, say_json
from ._reading import judged


if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from darkcall.analysis._summary import Summary
    from darkcall.analysis._verdict import Judgement

    from ._reading import Question

    Show = Callable[[Summary, Judgement], bool]

#: What waits; tests have it do something else.
pause: Callable[[float], None] = time.sleep


def watch_records(
    records: list[str], question: Question, *, interval: float, as_json: bool
) -> None:
    """Show what the records tell, each time that there are more, until Ctrl-C.

    Args:
        records: Where they are.
        question: What is asked.
        interval: How often to look, in seconds.
        as_json: Whether to show it in JSON, one document a line.

    Raises:
        ConfigurationError: A source does not exist.
    """
    screen = console()
    try:
        if as_json:
            _watch(records, question, interval, _show_json)
        elif not screen.is_terminal:
            _watch(records, question, interval, _show_line)
        else:
            with Live(console=screen, auto_refresh=False, vertical_overflow="ellipsis") as live:

                def show(summary: Summary, judgement: Judgement) -> bool:
                    live.update(_picture(summary, judgement), refresh=True)
                    return True

                _watch(records, question, interval, show)
    except KeyboardInterrupt:
        # The only way to end it, so all is well.
        pass


def _watch(records: list[str], question: Question, interval: float, show: Show) -> None:
    before: Any = None
    while True:
        # Looked at first: what comes in meanwhile makes another round.
        sizes = sizes_of(records)
        if sizes != before:
            before = sizes
            if not show(*judged(records, question, shows_bar=False)):
                return
        pause(interval)


def _picture(summary: Summary, judgement: Judgement) -> RenderableType:
    return Group(render_judgement(judgement), Text(), render_summary(summary))


def _show_json(summary: Summary, judgement: Judgement) -> bool:
    data = {"summary": summary.to_dict(), "judgement": judgement.to_dict()}
    return say_json(data, indent=None)


def _show_line(summary: Summary, judgement: Judgement) -> bool:
    line = verdict_line(judgement)
    if judgement.verdict is Verdict.READY:
        # Whatever else the verdict is, its reason has the figures.
        failed = sum(one.failed for one in summary.candidates)
        compared = sum(one.compared for one in summary.candidates)
        line += f"  {failed:,} of {counted(compared, 'compared call')} differ"
    return say(Text(line), wrap=False)
