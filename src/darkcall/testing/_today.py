"""Both sides of a launch as they are today, on arguments that were recorded."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from darkcall._candidate import UnresolvedError
from darkcall._describe import describe, describe_difference, describe_exception, is_exact
from darkcall._errors import ConfigurationError
from darkcall._model import Observation, Outcome
from darkcall.compare import signature_of

from ._rebuild import json_of
from ._sides import Arguments, Rules, compared, kept_result, run_candidate, run_control
from ._timed import Timed, TookTooLongError


if TYPE_CHECKING:
    from collections.abc import Callable

    from darkcall._comparison import Comparison
    from darkcall._launch import Launch


class NotJudgedError(Exception):
    """An input says nothing about the candidate; the message says why."""


class Today:
    """Runs both sides of a launch and compares them, as the launch would.

    Args:
        launch: The launch.
    """

    def __init__(self, launch: Launch) -> None:
        policy = launch._policy  # noqa: SLF001 -- the launch's own rules
        parameters = launch._parameters  # noqa: SLF001 -- as above
        self._launch = launch
        self._rules = Rules(launch.name, policy, parameters)
        self._redactor = policy.redactor
        self._candidates = {one.name: one for one in launch.candidates}
        self._timed: dict[str, Timed[Observation]] = {
            one.name: Timed(policy.timeout, policy.max_stuck) for one in launch.candidates
        }

    def run(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Outcome, Comparison | None]:
        """Run the control, and then a candidate.

        Raises:
            NotJudgedError: The candidate cannot run on it, or they cannot be compared.
        """
        candidate = self._resolved(name)
        try:
            arguments = Arguments(self._rules, args, kwargs)
            control = _did(run_control, self._launch.control, arguments)
            kept = kept_result(control, arguments)
            its_run = functools.partial(_did, run_candidate, candidate, arguments)
            did = self._timed[name].run(its_run)
        except ConfigurationError as error:
            raise NotJudgedError(str(error)) from None
        except TookTooLongError as error:
            if error.is_given_up:
                raise NotJudgedError(f"{name}: not run after too many runs did not end") from None
            return Outcome.TIMEOUT, None
        comparison = compared(self._rules, kept(), did)
        if comparison.outcome is Outcome.UNCOMPARABLE:
            why = self._redactor.text(f"{comparison.reason}")
            raise NotJudgedError(f"{name}: cannot be compared: {why}")
        return comparison.outcome, comparison

    def _resolved(self, name: str) -> Callable[..., Any]:
        if name not in self._candidates:
            raise NotJudgedError(f"{name}: the launch has no such candidate today")
        try:
            return self._candidates[name].resolve()
        except UnresolvedError as error:
            raise NotJudgedError(f"{name}: {self._redactor.text(str(error))}") from None

    def signature(self, outcome: Outcome, comparison: Comparison | None) -> str:
        """Name a difference as its records do."""
        if comparison is None:
            return f"({outcome.value})"
        return self._redactor.text(signature_of(comparison.differences))

    def example(self, comparison: Comparison | None, record: dict[str, Any]) -> dict[str, Any]:
        """Show an input, and what both sides did on it."""
        if comparison is None:
            return {"arguments": record["arguments"]}
        sides = {"control": comparison.control, "candidate": comparison.candidate}
        return {
            "arguments": record["arguments"],
            "differences": [
                describe_difference(one, self._redactor) for one in comparison.differences
            ],
            **{
                f"{side}_raised": describe_exception(did.exception, self._redactor)
                for side, did in sides.items()
                if did is not None and did.exception is not None
            },
        }

    def control_raised(self, comparison: Comparison) -> dict[str, Any] | None:
        """Describe what the control raised; None if it returned."""
        error = comparison.control.exception
        return None if error is None else describe_exception(error, self._redactor)

    def answers_otherwise(self, comparison: Comparison | None, record: dict[str, Any]) -> bool:
        """Whether the control does something else than when the call was recorded.

        False where what it did then was not recorded, or not all of it.
        """
        if comparison is None:
            return False
        before = record.get("control_raised")
        now = self.control_raised(comparison)
        if before is not None:
            return now is None or _said(now) != _said(before)
        value = record.get("control_value", self)
        if value is self or not is_exact(value):
            return False
        if now is not None:
            return True
        return json_of(describe(comparison.control.value, self._redactor)) != json_of(value)


def _did(run: Callable[..., Observation], function: Any, arguments: Arguments) -> Observation:
    try:
        return run(function, arguments)
    except (KeyboardInterrupt, ConfigurationError):
        raise
    except BaseException as error:  # noqa: BLE001 -- no test runs here that it could be meant for
        return Observation(exception=error)


def _said(raised: dict[str, Any]) -> tuple[Any, Any]:
    return raised.get("type"), raised.get("message")
