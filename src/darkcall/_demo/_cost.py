"""What a dark launch costs the caller: the bare call and the decorated one, in turns."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from darkcall import flush


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Cost(NamedTuple):
    """What was measured, call by call, in seconds.

    Attributes:
        bare: How long each bare call took.
        decorated: How long the decorated call on the same input took.
        lost: How much longer that was.
    """

    bare: list[float]
    decorated: list[float]
    lost: list[float]


def lost_by_the_caller(
    bare: Callable[[str], str],
    decorated: Callable[[str], str],
    texts: Sequence[str],
    *,
    burst: int,
) -> Cost:
    """Time both calls on each text; which of the two comes first changes every time.

    Args:
        bare: The function as it is.
        decorated: The same function with candidates beside it.
        texts: What to call both on.
        burst: After how many calls to wait until the workers are idle again.

    Returns:
        What each call took.
    """
    cost = Cost([], [], [])
    for index, text in enumerate(texts):
        if index % burst == 0:
            flush(60.0)
        if index % 2:
            decorated_seconds = _timed(decorated, text)
            bare_seconds = _timed(bare, text)
        else:
            bare_seconds = _timed(bare, text)
            decorated_seconds = _timed(decorated, text)
        cost.bare.append(bare_seconds)
        cost.decorated.append(decorated_seconds)
        cost.lost.append(decorated_seconds - bare_seconds)
    flush(60.0)
    return cost


def _timed(function: Callable[[str], str], text: str) -> float:
    began = time.perf_counter()
    function(text)
    return time.perf_counter() - began
