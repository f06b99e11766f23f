"""One candidate of a launch: what it is, what stands before it, and its counts."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from ._errors import ConfigurationError
from ._model import Outcome
from ._signatures import check_signatures, is_async
from ._tally import Tally


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._gate import Gate

_MAX_REASONS: Final = 100


class Candidate:
    """One candidate of a launch.

    Attributes:
        name: Its name in the launch.
        full_name: With the launch's name before it, for log lines.
        gate: What decides whether it runs; replaced when its bounds are.
        late: How often it ended after its deadline.
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
        self._control = control
        self._target = target
        self._function: Callable[..., Any] | None = None
        self._is_async: bool | None = None
        if not isinstance(target, str):
            self._resolve()
        self.reset(gate)

    def reset(self, gate: Gate) -> None:
        """Begin to count at nothing, behind a new gate."""
        self.gate = gate
        self._outcomes = {outcome: Tally() for outcome in Outcome}
        self._reasons: dict[str, Tally] = {}
        self.late = Tally()

    def _resolve(self) -> Callable[..., Any]:
        function = self._target
        if isinstance(function, str):
            module, _, path = function.partition(":")
            found: Any = importlib.import_module(module)
            for attribute in path.split("."):
                found = getattr(found, attribute)
            function = found
        if isinstance(function, classmethod | staticmethod):
            function = function.__func__
        check_signatures(self._control, function)
        self._is_async = is_async(function)
        self._function = function
        return function

    @property
    def function(self) -> Callable[..., Any]:
        """The candidate itself; imported now if it was given by name.

        Raises:
            Exception: Whatever the import raises.
        """
        return self._resolve() if self._function is None else self._function

    @property
    def is_async(self) -> bool | None:
        """Whether it is a coroutine function; None before it is imported."""
        return self._is_async

    def settle(self, outcome: Outcome, reason: str | None = None) -> None:
        """Count the outcome of one call, and why.

        Args:
            outcome: The outcome.
            reason: Why, if there is more to say; the same words for the same reason.
        """
        if reason is not None:
            if len(self._reasons) >= _MAX_REASONS and reason not in self._reasons:
                reason = "other"
            self._reasons.setdefault(reason, Tally()).add()
        self._outcomes[outcome].add()

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Read how often each outcome came about, and how often each reason was given."""
        reasons = {reason: tally.value for reason, tally in list(self._reasons.items())}
        return {outcome.value: tally.value for outcome, tally in self._outcomes.items()}, reasons

    def drop(self, reason: str) -> None:
        """Count a call that this candidate will not see."""
        self.settle(Outcome.DROPPED, reason)

    def __repr__(self) -> str:
        return f"<Candidate {self.full_name}>"


def check_reference(reference: str) -> None:
    """Refuse what is not of the form ``pkg.mod:func``.

    Raises:
        ConfigurationError: It is not.
    """
    module, colon, path = reference.partition(":")
    if not colon or not all(
        part.isidentifier() for part in (*module.split("."), *path.split("."))
    ):
        msg = f"candidate={reference!r} will not do: give a callable or 'package.module:function'"
        raise ConfigurationError(msg)
