"""A new class beside an old one: the same random calls on an instance of each."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Unpack

import attrs
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from darkcall import _config
from darkcall._policy import check_names

from ._instances import Instances, Subject
from ._pair import COMPARED_BY, CompareKnobs
from ._sides import Rules
from ._surface import constructor_of, operations_of


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import EllipsisType

    from hypothesis import settings as Settings  # noqa: N812 -- it is a class

    from ._operations import Call, Strategies


def assert_equivalent_classes(
    control: type,
    candidate: type,
    /,
    *,
    init: Strategies = ...,
    calls: Mapping[str | EllipsisType, Strategies | None] | None = None,
    observe: Callable[[Any], Any] | None = None,
    max_examples: int | None = None,
    settings: Settings | None = None,
    **rules: Unpack[CompareKnobs],
) -> None:
    machine = equivalence_machine(
        control, candidate, init=init, calls=calls, observe=observe, **rules
    )
    settings = settings or machine.TestCase.settings
    if max_examples is not None:
        settings = type(settings)(settings, max_examples=max_examples)
    run_state_machine_as_test(machine, settings=settings)


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
    subject = _subject(control, candidate, init, calls, observe, rules)

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.instances = Instances(subject)

        @initialize(call=subject.constructor.calls())
        def make(self, call: Call) -> None:
            self.instances.make(call)

        def teardown(self) -> None:
            self.instances.close()

    for one in subject.operations:
        setattr(Machine, f"rule_{one.name}", rule(call=one.calls())(_rule_function(one.name)))
    Machine.__name__ = Machine.__qualname__ = f"{control.__name__}_and_{candidate.__name__}"
    return Machine


def _rule_function(name: str) -> Callable[..., None]:
    def apply(self: Any, call: Call) -> None:
        self.instances.apply(call)

    apply.__name__ = name
    return apply


def _subject(
    control: type,
    candidate: type,
    init: Strategies,
    calls: Mapping[str | EllipsisType, Strategies | None] | None,
    observe: Callable[[Any], Any] | None,
    knobs: CompareKnobs,
) -> Subject:
    check_names(knobs, "assert_equivalent_classes", known=COMPARED_BY)
    for one in (control, candidate):
        if not isinstance(one, type):
            raise TypeError(f"{one!r} is no class: assert_equivalent is for functions")
    policy = _config.policy_with(knobs)
    state_policy = attrs.evolve(policy, normalize=None, ignore=None)
    return Subject(
        control,
        candidate,
        constructor_of(control, candidate, init, policy),
        operations_of(control, candidate, {...: ...} if calls is None else calls, policy),
        observe,
        Rules.of(control.__name__, control, state_policy, shares_own=False),
    )
