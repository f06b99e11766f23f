"""Dates and times made of the numbers that code has: it compares their parts with those."""

from __future__ import annotations

import calendar
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hypothesis import strategies as st


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Strategy: TypeAlias = st.SearchStrategy[Any]

_OF_DATES: Final[Mapping[str, range]] = {
    # What is smaller is meant for something else.
    "year": range(1000, 10_000),
    "month": range(1, 13),
    "day": range(1, 32),
}
_OF_TIMES: Final[Mapping[str, range]] = {
    "hour": range(24),
    "minute": range(60),
    "second": range(60),
    "microsecond": range(10**6),
}
_UNITS: Final = ("days", "hours", "minutes", "seconds")
#: In days: a longer one leads out of the calendar.
_MAX_LENGTH: Final = 3_652_059


def likely_times(numbers: Sequence[int]) -> dict[type, Strategy]:
    """Make strategies of dates, times and lengths of time that have some numbers as parts.

    Args:
        numbers: Whole numbers, the simplest first.

    Returns:
        Strategies by the type of what they give; none for what no number can be a part of.
    """
    likely: dict[type, Strategy] = {}
    kinds: dict[type, tuple[Strategy, Mapping[str, range]]] = {
        date: (st.dates(), _OF_DATES),
        time: (st.times(), _OF_TIMES),
        datetime: (st.datetimes(), {**_OF_DATES, **_OF_TIMES}),
    }
    for kind, (drawn, parts) in kinds.items():
        values = {name: [one for one in numbers if one in may] for name, may in parts.items()}
        of_numbers = {
            # Where one part ends, the next one goes on: no code has to name that.
            name: st.sampled_from(some if name == "year" else [*some, may[0], may[-1]])
            for name, may in parts.items()
            if (some := values[name])
        }
        if of_numbers:
            replaced = st.fixed_dictionaries({}, optional=of_numbers)
            likely[kind] = st.builds(_with_parts, drawn, replaced)
    lengths = [one for one in numbers if abs(one) <= _MAX_LENGTH]
    if lengths:
        units = st.dictionaries(
            st.sampled_from(_UNITS), st.sampled_from(lengths), min_size=1, max_size=2
        )
        likely[timedelta] = units.map(lambda parts: timedelta(**parts))
    return likely


def _with_parts(moment: Any, parts: dict[str, int]) -> Any:
    if isinstance(moment, date):
        # Days that a month does not have come to be its last, which is one to look at.
        year, month = parts.get("year", moment.year), parts.get("month", moment.month)
        day = min(parts.get("day", moment.day), calendar.monthrange(year, month)[1])
        parts = {**parts, "day": day}
    return moment.replace(**parts)
