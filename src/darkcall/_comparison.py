"""Step 7: compare what the two sides did."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import attrs

from . import _guard
from ._model import Difference, Observation, Outcome
from .compare import Uncomparable


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ._terms import Terms

#: A comparator of the user's own may give any number of differences.
MAX_DIFFERENCES: Final = 1000


@attrs.frozen(eq=False)
class Comparison:
    """What a comparison came to.

    Attributes:
        outcome: Its outcome.
        control: The control's side, normalized.
        candidate: The candidate's side, normalized; None if it did not run to its end.
        differences: Where the sides differ.
        reason: Why they could not be compared.
        stopped: Why the comparison stopped before its end.
    """

    outcome: Outcome
    control: Observation
    candidate: Observation | None
    differences: tuple[Difference, ...] = ()
    reason: str | None = None
    stopped: str | None = None


def compare_sides(terms: Terms, control: Observation, candidate: Observation) -> Comparison:
    """Compare what the two sides did, as the policy has it.

    Args:
        terms: What holds for the launch.
        control: What the control did.
        candidate: What the candidate did.

    Returns:
        The comparison; whatever the user's callables raise is part of it.
    """
    policy = terms.policy
    step = "normalize"
    try:
        if policy.normalize is not None:
            control = _normalized(policy.normalize, control)
            candidate = _normalized(policy.normalize, candidate)
        step = "compare"
        if control.exception is None and candidate.exception is None:
            found = policy.compare(control.value, candidate.value)
            differences = _differences(found, control.value, candidate.value)
        elif control.exception is not None and candidate.exception is not None:
            step = "compare_exceptions"
            found = policy.compare_exceptions(control.exception, candidate.exception)
            differences = _differences(found, control.exception, candidate.exception)
        else:
            found = None
            differences = (_one_raised(control, candidate),)
        stopped = getattr(found, "stopped", None)
    except Uncomparable as error:
        return Comparison(Outcome.UNCOMPARABLE, control, candidate, reason=str(error))
    except Exception as error:  # noqa: BLE001 -- comparing runs the user's code
        reason = f"{step} failed: {type(error).__qualname__}"
        return Comparison(Outcome.UNCOMPARABLE, control, candidate, reason=reason)
    if type(stopped) is not str:
        stopped = None
    outcome = _outcome(terms, control, candidate, differences)
    return Comparison(outcome, control, candidate, differences, None, stopped)


def _normalized(normalize: Callable[[Any], Any], side: Observation) -> Observation:
    return side if side.raised else attrs.evolve(side, value=normalize(side.value))


def _one_raised(control: Observation, candidate: Observation) -> Difference:
    if candidate.raised:
        return Difference("$", "raised", control.value, candidate.exception)
    return Difference("$", "not_raised", control.exception, candidate.value)


def _differences(
    found: Iterable[Difference] | Any, control: Any, candidate: Any
) -> tuple[Difference, ...]:
    if isinstance(found, bool) or not hasattr(found, "__iter__"):
        return () if found else (Difference("$", "value", control, candidate),)
    differences = tuple(itertools.islice(found, MAX_DIFFERENCES))
    for difference in differences:
        if not isinstance(difference, Difference):
            msg = f"a comparator gives a bool or Differences, not {type(difference).__qualname__}"
            raise TypeError(msg)
        if not (isinstance(difference.path, str) and isinstance(difference.kind, str)):
            raise TypeError("a Difference's path and kind are text")
    return differences


def _outcome(
    terms: Terms,
    control: Observation,
    candidate: Observation,
    differences: tuple[Difference, ...],
) -> Outcome:
    if not differences:
        return Outcome.MATCH
    ignore = terms.policy.ignore
    if ignore is not None:
        try:
            if ignore(control, candidate):
                return Outcome.IGNORED
        except Exception as error:  # noqa: BLE001 -- the user's code; a difference stays one
            _guard.fault(f"ignore of {terms.launch}", error)
    if candidate.raised and not control.raised:
        return Outcome.CANDIDATE_ERROR
    return Outcome.MISMATCH
