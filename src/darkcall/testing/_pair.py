"""A control and its candidates, run on the same inputs."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Final, TypedDict

import attrs

from darkcall import _config
from darkcall._candidate import UnresolvedError
from darkcall._decorator import launch_of
from darkcall._errors import ConfigurationError, SignatureMismatchError
from darkcall._launch import Launch
from darkcall._model import AGREES
from darkcall._reference import check_reference, imported, why_not_imported
from darkcall._signatures import check_signatures, signature_of
from darkcall._text import escaped

from ._failure import Failed, failure_of, shown_call
from ._inputs import Inputs, name_of, unbound
from ._sides import (
    Arguments,
    Rules,
    compared,
    kept_result,
    run_candidate,
    run_control,
)
from ._told import telling


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Literal

    from darkcall._candidate import Candidate
    from darkcall._model import Difference, Observation


#: pytest leaves the frames of this module out: what is raised here is about what was given.
__tracebackhide__ = True


class CompareKnobs(TypedDict, total=False):
    """The knobs of a launch that say how two sides are compared."""

    compare: Callable[[Any, Any], bool | Iterable[Difference]]
    compare_exceptions: Callable[[Any, Any], bool | Iterable[Difference]]
    normalize: Callable[[Any], Any] | None
    ignore: Callable[[Observation, Observation], bool] | None
    isolate: (
        Literal["copy", "share"]
        | Callable[[tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]
    )
    share: Sequence[str]


COMPARED_BY: Final = tuple(CompareKnobs.__annotations__)


class _Once:
    """Normalizes each result once: there may be several candidates, and some are read only once.

    Args:
        normalize: The user's.
    """

    def __init__(self, normalize: Callable[[Any], Any]) -> None:
        self._normalize = normalize
        self._known: list[tuple[Any, Any]] = []

    def forget(self) -> None:
        """Begin with another input."""
        self._known = []

    def __call__(self, result: Any) -> Any:
        for known, normalized in self._known:
            if known is result:
                return normalized
        normalized = self._normalize(result)
        self._known.append((result, normalized))
        return normalized


@attrs.frozen(eq=False)
class Side:
    """One function, and what it is bound to.

    Attributes:
        name: What it is called in a failure.
        function: What is called.
        bound: What it takes before the arguments: an instance, or nothing.
        rules: How what it takes is kept.
        by_position: Whether its parameters have no names that can be read.
    """

    name: str
    function: Callable[..., Any]
    bound: tuple[Any, ...]
    rules: Rules
    by_position: bool


@attrs.frozen(eq=False)
class Pair:
    """A control and its candidates.

    Attributes:
        name: What is compared: the launch's name, or the control's.
        inputs: The control's parameters.
        control: One side.
        candidates: The others.
    """

    name: str
    inputs: Inputs
    control: Side
    candidates: Sequence[Side]

    @classmethod
    def of(cls, control: Any, candidate: Any, knobs: CompareKnobs, *, count: int = 0) -> Pair:
        """Put a control beside its candidates.

        Args:
            control: A launched function, or a launch, one of many; or any callable, with a
                candidate.
            candidate: A callable, or its name; None for those of the launch.
            knobs: Those that were given by themselves.
            count: How many parameters the control has, where that cannot be read.

        Raises:
            ConfigurationError: There is no candidate, or a knob cannot have that value.
            SignatureMismatchError: A candidate could not take the control's arguments.
            TypeError: One of the two cannot be called.
        """
        is_one_of_many = isinstance(control, Launch)
        launch = control if is_one_of_many else _launch_of(control)
        if launch is not None:
            is_bound = isinstance(control, types.MethodType)
            bound_to = control.__self__ if is_bound else None
            control = types.MethodType(launch.control, bound_to) if is_bound else launch.control
        _check_callable("control", control)
        function, bound = unbound(control)
        own_knobs = {} if launch is None else launch._explicit  # noqa: SLF001 -- those given here win
        explicit = {**own_knobs, **knobs}
        policy = telling(_config.policy_with(explicit))
        if policy.normalize is not None:
            policy = attrs.evolve(policy, normalize=_Once(policy.normalize))
        name = name_of(control) if launch is None else launch.name
        # What is given for many launches names what some of them take, and others not.
        is_for_many = is_one_of_many and "share" in knobs
        rules = Rules.of(name, function, policy, shares_own="share" in explicit and not is_for_many)
        first = Side(name_of(control), function, bound, rules, signature_of(function) is None)

        def side(its_name: str, target: Any, with_bound: tuple[Any, ...]) -> Side:
            its_function, its_bound = unbound(target)
            its_rules = rules
            if its_bound or len(with_bound) != len(bound):
                # What it takes stands at other places than with the control.
                like = its_function if its_bound else control
                its_rules = Rules.of(name, like, policy, shares_own=False)
            has_no_names = signature_of(its_function) is None
            return Side(its_name, its_function, (*its_bound, *with_bound), its_rules, has_no_names)

        if candidate is not None:
            if isinstance(candidate, str):
                candidate = _imported(candidate)
            _check_callable("candidate", candidate)
            check_signatures(control, candidate)
            candidates = [side(name_of(candidate), candidate, ())]
        elif launch is not None:
            candidates = [
                side(escaped(one.name), _resolved(one), bound) for one in launch.candidates
            ]
        else:
            raise ConfigurationError(
                f"{name} is not launched, so there is nothing to compare it with: give a "
                "candidate after it, or decorate it with dark_launch"
            )
        inputs = Inputs(control, count, under=name if is_one_of_many else None)
        return cls(name, inputs, first, candidates)

    def check(self, values: Mapping[str, Any]) -> Observation:
        """Run all sides on one input.

        Args:
            values: By name in a test; ``LEFT_OUT`` for what the call leaves out.

        Returns:
            What the control did.

        Raises:
            MismatchError: A candidate does not do what the control does.
            ConfigurationError: An argument cannot be copied.
        """
        normalize = self.control.rules.policy.normalize
        if normalize is not None:
            normalize.forget()
        # Whoever shares an argument may change it before it is shown.
        call = self._shown(values) if self._shares else None
        kept = self._kept(self.control, values)
        control = _comparable(run_control(self.control.function, kept), kept, self.control.rules)
        failed = []
        for side in self.candidates:
            own = kept if self._is_called_alike(side) else self._kept(side, values)
            candidate = run_candidate(side.function, own)
            comparison = compared(side.rules, control(), candidate)
            if comparison.outcome not in AGREES:
                # At once: whatever runs after it may change what it returned.
                failed.append(Failed.of(side.name, comparison))
        if failed:
            again = run_control(self.control.function, kept)
            itself = compared(self.control.rules, control(), again)
            shown = call or self._shown(values)
            raise failure_of(self.name, shown, failed, itself, is_shared=self._shares)
        return control()

    @property
    def _shares(self) -> bool:
        policy = self.control.rules.policy
        return policy.isolate != "copy" or bool(policy.share)

    def _is_called_alike(self, side: Side) -> bool:
        control = self.control
        return (
            side.rules is control.rules
            and side.by_position is control.by_position
            and list(map(id, side.bound)) == list(map(id, control.bound))
        )

    def _kept(self, side: Side, values: Mapping[str, Any]) -> Arguments:
        args, kwargs = self.inputs.call_with(values, by_position=side.by_position)
        return Arguments(side.rules, (*side.bound, *args), kwargs)

    def _shown(self, values: Mapping[str, Any]) -> str:
        args, kwargs = self.inputs.call_with(values)
        return shown_call(self.control.function, self.control.bound, args, kwargs)


def _comparable(
    control: Observation, arguments: Arguments, rules: Rules
) -> Callable[[], Observation]:
    """Keep what a control returned, if its copies can be compared."""
    # Who copies an iterator reads it, or shares what it reads from.
    if hasattr(type(control.value), "__next__"):
        return lambda: control
    try:
        kept = kept_result(control, arguments)
    except ConfigurationError:
        return lambda: control
    first = kept()
    if first.value is control.value:
        return kept
    # What is equal to nothing but itself is compared as it is.
    is_told = compared(rules, first, kept()).outcome in AGREES
    return kept if is_told else lambda: control


def _launch_of(control: Any) -> Launch | None:
    try:
        return launch_of(control)
    except TypeError:
        return None


def _check_callable(what: str, function: Any) -> None:
    if not callable(function):
        raise TypeError(
            f"{what}={function!r} will not do: give a callable; strategies come after the "
            "candidate, for which None stands where the control is launched"
        )


def _imported(reference: str) -> Any:
    check_reference(reference)
    try:
        return imported(reference)
    except Exception as error:
        raise ConfigurationError(
            f"candidate={reference!r} cannot be used: {why_not_imported(error)}"
        ) from error


def _resolved(candidate: Candidate) -> Callable[..., Any]:
    try:
        return candidate.resolve()
    except UnresolvedError as error:
        is_refused = str(error).startswith(SignatureMismatchError.__name__)
        kind = SignatureMismatchError if is_refused else ConfigurationError
        raise kind(f"{candidate.full_name} cannot be used: {error}") from error
