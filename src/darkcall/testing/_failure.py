"""What a property test fails with: the call, what each side did, and where they differ."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Final

import attrs
from hypothesis.control import current_build_context
from hypothesis.vendor.pretty import RepresentationPrinter

from darkcall._describe import describe_difference
from darkcall._model import Outcome
from darkcall._redact import MAX_CHARACTERS, Redactor
from darkcall._text import one_line, qualname_of

from ._inputs import class_of, name_of
from ._message import difference_lines
from ._mismatch import MismatchError
from ._told import MAX_SHOWN, told


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from darkcall._comparison import Comparison
    from darkcall._model import Observation

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


OPEN: Final[Redactor] = _HidesNothing()


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
        return one_line(repr(value), MAX_SHOWN)
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


@attrs.frozen
class Failed:
    """A candidate that does not do what the control does, told.

    Attributes:
        name: Its name.
        control: What the control did, as text.
        lines: What the candidate did, and where they differ.
        differences: The same as plain data.
        is_compared: Whether they could be compared.
        raised: What the candidate raised, or else the control; None for neither.
    """

    name: str
    control: str
    lines: list[str]
    differences: list[dict[str, Any]]
    is_compared: bool
    raised: BaseException | None

    @classmethod
    def of(cls, name: str, comparison: Comparison) -> Failed:
        """Tell of a candidate.

        Args:
            name: Its name.
            comparison: How it differs.
        """
        differences = [describe_difference(one, OPEN) for one in comparison.differences]
        sides = (comparison.candidate, comparison.control)
        raised = [one.exception for one in sides if one is not None and one.raised]
        return cls(
            name,
            what_it_did(comparison.control),
            [
                f"  {name} {what_it_did(comparison.candidate)}",
                *comparison_lines(comparison, differences),
            ],
            differences,
            comparison.reason is None,
            next(iter(raised), None),
        )


def failure_of(
    name: str,
    call: str,
    failed: Sequence[Failed],
    again: Comparison,
    *,
    is_shared: bool,
) -> MismatchError:
    """Make the error of a call.

    Args:
        name: What was tested.
        call: The call, as text.
        failed: Each candidate that differs.
        again: The control, compared with itself on the same input.
        is_shared: Whether a part of the input is the same object for all.

    Returns:
        The error, not raised; its cause is what one of the sides raised, if any.
    """
    lines = [f"{one_line(name)}: {_who(failed)}", f"  {call}", f"  control {failed[0].control}"]
    if again.outcome in _DISAGREES:
        lines.append(
            "  the control disagrees with itself: run again on the same input, it "
            + what_it_did(again.candidate)
            + ("; what is shared may have changed in between" if is_shared else "")
        )
    lines += [line for one in failed for line in one.lines]
    described = [difference for one in failed for difference in one.differences]
    error = MismatchError("\n".join(lines), described)
    # Not its context: hypothesis would take each place that raises for another failure.
    error.__cause__ = next((one.raised for one in failed if one.raised is not None), None)
    return error


def _who(failed: Sequence[Failed]) -> str:
    names = [one.name for one in failed]
    if not any(one.is_compared for one in failed):
        return f"{_joined(names)} could not be compared"
    return f"{_joined(names)} {'differs' if len(names) == 1 else 'differ'} from the control"


def _joined(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def what_it_did(side: Observation | None) -> str:
    """Tell what a side did, as the end of a sentence."""
    if side is None:  # pragma: no cover -- for the type alone: each side has run to its end
        return ""
    if side.exception is None:
        return f"returned {plainly_shown(side.value)}"
    return f"raised {told(side.exception)}"


def comparison_lines(
    comparison: Comparison, differences: Sequence[dict[str, Any]]
) -> Iterator[str]:
    """Show what a comparison came to; the differences are described ones."""
    if comparison.reason is not None:
        yield f"  could not be compared: {one_line(comparison.reason)}"
    yield from difference_lines(differences)
    if comparison.stopped is not None:
        yield f"  the comparison stopped: {one_line(comparison.stopped)}"
