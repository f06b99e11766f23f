"""``darkcall replay``: recorded inputs against the code as it is now.

In scope: running both sides by the launch's rules, and telling what became of each recorded
difference.  Not in scope: finding the function, and how the answer looks (:mod:`darkcall._cli`).
"""

from __future__ import annotations

import collections
import functools
import json
from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall._candidate import UnresolvedError
from darkcall._describe import describe, describe_difference, describe_exception, is_exact
from darkcall._errors import ConfigurationError
from darkcall._model import Observation, Outcome
from darkcall.compare import signature_of

from ._rebuild import NotRebuiltError, Rebuilder
from ._recorded import DIFFERING, Recorded, key_of
from ._replayed import CandidateReplay, Replay, Way
from ._sides import Arguments, Rules, compared, kept_result, run_candidate, run_control
from ._timed import Timed, TookTooLongError


if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Sequence

    from darkcall._comparison import Comparison
    from darkcall._launch import Launch

_AGREES: Final = frozenset({Outcome.MATCH, Outcome.IGNORED})
_RECORDED_AGREEMENT: Final = frozenset({outcome.value for outcome in _AGREES})
#: What stands for a signature where there is none.
_TIMEOUT: Final = "(timeout)"
_MAX_REASONS: Final = 100


class NotJudgedError(Exception):
    """An input says nothing about the candidate; the message says why."""


@attrs.define(eq=False)
class _Input:
    """One input of one candidate.

    Attributes:
        way: In what way the candidate differs now; None if it does not, or was not run.
        is_judged: Whether it was run, and could be compared.
        calls: How many records it is from.
        recorded: The ways in which it differed when it was recorded; None among them if it did not.
    """

    way: tuple[str, str] | None = None
    is_judged: bool = False
    calls: int = 0
    recorded: set[str | None] = attrs.field(factory=set)


def replay(
    sources: Sequence[str | os.PathLike[str]],
    launch: Launch,
    *,
    outcomes: Collection[str] = DIFFERING,
    candidate: str | None = None,
) -> Replay:
    """Run recorded inputs through a launch's control and candidates as they are now.

    Each different input runs once for each candidate that it was recorded of.

    Args:
        sources: Records, as :func:`darkcall.analysis.read` takes them.
        launch: The launch; its records are taken, the others passed over.
        outcomes: Take records of these outcomes.
        candidate: Take records of this candidate alone.

    Returns:
        What became of the differences.

    Raises:
        ConfigurationError: A source does not exist, no record in it is of the launch, or there is
            no such outcome or candidate.
    """
    names = [one.name for one in launch.candidates]
    if candidate is not None and candidate not in names:
        raise ConfigurationError(
            f"{launch.name} has no candidate {candidate!r}; it has {', '.join(names)}"
        )
    recorded = Recorded(sources, launch.name, outcomes)
    run = _Run(launch)
    for record in recorded:
        if candidate is None or record["candidate"] == candidate:
            run.take(record)
    return run.told(recorded)


