"""What a comparison raises when it cannot say whether two values are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darkcall._errors import DarkcallError
from darkcall._paths import Step, render, step_of

from ._names import type_name


if TYPE_CHECKING:
    from ._walk import Where


class Uncomparable(DarkcallError):  # noqa: N818 (it is an outcome, and named like one)
    """Nobody can say whether two values are equal; the call's outcome says so, and why.

    Its text names the place and the type, never a value.
    """


def uncomparable(where: Where, value: Any, reason: str) -> Uncomparable:
    """The error that says that nobody can compare what stands at a place."""
    return Uncomparable(f"{render(steps_to(where))} ({type_name(type(value))}): {reason}")


def steps_to(where: Where) -> list[Step]:
    """The steps from the root to a place."""
    steps = []
    while where is not None:
        where, step = where
        steps.append(step_of(step))
    steps.reverse()
    return steps
