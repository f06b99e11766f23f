"""An instance of each class, on which the same is done."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import enum
import functools
import inspect
import itertools
from collections.abc import AsyncIterator, Iterator, MappingView
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from darkcall._describe import describe_difference
from darkcall._model import AGREES, Observation
from darkcall._policy import Policy

from ._failure import OPEN, comparison_lines, what_it_did
from ._mismatch import MismatchError
from ._sides import (
    Arguments,
    Rules,
    compared,
    outside_of_a_loop,
    run_candidate,
    run_control,
)


if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from darkcall._comparison import Comparison

    from ._operations import Call, Operation

    Both = tuple[Observation, Observation]

#: So many items of an iterator are compared: it may have no end.
MAX_ITEMS: Final = 1000
#: What is compared as a list where both sides give one of a kind.
_LISTED: Final = (Iterator, MappingView, AsyncIterator)
T = TypeVar("T")
#: The arguments of what takes none.
_NOTHING: Final = Arguments(Rules.of("", list, Policy(), shares_own=False), (), {})


class Returned(enum.Enum):
    """Stands for a result that a comparison cannot take as it is."""

    ITSELF = "the instance that it was called on"
    AWAITABLE = "what the other side does not ask to await"


@attrs.frozen(eq=False)
class _Unawaited:
    """A result that is to be awaited, if the other side's is too."""

    awaitable: Any


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
        return self._observed(functools.partial(_called, function, *args), _NOTHING)

    def apply(self, run: Callable[..., Any], arguments: Arguments) -> Observation:
        if self.instance is None:
            return self._observed(functools.partial(run, self.kind), arguments)
        return self._observed(functools.partial(_called, run, self.instance), arguments)

    def awaited(self, value: _Unawaited) -> Any:
        async def main() -> Any:
            return await value.awaitable

        return self._run(main())

    def listed(self, values: Any) -> list[Any]:
        if isinstance(values, AsyncIterator):
            return self._run(_listed(values))
        return list(itertools.islice(values, MAX_ITEMS))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        context = contextvars.copy_context()
        return outside_of_a_loop(functools.partial(self._loop.run, coroutine, context=context))

    def close(self) -> None:
        outside_of_a_loop(self._loop.close)


def _called(function: Callable[..., Any], instance: Any, *args: Any, **kwargs: Any) -> Any:
    value = function(instance, *args, **kwargs)
    # An instance that can be awaited is still one to go on with.
    is_to_await = inspect.isawaitable(value) and value is not instance
    return _Unawaited(value) if is_to_await else value


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
        #: What was done.
        self.calls: list[Call] = []
        #: What the control did last.
        self.did = Observation()
        self._code: list[str | None] = []

    def apply(self, call: Call) -> MismatchError | None:
        """Do the same with both: first make them, then call them.

        Args:
            call: Of the constructor at first, of a method then.

        Returns:
            How they differ; None if they do not.
        """
        if not self.calls:
            return self._make(call)
        both = self._settled(self._run(call))
        found = None if both is None else self._difference(call.operation.rules, both)
        return found or self._difference_of_state()

    @property
    def are_made(self) -> bool:
        """Whether there is something to go on with: both may raise the same."""
        return self._control.instance is not None

    def _make(self, call: Call) -> MismatchError | None:
        both = self._run(call)
        if any(one.raised for one in both):
            return self._difference(call.operation.rules, both)
        self._control.instance, self._candidate.instance = (one.value for one in both)
        return self._difference_of_state()

    def close(self) -> None:
        """End what their async methods left running."""
        self._control.close()
        self._candidate.close()

    def _run(self, call: Call) -> Both:
        rules = call.operation.rules
        # Whoever shares an argument may change it before it is shown.
        shares = rules.policy.isolate != "copy" or rules.policy.share
        self.calls.append(call)
        self._code.append(repr(call) if shares else None)
        arguments = Arguments(rules, call.args, call.kwargs)
        run = call.operation.run
        self.did = self._control.apply(run, arguments)
        return self.did, self._candidate.apply(run, arguments)

    def _settled(self, both: Both) -> Both | None:
        """Make of results what can be compared; None if both are the instance itself."""
        both = self._awaited(both)
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
        if self._subject.observe is not None and self._are_own(both):
            return self._observed(self._subject.observe, both[0].value, both[1].value)
        return self._listed(both)

    def _observed(self, observe: Callable[[Any], Any], control: Any, candidate: Any) -> Both:
        did = self._control.did(observe, control), self._candidate.did(observe, candidate)
        both = self._listed(self._awaited(did))
        if both[0].exception is not None:
            # Whoever wrote it knows the control: nothing would be compared at all.
            raise both[0].exception
        return both

    def _awaited(self, both: Both) -> Both:
        both = self._alike(_is_unawaited, _Side.awaited, both)
        control, candidate = (
            _without_awaiting(one) if _is_unawaited(one.value) else one for one in both
        )
        return control, candidate

    def _listed(self, both: Both) -> Both:
        for kind in _LISTED:
            both = self._alike(kind.__instancecheck__, _Side.listed, both)
        return both

    def _alike(
        self, applies: Callable[[Any], bool], does: Callable[[_Side, Any], Any], both: Both
    ) -> Both:
        """Do something with both results if both are meant."""
        control, candidate = both
        if not (applies(control.value) and applies(candidate.value)):
            return both
        return (
            self._control.did(does, self._control, control.value),
            self._candidate.did(does, self._candidate, candidate.value),
        )

    def _are_own(self, both: Both) -> bool:
        sides = (self._control, self._candidate)
        return all(isinstance(one.value, side.kind) for one, side in zip(both, sides, strict=True))

    def _difference_of_state(self) -> MismatchError | None:
        observe = self._subject.observe
        if observe is None:
            return None
        both = self._observed(observe, self._control.instance, self._candidate.instance)
        return self._difference(self._subject.state_rules, both, is_state=True)

    def _difference(
        self, rules: Rules, both: Both, *, is_state: bool = False
    ) -> MismatchError | None:
        comparison = compared(rules, *both)
        if comparison.outcome in AGREES:
            return None
        names = (self._subject.control.__name__, self._subject.candidate.__name__)
        code = [
            repr(call) if shown is None else shown
            for call, shown in zip(self.calls, self._code, strict=True)
        ]
        asks_for_observe = self._subject.observe is None and self._are_own(both)
        hint = "  they are compared by observe, which was not given" if asks_for_observe else None
        return failure_of_steps(names, code, both, comparison, is_state=is_state, hint=hint)


