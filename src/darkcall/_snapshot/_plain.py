"""The fast way to keep plain data: one pickler, used again and again.

Dicts, lists, text and numbers, and what cannot change, are pickled without any code of a value's
own.  Whatever asks for more care is left to the careful way: ``None`` says so.
"""

from __future__ import annotations

import pickle
import sys
from typing import Any, Final

from ._immutable import weigh
from ._kept import Pickled, handed_over
from ._limits import Limits


#: Before, pickling counts its recursion in C as Python's: a limit that was raised beyond what the
#: stack bears ends the process.
_PICKLE_MINDS_THE_STACK: Final = sys.version_info >= (3, 12)
SAFE_RECURSION_LIMIT: Final = 30_000
#: What was larger leaves a memo behind that takes long to clear.
_MAX_REUSED_BYTES: Final = 16_384

#: Each of them may be walked through: more of them, within limits of time.
_MAX_BY_REFERENCE: Final = 20

_recursion_limit = sys.getrecursionlimit


class _NotPlainError(Exception):
    """The value asks for more care."""


def _refuse(_buffer: Any) -> None:
    raise _NotPlainError


class _OneChunk:
    """A file that takes one piece: what is larger is copied within limits of time."""

    __slots__ = ("chunk",)

    def __init__(self) -> None:
        self.chunk: bytes | None = None

    def write(self, chunk: bytes) -> None:
        if self.chunk is not None:
            raise _NotPlainError
        self.chunk = chunk


class _PlainPickler(pickle.Pickler):
    """Pickles what runs no code of its own, in one piece."""

    def __init__(self) -> None:
        # Not itself, or it would hold what it failed at until garbage is collected.
        self.file = _OneChunk()
        # What refuses buffers: they would become bytes.
        super().__init__(self.file, 5, buffer_callback=_refuse)
        self.by_reference: list[Any] = []
        self.nbytes_by_reference = 0

    def reducer_override(self, value: Any) -> Any:
        weight = weigh(value)
        if value is handed_over:
            return NotImplemented
        if weight < 0 or len(self.by_reference) >= _MAX_BY_REFERENCE:
            raise _NotPlainError
        self.nbytes_by_reference += weight
        self.by_reference.append((value, None))
        return handed_over, (len(self.by_reference) - 1,)


#: A new one takes half as long again as what it does; those at rest hold nothing.
_at_rest: list[_PlainPickler] = []


def keep_plain(value: Any, limits: Limits) -> bytes | Pickled | None:
    """Keep a value that can change, if it is plain and small.

    Args:
        value: Anything.
        limits: What a copy may cost.

    Returns:
        The value, kept; None if that takes more care.
    """
    if may_overflow_the_stack():
        return None
    try:
        pickler = _at_rest.pop()
    except IndexError:
        pickler = _PlainPickler()
    try:
        pickler.dump(value)
    except Exception:  # noqa: BLE001 -- whatever it is, the careful way knows what to say
        return None
    # It would hold the value, and take it for one that it has met.
    pickler.clear_memo()
    chunk: Any = pickler.file.chunk
    kept: bytes | Pickled = chunk
    nbytes = len(chunk)
    if pickler.by_reference:
        nbytes += pickler.nbytes_by_reference
        kept = Pickled((chunk,), pickler.by_reference, (), nbytes)
        pickler.by_reference = []
        pickler.nbytes_by_reference = 0
    if nbytes > limits.nbytes:
        return None
    if nbytes <= _MAX_REUSED_BYTES:
        pickler.file.chunk = None
        _at_rest.append(pickler)
    return kept


def is_kept_as(value: Any, kept: bytes) -> bool:
    """Tell whether a value would be kept as these bytes: it is the same then in all places.

    It takes a quarter of opening them, and is not said of all that is the same: parts may be one
    object here, and equal ones there.

    Args:
        value: Anything.
        kept: What ``keep_plain`` gave.
    """
    return keep_plain(value, Limits(len(kept), 0.0)) == kept


def may_overflow_the_stack() -> bool:
    """Tell whether pickling a deep value could end the process."""
    return not _PICKLE_MINDS_THE_STACK and _recursion_limit() > SAFE_RECURSION_LIMIT
