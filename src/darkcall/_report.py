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
from ._model import Record
from ._snapshot import opened
from .compare import signature_of


if TYPE_CHECKING:
    from ._comparison import Comparison
    from ._job import Trial
    from ._model import Observation
    from ._redact import Redactor
    from ._snapshot import Kept
    from ._terms import Terms

_process = os.urandom(6).hex()
_host = platform.node()


def after_fork() -> None:
    """Tell this process's calls from its parent's."""
    global _process  # noqa: PLW0603 -- one name for the process
    _process = os.urandom(6).hex()


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
    terms, keep, redactor = job.terms, job.terms.policy.keep, job.terms.policy.redactor
    control, candidate = comparison.control, comparison.candidate
    # What is described first gets its share of the record's size for sure.
    budget = Budget()
    differences = [
        describe_difference(difference, redactor, keep_values=keep != "nothing", budget=budget)
        for difference in comparison.differences
    ]
    describing = _Describing(redactor, budget, keep)
    return Record(
        call_id=f"{_process}-{terms.index}-{job.number}",
        launch=terms.launch,
        candidate=job.candidate.name,
        outcome=comparison.outcome.value,
        at=time.time() - (time.perf_counter() - job.began),
        host=_host,
        pid=os.getpid(),
        control_seconds=job.control_seconds,
        reason=comparison.reason,
        waited_seconds=trial.waited_seconds,
        candidate_seconds=None if candidate is None else candidate.duration_seconds,
        candidate_cpu_seconds=None if candidate is None else candidate.cpu_seconds,
        sample_rate=terms.sample_rate,
        signature=describing.signature(comparison),
        differences=differences,
        stopped=describing.text(comparison.stopped),
        control_raised=describing.raised(control),
        candidate_raised=describing.raised(candidate),
        context=describing.context(job.user_context),
        arguments=trial.arguments,
        control_value=describing.value(control),
        candidate_value=describing.value(candidate),
    )


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
