"""Steps 1 to 5, on the caller's thread: gate, keep, run the control, hand over, return.

The wrapper asks ``choose``, then ``admit``, runs the control, and calls ``hand_over``.
An exception may strike between any two lines here: from a signal handler, or because
the stack or the memory ends.  So each candidate has a ticket for the call, which can be
taken once; the wrapper puts the tickets aside when something is raised, and the launch
accounts for those that nobody took.
"""

from __future__ import annotations

import itertools
import random
import time
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from . import _guard
from ._dark import DARK, in_the_dark
from ._job import Job, settle
from ._keeping import keep_arguments, keep_context, keep_what_it_did
from ._model import Call, Outcome


if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._candidate import Candidate
    from ._gate import Gate
    from ._job import Ticket
    from ._launch import Counts, Launch
    from ._snapshot import Kept
    from ._terms import Terms

    #: The candidates that a call is for, each with the gate that it passed, a ticket, and
    #: its number among all such entries of the launch.
    Entries: TypeAlias = list[tuple[Candidate, Gate | None, Ticket, int]]

#: How often a caller that asked to wait for room looks for it.
ROOM_SECONDS: Final = 0.001

_clock = time.perf_counter
_random = random.random


class Admission(NamedTuple):
    """A call that is shadowed, between its arguments and its result.

    Attributes:
        terms: What holds for the launch.
        counts: The counts of the process that the call began in.
        number: Which shadowed call of the launch this is.
        arguments: ``(args, kwargs)``, kept, for each candidate; None if skipped.
        shared: What may be handed over as it is, wherever it occurs.
        skipped: Why the call cannot be compared.
        context: The caller's context variables.
        user_context: What the user's ``context`` returned, kept.
    """

    terms: Terms
    counts: Counts
    number: int
    arguments: list[Kept] | None
    shared: Sequence[object]
    skipped: str | None
    context: Context
    user_context: Kept | None


def choose(launch: Launch, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Terms | None:
    """Decide whether a call is shadowed, and count it if it is not.

    Args:
        launch: The launch.
        args: The positional arguments.
        kwargs: The keyword arguments.

    Returns:
        The terms that the call is shadowed by; None for a plain call.
    """
    terms = launch._terms
    if terms is None:
        launch._counts.off.add()
        return None
    if DARK.get():
        launch._counts.nested.add()
        return None
    if not _is_sampled(launch, terms, args, kwargs):
        launch._counts.unsampled.add()
        return None
    return terms


def begin(launch: Launch, entries: Entries) -> None:
    """Count a call as shadowed, and give each candidate its ticket for it.

    Args:
        launch: The launch.
        entries: Takes the candidates, each with its ticket.
    """
    if launch._lost:
        launch._settle_lost()
    # One call of C code counts and makes the tickets: no interrupt comes between.
    no_gate, tickets = itertools.repeat(None), map(list, itertools.repeat((0,)))
    entries.extend(zip(launch.candidates, no_gate, tickets, launch._counts.shadowed, strict=False))
    if launch._to_start:
        launch._start_ahead()


def admit(
    launch: Launch,
    terms: Terms,
    entries: Entries,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    may_block: bool = True,
) -> Admission | None:
    """Pass a call through each candidate's gate, and keep its arguments as they are now.

    Args:
        launch: The launch.
        terms: What ``choose`` returned.
        entries: What ``begin`` filled.
        args: The positional arguments.
        kwargs: The keyword arguments.
        may_block: Whether to wait here for room, where that was asked for.

    Returns:
        What ``hand_over`` takes; None if no candidate will see this call.
    """
    blocks = may_block and terms.policy.when_full == "block"
    entered = 0
    for place, (candidate, _, ticket, number) in enumerate(entries):
        gate = candidate.gate
        refusal = gate.enter(_clock())
        # Whoever waits is let go when the launch is switched off or updated.
        while refusal == "full" and blocks and launch._terms is terms:
            time.sleep(ROOM_SECONDS)
            refusal = gate.enter(_clock())
        if refusal is None:
            entries[place] = (candidate, gate, ticket, number)
            entered += 1
        else:
            settle(candidate, None, ticket, Outcome.DROPPED, refusal)
    if not entered:
        return None
    arguments, skipped = keep_arguments(launch, terms, args, kwargs, entered)
    shared = launch._parameters.shared_values(args, kwargs) if terms.policy.share else ()
    user_context = keep_context(launch, terms, args, kwargs)
    # Now, not when the control returns: an async one may take its time.
    _weigh(entries, user_context, None if arguments is None else arguments[0])
    number = entries[0][3]
    return Admission(
        terms, launch._counts, number, arguments, shared, skipped, copy_context(), user_context
    )


def _weigh(entries: Entries, *kept: Kept | None) -> None:
    nbytes = sum(one.nbytes for one in kept if one is not None)
    if nbytes:
        for _, gate, ticket, _ in entries:
            if gate is not None:
                gate.room.weigh(nbytes)
                ticket[0] += nbytes


def must_wait(launch: Launch, terms: Terms) -> bool:
    """Tell whether a coroutine that asked to wait for room has to."""
    return (
        terms.policy.when_full == "block"
        and launch._terms is terms
        and any(candidate.gate.room.is_full for candidate in launch.candidates)
    )


def _is_sampled(
    launch: Launch, terms: Terms, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    if terms.sampler is None:
        rate: float = terms.policy.sample
        return rate >= 1.0 or _random() < rate
    try:
        return bool(in_the_dark(terms.sampler, Call(launch.name, args, kwargs)))
    except Exception as error:  # noqa: BLE001 -- the user's code
        _guard.fault(f"sampling {launch.name}", error)
        # No worker will come by for a call that is not shadowed.
        _guard.tell()
        return False


def hand_over(
    launch: Launch,
    admission: Admission,
    entries: Entries,
    began: float,
    *,
    result: Any = None,
    error: BaseException | None = None,
    loop: Any = None,
) -> None:
    """Keep what the control did, and hand the call over to the candidates.

    Args:
        launch: The launch.
        admission: What ``admit`` returned.
        entries: What ``admit`` filled.
        began: When the control began, a reading of ``time.perf_counter``.
        result: What it returned.
        error: What it raised, if it did.
        loop: The event loop that runs it, if it is async.
    """
    control_seconds = _clock() - began
    if admission.counts is not launch._counts:
        # The control forked: this is the child, and the call is its parent's.
        return
    terms, arguments, skipped = admission.terms, admission.arguments, admission.skipped
    result_kept = raised = None
    if skipped is None:
        result_kept, raised, skipped = keep_what_it_did(terms, admission.shared, result, error)
    _weigh(entries, result_kept, raised)
    copies = None if arguments is None else iter(arguments)
    for candidate, gate, ticket, _ in entries:
        if gate is None:
            continue
        job = Job(
            terms,
            candidate,
            gate,
            ticket,
            admission.number,
            began,
            control_seconds,
            None if copies is None else next(copies),
            result_kept,
            raised,
            skipped,
            admission.context,
            admission.user_context,
            loop,
        )
        try:
            terms.runner.submit(job)
        except Exception as fault:  # noqa: BLE001 -- a runner of the user's own
            job.settle(Outcome.SKIPPED, "fault")
            _guard.fault(f"submitting a call of {launch.name}", fault)
