"""From what was typed to a summary and a verdict, with a bar where that takes its time."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import attrs


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from darkcall.analysis._summary import Summary
    from darkcall.analysis._verdict import Judgement

#: Who waits longer than this sees a bar.
PATIENCE_SECONDS: Final = 1.0


@attrs.frozen(kw_only=True)
class Question:
    """What is asked of the records, as ``Summary.judge`` takes it; None for its defaults."""

    launches: tuple[str, ...] | None = None
    candidate: str | None = None
    max_mismatch_rate: float = 1e-3
    confidence: float = 0.95
    min_calls: int | None = None
    max_dropped: float = 0.05
    max_latency_ratio: float | None = None
    per: str | None = None
    code: str | None = None


def summarised(records: list[str], *, shows_bar: bool = True, **options: Any) -> Summary:
    """Summarise records.

    Args:
        records: Where they are.
        shows_bar: Whether a bar is drawn where it takes long and somebody sees it.
        options: As ``summarise`` takes them.
    """
    # It takes DuckDB, which no help text needs.
    from darkcall.analysis import summarise  # noqa: PLC0415

    with _bar() if shows_bar else contextlib.nullcontext() as progress:
        try:
            return summarise(*records, progress=progress, **options)
        except RuntimeError as error:
            # What DuckDB makes of Ctrl-C in the middle of a query.
            if str(error) == "Query interrupted":
                raise KeyboardInterrupt from None
            raise


def judged(
    records: list[str], question: Question, *, shows_bar: bool = True
) -> tuple[Summary, Judgement]:
    """Summarise records, and judge what they tell.

    Args:
        records: Where they are.
        question: What is asked.
        shows_bar: As above.
    """
    summary = summarised(
        records,
        shows_bar=shows_bar,
        by=() if question.per is None else (question.per,),
        confidence=question.confidence,
    )
    asked: dict[str, Any] = {
        "launch": question.launches,
        "candidate": question.candidate,
        "max_mismatch_rate": question.max_mismatch_rate,
        "confidence": question.confidence,
        "min_calls": question.min_calls,
        "max_dropped": question.max_dropped,
        "max_latency_ratio": question.max_latency_ratio,
        "per": question.per,
        "code": question.code,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    return summary, summary.judge(**given)


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[int, int], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 -- as above
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (TextColumn("reading"), BarColumn(), DownloadColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task("reading", total=None)
    began = time.monotonic()

    def advance(done: int, total: int) -> None:
        if time.monotonic() - began > PATIENCE_SECONDS:
            progress.start()
        progress.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        progress.stop()
