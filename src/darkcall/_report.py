"""Step 8: put a comparison into a record: bounded, redacted, plain data."""

from __future__ import annotations

import os
import platform
import time
from typing import TYPE_CHECKING, Any

from . import _guard
from ._describe import (
    Budget,
    describe,
    describe_difference,
    describe_exception,
    describe_mapping,
)
from ._model import Record, RecordDraft
from ._snapshot import opened
from .compare import signature_of


if TYPE_CHECKING:
    from ._comparison import Comparison
    from ._model import Observation
    from ._redact import Redactor
    from ._snapshot import Kept
    from ._terms import Terms
    from ._trial import Trial

_clock = time.perf_counter
_new = object.__new__

_process = os.urandom(6).hex()
_pid = os.getpid()
_host = platform.node()


def after_fork() -> None:
    """Tell this process's calls from its parent's."""
    global _process, _pid  # noqa: PLW0603 -- one name for the process
    _process = os.urandom(6).hex()
    _pid = os.getpid()


def source_of(index: int) -> str:
    """Give what the ``call_id`` of a launch's records in this process begin with.

    Args:
        index: Tells launches of one name apart, within the process.

    Returns:
        The text before the last hyphen.
    """
    return f"{_process}-{index}"


def host() -> str:
    """Give the name of this machine."""
    return _host


def pid() -> int:
    """Give the number of this process."""
    return _pid


def describe_arguments(
    terms: Terms, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Describe a call's arguments by parameter."""
    return describe_mapping(terms.named(args, kwargs), terms.policy.redactor)


def record_of(trial: Trial, comparison: Comparison) -> Record:
    """Make the record of one candidate on one call.

    Args:
        trial: The candidate's run.
        comparison: What it came to.

    Returns:
        The record.
    """
    job = trial.job
    keep, redactor = job.terms.policy.keep, job.terms.policy.redactor
    control, candidate = comparison.control, comparison.candidate
    # What is described first gets its share of the record's size for sure.
    budget = Budget()
    differences = [
        describe_difference(difference, redactor, keep_values=keep != "nothing", budget=budget)
        for difference in comparison.differences
    ]
    describing = _Describing(redactor, budget, keep)
    record = _draft_of(trial, candidate)
    record.outcome = comparison.outcome.value
    record.reason = comparison.reason
    record.signature = describing.signature(comparison)
    record.differences = differences
    record.stopped = describing.text(comparison.stopped)
    record.control_raised = describing.raised(control)
    record.candidate_raised = describing.raised(candidate)
    record.context = describing.context(job.user_context)
    record.arguments = trial.arguments
    record.control_value = describing.value(control)
    record.candidate_value = describing.value(candidate)
    record.__class__ = Record
    return record  # type: ignore[no-any-return]


def record_of_match(trial: Trial, candidate: Observation) -> Record:
    """Make the record of a call on which both sides returned the same plain value.

    There is nothing to describe: this runs no code but darkcall's own.

    Args:
        trial: The candidate's run.
        candidate: What the candidate did.

    Returns:
        The record.
    """
    record = _draft_of(trial, candidate)
    record.outcome = "match"
    record.differences = []
    record.reason = record.signature = record.stopped = None
    record.control_raised = record.candidate_raised = None
    record.context = record.arguments = None
    record.control_value = record.candidate_value = None
    record.__class__ = Record
    return record  # type: ignore[no-any-return]


def _draft_of(trial: Trial, candidate: Observation | None) -> Any:
    job = trial.job
    terms = job.terms
    record: Any = _new(RecordDraft)
    record.call_id = f"{_process}-{terms.index}-{job.number}"
    record.launch = terms.launch
    record.candidate = job.candidate.name
    record.at = time.time() - (_clock() - job.began)
    record.host = _host
    record.pid = _pid
    record.control_seconds = job.control_seconds
    record.waited_seconds = trial.waited_seconds
    record.candidate_seconds = None if candidate is None else candidate.duration_seconds
    record.candidate_cpu_seconds = None if candidate is None else candidate.cpu_seconds
    record.sample_rate = terms.sample_rate
    record.input_digest = trial.input_digest
    record.confirmation = None
    record.schema = 1
    return record


class _Describing:
    """Describes the parts of one record, within one budget."""

    def __init__(self, redactor: Redactor, budget: Budget, keep: str) -> None:
        self._redactor = redactor
        self._budget = budget
        self._keep = keep

    def text(self, text: str | None) -> str | None:
        return None if text is None else self._redactor.text(text)

    def signature(self, comparison: Comparison) -> str | None:
        differences = comparison.differences
        return self._redactor.text(signature_of(differences)) if differences else None

    def raised(self, side: Observation | None) -> dict[str, Any] | None:
        if side is None or side.exception is None:
            return None
        described = describe_exception(side.exception, self._redactor, budget=self._budget)
        return {"type": described["type"]} if self._keep == "nothing" else described

    def value(self, side: Observation | None) -> Any:
        if self._keep != "everything" or side is None or side.raised:
            return None
        return describe(side.value, self._redactor, budget=self._budget)

    def context(self, kept: Kept | None) -> dict[str, Any] | None:
        if kept is None:
            return None
        try:
            context = opened(kept)
        except Exception as error:  # noqa: BLE001 -- opening a copy runs code of its own
            _guard.fault("preparing a context", error)
            return {"$": {"$": "dict", "undescribable": True}}
        return describe_mapping(context, self._redactor, budget=self._budget)
