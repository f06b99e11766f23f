"""Times as they are typed."""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import Final

import typer


_AGO: Final = re.compile(r"(\d{1,9})([smhdw])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def when(text: str) -> float:
    """Read a time.

    Args:
        text: A date, a date and time (UTC, unless a zone is given), or how long ago: ``2h``.

    Returns:
        Seconds since 1970-01-01 UTC.

    Raises:
        typer.BadParameter: It is none of these.

    Example:
        >>> when("2023-11-14T22:13:20"), when("2023-11-14T23:13:20+01:00")
        (1700000000.0, 1700000000.0)
    """
    ago = _AGO.fullmatch(text)
    if ago:
        return time.time() - int(ago[1]) * _UNITS[ago[2]]
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time: 2026-01-31, 2026-01-31T14:30, 2026-01-31T14:30+01:00 and "
            "30m, 2h, 7d (ago) are"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return moment.timestamp()
