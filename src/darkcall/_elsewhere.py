"""Step 6 for a candidate that runs in another process: a worker's errand there and back."""

from __future__ import annotations

import pickle
import types
from typing import TYPE_CHECKING, Any, Final

import attrs

from ._crossing import PREPARE, SERVE, Answer, Request, preparation
from ._errors import ConfigurationError
from ._model import Observation, Outcome
from ._snapshot import UnkeepableError, sent
from ._text import qualname_of
from .runners import EndedError, RefusedError


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._budget import Meter
    from ._comparison import Comparison
    from ._trial import Trial
    from .runners import Errand, Watch

#: How long a process may take to start, and to import the candidate, in seconds.
PREPARING_SECONDS: Final = 60.0


def run_elsewhere(trial: Trial, watch: Watch) -> None:
    """Have a trial's candidate run by the remote of its runner, and conclude.

    Args:
        trial: The trial.
        watch: What it is supervised by.
    """
    job = trial.job
    remote: Any = job.terms.remote
    if remote.max_wait_seconds is not None and trial.waited_seconds > remote.max_wait_seconds:
        trial.settle(Outcome.DROPPED, "expired")
        return
    errand = remote.errand()
    watch.start(PREPARING_SECONDS, trial.abandon, errand.give_up)
    try:
        request = _request_of(trial)
        why = errand.prepare(PREPARE, preparation(request.reference))
        if not trial.ends_in_time(watch):
            return
        job.gate.charge(errand.restart_cpu_seconds)
        if why:
            failure = why.decode()
            trial.skip(watch, f"importing the candidate in another process failed: {failure}")
            return
        trial.meter.follow(errand.clock)
        watch.start(job.terms.policy.timeout, trial.abandon, _giving_up(trial.meter, errand))
        answer = Answer(*pickle.loads(errand.run(SERVE, pickle.dumps(tuple(request)))))  # noqa: S301
    except (ConfigurationError, UnkeepableError, RefusedError) as error:
        if trial.ends_in_time(watch):
            trial.skip(watch, str(error))
        return
    except EndedError as error:
        if trial.ends_in_time(watch):
            _conclude_without_answer(trial, watch, error)
        return
    if not watch.end():
        trial.come_late(Observation(cpu_seconds=answer.cpu_seconds))
    elif answer.seconds is None:
        trial.skip(watch, str(answer.why))
    else:
        trial.begin_conclusion(watch, answer.cpu_seconds)
        trial.report(_compared(trial, watch, answer), watch)


def _giving_up(meter: Meter, errand: Errand) -> Callable[[], None]:
    def give_up() -> None:
        # With the process its clock goes, and it may be gone before anybody reads it.
        meter.look()
        errand.give_up()

    return give_up


def _request_of(trial: Trial) -> Request:
    job = trial.job
    trial.describe_arguments()
    max_bytes = job.terms.policy.max_copy_bytes
    packed = job.arguments
    if type(packed) is not bytes:
        try:
            packed = sent(trial.opened_arguments(), max_bytes)
        except UnkeepableError as error:
            raise UnkeepableError(
                f"an argument cannot be sent to another process: {error}; launch a function that "
                "takes plain data, or run this candidate in threads"
            ) from None
    candidate = job.candidate
    is_method = type(candidate.function) is types.MethodType
    return Request(candidate.reference(), is_method, packed, max_bytes)


def _compared(trial: Trial, watch: Watch, answer: Answer) -> Comparison:
    did: Any = None
    why = answer.why
    try:
        if answer.kept is not None:
            did = pickle.loads(answer.kept)  # noqa: S301 -- from a process of ours
    except BaseException as error:  # noqa: BLE001 -- opening a copy runs code of its own
        why = f"opening what the candidate did failed: {qualname_of(type(error))}"
    value, exception = (None, did) if answer.raised else (did, None)
    seconds = answer.seconds or 0.0
    candidate = Observation(value, exception, seconds, answer.cpu_seconds)
    if why is not None:
        return attrs.evolve(trial.without_candidate(Outcome.UNCOMPARABLE, why), candidate=candidate)
    return trial.compared(watch, candidate)


def _conclude_without_answer(trial: Trial, watch: Watch, error: EndedError) -> None:
    """Take a candidate that ended its process for one that raised."""
    trial.begin_conclusion(watch, None)
    comparison = trial.compared(watch, Observation(exception=error.with_traceback(None)))
    if comparison.outcome is not Outcome.IGNORED:
        # The control may have raised, too, and it is not that which differs.
        comparison = attrs.evolve(comparison, outcome=Outcome.CANDIDATE_ERROR)
    trial.report(attrs.evolve(comparison, reason="worker_died"), watch)