def _is_unawaited(value: Any) -> bool:
    return isinstance(value, _Unawaited)


def _without_awaiting(side: Observation) -> Observation:
    if inspect.iscoroutine(side.value.awaitable):
        # Python would warn that nobody awaited it.
        side.value.awaitable.close()
    return Observation(Returned.AWAITABLE)


def with_fewer_steps(subject: Subject, calls: list[Call], error: MismatchError) -> MismatchError:
    """Leave out what it does not take to see that two classes differ.

    Args:
        subject: The classes.
        calls: The calls after which they differ.
        error: How they differ.

    Returns:
        How they differ after no more calls than it takes.
    """
    before = None
    while before != len(calls):
        before = len(calls)
        for place in reversed(range(1, len(calls) - 1)):
            with contextlib.closing(Instances(subject)) as instances:
                fewer = calls[:place] + calls[place + 1 :]
                found = next(filter(None, map(instances.apply, fewer)), None)
            if found is not None:
                calls, error = instances.calls, found
    return error


def failure_of_steps(
    names: tuple[str, str],
    code: Sequence[str],
    both: Both,
    comparison: Comparison,
    *,
    is_state: bool,
    hint: str | None,
) -> MismatchError:
    """Make the error of a step after which two instances differ.

    Args:
        names: What the control and the candidate are called.
        code: The steps as code; the last one differs.
        both: What both sides did.
        comparison: What came of it.
        is_state: Whether they did the same, and what is observed differs.
        hint: What to do about it, if anything.
    """
    control, candidate = names
    where = f"after step {len(code)}" if is_state else f"in step {len(code)}"
    does = "differs from" if comparison.reason is None else "could not be compared with"
    first, *rest = code
    shown = "observe({})" if is_state else "{}"
    differences = [describe_difference(one, OPEN) for one in comparison.differences]
    lines = [
        f"{candidate} {does} {control} {where}: {code[-1]}",
        f"  {first}  # and {candidate}",
        *(f"  {one}" for one in rest),
        f"  {shown.format('control')} {what_it_did(both[0])}",
        f"  {shown.format('candidate')} {what_it_did(both[1])}",
        *([] if hint is None else [hint]),
        *comparison_lines(comparison, differences),
    ]
    error = MismatchError("\n".join(lines), differences)
    error.__cause__ = both[1].exception or both[0].exception
    return error
