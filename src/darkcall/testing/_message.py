"""What a ``MismatchError`` says: the call, the differences, a few lines for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from darkcall.analysis._described import shown, side_by_side
from darkcall.analysis._words import cut


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from darkcall._model import Record

_MAX_CANDIDATES: Final = 5
_MAX_ARGUMENTS: Final = 20
_MAX_DIFFERENCES: Final = 10
_MAX_ARGUMENT: Final = 200
_MAX_CHARACTERS: Final = 300
_NOTHING: Final = "nothing there"
_NOT_KEPT: Final = "not kept"


def message_of(records: Sequence[Record]) -> str:
    """Say what happened on a call.

    Args:
        records: Those of the candidates that did not do what the control did, one at least.

    Returns:
        A few lines.
    """
    lines: list[str] = []
    for number, record in enumerate(records[:_MAX_CANDIDATES]):
        lines += [f"{cut(record.launch)}: {_what_happened(record)}"]
        lines += _call_lines(record) if number == 0 else ()
        lines += _candidate_lines(record)
    if len(records) > _MAX_CANDIDATES:
        lines.append(f"and {len(records) - _MAX_CANDIDATES} more candidates differ")
    return "\n".join(lines)


def _what_happened(record: Record) -> str:
    candidate = cut(record.candidate)
    if record.outcome == "timeout":
        return f"{candidate} did not end in time"
    if record.outcome == "skipped":
        return f"{candidate} was not run: {cut(record.reason, _MAX_CHARACTERS)}"
    if record.outcome == "uncomparable":
        return f"{candidate} could not be compared: {cut(record.reason, _MAX_CHARACTERS)}"
    return f"{candidate} differs from the control"


def _call_lines(record: Record) -> Iterator[str]:
    if record.arguments is not None:
        arguments = [
            f"{cut(name)}={shown(value, _MAX_ARGUMENT)}" for name, value in record.arguments.items()
        ]
        left = len(arguments) - _MAX_ARGUMENTS
        more = [f"{left} more"] if left > 0 else []
        yield f"  called with: {', '.join([*arguments[:_MAX_ARGUMENTS], *more])}"
    if record.control_raised is not None:
        yield f"  control raised {_raised(record.control_raised)}"


def _candidate_lines(record: Record) -> Iterator[str]:
    if record.candidate_raised is not None:
        yield f"  candidate raised {_raised(record.candidate_raised)}"
    yield from difference_lines(record.differences)
    if record.stopped is not None:
        yield f"  the comparison stopped: {cut(record.stopped, _MAX_CHARACTERS)}"


def _raised(described: Mapping[str, Any]) -> str:
    message = described.get("message")
    return cut(f"{described['type']}: {message}" if message else described["type"], _MAX_CHARACTERS)


def difference_lines(differences: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Show differences, a few lines for each.

    Args:
        differences: Mappings of the shape that a record's ``differences`` have.

    Returns:
        Lines without their ends.
    """
    for difference in differences[:_MAX_DIFFERENCES]:
        yield f"  {cut(difference['path'], _MAX_CHARACTERS)}  ({cut(difference['kind'])})"
        for side, text in zip(("control", "candidate"), _sides(difference), strict=True):
            kind = difference[f"{side}_type"]
            yield f"    {side + ':':<11}{text}" + ("" if kind is None else f"  ({cut(kind)})")
    left = len(differences) - _MAX_DIFFERENCES
    if left > 0:
        yield f"  and {left} more"


def _sides(difference: Mapping[str, Any]) -> tuple[str, str]:
    if "control" not in difference:
        return _NOT_KEPT, _NOT_KEPT
    control, candidate = difference["control"], difference["candidate"]
    if difference["control_type"] is None:
        return _NOTHING, _text(candidate)
    if difference["candidate_type"] is None:
        return _text(control), _NOTHING
    # Of long values what they have in common is left out, not where they differ.
    one, other = side_by_side(control, candidate, _MAX_CHARACTERS)
    if not (one.differs or other.differs):
        return _text(control), _text(candidate)
    return one.before + one.differs + one.after, other.before + other.differs + other.after


def _text(described: Any) -> str:
    return shown(described, _MAX_CHARACTERS)
