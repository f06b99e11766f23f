"""A test whose inputs are of the wrong type passes, as both sides complain alike."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

import hypothesis

from darkcall._text import escaped, qualname_of


if TYPE_CHECKING:
    from darkcall._model import Observation

#: So many inputs may all be bad ones by chance.
_MANY: Final = 50
#: What a function raises that is given something of another type than it takes.
_COMPLAINTS: Final = (TypeError, AttributeError)


class Complaints:
    """Looks whether a control does anything but complain, and warns if it does not.

    Args:
        name: What is tested.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self._is_all = True

    def note(self, control: Observation) -> None:
        """Take down what the control did on an input, also for the statistics of hypothesis.

        Args:
            control: What it did.
        """
        if control.exception is None:
            hypothesis.event(f"{self._name} returned")
        else:
            kind = escaped(qualname_of(type(control.exception)))
            hypothesis.event(f"{self._name} raised {kind}")
        self._is_all &= isinstance(control.exception, _COMPLAINTS)
        self._count += 1
        # Not only once: an exception is made of it where warnings are errors, and is to come again.
        if self._is_all and self._count >= _MANY:
            warnings.warn(
                f"{self._name}: the control raised {kind} on each of the first {_MANY} inputs, so "
                "nothing that it returns was compared; give strategies for what it takes",
                stacklevel=2,
            )
