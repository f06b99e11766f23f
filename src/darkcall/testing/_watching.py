"""Candidates on the caller's thread, and their records to whoever watches, for a while."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from darkcall import _config
from darkcall._errors import ConfigurationError, ForTheCaller
from darkcall._job import Job
from darkcall._policy import Policy, check_names
from darkcall._report import source_of
from darkcall.runners import InlineRunner


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from darkcall._model import Record

    #: Takes a record; gives what the call that it is of is to raise, if anything.
    Watcher = Callable[[Record], Exception | None]

#: So that the same calls give the same records, whatever the launch was given and however slow
#: the machine is.
_DETERMINISTIC: Final[Mapping[str, Any]] = {
    "sample": 1.0,
    "timeout": None,
    "cpu_budget": None,
    "max_copy_seconds": None,
    "noise": 0.0,
}

_watchers: list[Watcher] = []
#: What a call is to raise, by call and candidate, until that call takes it.
_to_raise: dict[tuple[str, str], Exception] = {}


@contextlib.contextmanager
def watching(watcher: Watcher, knobs: Mapping[str, Any], *, caller: str) -> Iterator[None]:
    """Run each candidate before its call returns, and hand each record to a watcher.

    Whatever launches were given by themselves gives way.  Several may watch at once, on any
    threads: each gets every record that is made while it watches.

    Args:
        watcher: Takes the records, on the threads on which they are made.
        knobs: Knobs for that time.
        caller: Who is told of a knob that does not exist.

    Raises:
        TypeError: There is no such knob.
        ConfigurationError: A knob cannot have that value, or launches are off.
    """
    check_names(knobs, caller)
    for name in ("runner", "sinks"):
        if name in knobs:
            raise ConfigurationError(
                f"{caller}() has a {name.rstrip('s')} of its own: leave it out"
            )
    Policy(**knobs)
    if _config.IS_OFF_BY_ENVIRONMENT:
        raise ConfigurationError(
            f"DARKCALL=off is set in the environment: {caller}() would see no call; unset it"
        )
    forced = {**_DETERMINISTIC, **knobs, "runner": _runner, "sinks": (_sink,)}
    _watchers.append(watcher)
    try:
        with _config.force(forced):
            yield
    finally:
        _watchers.remove(watcher)


class _Sink:
    """Hands each record to all who watch."""

    never_blocks = True

    def __call__(self, record: Record) -> None:
        for watch in tuple(_watchers):
            error = watch(record)
            if error is not None:
                _to_raise[record.call_id, record.candidate] = error


class _Runner(InlineRunner):
    """Runs candidates at once, and raises what a watcher wants raised out of the call."""

    def submit(self, work: Any) -> None:
        super().submit(work)
        # What an async candidate did is handed back to be compared: that is no job.
        if isinstance(work, Job):
            self.look_back([work])

    def look_back(self, jobs: Sequence[Job]) -> None:
        """Raise what the calls of these jobs are to raise.

        Args:
            jobs: The jobs of one call; an async candidate ends after it was submitted.

        Raises:
            ForTheCaller: There is something.
        """
        for job in jobs:
            if job.gate is None:
                continue
            # A launch that stops itself after failures would leave calls out.
            job.gate.succeeded()
            call_id = f"{source_of(job.terms.index)}-{job.number}"
            error = _to_raise.pop((call_id, job.candidate.name), None)
            if error is not None:
                raise ForTheCaller(error)


_sink: Final = _Sink()
_runner: Final = _Runner()
