"""Work that nobody waits for any longer after a while."""

from __future__ import annotations

import contextvars
import queue
import threading
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar


if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def is_anything_left() -> bool:
    """Whether work that nobody waits for any longer is still running."""
    return any(worker.is_busy for worker in _left)


class TookTooLongError(Exception):
    """Work did not end in time.

    Attributes:
        is_given_up: Whether it was not even begun, after too much that did not end.
    """

    def __init__(self, *, is_given_up: bool) -> None:
        super().__init__()
        self.is_given_up = is_given_up


class Timed(Generic[T]):
    """Runs one piece of work after the other, on a thread that can be left behind.

    Args:
        timeout: How long to wait for each, in seconds; None to run it right here.
        max_stuck: After so many that did not end, no more are begun.
    """

    def __init__(self, timeout: float | None, max_stuck: int) -> None:
        self._timeout = timeout
        self._left = max_stuck
        self._worker: _Worker | None = None

    def run(self, work: Callable[[], T]) -> T:
        """Run it, and give what it returns.

        Raises:
            TookTooLongError: It does not end in time, or is not begun.
        """
        if self._timeout is None:
            return work()
        if not self._left:
            raise TookTooLongError(is_given_up=True)
        if self._worker is None:
            self._worker = _Worker()
        try:
            result, error = self._worker.did(work, self._timeout)
        except queue.Empty:
            _left.append(self._worker)
            self._worker = None
            self._left -= 1
            raise TookTooLongError(is_given_up=False) from None
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]  # what the work returned


class _Worker:
    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        # A process does not wait for it at its end.
        threading.Thread(target=self._run, name="darkcall-replay", daemon=True).start()

    def did(self, work: Callable[[], Any], timeout: float) -> tuple[Any, BaseException | None]:
        context = contextvars.copy_context()
        self._work.put(lambda: context.run(work))
        return self._done.get(timeout=timeout)

    @property
    def is_busy(self) -> bool:
        """Whether it has not done what nobody waited for."""
        return self._done.empty()

    def _run(self) -> None:
        while True:
            work = self._work.get()
            try:
                self._done.put((work(), None))
            except BaseException as error:  # noqa: BLE001 -- it goes to whoever waits
                self._done.put((None, error))


#: Those that were left behind.
_left: Final[list[_Worker]] = []
