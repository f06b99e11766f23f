"""Steps 2 and 4: keep arguments and results as they are now.

What cannot change is shared.  The rest is pickled once, on the caller's thread and
within limits; each candidate opens a copy of its own on the worker.
"""

from __future__ import annotations

import copy
import functools
import io
import math
import pickle
import re
import sys
from typing import TYPE_CHECKING, Any, Final

from darkcall._text import qualname_of

from ._immutable import weigh
from ._limits import Limits, TookTooLongError, UnkeepableError, Writer
from ._raised import exception_from, reduced, state_of
from ._reduced import is_listed_without_limit, reduced_safely
from ._refusals import why_not_copied


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Kept",
    "Limits",
    "TookTooLongError",
    "UnkeepableError",
    "Writer",
    "copied",
    "exception_from",
    "keep",
    "share",
    "state_of",
    "weigh",
    "why_not_copied",
]

#: Before, pickling counts its recursion in C as Python's: a limit that was raised beyond what the
#: stack bears ends the process.
_PICKLE_MINDS_THE_STACK: Final = sys.version_info >= (3, 12)
_SAFE_RECURSION_LIMIT: Final = 30_000

_NO_LIMITS: Final = Limits(sys.maxsize, math.inf)


class Kept:
    """A value as it was when it was kept.

    Attributes:
        open: Give the value, or a fresh copy of it; to be called once per reader.
        is_shared: Whether ``open`` gives the same object each time.
        nbytes: What it weighs while it waits, in bytes, roughly.
    """

    __slots__ = ("is_shared", "nbytes", "open")

    def __init__(self, open_: Callable[[], Any], nbytes: int, *, is_shared: bool) -> None:
        self.open = open_
        self.nbytes = nbytes
        self.is_shared = is_shared


def share(value: Any, nbytes: int = 0) -> Kept:
    """Hand a value over as it is."""
    return Kept(lambda: value, nbytes, is_shared=True)


def keep(value: Any, writer: Writer, shared: Sequence[object] = ()) -> Kept:
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
    return share(value, weight) if weight >= 0 else copied(value, writer, shared)


def copied(value: Any, writer: Writer, shared: Sequence[object] = ()) -> Kept:
    """Keep a value that can change; takes and raises what ``keep`` does."""
    if not _PICKLE_MINDS_THE_STACK and sys.getrecursionlimit() > _SAFE_RECURSION_LIMIT:
        raise UnkeepableError(
            f"a deep value would crash CPython before 3.12, as sys.setrecursionlimit was called "
            f"with more than {_SAFE_RECURSION_LIMIT}, which can be lowered"
        )
    try:
        return _pickled(value, writer, shared)
    except UnkeepableError:
        raise
    except Exception as error:  # noqa: BLE001 -- copying runs code of the value's own
        return _deep_copied(value, writer, shared, error)


def _pickled(value: Any, writer: Writer, shared: Sequence[object]) -> Kept:
    keeper = _SharingKeeper(writer, shared) if shared else _Keeper(writer)
    keeper.dump(value)
    chunks, by_reference = writer.chunks, keeper.by_reference

    def open_() -> Any:
        data = b"".join(chunks)
        if by_reference or shared:
            return _Opener(data, by_reference, shared).load()
        return pickle.loads(data)  # noqa: S301 -- our own, from memory

    return Kept(open_, writer.nbytes + keeper.nbytes_by_reference, is_shared=False)


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
        if value is not _handed_over and weight >= 0:
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
        if refusal is not None and value is not _handed_over:
            raise UnkeepableError(refusal)
        # Arrays that are not contiguous become bytes before they reach the writer.
        nbytes = _nbytes_of(value)
        if nbytes:
            self._writer.reserve(nbytes)
        return reduced_safely(value, self._writer)

    def _hand_over(self, value: Any, opener: Callable[[Any], Any] | None, nbytes: int) -> Any:
        self.nbytes_by_reference += nbytes
        self.by_reference.append((value, opener))
        return _handed_over, (len(self.by_reference) - 1,)


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
        if is_exception or (parts is NotImplemented and value is not _handed_over):
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


class _Opener(pickle.Unpickler):
    """Puts back by reference what was handed over so."""

    def __init__(
        self, data: bytes, by_reference: Sequence[tuple[Any, Any]], shared: Sequence[object]
    ) -> None:
        super().__init__(io.BytesIO(data))
        self._by_reference = by_reference
        self._shared = shared

    def find_class(self, module: str, name: str) -> Any:
        if name == _handed_over.__name__ and module == __name__:
            # Not a method: the memo would hold it, and it this opener, which has the memo.
            return functools.partial(_look_up, self._by_reference)
        return super().find_class(module, name)

    def persistent_load(self, index: Any) -> Any:
        return self._shared[index]


def _look_up(by_reference: Sequence[tuple[Any, Any]], index: int) -> Any:
    value, opener = by_reference[index]
    return value if opener is None else opener(value)


def _handed_over(index: int) -> Any:
    """Stand in the pickle for what ``_Opener`` looks up."""
    raise NotImplementedError(index)  # pragma: no cover -- never called by design


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
    value: Any, writer: Writer, shared: Sequence[object], why_not_pickled: Exception
) -> Kept:
    try:
        # A deep copy hears of a large array only after it has copied it.
        writer.empty()
        _Measurer(writer, shared).dump(value)
        writer.empty()
        pristine = copy.deepcopy(value, _BoundedMemo(writer, shared))
    except UnkeepableError:
        raise
    except Exception:  # noqa: BLE001 -- copying runs code of the value's own
        raise UnkeepableError(_said_by(why_not_pickled)) from None
    return Kept(
        lambda: copy.deepcopy(pristine, _BoundedMemo(Writer(_NO_LIMITS), shared)),
        writer.nbytes,
        is_shared=False,
    )


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


def _said_by(error: Exception) -> str:
    name = qualname_of(type(error)).rpartition(".")[2]
    # Any other text may hold something of the value.
    if type(error) is TypeError and len(error.args) == 1:
        match = re.fullmatch(r"cannot pickle '[\w.]{1,100}' object", str(error.args[0]))
        if match is not None:
            return f"{name}: {match[0]}"
    return name
