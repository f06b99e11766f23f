"""A new class beside an old one: the same random calls on an instance of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

import attrs
import hypothesis
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from darkcall import _config
from darkcall._errors import ConfigurationError
from darkcall._policy import check_names

from ._instances import Subject
from ._machine import machine_of
from ._pair import COMPARED_BY, CompareKnobs
from ._settings import checked_settings, unexplained
from ._sides import Rules
from ._surface import constructor_of, operations_of
from ._told import telling


if TYPE_CHECKING:
    from collections.abc import Callable
    from types import EllipsisType

    from ._operations import Strategies


def equivalence_machine(
    control: type,
    candidate: type,
    /,
    *,
    init: Strategies = ...,
    calls: Mapping[str | EllipsisType, Strategies | None] | None = None,
    observe: Callable[[Any], Any] | None = None,
    **rules: Unpack[CompareKnobs],
) -> type[RuleBasedStateMachine]:
    """Make a test that a new class does what an old one does, whatever is called.

    It is a state machine of hypothesis: it makes an instance of each class, calls the same methods
    on both with the same random arguments, compares what each call did, and looks for the fewest
    steps after which they differ.  Each side has arguments of its own.  Both may raise: that is
    compared too, and it goes on with the next call, or, if the constructor raised, with the next
    example, which does not count as one: where it always raises, hypothesis says so.

    Its ``TestCase`` is what pytest and unittest collect.  ``settings``, ``seed`` and
    ``reproduce_failure`` of hypothesis decorate the machine.  Rules of one's own are added in a
    subclass, as to any other.

    Without ``calls``, all public methods of the old class are called, with what their hints tell;
    what has a default is sometimes left out.  Properties are read.  So are run, if they are written
    with hints: ``len(x)``, ``bool(x)``, ``iter(x)``, ``reversed(x)``, ``next(x)``, ``item in x``,
    ``x[key]``, ``x[key] = value`` and ``del x[key]``.  Async methods are awaited, each side's on an
    event loop of its own.

    Results are compared as a launch does it, but for these:

    * The instance itself is equal to the other instance itself.
    * What is an instance of the old and of the new class is compared by ``observe``.
    * Of iterators, async ones too, the first 1,000 items are compared.  Views, as those of a
      mapping's keys, are compared as lists.

    Args:
        control: The old class.
        candidate: The new one.
        init: Strategies for what instances are made with: a tuple, from the left, or a mapping by
            parameter; what is not among them is drawn from its hint, and left out if it has none
            but a default.  By default all of it is drawn from hints.
        calls: What is called: strategies by method, each as those of ``init``; ``...`` for a method
            that each of its parameters has a hint.  ``...: ...`` stands for all public methods that
            are not named; None for what is not to be called.
        observe: Takes an instance of either class and gives what is compared of both after each
            step: ``observe=list``, say.  ``normalize`` and ``ignore`` are not for that.
        **rules: How the two are compared, as :func:`darkcall.dark_launch` takes it: ``compare``,
            ``compare_exceptions``, ``normalize``, ``ignore``, ``isolate``, ``share``.

    Returns:
        The state machine.  It fails with :class:`MismatchError`, which shows the steps as code.

    Raises:
        ConfigurationError: A parameter has no strategy, a strategy no parameter, or there is
            nothing to call.
        SignatureMismatchError: The new class lacks a method, or could not be called as the old one.

    Example:
        >>> import collections
        >>> from hypothesis import strategies as st
        >>> class Counts(dict):
        ...     def __missing__(self, key):
        ...         return 0
        >>> TestCounts = equivalence_machine(
        ...     collections.Counter, Counts, init=(),
        ...     calls={"__getitem__": (st.text(),), "__len__": ()}, observe=dict,
        ... ).TestCase
    """
    check_names(rules, "equivalence_machine", known=COMPARED_BY)
    for kind in (control, candidate):
        if not isinstance(kind, type):
            raise TypeError(f"{kind!r} is no class; assert_equivalent compares functions")
    return machine_of(_subject(control, candidate, rules, init=init, calls=calls, observe=observe))


def assert_equivalent_classes(
    control: type,
    candidate: type,
    /,
    *,
    init: Strategies = ...,
    calls: Mapping[str | EllipsisType, Strategies | None] | None = None,
    observe: Callable[[Any], Any] | None = None,
    max_examples: int | None = None,
    settings: hypothesis.settings | None = None,
    **rules: Unpack[CompareKnobs],
) -> None:
    """Check that a new class does what an old one does, whatever is called.

    It runs what :func:`equivalence_machine` makes, at once.

    Args:
        control: The old class.
        candidate: The new one.
        init: Strategies for what instances are made with, as for ``equivalence_machine``.
        calls: What is called, likewise.
        observe: Takes an instance and gives what is compared of both after each step.
        max_examples: So many times both are made and called; as the settings have it by default.
        settings: Settings of hypothesis; ``stateful_step_count`` is how many calls an example has
            at most, 50 by default.  By default the current profile, without a deadline.  What
            fails is never explained: that takes minutes, and tells lines of darkcall.
        **rules: How the two are compared, as for ``equivalence_machine``.

    Raises:
        MismatchError: The new class differs.
        ConfigurationError: A parameter has no strategy, a strategy no parameter, or there is
            nothing to call.
        SignatureMismatchError: The new class lacks a method, or could not be called as the old one.

    Example:
        >>> class Stack:
        ...     def __init__(self) -> None:
        ...         self._items: list[int] = []
        ...     def push(self, item: int) -> None:
        ...         self._items.append(item)
        ...     def pop(self) -> int:
        ...         return self._items.pop()
        >>> class Queue(Stack):
        ...     def pop(self) -> int:
        ...         return self._items.pop(0)
        >>> assert_equivalent_classes(Stack, Queue)
        Traceback (most recent call last):
            ...
        darkcall.testing.MismatchError: Queue differs from Stack in step 4: x.pop()
          x = Stack()  # and Queue
          x.push(0)
          x.push(1)
          x.pop()
          the control returned 1
          the candidate returned 0
          $  (value)
            control:   1  (int)
            candidate: 0  (int)
        ...
    """
    __tracebackhide__ = True
    settings = checked_settings(settings)
    machine = equivalence_machine(
        control, candidate, init=init, calls=calls, observe=observe, **rules
    )
    settings = machine.TestCase.settings if settings is None else unexplained(settings)
    if max_examples is not None:
        settings = hypothesis.settings(settings, max_examples=max_examples)
    run_state_machine_as_test(machine, settings=settings)


def _subject(
    control: type,
    candidate: type,
    knobs: CompareKnobs,
    *,
    init: Strategies,
    calls: Mapping[str | EllipsisType, Strategies | None] | None,
    observe: Callable[[Any], Any] | None,
) -> Subject:
    policy = telling(_config.policy_with(knobs))
    calls = {...: ...} if calls is None else calls
    if not isinstance(calls, Mapping):
        raise TypeError(
            f"calls={calls!r} will not do: give a mapping of methods to strategies, as "
            "{'add': (st.integers(),), ...: ...}"
        )
    if not (observe is None or callable(observe)):
        raise TypeError(f"observe={observe!r} will not do: give a function that takes an instance")
    operations = operations_of(control, candidate, calls, policy)
    constructor = constructor_of(control, candidate, init, policy)
    parameters = {name for one in (constructor, *operations) for name in one.inputs.parameters}
    for path in policy.share:
        if path.partition(".")[0] not in parameters:
            raise ConfigurationError(
                f"share={path!r}: nothing that is called has such a parameter; there are "
                f"{', '.join(sorted(parameters)) or 'none'}"
            )
    state_policy = attrs.evolve(policy, normalize=None, ignore=None)
    state_rules = Rules.of(control.__name__, control, state_policy, shares_own=False)
    return Subject(control, candidate, constructor, operations, observe, state_rules)
