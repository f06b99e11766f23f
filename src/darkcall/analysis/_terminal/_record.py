"""One record as one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from darkcall._model import CONTROL_NAME
from darkcall.analysis._words import duration, moment

from ._words import plain


if TYPE_CHECKING:
    from collections.abc import Iterator

_STYLES: Final = {
    "match": "green",
    "mismatch": "bold red",
    "candidate_error": "bold red",
    "timeout": "bold red",
}


def record_line(record: dict[str, Any]) -> Text:
    """Show a record in one line, whatever is in it.

    Args:
        record: A dict of the shape that ``record.schema.json`` describes.

    Returns:
        When, outcome, launch and candidate, how long both took, and why.

    Example:
        >>> record = {"at": 1_700_000_000.25, "launch": "shop.price", "candidate": "v2"}
        >>> record |= {"outcome": "match", "control_seconds": 0.001}
        >>> record_line(record).plain
        '2023-11-14 22:13:20 UTC  match  shop.price: v2  control 1 ms'
    """
    outcome = str(record["outcome"])
    parts = [
        Text(moment(record["at"]), style="dim"),
        plain(outcome, _STYLES.get(outcome, "yellow")),
        plain(f"{record['launch']}: {record['candidate']}"),
        Text(_durations(record), style="dim"),
        *map(plain, _reasons(record)),
    ]
    line = Text("  ").join(parts)
    line.no_wrap = True
    line.overflow = "ignore"
    return line


def _durations(record: dict[str, Any]) -> str:
    text = f"control {duration(record['control_seconds'])}"
    if "candidate_seconds" in record:
        # What ran again for noise is no candidate.
        side = "again" if record["candidate"] == CONTROL_NAME else "candidate"
        text += f", {side} {duration(record['candidate_seconds'])}"
    return text


def _reasons(record: dict[str, Any]) -> Iterator[str]:
    if "signature" in record:
        yield record["signature"]
    if "reason" in record:
        yield record["reason"]
    raised = record.get("candidate_raised")
    if raised is not None:
        yield f"raised {raised['type']}"
