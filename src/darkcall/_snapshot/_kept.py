"""What a value becomes while it waits: how it is opened, and what it weighs."""

from __future__ import annotations

import functools
import io
import pickle
from typing import TYPE_CHECKING, Any, TypeAlias


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Shared:
    """A value that is handed over as it is.

    Attributes:
        nbytes: What it weighs while it waits, in bytes, roughly.
    """

    __slots__ = ("_value", "nbytes")

    def __init__(self, value: Any, nbytes: int = 0) -> None:
        self._value = value
        self.nbytes = nbytes

    def open(self) -> Any:
        """Give the value."""
        return self._value


class Pickled:
    """A value that was pickled, but for what is handed over by reference."""

    __slots__ = ("_by_reference", "_chunks", "_shared", "nbytes")

    def __init__(
        self,
        chunks: Sequence[bytes],
        by_reference: Sequence[tuple[Any, Any]],
        shared: Sequence[object],
        nbytes: int,
    ) -> None:
        self._chunks = chunks
        self._by_reference = by_reference
        self._shared = shared
        self.nbytes = nbytes

    def open(self) -> Any:
        """Give a copy; to be called once per reader."""
        data = b"".join(self._chunks)
        if self._by_reference or self._shared:
            return _Opener(data, self._by_reference, self._shared).load()
        return pickle.loads(data)  # noqa: S301 -- our own, from memory


class DeepCopied:
    """A value that was copied, and is copied again for each reader."""

    __slots__ = ("nbytes", "open")

    def __init__(self, copy_again: Callable[[], Any], nbytes: int) -> None:
        self.open = copy_again
        self.nbytes = nbytes


#: The bytes are a pickle of plain data.
Kept: TypeAlias = bytes | Shared | Pickled | DeepCopied


def opened(kept: Kept) -> Any:
    """Give the value that was kept, or a copy of it; to be called once per reader."""
    if type(kept) is bytes:
        return pickle.loads(kept)  # noqa: S301 -- our own, from memory
    return kept.open()  # type: ignore[union-attr]


def weight_of(kept: Kept) -> int:
    """Tell what a value weighs while it waits, in bytes, roughly."""
    return len(kept) if type(kept) is bytes else kept.nbytes  # type: ignore[union-attr]


class _Opener(pickle.Unpickler):
    """Puts back by reference what was handed over so."""

    def __init__(
        self, data: bytes, by_reference: Sequence[tuple[Any, Any]], shared: Sequence[object]
    ) -> None:
        super().__init__(io.BytesIO(data))
        self._by_reference = by_reference
        self._shared = shared

    def find_class(self, module: str, name: str) -> Any:
        if name == handed_over.__name__ and module == __name__:
            # Not a method: the memo would hold it, and it this opener, which has the memo.
            return functools.partial(_look_up, self._by_reference)
        return super().find_class(module, name)

    def persistent_load(self, index: Any) -> Any:
        return self._shared[index]


def _look_up(by_reference: Sequence[tuple[Any, Any]], index: int) -> Any:
    value, opener = by_reference[index]
    return value if opener is None else opener(value)


def handed_over(index: int) -> Any:
    """Stand in a pickle for what is looked up where it is opened."""
    raise NotImplementedError(index)  # pragma: no cover -- never called by design
