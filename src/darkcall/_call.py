"""Steps 1 to 5, on the caller's thread: gate, keep, run the control, hand over, return.

The wrapper asks ``choose``, then ``admit``, runs the control, and calls ``hand_over``.  Whatever
goes wrong in these is counted and told, and the caller's call goes on as if there were
no launch.  What is addressed to the thread itself (``KeyboardInterrupt``,
``SystemExit``, ``CancelledError``) passes.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from . import _guard
from ._dark import DARK, InTheDark
from ._immutable import weigh
from ._job import Job
from ._model import Call, Outcome
from ._raised import state_of
from ._snapshot import Kept, UnkeepableError, copied, keep, share


if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._candidate import Candidate
    from ._gate import Gate
    from ._launch import Counts, Launch
    from ._terms import Terms

#: How often a caller that asked to wait for room looks for it.
ROOM_SECONDS: Final = 0.001

_clock = time.perf_counter
_random = random.random


class Admission(NamedTuple):
    """A call that is shadowed, between its arguments and its result.

    Attributes:
        terms: What holds for the launch.
        counts: The counts of the process that the call began in.
        entered: The candidates that will see the call, each with the gate it passed.
        number: Which shadowed call of the launch this is.
        arguments: ``(args, kwargs)``, kept, for each that entered; None if skipped.
        shared: What may be handed over as it is, wherever it occurs.
        skipped: Why the call cannot be compared.
        context: The caller's context variables.
        user_context: What the user's ``context`` returned, kept.
    """

    terms: Terms
    counts: Counts
    entered: list[tuple[Candidate, Gate]]
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
    terms = launch.terms
    if terms is None:
        launch.counts.off.add()
        return None
    if DARK.get():
        launch.counts.nested.add()
        return None
    if not _is_sampled(launch, terms, args, kwargs):
        launch.counts.unsampled.add()
        return None
    return terms


def admit(
    launch: Launch,
    terms: Terms,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    may_block: bool = True,
) -> Admission | None:
    """Pass a call through each candidate's gate, and keep its arguments as they are now.

    Args:
        launch: The launch.
        terms: What ``choose`` returned.
        args: The positional arguments.
        kwargs: The keyword arguments.
        may_block: Whether to wait here for room, where that was asked for.

    Returns:
        What ``hand_over`` takes; None if no candidate will see this call.
    """
    counts = launch.counts
    number = counts.shadowed.add()
    entered: list[tuple[Candidate, Gate]] = []
    to_ask = list(launch.candidates)
    try:
        blocks = may_block and terms.policy.when_full == "block"
        while to_ask:
            _ask_gate(launch, terms, to_ask, entered, blocks=blocks)
        if not entered:
            return None
        arguments, skipped = _keep_arguments(launch, terms, args, kwargs, len(entered))
        shared = launch.parameters.shared_values(args, kwargs) if terms.policy.share else ()
        user_context = _keep_context(launch, terms, args, kwargs)
        context = copy_context()
    except BaseException as error:
        # Not an Exception: a Ctrl-C, say, which is the caller's to see.
        _account_for(launch, entered, error)
        for candidate in to_ask:
            candidate.settle(Outcome.SKIPPED, _reason_of(error))
        if not isinstance(error, Exception):
            raise
        return None
    return Admission(
        terms, counts, entered, number, arguments, shared, skipped, context, user_context
    )


def _ask_gate(
    launch: Launch,
    terms: Terms,
    to_ask: list[Candidate],
    entered: list[tuple[Candidate, Gate]],
    *,
    blocks: bool,
) -> None:
    candidate = to_ask[0]
    gate = candidate.gate
    refusal = gate.enter(_clock())
    # Whoever waits is let go when the launch is switched off or updated.
    while refusal == "full" and blocks and launch.terms is terms:
        time.sleep(ROOM_SECONDS)
        refusal = gate.enter(_clock())
    del to_ask[0]
    if refusal is None:
        entered.append((candidate, gate))
    else:
        candidate.drop(refusal)


def must_wait(launch: Launch, terms: Terms) -> bool:
    """Tell whether a coroutine that asked to wait for room has to."""
    return (
        terms.policy.when_full == "block"
        and launch.terms is terms
        and any(candidate.gate.room.is_full for candidate in launch.candidates)
    )


def give_up_waiting(launch: Launch) -> None:
    """Account for a call that was cancelled while it waited for room."""
    launch.counts.shadowed.add()
    for candidate in launch.candidates:
        candidate.settle(Outcome.SKIPPED, "interrupted")


def _is_sampled(
    launch: Launch, terms: Terms, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    if terms.sampler is None:
        rate = terms.sample_rate
        return rate is None or rate >= 1.0 or _random() < rate
    try:
        with InTheDark():
            return bool(terms.sampler(Call(launch.name, args, kwargs)))
    except Exception as error:  # noqa: BLE001 -- the user's code
        _guard.fault(f"sampling {launch.name}", error)
        return False


def _keep_arguments(
    launch: Launch, terms: Terms, args: tuple[Any, ...], kwargs: dict[str, Any], copies: int
) -> tuple[list[Kept] | None, str | None]:
    policy = terms.policy
    try:
        if policy.isolate == "share":
            return [share((args, kwargs))] * copies, None
        if policy.isolate == "copy":
            kept = launch.parameters.keep(args, kwargs, policy.max_copy_bytes)
            return [kept] * copies, None
        with InTheDark():
            return [share(_pair(policy.isolate(args, kwargs))) for _ in range(copies)], None
    except UnkeepableError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 -- the user's code
        _guard.fault(f"isolating the arguments of {launch.name}", error)
        return None, f"isolating the arguments failed: {type(error).__qualname__}"


def _keep_context(
    launch: Launch, terms: Terms, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Kept | None:
    policy = terms.policy
    if policy.context is None:
        return None
    try:
        with InTheDark():
            return keep(dict(policy.context(*args, **kwargs)), policy.max_copy_bytes)
    except Exception as error:  # noqa: BLE001 -- the user's code
        _guard.fault(f"context of {launch.name}", error)
        return None


def hand_over(
    launch: Launch,
    admission: Admission,
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
        began: When the control began, a reading of ``time.perf_counter``.
        result: What it returned.
        error: What it raised, if it did.
        loop: The event loop that runs it, if it is async.
    """
    control_seconds = _clock() - began
    if admission.counts is not launch.counts:
        # The control forked: this is the child, and the call is its parent's.
        return
    terms, entered = admission.terms, admission.entered
    handed_over = 0
    try:
        result_kept, raised, skipped = _keep_what_it_did(admission, result, error)
        for candidate, gate in entered:
            job = Job(
                terms,
                candidate,
                gate,
                admission.number,
                began,
                control_seconds,
                None if admission.arguments is None else admission.arguments[handed_over],
                result_kept,
                raised,
                skipped,
                admission.context,
                admission.user_context,
                loop,
            )
            gate.room.weigh(job.nbytes)
            handed_over += 1
            try:
                terms.runner.submit(job)
            except Exception as fault:  # noqa: BLE001 -- a runner of the user's own
                _guard.fault(f"submitting a call of {launch.name}", fault)
                job.settle(Outcome.SKIPPED, "fault")
    except BaseException as fault:
        _account_for(launch, entered[handed_over:], fault)
        if not isinstance(fault, Exception):
            raise


