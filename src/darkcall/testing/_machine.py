"""The state machine of hypothesis that does the same with an instance of each class."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from hypothesis import Phase
from hypothesis import settings as Settings  # noqa: N812 -- it is a class
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from ._instances import Instances, Subject


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._operations import Call


def machine_of(subject: Subject) -> type[RuleBasedStateMachine]:
    """Make the state machine.

    Args:
        subject: The two classes.

    Returns:
        A class, with a rule for each operation.
    """

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
        # Not under the method's own name, which may be one of the machine's.
        setattr(Machine, f"rule_{one.name}", rule(call=one.calls())(_rule(one.name)))
    control, candidate = subject.control, subject.candidate
    Machine.__name__ = Machine.__qualname__ = f"{control.__name__}_and_{candidate.__name__}"
    names = ", ".join(one.name for one in subject.operations)
    # The database knows a machine by its source and its signature: the source is the same for all.
    Machine.__signature__ = inspect.Signature(
        return_annotation=f"{_full_name(control)} and {_full_name(candidate)}: {names}"
    )
    Machine.TestCase.settings = unexplained(Machine.TestCase.settings)
    return Machine


def run(
    machine: type[RuleBasedStateMachine], settings: Settings | None, max_examples: int | None
) -> None:
    """Run a state machine.

    Args:
        machine: The state machine.
        settings: Settings; its own by default.
        max_examples: So many examples, if that is given.
    """
    __tracebackhide__ = True
    settings = machine.TestCase.settings if settings is None else unexplained(settings)
    if max_examples is not None:
        settings = Settings(settings, max_examples=max_examples)
    run_state_machine_as_test(machine, settings=settings)


def unexplained(settings: Settings) -> Settings:
    """Leave out the phase that explains a failure.

    On Python 3.11 it takes ten times as long as to find one, and what it tells is lines of this
    package, as it is here that the two sides are found to differ.
    """
    phases = [phase for phase in settings.phases if phase is not Phase.explain]
    return Settings(settings, phases=phases)


def _rule(name: str) -> Callable[[Any, Call], None]:
    def apply(self: Any, call: Call) -> None:
        self.instances.apply(call)

    apply.__name__ = name
    return apply


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
