"""Property tests that a candidate does what its control does, on what hypothesis finds."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Never, ParamSpec, TypeAlias, Unpack, overload

import hypothesis
from hypothesis import strategies as st

from darkcall._errors import ConfigurationError
from darkcall._policy import check_names

from ._failure import plainly_shown
from ._pair import COMPARED_BY, CompareKnobs, Pair
from ._settings import checked_settings, unexplained
from ._strategies import strategies_for
from ._vacuous import Complaints


if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import EllipsisType

    from ._inputs import Inputs
    from ._pair import Side

    Strategy: TypeAlias = st.SearchStrategy[Any] | EllipsisType
    Example: TypeAlias = Sequence[Any] | Mapping[str, Any]

P = ParamSpec("P")

#: Nobody gives the second one.  With it there, mypy reads the parameters off the control alone,
#: and holds the candidate to them; of both together it would make what neither has.
_Candidate: TypeAlias = Callable[P, Any] | Callable[[Callable[..., Any]], Never]

#: The parameter of a test whose control takes none.
_NOTHING: Final = "no_arguments"


@overload
def equivalence_test(
    control: Callable[P, Any],
    candidate: _Candidate[P],
    /,
    *strategies: Strategy,
    given: Mapping[str, Strategy] | None = None,
    examples: Iterable[Example] = (),
    max_examples: int | None = None,
    settings: hypothesis.settings | None = None,
    **rules: Unpack[CompareKnobs],
) -> Callable[[], None]: ...
@overload
def equivalence_test(
    control: Callable[..., Any],
    candidate: None = None,
    /,
    *strategies: Strategy,
    given: Mapping[str, Strategy] | None = None,
    examples: Iterable[Example] = (),
    max_examples: int | None = None,
    settings: hypothesis.settings | None = None,
    **rules: Unpack[CompareKnobs],
) -> Callable[[], None]: ...
def equivalence_test(
    control: Any,
    candidate: Any = None,
    /,
    *strategies: Any,
    given: Mapping[str, Any] | None = None,
    examples: Iterable[Any] = (),
    max_examples: int | None = None,
    settings: Any = None,
    **rules: Unpack[CompareKnobs],
) -> Callable[[], None]:
    """Make a test that a candidate does what its control does.

    The test is one of hypothesis: it calls both sides, each with arguments of its own, and looks
    for the smallest input on which they differ.  ``settings``, ``example``, ``seed`` and
    ``reproduce_failure`` of hypothesis decorate it, and its database knows what failed before.
    Strategies come from the control's type hints where none are given, and from the constants in
    the code of both sides; what has a default is sometimes left out then.  A control that raises
    ``TypeError`` or ``AttributeError`` whatever it is given is warned of: both may agree that the
    strategies are wrong.

    Args:
        control: A launched function; or any callable, with a candidate.
        candidate: Another callable; None for those of the control's launch.
        *strategies: Strategies for the parameters, from the left; ``...`` for what the hint tells.
        given: Strategies by parameter name.  ``self`` is called ``instance``; ``*args`` takes a
            strategy of tuples, ``**kwargs`` one of dicts.
        examples: Inputs to try first: tuples of positional arguments, or mappings by parameter
            name.
        max_examples: So many inputs are tried; as the settings have it by default.
        settings: Settings of hypothesis; the current profile by default.  What fails is not
            explained: that takes longest, and tells lines of darkcall.  Those that decorate the
            test explain it, unless their ``phases`` leave that out.
        **rules: How the two are compared, as :func:`darkcall.dark_launch` takes it: ``compare``,
            ``compare_exceptions``, ``normalize``, ``ignore``, ``isolate``, ``share``.  Those of
            the launch hold where none are given.

    Returns:
        The test, which takes no arguments, and raises :class:`MismatchError` where the candidate
        differs.

    Raises:
        ConfigurationError: A parameter has no strategy, or there is no candidate.
        SignatureMismatchError: The candidate could not take the control's arguments.

    Example:
        >>> def total(prices: list[int]) -> int:
        ...     return sum(prices)
        >>> def total_v2(prices: list[int]) -> int:
        ...     return sum(set(prices))
        >>> test_total = equivalence_test(total, total_v2, max_examples=1000)
        >>> test_total()
        Traceback (most recent call last):
            ...
        darkcall.testing.MismatchError: total: total_v2 differs from the control
          total(prices=[1, 1])
          control returned 2
          total_v2 returned 1
          $  (value)
            control:   2  (int)
            candidate: 1  (int)
        ...
    """
    test = made(
        control,
        candidate,
        *strategies,
        given=given,
        examples=examples,
        max_examples=max_examples,
        settings=settings,
        **rules,
    )
    # The test stands where this is called, as with namedtuple.
    test.__module__ = sys._getframe(1).f_globals.get("__name__", __name__)  # noqa: SLF001 -- its name is not private
    return test


@overload
def assert_equivalent(
    control: Callable[P, Any],
    candidate: _Candidate[P],
    /,
    *strategies: Strategy,
    given: Mapping[str, Strategy] | None = None,
    examples: Iterable[Example] = (),
    max_examples: int | None = None,
    settings: hypothesis.settings | None = None,
    **rules: Unpack[CompareKnobs],
) -> None: ...
@overload
def assert_equivalent(
    control: Callable[..., Any],
    candidate: None = None,
    /,
    *strategies: Strategy,
    given: Mapping[str, Strategy] | None = None,
    examples: Iterable[Example] = (),
    max_examples: int | None = None,
    settings: hypothesis.settings | None = None,
    **rules: Unpack[CompareKnobs],
) -> None: ...
def assert_equivalent(
    control: Any,
    candidate: Any = None,
    /,
    *strategies: Any,
    given: Mapping[str, Any] | None = None,
    examples: Iterable[Any] = (),
    max_examples: int | None = None,
    settings: Any = None,
    **rules: Unpack[CompareKnobs],
) -> None:
    """Check that a candidate does what its control does, on what hypothesis finds.

    It runs what :func:`equivalence_test` makes, at once.

    Args:
        control: A launched function; or any callable, with a candidate.
        candidate: Another callable; None for those of the control's launch.
        *strategies: Strategies for the parameters, from the left; ``...`` for what the hint tells.
        given: Strategies by parameter name.
        examples: Inputs to try first, as for ``equivalence_test``.
        max_examples: So many inputs are tried; as the settings have it by default.
        settings: Settings of hypothesis; the current profile by default.
        **rules: How the two are compared, as for ``equivalence_test``.

    Raises:
        MismatchError: The candidate differs.
        ConfigurationError: A parameter has no strategy, or there is no candidate.
        SignatureMismatchError: The candidate could not take the control's arguments.

    Example:
        >>> from hypothesis import strategies as st
        >>> assert_equivalent(abs, lambda x: max(x, -x), st.integers())
    """
    __tracebackhide__ = True
    made(
        control,
        candidate,
        *strategies,
        given=given,
        examples=examples,
        max_examples=max_examples,
        settings=settings,
        **rules,
    )()


def made(
    control: Any,
    candidate: Any = None,
    /,
    *strategies: Any,
    given: Mapping[str, Any] | None = None,
    examples: Iterable[Any] = (),
    max_examples: int | None = None,
    settings: Any = None,
    **rules: Unpack[CompareKnobs],
) -> Callable[[], None]:
    """Make the test; takes, gives and raises what ``equivalence_test`` does, and takes launches."""
    check_names(rules, "assert_equivalent", known=COMPARED_BY)
    settings = checked_settings(settings)
    if not isinstance(given, Mapping | None):
        raise ConfigurationError(
            f"given={given!r} will not do: give a mapping of parameter names to strategies"
        )
    pair = Pair.of(control, candidate, rules, count=len(strategies))
    inputs = pair.inputs
    drawn_from = strategies_for(
        inputs.function,
        _by_name(inputs, strategies, given or {}),
        inputs=inputs,
        beside=[side.function for side in pair.candidates],
    )
    # A test of hypothesis draws something, whatever its control takes.
    drawn_from = drawn_from or {_NOTHING: st.none()}
    test = hypothesis.given(**drawn_from)(_inner_test_of(pair, tuple(drawn_from)))
    test.__qualname__ = test.__name__
    for example in reversed([_example_of(inputs, one) for one in examples]):
        test = hypothesis.example(**{name: example.get(name) for name in drawn_from})(test)
    settings = unexplained(hypothesis.settings() if settings is None else settings)
    if max_examples is not None:
        settings = hypothesis.settings(settings, max_examples=max_examples)
    # As a decorator they would refuse those that a user puts on top.
    vars(test)["_hypothesis_internal_use_settings"] = settings
    return test


def _by_name(inputs: Inputs, strategies: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Put the strategies from the left beside those that were given by name."""
    names = inputs.names
    if len(strategies) > len(names):
        raise ConfigurationError(
            f"{len(strategies)} strategies are too many for {inputs.name}; its parameters are "
            f"{', '.join(names) or 'none'}"
        )
    from_left = dict(zip(names, strategies, strict=False))
    by_name = inputs.renamed(given, f"given={{{', '.join(map(repr, given))}}}")
    for name in by_name:
        if from_left.get(name, ...) is not ...:
            raise ConfigurationError(
                f"{inputs.name}: {name!r} has two strategies, one from the left and one in given"
            )
    return {**from_left, **by_name}


