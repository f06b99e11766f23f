"""Step 6 in another process: what crosses to it, what it does, and what comes back."""

from __future__ import annotations

import pickle
import sys
import types
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ._budget import time_of_this_thread
from ._observe import observe, observe_async
from ._reference import imported, why_not_imported
from ._signatures import is_async
from ._snapshot import UnkeepableError, sent
from ._text import qualname_of


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._model import Observation

#: What a runner has called in the other process, by name.
PREPARE: Final = f"{__name__}:prepare"
SERVE: Final = f"{__name__}:serve"


class Request(NamedTuple):
    """What another process is asked to do.

    Attributes:
        reference: The candidate, by name.
        is_method: Whether the candidate is a method that is bound to its class.
        arguments: ``(args, kwargs)``, pickled.
        max_bytes: How large what comes back may get.
    """

    reference: str
    is_method: bool
    arguments: bytes
    max_bytes: int


class Answer(NamedTuple):
    """What came of it.

    Attributes:
        kept: What the candidate returned or raised, pickled; None if there is nothing to open.
        raised: Whether it raised.
        why: Why it did not run, or why what it did cannot be sent back.
        seconds: How long it took; None if it did not run.
        cpu_seconds: How much CPU time it took.
    """

    kept: bytes | None
    raised: bool
    why: str | None
    seconds: float | None
    cpu_seconds: float | None


def preparation(reference: str) -> bytes:
    """Say what is to be imported there, before the candidate's time begins.

    Args:
        reference: The candidate, by name.

    Returns:
        The argument of ``prepare``.
    """
    module = reference.partition(":")[0]
    return pickle.dumps((reference, _main() if module == "__main__" else None))


def _main() -> dict[str, str]:
    """Say what the main module is, as ``multiprocessing`` has it."""
    main = sys.modules["__main__"]
    if main.__spec__ is not None:
        return {"init_main_from_name": main.__spec__.name}
    return {"init_main_from_path": str(main.__file__)}


def prepare(argument: bytes) -> bytes:
    """Import a candidate, in the other process.

    Args:
        argument: What ``preparation`` returned.

    Returns:
        Why it cannot be imported; nothing if it can.
    """
    reference, main = pickle.loads(argument)  # noqa: S301 -- from the process that started this
    try:
        if main is not None:
            from multiprocessing import spawn  # noqa: PLC0415 -- slow to import

            # Not under its own name, so what stands under its guard is not run.
            spawn.prepare(main)
        imported(reference)
    except BaseException as error:  # noqa: BLE001 -- an import runs any code
        return why_not_imported(error).encode(errors="replace")
    return b""


def serve(request: bytes) -> bytes:
    """Run a candidate, in the other process.

    Args:
        request: A :class:`Request`, pickled.

    Returns:
        An :class:`Answer`, pickled.
    """
    return pickle.dumps(tuple(_served(Request(*pickle.loads(request)))))  # noqa: S301 -- as above


def _served(request: Request) -> Answer:
    try:
        function = _found(request)
    except BaseException as error:  # noqa: BLE001 -- an import runs any code
        return _not_run("importing the candidate", why_not_imported(error))
    try:
        arguments = pickle.loads(request.arguments)  # noqa: S301 -- as above
    except BaseException as error:  # noqa: BLE001 -- as above
        return _not_run("opening the arguments", qualname_of(type(error)))
    return _answer_of(_observed(function, arguments), request.max_bytes)


def _found(request: Request) -> Callable[..., Any]:
    function = imported(request.reference)
    if not request.is_method and type(function) is types.MethodType:
        # Its class method takes the class as an argument of the call, as its control does.
        function = function.__func__
    return function  # type: ignore[no-any-return]


def _not_run(doing: str, failure: str) -> Answer:
    why = f"{doing} in another process failed: {failure}"
    return Answer(None, raised=False, why=why, seconds=None, cpu_seconds=None)


def _observed(function: Callable[..., Any], arguments: Any) -> Observation:
    if not is_async(function):
        thread_time = time_of_this_thread()
        return observe(
            function, arguments, Context(), thread_time=thread_time, swallows=BaseException
        )
    import asyncio  # noqa: PLC0415 -- slow to import

    return asyncio.run(observe_async(function, arguments))


def _answer_of(observation: Observation, max_bytes: int) -> Answer:
    kept = why = None
    raised = observation.raised
    try:
        kept = sent(observation.exception if raised else observation.value, max_bytes)
    except UnkeepableError as error:
        verb, did = ("raised", observation.exception) if raised else ("returned", observation.value)
        why = f"what the candidate {verb} ({qualname_of(type(did))}) cannot be sent back: {error}"
    return Answer(kept, raised, why, observation.duration_seconds, observation.cpu_seconds)
