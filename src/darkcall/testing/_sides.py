"""Run a control and a candidate on the same arguments, each on its own, and compare."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import functools
import math
import sys
import types
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from darkcall._comparison import compare_sides
from darkcall._dark import in_the_dark, plainly
from darkcall._errors import ConfigurationError
from darkcall._model import Observation
from darkcall._parameters import Parameters
from darkcall._signatures import is_async, signature_of
from darkcall._snapshot import Limits, UnkeepableError, Writer, keep, opened
from darkcall._text import qualname_of


if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable

    from darkcall._comparison import Comparison
    from darkcall._policy import Policy

    Pair = tuple[tuple[Any, ...], dict[str, Any]]

#: A test is in no hurry, and has no neighbours.
_LIMITS: Final = Limits(sys.maxsize, math.inf)

T = TypeVar("T")

#: Nobody can have raised one of these whose module is not imported.
_STEERING: Final = (
    ("hypothesis.errors", "HypothesisException"),
    ("unittest.case", "SkipTest"),
)


@attrs.frozen(eq=False)
class Rules:
    """By what two sides are compared.

    Attributes:
        name: What is compared: a launch's name, or the control's.
        policy: The knobs.
        parameters: The control's parameters.
    """

    name: str
    policy: Policy
    parameters: Parameters

    @classmethod
    def of(
        cls, name: str, control: Callable[..., Any], policy: Policy, *, shares_own: bool = True
    ) -> Rules:
        """Make the rules for a control.

        Args:
            name: What is compared.
            control: The control, undecorated.
            policy: The knobs.
            shares_own: Whether ``share`` is meant for this control, so that a name that is none
                of its parameters is an error.
        """
        signature: inspect.Signature | None = signature_of(control)
        parameters = Parameters(signature, policy.share, ignores_unknown=not shares_own)
        return cls(name, policy, parameters)


class Arguments:
    """The arguments of one call, kept: each side opens its own.

    Args:
        rules: By what the sides are compared.
        args: The positional ones.
        kwargs: The keyword ones.

    Attributes:
        name: What is compared.
        is_shared: Whether nothing is copied.
        shared: What is not copied, wherever it occurs.

    Raises:
        ConfigurationError: They cannot be copied; the message names the parameter and the way out.
    """

    def __init__(self, rules: Rules, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.name = rules.name
        self.is_shared = rules.policy.isolate == "share"
        self.shared = rules.parameters.shared_values(args, kwargs)
        self._given: Pair = args, kwargs
        self._isolate: Any = rules.policy.isolate
        self._kept: Any = None
        if callable(self._isolate):
            return
        try:
            self._kept, _ = rules.parameters.keep(args, kwargs, _LIMITS)
        except UnkeepableError as error:
            if self._isolate != "share":
                raise ConfigurationError(f"{rules.name}: {error}") from None
            self._kept = self._given

    def open(self) -> Pair:
        """Give arguments that nobody else has: what is done to them is not seen elsewhere.

        Raises:
            ConfigurationError: The user's own code, which takes part in that, raises.
        """
        try:
            if self._kept is None:
                args, kwargs = self._isolate(*self._given)
                return tuple(args), dict(kwargs)
            pair: Pair = self._kept if type(self._kept) is tuple else opened(self._kept)
        except Exception as error:
            what = "isolate fails" if self._kept is None else "a copy of them cannot be made"
            raise ConfigurationError(
                f"{self.name}: the arguments: {what}: {qualname_of(type(error))}"
            ) from error
        return pair


def can_be_kept(value: Any) -> bool:
    """Tell whether each side can have a copy of a value."""
    try:
        keep(value, Writer(_LIMITS))
    except UnkeepableError:
        return False
    return True


def kept_result(control: Observation, arguments: Arguments) -> Callable[[], Observation]:
    """Keep what a control returned, where the launch would: the candidate may get at it.

    Args:
        control: What the control did.
        arguments: What it was called with.

    Returns:
        What gives the same, each time with another copy of what was returned.

    Raises:
        ConfigurationError: What it returned cannot be copied.
    """
    if control.raised or arguments.is_shared:
        return lambda: control
    try:
        kept = in_the_dark(keep, control.value, Writer(_LIMITS), arguments.shared)
        in_the_dark(opened, kept)
    except Exception as error:
        what = str(error) if isinstance(error, UnkeepableError) else qualname_of(type(error))
        raise ConfigurationError(
            f"{arguments.name}: what the control returned cannot be copied: {what}"
        ) from error
    return lambda: attrs.evolve(control, value=in_the_dark(opened, kept))


def run_control(control: Callable[..., Any], arguments: Arguments) -> Observation:
    """Run a control by itself; calls of decorated functions inside are plain calls.

    Args:
        control: The control, undecorated.
        arguments: The arguments.

    Returns:
        What it did.
    """
    return plainly(_observed, control, arguments.open())


def run_candidate(candidate: Callable[..., Any], arguments: Arguments) -> Observation:
    """Run a candidate in the dark.

    Args:
        candidate: The candidate.
        arguments: The arguments.

    Returns:
        What it did.
    """
    return in_the_dark(_observed, candidate, arguments.open())


def _observed(function: Callable[..., Any], arguments: Pair) -> Observation:
    args, kwargs = arguments
    try:
        if is_async(function):
            return Observation(_awaited(function, args, kwargs))
        value = function(*args, **kwargs)
        if type(value) is types.CoroutineType:
            # It cannot be compared, and Python would warn that nobody awaits it.
            value.close()
        return Observation(value)
    except (Exception, SystemExit, asyncio.CancelledError) as error:
        if _steers_the_test(error):
            raise
        # From where the function itself begins.
        behind = error.__traceback__ and error.__traceback__.tb_next
        return Observation(exception=error.with_traceback(behind))


def _steers_the_test(error: BaseException) -> bool:
    """Tell whether it is addressed to whoever runs the test: ``assume(False)``, a skip."""
    return any(
        isinstance(error, getattr(sys.modules.get(module), name, ())) for module, name in _STEERING
    )


def _awaited(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    async def main() -> Any:
        return await function(*args, **kwargs)

    run = contextvars.copy_context().run
    return outside_of_a_loop(functools.partial(run, asyncio.run, main()))


def outside_of_a_loop(function: Callable[[], T]) -> T:
    """Run what runs an event loop: an async test is on one, which cannot run another inside."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return function()
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        return executor.submit(function).result()


def compared(rules: Rules, control: Observation, candidate: Observation) -> Comparison:
    """Compare what two sides did, as the launch would.

    Args:
        rules: By what.
        control: What the control did.
        candidate: What the candidate did.

    Returns:
        The comparison.
    """
    return compare_sides(rules.policy, rules.name, control, candidate)
