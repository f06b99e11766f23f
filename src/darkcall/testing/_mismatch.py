"""``MismatchError``: what a test fails with where a candidate differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from darkcall._text import one_line
from darkcall.analysis._described import shown


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from darkcall._model import Record

_MAX_DIFFERENCES: Final = 10
_MAX_CHARACTERS: Final = 300
_NOTHING: Final = "nothing there"


class MismatchError(AssertionError):
    """A candidate did not do what its control did.

    It can be pickled, so that it passes from one process to another.

    Attributes:
        differences: Where the two differ: mappings of the shape that a record's ``differences``
            have.  Empty if the candidate raised, took too long, or could not be compared.

    Example:
        >>> from darkcall import dark_launch
        >>> from darkcall.testing import strict
        >>> @dark_launch(candidate=lambda x: x + x + 1)
        ... def double(x):
        ...     return 2 * x
        >>> try:
        ...     with strict():
        ...         double(4)
        ... except MismatchError as error:
        ...     [(one["path"], one["control"], one["candidate"]) for one in error.differences]
        [('$', 8, 9)]
    """

    differences: tuple[Mapping[str, Any], ...]

    def __init__(self, message: str, differences: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        # Kept among the attributes: those are pickled, arguments beyond the message would be shown.
        self.differences = tuple(differences)


def mismatch_of(record: Record) -> MismatchError:
    """Make the error of a call from its record.

    Args:
        record: A record of a call on which the candidate did not do what the control did.

    Returns:
        The error, not raised.
    """
    lines = [f"{one_line(record.launch)}: {_what_happened(record)}", *_details(record)]
    return MismatchError("\n".join(lines), record.differences)


def _what_happened(record: Record) -> str:
    candidate = one_line(record.candidate)
    if record.outcome == "timeout":
        return f"{candidate} did not end in time"
    if record.outcome == "uncomparable":
        return f"{candidate} could not be compared: {one_line(record.reason or '')}"
    return f"{candidate} differs from the control"


def _details(record: Record) -> Iterator[str]:
    if record.arguments is not None:
        arguments = [f"{name}={_text(value)}" for name, value in record.arguments.items()]
        yield f"  called with: {', '.join(arguments)}"
    for side, raised in (
        ("control", record.control_raised),
        ("candidate", record.candidate_raised),
    ):
        if raised is not None:
            yield f"  {side} raised {raised['type']}: {raised.get('message', '')}"
    yield from difference_lines(record.differences)
    if record.stopped is not None:
        yield f"  the comparison stopped: {record.stopped}"


def difference_lines(differences: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Show differences, a few lines for each.

    Args:
        differences: Mappings of the shape that a record's ``differences`` have.

    Returns:
        Lines without their ends.
    """
    for difference in differences[:_MAX_DIFFERENCES]:
        yield f"  {difference['path']}  ({difference['kind']})"
        for side in ("control", "candidate"):
            kind = difference[f"{side}_type"]
            value = _text(difference.get(side)) if kind is not None else _NOTHING
            yield f"    {side + ':':<11}{value}" + ("" if kind is None else f"  ({kind})")
    left = len(differences) - _MAX_DIFFERENCES
    if left > 0:
        yield f"  and {left} more"


def _text(described: Any) -> str:
    return shown(described, _MAX_CHARACTERS)
