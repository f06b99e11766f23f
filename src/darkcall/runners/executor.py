"""Run candidates on an executor of the user's own, such as a pool of processes or a cluster.

A thread of this process waits for each candidate, compares and records.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from darkcall._errors import ConfigurationError
from darkcall._reference import imported
from darkcall._text import qualname_of

from ._remote import EndedError, RefusedError
from .thread import ThreadRunner


if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future


class ExecutorRunner(ThreadRunner):
    """Runs candidates on any ``concurrent.futures.Executor``.

    What the executor is given is a function of darkcall's and bytes, so a candidate is a
    function at the top level of a module, or given by name, whatever the executor; it is imported
    where it runs, and sees no context variables.  The timeout begins when the executor takes the
    candidate.  One that is over it is cancelled, which ends none that has begun.  The executor
    is yours: darkcall never shuts it down.

    Args:
        executor: Where candidates run.
        workers: How many candidates the executor is given at once; as many as it has workers,
            or the timeouts of those that wait for one pass meanwhile.

    Raises:
        ConfigurationError: ``executor`` has no ``submit``, or ``workers`` is not a whole number
            above 0.

    Example:
        >>> from concurrent.futures import ProcessPoolExecutor
        >>> with ProcessPoolExecutor(2) as executor:
        ...     runner = ExecutorRunner(executor, workers=2)
    """

    def __init__(self, executor: Executor, *, workers: int = 2) -> None:
        if not callable(getattr(executor, "submit", None)):
            raise ConfigurationError(
                f"ExecutorRunner({executor!r}): give an executor of concurrent.futures"
            )
        super().__init__(workers=workers)
        self.remote = _Executor(executor)

    def __repr__(self) -> str:
        return f"ExecutorRunner({self.remote.executor!r}, workers={self._count})"


class _Executor:
    max_wait_seconds = None

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.pid = os.getpid()

    def errand(self) -> _Errand:
        return _Errand(self)


class _Errand:
    """One candidate's call, as a future."""

    clock = None
    restart_cpu_seconds = 0.0

    def __init__(self, executor: _Executor) -> None:
        self._executor = executor
        self._future: Future[bytes] | None = None

    def prepare(self, function: str, argument: bytes) -> bytes:  # noqa: ARG002 -- in which process?
        """See whether there is an executor.

        Returns:
            Nothing.

        Raises:
            RefusedError: There is none.
        """
        if os.getpid() != self._executor.pid:
            raise RefusedError(
                "the executor is the parent process's: in a forked child, make one, and a runner "
                "for it"
            )
        return b""

    def run(self, function: str, argument: bytes) -> bytes:
        """Call a function on the executor.

        Args:
            function: ``package.module:function``.
            argument: What it is called with.

        Returns:
            What it returned.

        Raises:
            RefusedError: The executor takes nothing.
            EndedError: It gave no answer.
        """
        try:
            task: Callable[[bytes], bytes] = imported(function)
            self._future = future = self._executor.executor.submit(task, argument)
        except Exception as error:  # noqa: BLE001 -- it is the user's own
            why = qualname_of(type(error))
            raise RefusedError(f"the executor takes nothing: {why}") from None
        try:
            return future.result()
        except BaseException as error:  # noqa: BLE001 -- as above; or it was cancelled
            raise EndedError(f"the executor gave no answer: {qualname_of(type(error))}") from None

    def give_up(self) -> None:
        """Cancel the future, if it has not begun; from another thread."""
        if self._future is not None:
            self._future.cancel()
