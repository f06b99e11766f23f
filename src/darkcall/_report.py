"""Step 8: put a comparison into a record: bounded, redacted, plain data."""

from __future__ import annotations

import os
import platform
import time
from typing import TYPE_CHECKING, Any

from ._describe import describe, describe_difference, describe_exception, describe_mapping
from ._model import Record
from .compare import signature_of


if TYPE_CHECKING:
    from ._comparison import Comparison
    from ._job import Trial
    from ._model import Observation
    from ._redact import Redactor
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
    terms, policy = job.terms, job.terms.policy
    redactor = policy.redactor
    control, candidate = comparison.control, comparison.candidate
    keeps_everything = policy.keep == "everything"
    return Record(
        call_id=f"{_process}-{terms.index}-{job.number}",
        launch=terms.launch,
        candidate=job.candidate.name,
        outcome=comparison.outcome.value,
        at=time.time() - (time.perf_counter() - job.began),
        host=_host,
        pid=os.getpid(),
        control_seconds=job.control_seconds,
        reason=None if comparison.reason is None else redactor.text(comparison.reason),
        waited_seconds=trial.waited_seconds,
        candidate_seconds=None if candidate is None else candidate.duration_seconds,
        candidate_cpu_seconds=None if candidate is None else candidate.cpu_seconds,
        sample_rate=terms.sample_rate,
        signature=signature_of(comparison.differences) if comparison.differences else None,
        differences=[
            describe_difference(difference, redactor, keep_values=policy.keep != "nothing")
            for difference in comparison.differences
        ],
        stopped=None if comparison.stopped is None else redactor.text(comparison.stopped),
        control_raised=_raised(control, redactor, policy.keep),
        candidate_raised=_raised(candidate, redactor, policy.keep),
        context=_context(trial, redactor),
        arguments=trial.arguments,
        control_value=_value(control, redactor) if keeps_everything else None,
        candidate_value=_value(candidate, redactor) if keeps_everything else None,
    )


def _raised(side: Observation | None, redactor: Redactor, keep: str) -> dict[str, Any] | None:
    if side is None or side.exception is None:
        return None
    described = describe_exception(side.exception, redactor)
    return {"type": described["type"]} if keep == "nothing" else described


def _value(side: Observation | None, redactor: Redactor) -> Any:
    return None if side is None or side.raised else describe(side.value, redactor)


def _context(trial: Trial, redactor: Redactor) -> dict[str, Any] | None:
    kept = trial.job.user_context
    return None if kept is None else describe_mapping(kept.open(), redactor)
