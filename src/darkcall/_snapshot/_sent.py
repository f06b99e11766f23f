"""What another process is sent: a pickle, in which nothing is by reference."""

from __future__ import annotations

import math
import pickle
from typing import Any

from ._limits import Limits, UnkeepableError, Writer
from ._plain import SAFE_RECURSION_LIMIT, may_overflow_the_stack
from ._raised import reduced
from ._reduced import reduced_safely
from ._refusals import why_not_pickled


def sent(value: Any, max_bytes: int) -> bytes:
    """Pickle a value, on a worker, for another process.

    Args:
        value: Anything.
        max_bytes: How large the pickle may get.

    Returns:
        The pickle.

    Raises:
        UnkeepableError: The value cannot be pickled, or is too large; the message says why.

    Example:
        >>> pickle.loads(sent({"a": [1]}, max_bytes=100))
        {'a': [1]}
    """
    if may_overflow_the_stack():
        raise UnkeepableError(
            f"a deep value would crash CPython before 3.12, as sys.setrecursionlimit was called "
            f"with more than {SAFE_RECURSION_LIMIT}, which can be lowered"
        )
    writer = Writer(Limits(max_bytes, math.inf))
    try:
        _Sender(writer).dump(value)
    except UnkeepableError:
        raise UnkeepableError(
            f"it would exceed max_copy_bytes={max_bytes}, which can be raised"
        ) from None
    except Exception as error:  # noqa: BLE001 -- pickling runs code of the value's own
        raise UnkeepableError(why_not_pickled(error)) from None
    return b"".join(writer.chunks)


class _Sender(pickle.Pickler):
    """A pickler that takes exceptions apart, whatever their classes ask for."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer, 5, buffer_callback=writer.measure)
        self._writer = writer
        self._errors_met: dict[int, Any] = {}

    def reducer_override(self, value: Any) -> Any:
        if issubclass(type(value), type):
            return NotImplemented
        if issubclass(type(value), BaseException):
            return reduced(value, self._errors_met)
        return reduced_safely(value, self._writer)