class _Run:
    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._rebuilder = Rebuilder(launch.control)
        self._sides = _Sides(launch)
        self._inputs: dict[str, dict[bytes, _Input]] = {}
        self._examples: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._left_out: collections.Counter[str] = collections.Counter()
        self._changed_controls: set[bytes] = set()

    def take(self, record: dict[str, Any]) -> None:
        """Run the input of a record, if it has not run, and keep what became of it."""
        name = record["candidate"]
        inputs = self._inputs.setdefault(name, {})
        key = key_of(record)
        one = inputs.get(key)
        # Those without arguments are not one input, and each is counted as left out.
        if one is None or "arguments" not in record:
            one = inputs[key] = _Input()
            try:
                self._judge(name, key, one, record)
            except (NotRebuiltError, NotJudgedError) as error:
                self._leave_out(str(error))
        one.calls += 1
        one.recorded.add(_recorded_way(record))

    def _judge(self, name: str, key: bytes, one: _Input, record: dict[str, Any]) -> None:
        arguments = self._rebuilder.of_record(record)
        outcome, comparison = self._sides.run(name, *self._rebuilder.call(arguments))
        one.is_judged = True
        if self._sides.answers_otherwise(comparison, record):
            self._changed_controls.add(key)
        if outcome in _AGREES:
            return
        one.way = outcome.value, self._sides.signature(outcome, comparison)
        if (name, *one.way) not in self._examples:
            self._examples[name, *one.way] = self._sides.example(comparison, record)

    def _leave_out(self, reason: str) -> None:
        is_known = reason in self._left_out or len(self._left_out) < _MAX_REASONS
        self._left_out[reason if is_known else "(others)"] += 1

    def told(self, recorded: Recorded) -> Replay:
        """Add up what became of all inputs."""
        return Replay(
            launch=self._launch.name,
            candidates=[self._told(name, inputs) for name, inputs in self._inputs.items()],
            left_out=dict(self._left_out.most_common()),
            changed_controls=len(self._changed_controls),
            passed_over=recorded.passed_over.total(),
            unread=recorded.unread,
            rollups=recorded.rollups,
        )

    def _told(self, name: str, inputs: dict[bytes, _Input]) -> CandidateReplay:
        judged = [one for one in inputs.values() if one.is_judged]
        ways: dict[tuple[bool, str, str], list[_Input]] = {}
        for one in judged:
            if one.way is not None:
                is_new = one.way[1] not in one.recorded
                ways.setdefault((is_new, *one.way), []).append(one)
        agreeing = [one for one in judged if one.way is None]
        return CandidateReplay(
            name=name,
            inputs=len(judged),
            calls=sum(one.calls for one in judged),
            fixed=sum(one.recorded != {None} for one in agreeing),
            agrees=sum(one.recorded == {None} for one in agreeing),
            ways=[
                Way(
                    is_new=is_new,
                    outcome=outcome,
                    signature=signature,
                    inputs=len(found),
                    calls=sum(one.calls for one in found),
                    recorded=sorted({way or "(match)" for one in found for way in one.recorded}),
                    **self._examples[name, outcome, signature],
                )
                for (is_new, outcome, signature), found in sorted(
                    ways.items(), key=lambda way: (way[0][0], -len(way[1]), way[0][2])
                )
            ],
        )


def _recorded_way(record: dict[str, Any]) -> str | None:
    if record["outcome"] in _RECORDED_AGREEMENT:
        return None
    if record["outcome"] == Outcome.TIMEOUT.value:
        return _TIMEOUT
    return str(record.get("signature", f"({record['outcome']})"))


class _Sides:
    """Both sides of a launch, as the launch would run and compare them."""

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
        """Name a way of differing as its records do."""
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

    def answers_otherwise(self, comparison: Comparison | None, record: dict[str, Any]) -> bool:
        """Whether the control does something else than when the call was recorded.

        False where what it did then was not recorded, or not all of it.
        """
        if comparison is None:
            return False
        error = comparison.control.exception
        before = record.get("control_raised")
        if before is not None:
            now = None if error is None else describe_exception(error, self._redactor)
            return now is None or _said(now) != _said(before)
        value = record.get("control_value", self)
        if value is self or not is_exact(value):
            return False
        if error is not None:
            return True
        return _text(describe(comparison.control.value, self._redactor)) != _text(value)


def _did(run: Callable[..., Observation], function: Any, arguments: Arguments) -> Observation:
    try:
        return run(function, arguments)
    except (KeyboardInterrupt, ConfigurationError):
        raise
    except BaseException as error:  # noqa: BLE001 -- no test runs here that it could be meant for
        return Observation(exception=error)


def _said(raised: dict[str, Any]) -> tuple[Any, Any]:
    return raised.get("type"), raised.get("message")


def _text(described: Any) -> str:
    return json.dumps(described)
