"""Candidates on the caller's thread, and their records to whoever watches, for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from darkcall import _config
from darkcall._errors import ConfigurationError
from darkcall._policy import Policy, as_given, check_names
from darkcall._report import source_of
from darkcall.runners import InlineRunner

from ._mismatch import MismatchError, mismatch_of
from ._open_gate import OpenGate


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from darkcall._job import Job
    from darkcall._model import Record
    from darkcall.sinks._outlet import Outlet

#: pytest leaves the frames of this module out: what is raised here is about the call.
__tracebackhide__ = True

#: So that the same calls give the same records, whatever the launch was given and however slow
#: the machine is; where the block was not given anything else.
_DETERMINISTIC: Final[Mapping[str, Any]] = {
    "sample": 1.0,
    "timeout": None,
    "max_copy_seconds": None,
    "noise": 0.0,
    "confirm": False,
}

#: What a block has no use for, and why.
_BOUNDS: Final = "candidates run before their call returns, so that none waits or is left out"
_REFUSED: Final[Mapping[str, str]] = {
    "runner": "candidates run on the thread that calls",
    "sinks": "records go to the block alone",
    "when_full": _BOUNDS,
    "cpu_budget": _BOUNDS,
    "max_pending": _BOUNDS,
    "max_pending_bytes": _BOUNDS,
    "max_stuck": _BOUNDS,
}


class Strictness(Protocol):
    """Has calls raise."""

    def differing(self, call_id: str) -> Sequence[Record]:
        """Give the records for which a call that is over is to raise, and forget them."""

    def hear(self, error: MismatchError) -> None:
        """Hear what a call raises."""


class Watching:
    """Sees each call of each launch for the length of a block.

    Several may be open at once, on any threads, and end in any order: each gets every record that
    is made meanwhile.

    Args:
        caller: Who is told of a knob that will not do.
        knobs: Knobs for that time.
        take: Takes each record, on the thread on which it is made.
        strictness: What has calls raise, if anything does.
        keep: The knob, where nobody says otherwise; None for what each launch was given.

    Raises:
        TypeError: There is no such knob.
        ConfigurationError: A knob cannot have that value, or has no meaning in a block.
    """

    def __init__(
        self,
        caller: str,
        knobs: Mapping[str, Any],
        take: Callable[[Record], None],
        *,
        strictness: Strictness | None = None,
        keep: str | None = None,
    ) -> None:
        check_names(knobs, caller)
        for name in knobs:
            if name in _REFUSED:
                raise ConfigurationError(f"{caller}() takes no {name}: {_REFUSED[name]}")
        Policy(**knobs)
        self.take = take
        self.strictness = strictness
        self._caller = caller
        self._forced = {**as_given(knobs), "runner": _runner, "sinks": (_onlooker,)}
        self._otherwise = {**_DETERMINISTIC, **({} if keep is None else {"keep": keep})}
        self._restorable = _config.Restorable()
        self._has_begun = False
        self._outlets: Sequence[Outlet] = ()

    def open(self) -> None:
        """Begin.

        Raises:
            ConfigurationError: Launches are off, or it has begun before.
        """
        if _config.IS_OFF_BY_ENVIRONMENT:
            raise ConfigurationError(
                f"DARKCALL=off is set in the environment: {self._caller}() would see no call; "
                "unset it"
            )
        if self._has_begun:
            raise ConfigurationError(f"{self._caller}() is for one block: call it for each")
        self._has_begun = True
        try:
            # With its last holder an outlet's counts would go; launches take these up again.
            self._outlets = _config.resources().outlets
            _open.append(self)
            _config.force(self._restorable, _onlooker, self._forced, otherwise=self._otherwise)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End."""
        try:
            self._restorable.__exit__()
        finally:
            if self in _open:  # pragma: no branch -- else it was struck before
                _open.remove(self)
            self._outlets = ()


class Onlooker:
    """Stands in for all blocks that are open: as the only sink, and last at each call."""

    gate = OpenGate()
    never_blocks = True

    def __call__(self, record: Record) -> None:
        """Hand a record to each of them."""
        for watching in tuple(_open):
            watching.take(record)

    def look_back(self, jobs: Sequence[Job], error: Exception | None) -> None:
        """Raise what a block wants raised out of a call.

        Args:
            jobs: Those of the call, which are done.
            error: What the control raised; None if it returned.

        Raises:
            MismatchError: A candidate differs.
        """
        strict = [one.strictness for one in tuple(_open) if one.strictness is not None]
        if not strict:
            return
        # A gate that was a candidate's own a moment ago may have refused the call.
        job = next(job for job in jobs if job.gate is not None)
        call_id = f"{source_of(job.terms.index)}-{job.number}"
        records = {one: one.differing(call_id) for one in strict}
        # If a call inside of the control has raised, that is what the caller is to see.
        if isinstance(error, MismatchError) or not any(records.values()):
            return
        mismatch = mismatch_of(max(records.values(), key=len))
        for one in strict:
            if records[one]:
                one.hear(mismatch)
        if error is None:
            raise mismatch
        raise mismatch from error


#: Those that were opened, oldest first.
_open: Final[list[Watching]] = []
_onlooker: Final = Onlooker()
_runner: Final = InlineRunner()
