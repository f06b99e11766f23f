"""Whether this code runs in the dark: inside a candidate, a comparison or a sink."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from contextvars import Token

DARK: ContextVar[bool] = ContextVar("darkcall_dark", default=False)


class InTheDark:
    """A block in which a call of a decorated function is a plain call."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token: Token[bool] = DARK.set(True)

    def __exit__(self, *_exc: object) -> None:
        DARK.reset(self._token)


def is_dark() -> bool:
    """Tell whether the code that asks runs inside a candidate.

    Use it to guard a side effect that the control has had already.  A thread that a
    candidate starts by itself does not inherit the answer; a task does.

    Returns:
        True inside a candidate, a comparison or a sink; False in ordinary code.

    Example:
        >>> is_dark()
        False
    """
    return DARK.get()
