"""``from_records``: recorded inputs as examples of a property test."""

from __future__ import annotations

import collections
import inspect
import os
from typing import TYPE_CHECKING, Any, TypeVar

import hypothesis

from darkcall._decorator import launch_of
from darkcall._signatures import signature_of

from ._rebuild import NotRebuiltError, Rebuilder
from ._recorded import DIFFERING, Recorded, key_of


if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    Source = str | os.PathLike[str]

F = TypeVar("F", bound="Callable[..., Any]")


class RecordedInputs(list[dict[str, Any]]):
    """Inputs of recorded calls, each a mapping by parameter name; ``self`` is ``instance``.

    Called with a property test, as a decorator is, it gives each input to it as an explicit
    example of hypothesis.  What a call left out is left out here, and is the control's default
    in an example.

    Attributes:
        left_out: How many inputs could not be made again from what was recorded, by reason.
    """

    def __init__(
        self,
        inputs: Sequence[dict[str, Any]],
        left_out: Mapping[str, int],
        defaults: Mapping[str, Any],
    ) -> None:
        super().__init__(inputs)
        self.left_out = dict(left_out)
        self._defaults = dict(defaults)

    def __call__(self, test: F) -> F:
        """Add each input to a property test as an example.

        Args:
            test: The test, above or below ``given``; its parameters are named as the control's.

        Returns:
            The test.
        """
        names = inspect.signature(_inner_test_of(test)).parameters
        defaults = {name: value for name, value in self._defaults.items() if name in names}
        # The last that is added is the first that runs.
        for one in reversed(self):
            test = hypothesis.example(**{**defaults, **one})(test)
        return test


def from_records(
    source: Source | Sequence[Source],
    function: Callable[..., Any],
    *,
    outcomes: Collection[str] = DIFFERING,
) -> RecordedInputs:
    """Make the inputs again on which candidates of a launch differed.

    It takes records with ``keep="everything"``.  Each different input is there once, the oldest
    file's first.  An input is made again exactly or not at all: of builtin types and those of the
    standard library, and of the classes that the hints of the control's parameters name.

    Args:
        source: Files, directories or patterns, as :func:`darkcall.analysis.read` takes them: one,
            or a sequence of them.
        function: What ``dark_launch`` returned.  Records of other launches are passed over.
        outcomes: Take records of these outcomes.

    Returns:
        The inputs: what ``examples=`` of ``equivalence_test`` takes, and a decorator of a property
        test.

    Raises:
        TypeError: The function is not decorated with ``dark_launch``.
        ConfigurationError: A source does not exist, no record in it is of the launch, or there is
            no such outcome.

    Example:
        >>> from darkcall import dark_launch, flush
        >>> from darkcall.runners import InlineRunner
        >>> from darkcall.sinks import JsonlSink
        >>> sink = JsonlSink("records")
        >>> @dark_launch(
        ...     candidate=lambda x: x + x if x < 3 else 0,
        ...     name="docs.double",
        ...     keep="everything",
        ...     runner=InlineRunner(),
        ...     sinks=[sink],
        ... )
        ... def double(x):
        ...     return 2 * x
        >>> [double(x) for x in (1, 2, 3, 3, 4)]
        [2, 4, 6, 6, 8]
        >>> flush()
        True
        >>> sink.close()
        >>> from_records("records", double)
        [{'x': 3}, {'x': 4}]
    """
    launch = launch_of(function)
    rebuilder = Rebuilder(launch.control)
    sources = [source] if isinstance(source, str | os.PathLike) else list(source)
    inputs: list[dict[str, Any]] = []
    left_out: collections.Counter[str] = collections.Counter()
    seen: set[bytes] = set()
    names = _Names(launch.control)
    for record in Recorded(sources, launch.name, outcomes):
        key = key_of(record)
        if "arguments" in record and key in seen:
            continue
        seen.add(key)
        try:
            inputs.append(names.renamed(rebuilder.of_record(record)))
        except NotRebuiltError as error:
            left_out[error.reason] += 1
    return RecordedInputs(inputs, left_out, names.defaults)


class _Names:
    """What the parameters of a control are called in a test."""

    def __init__(self, control: Callable[..., Any]) -> None:
        signature = signature_of(control)
        self._parameters = {} if signature is None else dict(signature.parameters)
        # A test's own ``self``, if it has one, is another.
        self._instance = "instance"
        while self._instance in self._parameters:
            self._instance += "_"

    def renamed(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {
            self._instance if name == "self" else name: value for name, value in arguments.items()
        }

    @property
    def defaults(self) -> dict[str, Any]:
        """What a call that leaves a parameter out gives it."""
        empty: dict[Any, Any] = {
            inspect.Parameter.VAR_POSITIONAL: (),
            inspect.Parameter.VAR_KEYWORD: {},
        }
        return {
            name: empty.get(one.kind, one.default)
            for name, one in self._parameters.items()
            if one.kind in empty or one.default is not one.empty
        }


def _inner_test_of(test: Any) -> Any:
    handle = getattr(test, "hypothesis", None)
    return test if handle is None else handle.inner_test
