"""``strict``: a mismatch raises, right at the call."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, Unpack

from darkcall._decorator import launch_of
from darkcall._errors import ConfigurationError
from darkcall._launch import Launch
from darkcall._model import CONTROL_NAME
from darkcall._report import source_of
from darkcall._tally import Tally

from ._mismatch import MismatchError, mismatch_of
from ._watching import Watching


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from darkcall._model import Record
    from darkcall._policy import Knobs

#: What is no agreement.  A call that is not compared looks like agreement, and is none.
DIFFERS: Final = frozenset({"mismatch", "candidate_error", "timeout", "uncomparable", "skipped"})


def strict(
    *functions: object, candidate: str | None = None, **knobs: Unpack[Knobs]
) -> AbstractContextManager[None]:
    """Have each call raise on which a candidate does not do what the control does.

    Candidates run as in :func:`capture`.  When all of them have, the call raises if the outcome of
    any is ``mismatch``, ``candidate_error``, ``timeout`` or ``uncomparable``; or ``skipped``, as
    where an argument cannot be copied: nobody would notice that a launch compares nothing.

    The code that calls may catch what is raised.  So the block raises at its end what did not come
    through; if it raises something else, that gets a note.

    Args:
        *functions: Launched functions, or their launches, that the block is about: candidates of
            other launches run too, but no call raises for them.  None given: all launches.
        candidate: The candidate that it is about, of these functions; all by default.
        **knobs: Knobs that launches have meanwhile, as in :func:`capture`; ``keep`` is
            ``"everything"`` where nothing else is said, so that the error shows the arguments.

    Returns:
        A context manager, for one block.

    Raises:
        MismatchError: A candidate differs; from the call, or from the block's end.
        TypeError: There is no such knob, or a function is not decorated with ``dark_launch``.
        ConfigurationError: A knob cannot have that value, or no function has such a candidate;
            or, where the block begins, ``DARKCALL=off`` is set.

    Example:
        >>> from darkcall import dark_launch
        >>> @dark_launch(candidate=lambda x: x + x, name="docs.double")
        ... def double(x):
        ...     return 2 * x
        >>> with strict():
        ...     double(4)
        8
        >>> with strict(double, candidate="candidate"):
        ...     double("a")
        'aa'
    """
    launches = [one if isinstance(one, Launch) else launch_of(one) for one in functions]
    if candidate is not None:
        _check(candidate, launches)
    return _Strict(launches, candidate, knobs)


def _check(candidate: str, launches: Sequence[Launch]) -> None:
    if not launches:
        raise ConfigurationError(
            f"candidate={candidate!r}: name the function that it is a candidate of: "
            f"strict(function, candidate={candidate!r})"
        )
    names = [one.name for launch in launches for one in launch.candidates]
    if candidate not in names:
        of = ", ".join(launch.name for launch in launches)
        raise ConfigurationError(
            f"candidate={candidate!r}: {of} has no such candidate; there is {', '.join(names)}"
        )


class _Strict:
    def __init__(
        self, launches: Sequence[Launch], candidate: str | None, knobs: Mapping[str, object]
    ) -> None:
        self._launches = launches
        self._candidate = candidate
        self._watching = Watching("strict", knobs, self._take, strictness=self, keep="everything")
        #: Of calls that are not over yet, or never will be, as those that were cancelled.
        self._found: dict[str, list[Record]] = {}
        self._calls = Tally()
        self._first: MismatchError | None = None

    def __enter__(self) -> None:
        self._watching.open()

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        self._watching.close()
        for records in list(self._found.values()):
            self.hear(mismatch_of(records))
        first, self._first = self._first, None
        try:
            if first is not None:
                self._tell(first, error)
        finally:
            # Its traceback leads to this frame: a cycle if it stayed.
            del first, error

    def _tell(self, first: MismatchError, error: BaseException | None) -> None:
        others = self._calls.value - 1
        rest = [f"and {others} more of the block's calls"] if others else []
        if error is None:
            for line in rest:
                first.add_note(line)
            raise first
        if not _leads_to_a_mismatch(error):
            # A class of the user's own may let nothing be added.
            with contextlib.suppress(Exception):
                error.add_note("\n".join(["darkcall: on a call before that,", str(first), *rest]))

    def _take(self, record: Record) -> None:
        # That the control disagrees with itself is not a candidate's doing.
        differs = record.outcome in DIFFERS and record.candidate != CONTROL_NAME
        if differs and self._is_about(record):
            self._found.setdefault(record.call_id, []).append(record)

    def _is_about(self, record: Record) -> bool:
        if not self._launches:
            return True
        source, _, _ = record.call_id.rpartition("-")
        # Several launches may have one name.
        is_asked = any(
            source == source_of(one._index)  # noqa: SLF001 -- what is in its records
            for one in self._launches
        )
        return is_asked and self._candidate in (None, record.candidate)

    def differing(self, call_id: str) -> Sequence[Record]:
        """Give the records for which a call that is over is to raise, and forget them."""
        return self._found.pop(call_id, ())

    def hear(self, error: MismatchError) -> None:
        """Hear what a call raises."""
        self._calls.add()
        if self._first is None:
            self._first = error


def _leads_to_a_mismatch(error: BaseException) -> bool:
    """Whether whoever sees the error sees a MismatchError, too."""
    seen: set[int] = set()
    ahead: list[BaseException | None] = [error]
    while ahead:
        one = ahead.pop()
        if one is None or id(one) in seen:
            continue
        if isinstance(one, MismatchError):
            return True
        seen.add(id(one))
        ahead += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            ahead += one.exceptions
    return False