def _keep_what_it_did(
    admission: Admission, result: Any, error: BaseException | None
) -> tuple[Kept | None, Kept | None, str | None]:
    if admission.skipped is not None:
        return None, None, admission.skipped
    max_bytes = admission.terms.policy.max_copy_bytes
    try:
        if error is None:
            return _keep_result(admission, result), None, None
        with InTheDark():
            return None, copied(state_of(error), max_bytes, admission.shared), None
    except UnkeepableError as why:
        return None, None, _why_not_kept(result, error, str(why))
    except Exception as fault:  # noqa: BLE001 -- looking at it runs code of its own
        _guard.fault(f"keeping what the control of {admission.terms.launch} did", fault)
        return None, None, _why_not_kept(result, error, type(fault).__qualname__)


def _why_not_kept(result: Any, error: BaseException | None, why: str) -> str:
    verb = "returned" if error is None else "raised"
    name = type(result if error is None else error).__qualname__
    return (
        f"what the control {verb} ({name}) cannot be kept: {why}; launch a "
        "function that returns plain data, or pass isolate='share' if nobody changes it"
    )


def _keep_result(admission: Admission, result: Any) -> Kept:
    weight = weigh(result)
    if weight >= 0:
        return share(result, weight)
    policy = admission.terms.policy
    with InTheDark():
        if hasattr(result, "__next__") or hasattr(result, "__anext__"):
            msg = f"an iterator ({type(result).__qualname__}) can be read only once"
            raise UnkeepableError(msg)
        if hasattr(result, "__await__"):
            msg = f"an awaitable ({type(result).__qualname__}) can be awaited only once"
            raise UnkeepableError(msg)
        if policy.isolate == "share":
            return share(result)
        return copied(result, policy.max_copy_bytes, admission.shared)


def give_up(launch: Launch, admission: Admission) -> None:
    """Account for a call whose control was interrupted: there is nothing to compare.

    Args:
        launch: The launch.
        admission: What ``admit`` returned.
    """
    if admission.counts is launch.counts:
        _account_for(launch, admission.entered, KeyboardInterrupt())


def _account_for(
    launch: Launch, entered: Sequence[tuple[Candidate, Gate]], error: BaseException
) -> None:
    for candidate, gate in entered:
        gate.room.give_back(0)
        candidate.settle(Outcome.SKIPPED, _reason_of(error))
    if isinstance(error, Exception):
        # At the limit of the stack or of memory even this may fail.
        with suppress(Exception):
            _guard.fault(f"shadowing a call of {launch.name}", error)


def _reason_of(error: BaseException) -> str:
    return "fault" if isinstance(error, Exception) else "interrupted"


def _pair(isolated: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args, kwargs = isolated
    return tuple(args), dict(kwargs)
