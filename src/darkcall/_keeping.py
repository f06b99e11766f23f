"""Steps 2 and 4: keep a call's arguments, and what its control did, as the policy has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _guard
from ._dark import in_the_dark
from ._snapshot import (
    Kept,
    Shared,
    UnkeepableError,
    Writer,
    copied,
    keep,
    keep_plain,
    state_of,
    weight_of,
)
from ._text import qualname_of


if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._job import Pair
    from ._launch import Launch
    from ._policy import Policy
    from ._terms import Terms


def keep_arguments(
    launch: Launch, terms: Terms, args: tuple[Any, ...], kwargs: dict[str, Any], copies: int
) -> tuple[Pair | Kept | list[Pair] | None, int, str | None]:
    """Keep a call's arguments.

    Args:
        launch: The launch.
        terms: What holds for it.
        args: The positional arguments.
        kwargs: The keyword arguments.
        copies: How many candidates will open them.

    Returns:
        ``(args, kwargs)``, as they are or kept, or a list of them, one for each candidate; what
        they weigh, in bytes; or why the call cannot be compared.
    """
    isolate = terms.isolate
    try:
        if isolate == "copy":
            kept, nbytes = launch._parameters.keep(args, kwargs, terms.copy_limits)
            return kept, nbytes, None
        if isolate == "share":
            return (args, kwargs), 0, None
        isolated = [in_the_dark(isolate, args, kwargs) for _ in range(copies)]
        return [_pair(one) for one in isolated], 0, None
    except UnkeepableError as error:
        return None, 0, str(error)
    except Exception as error:  # noqa: BLE001 -- the user's code
        _guard.fault(f"isolating the arguments of {launch.name}", error)
        why = f"isolating the arguments failed: {qualname_of(type(error))}"
        return None, 0, why


def keep_context(
    launch: Launch, terms: Terms, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Kept | None:
    """Keep what the user's ``context`` returns; None if it fails.

    Args:
        launch: The launch.
        terms: What holds for it.
        args: The positional arguments.
        kwargs: The keyword arguments.

    Returns:
        The mapping, kept.
    """
    try:
        return in_the_dark(_context_of, terms.policy, args, kwargs)
    except Exception as error:  # noqa: BLE001 -- the user's code
        _guard.fault(f"context of {launch.name}", error)
        return None


def keep_what_it_did(
    terms: Terms, shared: Sequence[object], result: Any, error: BaseException | None
) -> tuple[Kept | None, int, str | None]:
    """Keep what a control did.

    Args:
        terms: What holds for the launch.
        shared: What may be handed over as it is, wherever it occurs.
        result: What it returned; it can change.
        error: What it raised, if it did.

    Returns:
        What it returned, or what it raised taken apart, kept; what that weighs, in bytes; or
        why it is not kept.
    """
    try:
        if error is None:
            kept: Kept = _keep_result(terms, shared, result)
        else:
            kept = in_the_dark(_keep_raised, terms, shared, error)
    except UnkeepableError as why:
        return None, 0, _why_not_kept(result, error, str(why))
    except Exception as fault:  # noqa: BLE001 -- looking at it runs code of its own
        _guard.fault(f"keeping what the control of {terms.launch} did", fault)
        return None, 0, _why_not_kept(result, error, qualname_of(type(fault)))
    return kept, weight_of(kept), None


def _why_not_kept(result: Any, error: BaseException | None, why: str) -> str:
    verb = "returned" if error is None else "raised"
    name = qualname_of(type(result if error is None else error))
    return (
        f"what the control {verb} ({name}) cannot be kept: {why}; launch a "
        "function that returns plain data, or pass isolate='share' if nobody changes it"
    )


def _keep_raised(terms: Terms, shared: Sequence[object], error: BaseException) -> Kept:
    return copied(state_of(error), Writer(terms.policy.copy_limits), shared)


def _keep_result(terms: Terms, shared: Sequence[object], result: Any) -> Kept:
    policy = terms.policy
    if terms.isolate != "share" and not shared:
        plain = keep_plain(result, terms.copy_limits)
        if plain is not None:
            return plain
    # Of the type, not of the object: a lazy object would be woken by the question.
    cls = type(result)
    if hasattr(cls, "__next__") or hasattr(cls, "__anext__"):
        raise UnkeepableError(f"an iterator ({qualname_of(cls)}) can be read only once")
    if hasattr(cls, "__await__"):
        raise UnkeepableError(f"an awaitable ({qualname_of(cls)}) can be awaited only once")
    if policy.isolate == "share":
        return Shared(result)
    return in_the_dark(copied, result, Writer(policy.copy_limits), shared)


def _context_of(policy: Policy, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Kept:
    return keep(dict(policy.context(*args, **kwargs)), Writer(policy.copy_limits))


def _pair(isolated: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args, kwargs = isolated
    return tuple(args), dict(kwargs)
