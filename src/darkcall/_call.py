"""Steps 1 to 5, on the caller's thread: gate, keep, run the control, hand over, return.

The wrapper decides whether a call is shadowed, asks ``admit``, runs the control, and calls
``hand_over``.
An exception may strike between any two lines here: from a signal handler, or because
the stack or the memory ends.  So each job can be settled once; the wrapper puts the jobs aside
when something is raised, and the launch accounts for those that nobody settled.
"""

from __future__ import annotations

import random
import time
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from . import _guard
from ._dark import in_the_dark
from ._job import Job
from ._keeping import keep_arguments, keep_context, keep_what_it_did
from ._model import Call, Outcome
from ._snapshot import SCALARS, weigh, weigh_all, weight_of


if TYPE_CHECKING:
    from ._gate import Gate
    from ._job import Pair
    from ._launch import Counts, Launch
    from ._terms import Terms
    from .sampling import Sampler

#: How often a caller that asked to wait for room looks for it.
ROOM_SECONDS: Final = 0.001

_clock = time.perf_counter
_draw = random.random
#: One empty mapping for all calls that wait.
_NO_KWARGS: Final[dict[str, Any]] = {}


def is_chosen(
    launch: Launch, sampler: Sampler, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    """Ask the user's own sampler whether a call is to be shadowed.

    Args:
        launch: The launch.
        sampler: The sampler.
        args: The positional arguments.
        kwargs: The keyword arguments.

    Returns:
        Its answer; False if it raises.
    """
    try:
        return bool(in_the_dark(sampler, Call(launch.name, args, kwargs)))
    except Exception as error:  # noqa: BLE001 -- the user's code, or the stack ends
        _guard.fault(f"sampling {launch.name}", error)
        # No worker will come by for a call that is not shadowed.
        _guard.tell()
        return False


def admit(  # noqa: C901, PLR0912, PLR0915, PLR0917 -- by keyword, or in parts, it takes longer
    launch: Launch,
    terms: Terms,
    jobs: list[Job],
    number: int,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    may_block: bool = True,
) -> bool:
    """Pass a call through each candidate's gate, and keep its arguments as they are now.

    Args:
        launch: The launch.
        terms: What holds for it.
        jobs: Takes a job for each candidate; one whose gate is None is settled.
        number: Which shadowed call of the launch it is.
        args: The positional arguments.
        kwargs: The keyword arguments.
        may_block: Whether to wait here for room, where that was asked for.

    Returns:
        Whether any candidate will see this call.
    """
    if launch._lost:
        launch._settle_lost()
    if launch._to_start:
        launch._start_ahead()
    entered = 0
    for candidate in launch.candidates:
        job = Job()
        job.candidate = candidate
        job.gate = None
        job.follower = None
        job.is_unsettled = True
        job.nbytes = 0
        jobs.append(job)
        gate = candidate.gate
        refusal = gate.enter()
        if refusal is not None and may_block and terms.blocks:
            refusal = _enter_patiently(launch, terms, gate, refusal)
        if refusal is None:
            job.gate = gate
            entered += 1
        else:
            job.drop(refusal)
    if not entered:
        return False
    if terms.rerun is not None and _draw() < terms.policy.noise:
        entered += terms.rerun.follow(jobs)
    arguments: Any = None
    isolated: list[Pair] | None = None
    skipped: str | None = None
    nbytes = -1
    if terms.copies:
        given = (*args, *kwargs.values()) if kwargs else args
        try:
            for value in given:
                # What most arguments are; to ask ``weigh_all`` about them takes as long again.
                if type(value) not in SCALARS:
                    nbytes = weigh_all(given)
                    break
            else:
                nbytes = 0
        except Exception:  # noqa: BLE001 -- a class may fail at whatever it is asked
            nbytes = -1
    if nbytes < 0:
        arguments, nbytes, skipped = keep_arguments(launch, terms, args, kwargs, entered)
        if type(arguments) is tuple:
            (args, kwargs), arguments = arguments, None
        elif type(arguments) is list:
            isolated, arguments = arguments, None
    shared = launch._parameters.shared_values(args, kwargs) if terms.shares else ()
    user_context = None
    if terms.has_context:
        user_context = keep_context(launch, terms, args, kwargs)
        nbytes += 0 if user_context is None else weight_of(user_context)
    context = copy_context()
    for job in jobs:
        if job.gate is None:
            continue
        job.terms = terms
        job.number = number
        job.arguments = arguments
        if arguments is None and skipped is None:
            if isolated is not None:
                args, kwargs = isolated.pop()
            job.args = args
            job.kwargs = kwargs or _NO_KWARGS
        job.shared = shared
        job.skipped = skipped
        job.context = context
        job.user_context = user_context
        if nbytes:
            # Now, not when the control returns: an async one may take its time.
            job.gate.room.weigh(nbytes)
            job.nbytes = nbytes
    return True


def _enter_patiently(launch: Launch, terms: Terms, gate: Gate, refusal: str | None) -> str | None:
    # Whoever waits is let go when the launch is switched off or updated.
    while refusal == "full" and launch._terms is terms:
        time.sleep(ROOM_SECONDS)
        refusal = gate.enter()
    return refusal


def must_wait(launch: Launch, terms: Terms) -> bool:
    """Tell whether a coroutine that asked to wait for room has to."""
    return (
        terms.policy.when_full == "block"
        and launch._terms is terms
        and any(candidate.gate.room.is_full for candidate in launch.candidates)
    )


def hand_over(  # noqa: C901, PLR0912, PLR0917 -- as above
    launch: Launch,
    counts: Counts,
    jobs: list[Job],
    began: float,
    result: Any,
    error: BaseException | None = None,
    loop: Any = None,
) -> None:
    """Keep what the control did, and hand the call over to the candidates.

    Args:
        launch: The launch.
        counts: Those that the call began in.
        jobs: What ``admit`` filled.
        began: When the control began, a reading of ``time.perf_counter``.
        result: What it returned.
        error: What it raised, if it did.
        loop: The event loop that runs it, if it is async.
    """
    control_seconds = _clock() - began
    if counts is not launch._counts:
        # The control forked: this is the child, and the call is its parent's.
        return
    kept = None
    weight = -1
    if error is None:
        try:
            weight = 0 if type(result) in SCALARS else weigh(result)
        except Exception:  # noqa: BLE001 -- as above
            weight = -1
    if weight < 0:
        # Not kept twice: why a call is skipped is the same for all.
        # There is one, or nothing would be handed over.
        for first in jobs:  # pragma: no branch -- as above
            if first.gate is not None:
                break
        if first.skipped is None:
            kept, weight, skipped = keep_what_it_did(first.terms, first.shared, result, error)
            if skipped is not None:
                for job in jobs:
                    job.skipped = skipped
        result = None
    for job in jobs:
        if job.gate is None:
            continue
        job.began = began
        job.control_seconds = control_seconds
        job.result = result
        job.kept = kept
        job.has_raised = error is not None
        job.loop = loop
        if weight > 0:
            job.gate.room.weigh(weight)
            job.nbytes += weight
        follower = job.follower
        if follower is not None and follower.job is job:
            # It comes when the others are settled, and they may be by now.
            follower.hear()
            continue
        try:
            # Not by a method of the job, which takes longer.
            job.terms.submit(job)
        except Exception as fault:  # noqa: BLE001 -- a runner of the user's own
            job.settle(Outcome.SKIPPED, "fault")
            _guard.fault(f"submitting a call of {launch.name}", fault)