def _example_of(inputs: Inputs, example: Any) -> dict[str, Any]:
    what = f"examples: {plainly_shown(example)}"
    if isinstance(example, Mapping):
        values = inputs.renamed(example, what)
    elif isinstance(example, tuple | list):
        values = inputs.named(example, what)
    else:
        raise ConfigurationError(
            f"{what} will not do: give a tuple of positional arguments, or a mapping by parameter"
        )
    return inputs.completed(values, what)


def _inner_test_of(pair: Pair, names: tuple[str, ...]) -> Callable[..., None]:
    """Make what hypothesis calls with each input; its parameters are the control's."""
    complaints = Complaints(pair.name)

    def inner(*values: Any, __tracebackhide__: bool = True) -> None:  # noqa: ARG001 -- for pytest
        complaints.note(pair.check(dict(zip(names, values, strict=True))))

    against = ", ".join(side.name for side in pair.candidates)
    inner.__name__ = inner.__qualname__ = f"test_{_identifier(pair.control.name)}"
    inner.__doc__ = f"{pair.name}: {against} does what the control does."
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    # The database knows a test by its source and its signature: the source is the same for all.
    inner.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind) for name in names],
        return_annotation=f"{pair.name} as {_full_name(pair.control)}: {against}",
    )
    return inner


def _full_name(side: Side) -> str:
    return f"{getattr(side.function, '__module__', None)}.{side.name}"


def _identifier(name: str) -> str:
    return re.sub(r"\W+", "_", name.rpartition(".")[2]).strip("_") or "function"
