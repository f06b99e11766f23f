"""The last records, and new ones as they come in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import typer

from darkcall._model import Outcome
from darkcall.analysis._terminal import record_line

from ._following import Following
from ._out import say, say_json


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_INTERVAL_SECONDS: Final = 0.5
#: What makes a record: a dropped call makes none.
_OUTCOMES: Final = [outcome.value for outcome in Outcome if outcome is not Outcome.DROPPED]

#: What waits; tests have it do something else.
pause: Callable[[float], None] = time.sleep


def tail_records(
    records: list[str], *, lines: int, follows: bool, outcomes: list[str] | None, as_json: bool
) -> None:
    """Show the last records, one in a line.

    Args:
        records: Where they are.
        lines: How many.
        follows: Whether to go on with new ones, until Ctrl-C.
        outcomes: Show only records of these.
        as_json: Whether to show them as lines of JSON.

    Raises:
        ConfigurationError: A source does not exist.
    """
    for outcome in outcomes or ():
        if outcome not in _OUTCOMES:
            raise typer.BadParameter(f"{outcome!r} is none of {', '.join(_OUTCOMES)}")
    following = Following(records, lambda record: not outcomes or record["outcome"] in outcomes)
    try:
        is_read = _show(following.last(lines), as_json=as_json)
        while follows and is_read:
            pause(_INTERVAL_SECONDS)
            is_read = _show(following.added(), as_json=as_json)
    except KeyboardInterrupt:
        if not follows:
            raise
        # The only way to end it, so all is well.


def _show(records: Iterable[dict[str, Any]], *, as_json: bool) -> bool:
    return all(
        say_json(record, indent=None) if as_json else say(record_line(record), wrap=False)
        for record in records
    )
