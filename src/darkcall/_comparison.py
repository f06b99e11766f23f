"""Step 7: compare what the two sides did."""

from __future__ import annotations

import itertools
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from . import _guard
from ._model import Difference, Observation, Outcome
from ._snapshot import is_kept_as
from ._text import qualname_of
from .compare import Differences, Uncomparable, plainly_equal


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._job import Job
    from ._policy import Policy

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


def matches_plainly(job: Job, candidate: Observation) -> bool:
    """Tell whether both sides returned the same plain value, running no code of a value's own.

    So it needs no supervision: most calls match, and take one phase instead of two.

    Args:
        job: The call, whose terms say that it may be told so.
        candidate: What the candidate did.

    Returns:
        False if that takes a closer look.
    """
    kept = job.kept
    if job.has_raised or candidate.exception is not None:
        return False
    if kept is None:
        return plainly_equal(job.result, candidate.value)
    return type(kept) is bytes and is_kept_as(candidate.value, kept)


def compare_sides(
    policy: Policy, launch: str, control: Observation, candidate: Observation
) -> Comparison:
    """Compare what the two sides did, as the policy has it.

    Args:
        policy: The knobs of the launch.
        launch: The launch's name, for what goes wrong.
        control: What the control did.
        candidate: What the candidate did.

    Returns:
        The comparison; whatever the user's callables raise is part of it.
    """
    step, stopped = "normalize", None
    try:
        if policy.normalize is not None:
            control = _normalized(policy.normalize, control)
            candidate = _normalized(policy.normalize, candidate)
        if control.exception is not None and candidate.exception is not None:
            step = "compare_exceptions"
            sides = (control.exception, candidate.exception)
            differences, stopped = _read(step, policy.compare_exceptions(*sides), *sides)
        elif control.exception is not None or candidate.exception is not None:
            differences = (_one_raised(control, candidate),)
        else:
            step = "compare"
            _refuse_a_coroutine(candidate.value)
            sides = (control.value, candidate.value)
            differences, stopped = _read(step, policy.compare(*sides), *sides)
    except Uncomparable as error:
        return Comparison(Outcome.UNCOMPARABLE, control, candidate, reason=str(error))
    except Exception as error:  # noqa: BLE001 -- comparing runs the user's code
        reason = f"{step} failed: {qualname_of(type(error))}"
        return Comparison(Outcome.UNCOMPARABLE, control, candidate, reason=reason)
    outcome = _outcome(policy, launch, control, candidate, differences)
    return Comparison(outcome, control, candidate, differences, None, stopped)


def _normalized(normalize: Callable[[Any], Any], side: Observation) -> Observation:
    return side if side.raised else attrs.evolve(side, value=normalize(side.value))


def _one_raised(control: Observation, candidate: Observation) -> Difference:
    if candidate.raised:
        return Difference("$", "raised", control.value, candidate.exception)
    return Difference("$", "not_raised", control.exception, candidate.value)


def _refuse_a_coroutine(value: Any) -> None:
    if type(value) is types.CoroutineType:
        raise Uncomparable(
            "the candidate returned a coroutine: give a coroutine function as the candidate"
        )


def _read(
    step: str, found: Any, control: Any, candidate: Any
) -> tuple[tuple[Difference, ...], str | None]:
    """Read what a comparator returned; what it may not return is not taken for agreement."""
    if type(found) is Differences and not found:
        # Most calls match: no more is asked of them.
        return (), found.stopped
    if _is_bool(found):
        return (() if found else (Difference("$", "value", control, candidate),)), None
    if not hasattr(found, "__iter__") or isinstance(found, str | Mapping):
        raise Uncomparable(f"{step} returned {qualname_of(type(found))}, no bool or Differences")
    differences = tuple(itertools.islice(found, MAX_DIFFERENCES + 1))
    for difference in differences:
        if not isinstance(difference, Difference):
            raise Uncomparable(f"{step} gave {qualname_of(type(difference))}, no Difference")
        if not (isinstance(difference.path, str) and isinstance(difference.kind, str)):
            raise Uncomparable(f"{step} gave a Difference whose path or kind is no text")
    stopped = getattr(found, "stopped", None)
    if len(differences) > MAX_DIFFERENCES:
        stopped = f"after {MAX_DIFFERENCES} differences"
    return differences[:MAX_DIFFERENCES], stopped if type(stopped) is str else None


def _is_bool(found: Any) -> bool:
    cls = type(found)
    return cls is bool or (cls.__module__ == "numpy" and cls.__name__ in {"bool", "bool_"})


def _outcome(
    policy: Policy,
    launch: str,
    control: Observation,
    candidate: Observation,
    differences: tuple[Difference, ...],
) -> Outcome:
    if not differences:
        return Outcome.MATCH
    ignore = policy.ignore
    if ignore is not None:
        try:
            if ignore(control, candidate):
                return Outcome.IGNORED
        except Exception as error:  # noqa: BLE001 -- the user's code; a difference stays one
            _guard.fault(f"ignore of {launch}", error)
    if candidate.raised and not control.raised:
        return Outcome.CANDIDATE_ERROR
    return Outcome.MISMATCH
