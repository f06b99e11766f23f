"""``darkcall replay``: recorded inputs against the code as it is now.

In scope: running both sides by the launch's rules, and telling what became of each recorded
difference.  Not in scope: finding the function, and how the answer looks (:mod:`darkcall._cli`).
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall._errors import ConfigurationError
from darkcall._model import AGREES, Outcome

from ._rebuild import NotRebuiltError, Rebuilder
from ._recorded import DIFFERING, Recorded, key_of
from ._replayed import CandidateReplay, Replay, SignatureReplay
from ._today import NotJudgedError, Today


if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Sequence

    from darkcall._launch import Launch

_RECORDED_AGREEMENT: Final = frozenset({outcome.value for outcome in AGREES})
#: What stands for a signature where there is none.
_TIMEOUT: Final = "(timeout)"
_MAX_REASONS: Final = 100


@attrs.define(eq=False)
class _Input:
    """One input of one candidate.

    Attributes:
        differs: The outcome and the signature of what differs now; None if nothing does, or it was
            not run.
        is_judged: Whether it was run, and could be compared.
        calls: How many records it is from.
        recorded: The signatures with which it was recorded; None among them if it did not differ.
    """

    differs: tuple[str, str] | None = None
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
        self._today = Today(launch)
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
        one.recorded.add(_recorded_signature(record))

    def _judge(self, name: str, key: bytes, one: _Input, record: dict[str, Any]) -> None:
        arguments = self._rebuilder.of_record(record)
        outcome, comparison = self._today.run(name, *self._rebuilder.call(arguments))
        one.is_judged = True
        if self._today.answers_otherwise(comparison, record):
            self._changed_controls.add(key)
        if outcome in AGREES:
            return
        one.differs = outcome.value, self._today.signature(outcome, comparison)
        if (name, *one.differs) not in self._examples:
            self._examples[name, *one.differs] = self._today.example(comparison, record)

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
        signatures: dict[tuple[bool, str, str], list[_Input]] = {}
        for one in judged:
            if one.differs is not None:
                is_new = one.differs[1] not in one.recorded
                signatures.setdefault((is_new, *one.differs), []).append(one)
        agreeing = [one for one in judged if one.differs is None]
        return CandidateReplay(
            name=name,
            inputs=len(judged),
            calls=sum(one.calls for one in judged),
            fixed=sum(one.recorded != {None} for one in agreeing),
            agrees=sum(one.recorded == {None} for one in agreeing),
            signatures=[
                SignatureReplay(
                    is_new=is_new,
                    outcome=outcome,
                    signature=signature,
                    inputs=len(found),
                    calls=sum(one.calls for one in found),
                    recorded=sorted({text or "(match)" for one in found for text in one.recorded}),
                    **self._examples[name, outcome, signature],
                )
                for (is_new, outcome, signature), found in sorted(
                    signatures.items(), key=lambda pair: (pair[0][0], -len(pair[1]), pair[0][2])
                )
            ],
        )


def _recorded_signature(record: dict[str, Any]) -> str | None:
    if record["outcome"] in _RECORDED_AGREEMENT:
        return None
    if record["outcome"] == Outcome.TIMEOUT.value:
        return _TIMEOUT
    return str(record.get("signature", f"({record['outcome']})"))
