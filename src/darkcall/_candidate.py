"""One candidate of a launch: what it is, what stands before it, and its counts."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any, Final

from . import _guard
from ._budget import Quota
from ._code import CodeVersion
from ._forks import ForkGate
from ._model import Outcome
from ._reference import check_main, imported, reference_of, why_not_imported
from ._signatures import check_signatures, is_async
from ._tally import Tally
from ._text import escaped


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._gate import Gate

#: A candidate that could not be imported is tried again after so many seconds.
RETRY_SECONDS: Final = 30.0

#: A run in a thread that takes the CPU for longer, in seconds, and for most of its time, delays
#: callers: it holds the interpreter's lock for 5 ms at a time.
CPU_BOUND_SECONDS: Final = 0.001
#: After so many of them it is told: the first may be slow for reasons of its own.
CPU_BOUND_RUNS: Final = 10

_MAX_REASONS: Final = 100


#: Calls that a close dropped, of all candidates: their launches may be gone by then.
dropped_at_close = Tally()


class UnresolvedError(Exception):
    """A candidate that was given by name cannot be used; the message says why."""


class Candidate:
    """One candidate of a launch.

    Attributes:
        name: Its name in the launch.
        control: The control, undecorated.
        full_name: With the launch's name before it, for log lines.
        function: The candidate itself; None before it is imported.
        code: Which version of its code runs; None before it is imported.
        own_gate: What decides whether it runs; replaced in a forked child.
        gate: The same, but while a test looks on.
        late: How often it ended after its deadline.
        cpu_bound: How often it took the CPU of this process for long.
        quota: Which of its differences are confirmed; replaced in a forked child.
    """

    def __init__(
        self,
        name: str,
        target: Callable[..., Any] | str,
        *,
        launch: str,
        control: Callable[..., Any],
        gate: Gate,
    ) -> None:
        self.name = name
        self.full_name = f"{launch} [{name}]"
        self.control = control
        self._target = target
        self.function: Callable[..., Any] | None = None
        self.code: CodeVersion | None = None
        self._is_async: bool | None = None
        self._reference: str | None = None
        self._failure: str | None = None
        self._try_again_at = 0.0
        self._importing = ForkGate()
        self._stand_in: Any = None
        if not isinstance(target, str):
            self._adopt(target)
        self.reset(gate)

    def reset(self, gate: Gate) -> None:
        """Begin to count at nothing, behind a new gate."""
        self.own_gate = gate
        self.stand_behind(self._stand_in)
        self._outcomes = {outcome: Tally() for outcome in Outcome}
        self._reasons: dict[str, Tally] = {}
        self.late = Tally()
        self.cpu_bound = Tally()
        self.quota = Quota()

    def stand_behind(self, gate: Any) -> None:
        """Stand behind another gate for a while; None for its own again."""
        self._stand_in = gate
        self.gate: Any = self.own_gate if gate is None else gate

    def resolve(self) -> Callable[..., Any]:
        """Give the candidate itself; imported now if it was given by name.

        Returns:
            The function.

        Raises:
            UnresolvedError: It cannot be imported, or not take the control's arguments;
                it is tried again after a while.
        """
        if self.function is not None:
            return self.function
        with self._importing.inside:
            if self._importing.broken:
                raise UnresolvedError("this process was forked while its parent imported it")
            now = time.monotonic()
            if self._failure is None or now >= self._try_again_at:
                try:
                    return self.function or self._adopt(imported(str(self._target)))
                except Exception as error:  # noqa: BLE001 -- an import runs any code
                    self._failure = why_not_imported(error)
                    self._try_again_at = now + RETRY_SECONDS
                    _guard.say(
                        _guard.ERROR,
                        f"{self.full_name}: {self._target!r} cannot be used: {self._failure}",
                    )
            raise UnresolvedError(self._failure)

    def _adopt(self, function: Any) -> Callable[..., Any]:
        if isinstance(function, classmethod | staticmethod):
            function = function.__func__
        check_signatures(self.control, function)
        self._is_async = is_async(function)
        if self._is_async:
            # Here no fork comes in its middle, which the child could not get beyond.
            importlib.import_module(".runners.loop", __package__)
        self.code = CodeVersion(function, time.time())
        self.function = function
        return function  # type: ignore[no-any-return]

    @property
    def is_async(self) -> bool | None:
        """Whether it is a coroutine function; None before it is imported."""
        return self._is_async

    def reference(self) -> str:
        """Name the candidate so that another process finds it.

        Returns:
            ``package.module:function``.

        Raises:
            ConfigurationError: Another process would not find it.
        """
        # Asked for at each call, and to look into the main file takes long.
        if self._reference is None:
            if isinstance(self._target, str):
                check_main(self._target)
                self._reference = self._target
            else:
                self._reference = reference_of(self.function)
        return self._reference

    def settle(self, outcome: Outcome, reason: str | None = None) -> None:
        """Count the outcome of one call, and why.

        Args:
            outcome: The outcome.
            reason: Why, if there is more to say; the same words for the same reason.
        """
        if reason is not None:
            if reason == "exit":
                dropped_at_close.add()
            if len(self._reasons) >= _MAX_REASONS and reason not in self._reasons:
                reason = "other"
            tally = self._reasons.get(reason)
            (self._reasons.setdefault(reason, Tally()) if tally is None else tally).add()
        # Not by a call, after which a signal handler may raise: it would be counted again.
        for _ in self._outcomes[outcome]:  # pragma: no branch -- it has no end
            break

    def took_the_cpu(self, cpu_seconds: float, seconds: float) -> None:
        """Hear of a run in this process that used the CPU for long; tell of it once.

        Args:
            cpu_seconds: For how long it used the CPU, over ``CPU_BOUND_SECONDS``.
            seconds: How long it took.
        """
        if cpu_seconds > seconds / 2 and self.cpu_bound.add() + 1 == CPU_BOUND_RUNS:
            _guard.say(
                _guard.WARNING,
                f"{self.full_name}: took the CPU for {1000 * cpu_seconds:.1f} ms of "
                f"{1000 * seconds:.1f} ms, on {CPU_BOUND_RUNS} calls by now; in a thread that "
                "delays callers, runner=ProcessRunner() runs it in another process",
            )

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Read how often each outcome came about, and how often each reason was given."""
        reasons = {reason: tally.value for reason, tally in self._reasons.copy().items()}
        return {outcome.value: tally.value for outcome, tally in self._outcomes.items()}, reasons

    def __repr__(self) -> str:
        return f"<Candidate {escaped(self.full_name)}>"
