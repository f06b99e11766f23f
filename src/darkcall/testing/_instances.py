"""An instance of each class, on which the same is done."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import enum
import functools
import inspect
import itertools
from collections.abc import AsyncIterator, Iterator, MappingView
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from darkcall._describe import describe_difference
from darkcall._model import Observation, Outcome
from darkcall._policy import Policy

from ._failure import OPEN, comparison_lines, what_it_did
from ._mismatch import MismatchError
from ._sides import Arguments, Rules, compared, run_candidate, run_control


if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from darkcall._comparison import Comparison

    from ._operations import Call, Operation

    Both = tuple[Observation, Observation]

#: So many items of an iterator are compared: it may have no end.
MAX_ITEMS: Final = 1000
T = TypeVar("T")
#: The arguments of what takes none.
_NOTHING: Final = Arguments(Rules.of("", list, Policy(), shares_own=False), (), {})
_AGREES: Final = (Outcome.MATCH, Outcome.IGNORED)


class Returned(enum.Enum):
    """Stands for a result that a comparison cannot take as it is."""

    ITSELF = "the instance that it was called on"


@attrs.frozen(eq=False)
class Subject:
    """Two classes, and how they are compared.

    Attributes:
        control: The existing one.
        candidate: The new one.
        constructor: How instances are made.
        operations: What is done with them.
        observe: Gives what is compared of an instance; None for nothing.
        state_rules: By what that is compared.
    """

    control: type
    candidate: type
    constructor: Operation
    operations: list[Operation]
    observe: Callable[[Any], Any] | None
    state_rules: Rules


class _Side:
    """An instance, and the event loop of its async methods, on which their tasks go on."""

    def __init__(self, kind: type, observed: Callable[..., Observation]) -> None:
        self.kind = kind
        self.instance: Any = None
        self._observed = observed
        self._loop = asyncio.Runner(loop_factory=asyncio.new_event_loop)

    def did(self, function: Callable[..., Any], *args: Any) -> Observation:
        return self._observed(functools.partial(function, *args), _NOTHING)

    def apply(self, run: Callable[..., Any], arguments: Arguments) -> Observation:
        target = self.kind if self.instance is None else self.instance
        return self._observed(functools.partial(run, target), arguments)

    def awaited(self, value: Any) -> Any:
        async def main() -> Any:
            return await value

        return self._run(main())

    def listed(self, values: Any) -> list[Any]:
        if isinstance(values, AsyncIterator):
            return self._run(_listed(values))
        return list(itertools.islice(values, MAX_ITEMS))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        context = contextvars.copy_context()
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._loop.run(coroutine, context=context)
        # An async test runs on a loop, which cannot run another one inside.
        with concurrent.futures.ThreadPoolExecutor(1) as executor:
            return executor.submit(self._loop.run, coroutine, context=context).result()

    def close(self) -> None:
        self._loop.close()


async def _listed(values: AsyncIterator[Any]) -> list[Any]:
    items: list[Any] = []
    async for item in values:
        items.append(item)
        if len(items) == MAX_ITEMS:
            break
    return items


class Instances:
    """An instance of each class, on which the same is done until they differ.

    Args:
        subject: The classes.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._control = _Side(subject.control, run_control)
        self._candidate = _Side(subject.candidate, run_candidate)
        self._calls: list[Call] = []
        self._are_made = False

    def make(self, call: Call) -> None:
        """Make both.

        Args:
            call: Of the constructor.

        Raises:
            MismatchError: The candidate differs.
        """
        control, candidate = self._run(call)
        if control.raised or candidate.raised:
            # If both did the same, there is nothing to go on with.
            self._check(call.operation.rules, (control, candidate))
            return
        self._control.instance, self._candidate.instance = control.value, candidate.value
        self._are_made = True
        self._check_state()

    def apply(self, call: Call) -> None:
        """Do the same with both.

        Args:
            call: Of a method.

        Raises:
            MismatchError: The candidate differs.
        """
        if not self._are_made:
            return
        both = self._settled(self._run(call))
        if both is not None:
            self._check(call.operation.rules, both)
        self._check_state()

    def close(self) -> None:
        """End what their async methods left running."""
        self._control.close()
        self._candidate.close()

    def _run(self, call: Call) -> Both:
        self._calls.append(call)
        run = call.operation.run
        arguments = Arguments(call.operation.rules, call.args, call.kwargs)
        return self._control.apply(run, arguments), self._candidate.apply(run, arguments)

    def _settled(self, both: Both) -> Both | None:
        """Make results comparable that are the same kind of thing; None if both are themselves."""
        both = self._where(inspect.isawaitable, _Side.awaited, both)
        for one in both:
            if inspect.iscoroutine(one.value):
                # Python would warn that nobody awaited what the other side has no match for.
                one.value.close()
        sides = (self._control, self._candidate)
        are_themselves = [one.value is side.instance for one, side in zip(both, sides, strict=True)]
        if all(are_themselves):
            return None
        if any(are_themselves):
            control, candidate = (
                Observation(Returned.ITSELF) if is_itself else one
                for one, is_itself in zip(both, are_themselves, strict=True)
            )
            return control, candidate
        observe = self._subject.observe
        if observe is not None and self._are_own(both):
            both = self._observed(both[0].value, both[1].value, observe)
        return self._where(_can_be_listed, _Side.listed, both)

    def _where(
        self, applies: Callable[[Any], bool], does: Callable[[_Side, Any], Any], both: Both
    ) -> Both:
        control, candidate = both
        if not (applies(control.value) and applies(candidate.value)):
            return both
        return (
            self._control.did(does, self._control, control.value),
            self._candidate.did(does, self._candidate, candidate.value),
        )

    def _are_own(self, both: Both) -> bool:
        control, candidate = both
        return isinstance(control.value, self._subject.control) and isinstance(
            candidate.value, self._subject.candidate
        )

    def _observed(self, control: Any, candidate: Any, observe: Callable[[Any], Any]) -> Both:
        observed = self._control.did(observe, control)
        if observed.exception is not None:
            # It knows the control well enough to tell what to compare, or compares nothing.
            raise observed.exception
        both = observed, self._candidate.did(observe, candidate)
        return self._where(_can_be_listed, _Side.listed, both)

    def _check_state(self) -> None:
        subject = self._subject
        if subject.observe is not None:
            both = self._observed(
                self._control.instance, self._candidate.instance, subject.observe
            )
            self._check(subject.state_rules, both, is_state=True)

    def _check(self, rules: Rules, both: Both, *, is_state: bool = False) -> None:
        comparison = compared(rules, *both)
        if comparison.outcome in _AGREES:
            return
        code = [repr(one) for one in self._calls]
        names = (self._subject.control.__name__, self._subject.candidate.__name__)
        error = failure_of_steps(names, code, both, comparison, is_state=is_state)
        if not is_state and self._are_own(both):
            error.add_note("What is a {} and a {} is compared by observe=, which was not given".format(*names))
        raise error


def _can_be_listed(value: Any) -> bool:
    return isinstance(value, Iterator | MappingView | AsyncIterator)


def failure_of_steps(
    names: tuple[str, str],
    code: Sequence[str],
    both: Both,
    comparison: Comparison,
    *,
    is_state: bool,
) -> MismatchError:
    """Make the error of a step after which two instances differ.

    Args:
        names: What the control and the candidate are called.
        code: The steps as code; the last one differs.
        both: What both sides did.
        comparison: What came of it.
        is_state: Whether they did the same, and what is observed differs.
    """
    control, candidate = names
    where = f"after step {len(code)}" if is_state else f"in step {len(code)}"
    does = "differs from" if comparison.reason is None else "could not be compared with"
    first, *rest = code
    begin = "observe of the" if is_state else "the"
    differences = [describe_difference(one, OPEN) for one in comparison.differences]
    lines = [
        f"{candidate} {does} {control} {where}: {code[-1]}",
        f"  {first}  # and {candidate}",
        *(f"  {one}" for one in rest),
        f"  {begin} control {what_it_did(both[0])}",
        f"  {begin} candidate {what_it_did(both[1])}",
        *comparison_lines(comparison, differences),
    ]
    return MismatchError("\n".join(lines), differences)
