"""What an exception tells in a test, where no value is anybody's secret."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall._text import one_line, qualname_of
from darkcall.compare import Uncomparable


if TYPE_CHECKING:
    from collections.abc import Callable

    from darkcall._policy import Policy

#: So much of a text is shown.
MAX_SHOWN: Final = 4000


def told(error: BaseException) -> str:
    """Tell what an exception is, what it says and where it was raised."""
    try:
        message = one_line(str(error), MAX_SHOWN)
    except Exception:  # noqa: BLE001 -- the exception's own code
        message = "<no message>"
    return f"{qualname_of(type(error))}: {message}{_where(error)}"


def _where(error: BaseException) -> str:
    traceback = error.__traceback__
    if traceback is None:
        return ""
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code
    return f" (in {one_line(code.co_name)}, line {traceback.tb_lineno} of {code.co_filename})"


def telling(policy: Policy) -> Policy:
    """Have a comparison that fails say with what, and where.

    Args:
        policy: The knobs.

    Returns:
        Knobs that compare alike.
    """
    normalize = policy.normalize
    return attrs.evolve(
        policy,
        compare=functools.partial(_run, "compare", policy.compare),
        compare_exceptions=functools.partial(_run, "compare_exceptions", policy.compare_exceptions),
        normalize=normalize and functools.partial(_run, "normalize", normalize),
    )


def _run(step: str, function: Callable[..., Any], *values: Any) -> Any:
    try:
        return function(*values)
    except Uncomparable:
        raise
    except Exception as error:
        raise Uncomparable(f"{step} failed: {told(error)}") from error
