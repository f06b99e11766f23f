"""Steps 2 and 4: keep arguments and results as they are now.

What cannot change is shared.  The rest is pickled once, on the caller's thread and
within limits; each candidate opens a copy of its own on the worker.
"""

from __future__ import annotations

import copy
import math
import pickle
import sys
from typing import TYPE_CHECKING, Any, Final

from ._immutable import SCALARS, weigh, weigh_all
from ._kept import DeepCopied, Kept, Pickled, Shared, handed_over, opened, weight_of
from ._limits import Limits, TookTooLongError, UnkeepableError, Writer
from ._plain import SAFE_RECURSION_LIMIT, is_kept_as, keep_plain, may_overflow_the_stack
from ._raised import exception_from, reduced, state_of
from ._reduced import is_listed_without_limit, reduced_safely
from ._refusals import why_not_copied, why_not_pickled
from ._sent import sent


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "SCALARS",
    "Kept",
    "Limits",
    "Shared",
    "TookTooLongError",
    "UnkeepableError",
    "Writer",
    "copied",
    "exception_from",
    "is_kept_as",
    "keep",
    "keep_plain",
    "opened",
    "sent",
    "state_of",
    "weigh",
    "weigh_all",
    "weight_of",
    "why_not_copied",
]

_NO_LIMITS: Final = Limits(sys.maxsize, math.inf)


def keep(
    value: Any, writer: Writer, shared: Sequence[object] = ()
) -> Shared | Pickled | DeepCopied:
    """Keep a value as it is now, whatever happens to it later.

    Args:
        value: Anything.
        writer: Takes the copy, within its limits.
        shared: Objects that are not copied wherever they occur, told by identity.

    Returns:
        The value, kept.

    Raises:
        UnkeepableError: The value cannot be copied, or that would cost too much.
    """
    weight = weigh(value)
    return Shared(value, weight) if weight >= 0 else copied(value, writer, shared)


def copied(value: Any, writer: Writer, shared: Sequence[object] = ()) -> Pickled | DeepCopied:
    """Keep a value that can change; takes and raises what ``keep`` does."""
    if may_overflow_the_stack():
        raise UnkeepableError(
            f"a deep value would crash CPython before 3.12, as sys.setrecursionlimit was called "
            f"with more than {SAFE_RECURSION_LIMIT}, which can be lowered"
        )
    try:
        return _pickled(value, writer, shared)
    except UnkeepableError:
        raise
    except Exception as error:  # noqa: BLE001 -- copying runs code of the value's own
        return _deep_copied(value, writer, shared, error)


def _pickled(value: Any, writer: Writer, shared: Sequence[object]) -> Pickled:
    keeper = _SharingKeeper(writer, shared) if shared else _Keeper(writer)
    keeper.dump(value)
    nbytes = writer.nbytes + keeper.nbytes_by_reference
    return Pickled(writer.chunks, keeper.by_reference, shared, nbytes)


class _Keeper(pickle.Pickler):
    """A pickler that hands over by reference what need not, or cannot, be copied.

    ``reducer_override`` is asked only about what is no plain builtin value, so it
    costs nothing on dicts, lists and text; ``persistent_id`` is asked about each.
    """

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer, 5, buffer_callback=writer.measure)
        self._writer = writer
        self.by_reference: list[tuple[Any, Callable[[Any], Any] | None]] = []
        self.nbytes_by_reference = 0
        self._errors_met: dict[int, Any] = {}

    def reducer_override(self, value: Any) -> Any:
        self._writer.look_if_due()
        weight = weigh(value)
        # What stands for a value must not be stood for itself, without end.
        if value is not handed_over and weight >= 0:
            return self._hand_over(value, None, weight)
        cls = type(value)
        if issubclass(cls, BaseException):
            # Its class may ask for other arguments than it keeps.
            return reduced(value, self._errors_met)
        if cls.__module__.startswith("polars.") and hasattr(value, "clone"):
            # A clone of a polars frame is cheap, and copies on write.
            size = getattr(value, "estimated_size", None)
            return self._hand_over(value.clone(), _clone, size() if callable(size) else 0)
        refusal = why_not_copied(value)
        if refusal is not None and value is not handed_over:
            raise UnkeepableError(refusal)
        # Arrays that are not contiguous become bytes before they reach the writer.
        nbytes = _nbytes_of(value)
        if nbytes:
            self._writer.reserve(nbytes)
        return reduced_safely(value, self._writer)

    def _hand_over(self, value: Any, opener: Callable[[Any], Any] | None, nbytes: int) -> Any:
        self.nbytes_by_reference += nbytes
        self.by_reference.append((value, opener))
        return handed_over, (len(self.by_reference) - 1,)


