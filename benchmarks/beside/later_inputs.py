"""Inputs of the later functions, made by hand."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from . import later_functions as functions
from .inputs import pieces


if TYPE_CHECKING:
    from collections.abc import Callable

    from .inputs import Arguments

BOOKINGS = st.builds(
    functions.Booking,
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 6),
    st.sampled_from(["single", "double", "singlex", "x"]),
) | st.builds(functions.Booking, st.integers(0, 2), st.integers(27, 32))
LIMITS = [
    limit + step for limit in (0.0, 60.0, 75.5, 90.0, 100.0) for step in (-0.5, 0.0, 0.5, 1.0)
]

LATER_STRATEGIES: dict[Callable[..., Any], st.SearchStrategy[Arguments]] = {
    functions.letter_grade: st.fixed_dictionaries(
        {"points": st.floats(-3, 105) | st.sampled_from(LIMITS)},
        optional={"bonus": st.floats(-1, 1) | st.just(0.0)},
    ),
    functions.parse_ranges: st.fixed_dictionaries({"text": pieces(*"0123456789,,-- ", at_most=8)}),
    functions.mask: st.fixed_dictionaries(
        {"value": pieces(*"abc", at_most=8)},
        optional={"keep": st.integers(-2, 7), "fill": st.sampled_from("*#")},
    ),
    functions.retry_delay: st.fixed_dictionaries(
        {"attempt": st.integers(-2, 20)},
        optional={
            "base": st.floats(0, 10) | st.just(1e-9),
            "cap": st.floats(0, 100) | st.just(1e9),
        },
    ),
    functions.booking_problems: st.fixed_dictionaries(
        {"booking": BOOKINGS, "others": st.lists(BOOKINGS, max_size=2)}
    ),
    functions.wrap_index: st.fixed_dictionaries(
        {"position": st.integers(-30, 30), "size": st.integers(-2, 9)}
    ),
    functions.days_until: st.fixed_dictionaries(
        {
            "today": st.dates(date(2019, 1, 1), date(2025, 1, 1)),
            "month": st.integers(0, 13),
            "day": st.integers(0, 32),
        }
    ),
    functions.caesar: st.fixed_dictionaries(
        {"text": pieces(*"azAZ`{@[mM ", at_most=6)}, optional={"shift": st.integers(-30, 30)}
    ),
}
