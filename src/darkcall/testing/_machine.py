"""The state machine of hypothesis that does the same with an instance of each class."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import hypothesis
from hypothesis import strategies as st
from hypothesis.control import current_build_context
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from ._instances import Instances, Subject, with_fewer_steps
from ._settings import unexplained
from ._vacuous import Complaints


if TYPE_CHECKING:
    from ._operations import Call


def machine_of(subject: Subject) -> type[RuleBasedStateMachine]:
    """Make the state machine.

    Args:
        subject: The two classes.

    Returns:
        A class that makes both and then takes steps.
    """
    complaints = {one.name: Complaints(one.rules.name) for one in subject.operations}

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.instances = Instances(subject)

        @initialize(call=subject.constructor.calls())
        def make(self, call: Call) -> None:
            self._apply(call)

        # One rule for all: of several, hypothesis leaves out some in most examples, and of a class
        # with three methods most examples would see one.
        @rule(call=st.one_of([one.calls() for one in subject.operations]))
        def step(self, call: Call) -> None:
            self._apply(call)
            complaints[call.operation.name].note(self.instances.did)

        def _apply(self, call: Call) -> None:
            error = self.instances.apply(call)
            if error is not None:
                if current_build_context().is_final:
                    error = with_fewer_steps(subject, self.instances.calls, error)
                # From one place: hypothesis takes each that raises for another failure.
                raise error
            if not self.instances.are_made:
                # So that it does not pass for a test if both raise whatever they are made with.
                hypothesis.reject()

        def teardown(self) -> None:
            self.instances.close()

    control, candidate = subject.control, subject.candidate
    Machine.__name__ = Machine.__qualname__ = f"{control.__name__}_and_{candidate.__name__}"
    names = ", ".join(one.name for one in subject.operations)
    # The database knows a machine by its source and its signature: the source is the same for all.
    Machine.__signature__ = inspect.Signature(
        return_annotation=f"{_full_name(control)} and {_full_name(candidate)}: {names}"
    )
    Machine.TestCase.settings = unexplained(Machine.TestCase.settings)
    return Machine


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