class _SharingKeeper(_Keeper):
    """A keeper that leaves some objects, lists and dicts included, as they are."""

    def __init__(self, writer: Writer, shared: Sequence[object]) -> None:
        super().__init__(writer)
        self._index_by_id = {id(value): index for index, value in enumerate(shared)}

    def persistent_id(self, value: Any) -> int | None:
        return self._index_by_id.get(id(value))


class _Measurer(_SharingKeeper):
    """A keeper that passes over what cannot be pickled, to find out how large the rest is."""

    def reducer_override(self, value: Any) -> Any:
        if is_listed_without_limit(type(value)):
            # A deep copy would do it, in C, where nothing can stop it.
            raise UnkeepableError("it is a set with an __iter__ of its own, in what is no pickle")
        parts = super().reducer_override(value)
        is_exception = issubclass(type(value), BaseException)
        if is_exception or (parts is NotImplemented and value is not handed_over):
            own = _reduced_by_itself(value)
            if type(own) is not tuple:
                return self._hand_over(value, None, 0)
            # A deep copy knows no other way to copy an exception.
            return parts if is_exception else own
        return parts


def _reduced_by_itself(value: Any) -> Any:
    try:
        parts = value.__reduce_ex__(5)
    except Exception:  # noqa: BLE001 -- reducing runs code of the value's own
        return None
    is_unpacked = parts is not None and type(parts) not in {str, tuple}
    if is_unpacked and not hasattr(type(value), "__deepcopy__"):
        # By a deep copy, however long it is.
        raise UnkeepableError("its __reduce__ returns no tuple")
    return parts


def _clone(value: Any) -> Any:
    return value.clone()


def _nbytes_of(value: Any) -> int:
    module = type(value).__module__
    if module == "array":
        return sys.getsizeof(value)
    if module == "pandas.core.internals.blocks":
        value = value.values
    nbytes = value.nbytes if hasattr(type(value), "nbytes") else 0
    return nbytes if isinstance(nbytes, int) else 0


def _deep_copied(
    value: Any, writer: Writer, shared: Sequence[object], error: Exception
) -> DeepCopied:
    try:
        # A deep copy hears of a large array only after it has copied it.
        writer.empty()
        _Measurer(writer, shared).dump(value)
        writer.empty()
        pristine = copy.deepcopy(value, _BoundedMemo(writer, shared))
    except UnkeepableError:
        raise
    except Exception:  # noqa: BLE001 -- copying runs code of the value's own
        raise UnkeepableError(why_not_pickled(error)) from None

    def copy_again() -> Any:
        return copy.deepcopy(pristine, _BoundedMemo(Writer(_NO_LIMITS), shared))

    return DeepCopied(copy_again, writer.nbytes)


class _BoundedMemo(dict[int, Any]):
    """The memo of a deep copy, which stops it at the limits and knows what is shared."""

    def __init__(self, writer: Writer, shared: Sequence[object]) -> None:
        super().__init__((id(value), value) for value in shared)
        self._writer = writer

    def get(self, key: int, default: Any = None) -> Any:
        # Asked for each item, before it is copied.
        self._writer.look_if_due()
        return super().get(key, default)

    def __setitem__(self, key: int, copied: Any) -> None:
        if id(copied) == key:
            # A singleton's class; the copy's state would be written into the original.
            raise UnkeepableError("its class gives the original in place of a copy")
        nbytes = max(sys.getsizeof(copied, 0), 16)
        self._writer.take(nbytes)
        super().__setitem__(key, copied)
