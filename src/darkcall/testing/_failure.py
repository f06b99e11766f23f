"""What a property test fails with: the call, what each side did, and where they differ."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Final

from hypothesis.control import current_build_context
from hypothesis.vendor.pretty import RepresentationPrinter

from darkcall._describe import describe_difference
from darkcall._model import Outcome
from darkcall._redact import MAX_CHARACTERS, Redactor
from darkcall._text import one_line, qualname_of

from ._inputs import class_of, name_of
from ._mismatch import MismatchError, difference_lines


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from darkcall._comparison import Comparison
    from darkcall._model import Observation

_MAX_SHOWN: Final = 4000
#: Of what cannot be compared, nothing is known.
_DISAGREES: Final = (Outcome.MISMATCH, Outcome.CANDIDATE_ERROR)
#: One line, however long: it is to be pasted.
_WIDTH: Final = 1 << 20


class _HidesNothing(Redactor):
    """Shows all: what was generated is nobody's secret."""

    def hides_step(self, step: Any) -> bool:  # noqa: ARG002 -- whatever it is
        return False

    def scrub(self, text: str, limit: int = MAX_CHARACTERS) -> str:
        return text[:limit]


_OPEN: Final = _HidesNothing()


def shown_value(value: Any) -> str:
    """Show a value so that it can be pasted, if it can be at all.

    Args:
        value: Anything; hypothesis is asked how it made it.

    Returns:
        One line.
    """
    try:
        printer = RepresentationPrinter(context=current_build_context())
        printer.max_width = _WIDTH
        printer.span_comments = {}
        printer.pretty(value)
        return printer.getvalue()
    except Exception:  # noqa: BLE001 -- outside of a test; or the value's own code
        return plainly_shown(value)


def plainly_shown(value: Any) -> str:
    """Show a value as its ``repr`` does, on one line."""
    try:
        return one_line(repr(value), _MAX_SHOWN)
    except Exception as error:  # noqa: BLE001 -- the value's own code
        return f"<{qualname_of(type(value))} whose repr raised {qualname_of(type(error))}>"


def shown_call(
    function: Any, bound: tuple[Any, ...], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> str:
    """Show a call so that it can be pasted.

    Args:
        function: What is called.
        bound: The instance that it is bound to, if any.
        args: The positional arguments.
        kwargs: The keyword arguments.
    """
    while isinstance(function, functools.partial):
        args, kwargs = (*function.args, *args), {**kwargs, **function.keywords, **kwargs}
        function = function.func
    name = name_of(function) if hasattr(function, "__qualname__") else shown_value(function)
    found = class_of(function) and inspect.getattr_static(
        class_of(function), function.__name__, None
    )
    if isinstance(found, property | functools.cached_property):
        return f"{shown_value(args[0])}.{name.rpartition('.')[2]}"
    if isinstance(found, classmethod) and not bound:
        # Its class is in its name.
        args = args[1:]
    if bound:
        owner = name_of(bound[0]) if isinstance(bound[0], type) else shown_value(bound[0])
        name = f"{owner}.{name.rpartition('.')[2]}"
    arguments = [
        *map(shown_value, args),
        *(f"{key}={shown_value(value)}" for key, value in kwargs.items()),
    ]
    return f"{name}({', '.join(arguments)})"


def failure_of(
    name: str,
    call: str,
    failed: Sequence[tuple[str, Comparison]],
    again: Comparison,
    *,
    is_shared: bool,
) -> MismatchError:
    """Make the error of a call.

    Args:
        name: What was tested.
        call: The call, as text.
        failed: Each candidate that differs: its name, and the comparison.
        again: The control, compared with itself on the same input.
        is_shared: Whether a part of the input is the same object for all.

    Returns:
        The error, not raised; its cause is what one of the sides raised, if any.
    """
    control = failed[0][1].control
    lines = [f"{one_line(name)}: {_who(failed)}", f"  {call}", f"  control {_what(control)}"]
    if again.outcome in _DISAGREES:
        lines.append(
            "  the control disagrees with itself: run again on the same input, it "
            + _what(again.candidate)
            + ("; what is shared may have changed in between" if is_shared else "")
        )
    described: list[dict[str, Any]] = []
    for candidate, comparison in failed:
        differences = [describe_difference(one, _OPEN) for one in comparison.differences]
        lines += [f"  {candidate} {_what(comparison.candidate)}"]
        lines += _lines_of(comparison, differences)
        described += differences
    error = MismatchError("\n".join(lines), described)
    # Not its context: hypothesis would take each place that raises for another failure.
    sides = (*(comparison.candidate for _, comparison in failed), control)
    raised = [side.exception for side in sides if side is not None and side.raised]
    error.__cause__ = raised[0] if raised else None
    return error


def _who(failed: Sequence[tuple[str, Comparison]]) -> str:
    names = [name for name, _ in failed]
    if all(comparison.reason for _, comparison in failed):
        return f"{_joined(names)} could not be compared"
    return f"{_joined(names)} {'differs' if len(names) == 1 else 'differ'} from the control"


def _joined(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _what(side: Observation | None) -> str:
    if side is None:  # pragma: no cover -- for the type alone: each side has run to its end
        return ""
    if side.exception is None:
        return f"returned {plainly_shown(side.value)}"
    kind = qualname_of(type(side.exception))
    try:
        message = one_line(str(side.exception), _MAX_SHOWN)
    except Exception:  # noqa: BLE001 -- the exception's own code
        message = "<no message>"
    return f"raised {kind}: {message}{_where(side.exception)}"


def _where(error: BaseException) -> str:
    traceback = error.__traceback__
    if traceback is None:
        return ""
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code
    return f" (in {one_line(code.co_name)}, line {traceback.tb_lineno} of {code.co_filename})"


def _lines_of(comparison: Comparison, differences: Sequence[dict[str, Any]]) -> Iterator[str]:
    if comparison.reason is not None:
        yield f"  could not be compared: {one_line(comparison.reason)}"
    yield from difference_lines(differences)
    if comparison.stopped is not None:
        yield f"  the comparison stopped: {one_line(comparison.stopped)}"
