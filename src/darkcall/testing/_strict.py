"""``strict``: a mismatch raises, right at the call."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, Unpack

from ._mismatch import MismatchError, mismatch_of
from ._watching import watching


if TYPE_CHECKING:
    from collections.abc import Iterator

    from darkcall._model import Record
    from darkcall._policy import Knobs

#: What is no agreement.  A call that was skipped was not looked at.
DIFFERS: Final = frozenset({"mismatch", "candidate_error", "timeout", "uncomparable"})


@contextlib.contextmanager
def strict(**knobs: Unpack[Knobs]) -> Iterator[None]:
    """Have each call raise on which a candidate does not do what the control does.

    Candidates run as in :func:`capture`.  A call raises where a candidate's outcome is
    ``mismatch``, ``candidate_error``, ``timeout`` or ``uncomparable``.  What raises can be caught
    by the code that calls; so the block raises at its end what did not come through.

    Args:
        **knobs: Knobs that launches have meanwhile, as in :func:`capture`.

    Returns:
        A context manager.

    Raises:
        MismatchError: A candidate differs; from the call, or from the block's end.
        TypeError: There is no such knob.
        ConfigurationError: A knob cannot have that value, or ``DARKCALL=off`` is set.

    Example:
        >>> from darkcall import dark_launch
        >>> @dark_launch(candidate=lambda x: x + x, name="docs.double")
        ... def double(x):
        ...     return 2 * x
        >>> with strict():
        ...     double(4)
        8
        >>> with strict():
        ...     double("a")
        'aa'
    """
    raised: list[MismatchError] = []

    def watch(record: Record) -> MismatchError | None:
        if record.outcome not in DIFFERS:
            return None
        error = mismatch_of(record)
        raised.append(error)
        return error

    with watching(watch, {"keep": "everything", **knobs}, caller="strict"):
        yield
    if raised:
        raise raised[0]
