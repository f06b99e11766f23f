"""A control's parameters: what is shared, what is kept, and what each is called."""

from __future__ import annotations

import collections
import inspect
import operator
from typing import TYPE_CHECKING, Any, Final

from ._dark import in_the_dark
from ._errors import ConfigurationError
from ._snapshot import (
    Limits,
    TookTooLongError,
    UnkeepableError,
    Writer,
    copied,
    keep,
    keep_plain,
    weigh_all,
    weight_of,
    why_not_copied,
)
from ._text import qualname_of


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ._job import Pair
    from ._snapshot import Kept

#: Not every object that can change: a sentinel is told by its identity.
_CONTAINERS: Final = (list, dict, set, bytearray, collections.deque)
_BY_NAME: Final = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_MAX_SUSPECTS: Final = 100
#: No place among the positional arguments.
_NOWHERE: Final = slice(0, 0)


class Parameters:
    """What is known of a control's parameters.

    Args:
        signature: The control's; None if it has none that can be read.
        shared: Names of parameters, and paths of attributes (``self.session``), that
            are handed over as they are.
        ignores_unknown: Whether a name that is no parameter of the control is passed over.

    Raises:
        ConfigurationError: A name is not one of the control's parameters.
    """

    def __init__(
        self,
        signature: inspect.Signature | None,
        shared: Sequence[str],
        *,
        ignores_unknown: bool = False,
    ) -> None:
        self._signature = signature
        self._places = list(signature.parameters) if signature is not None else []
        self._shared = [
            _Shared(path, self._places_of(path))
            for path in shared
            if not ignores_unknown or self._takes(path)
        ]
        # A default that can change is the control's state: left to itself, the candidate
        # would use a default of its own that has seen other calls.
        self._changeable_defaults = {
            name: parameter.default
            for name, parameter in (signature.parameters if signature else {}).items()
            if parameter.kind in _BY_NAME
            and parameter.default is not parameter.empty
            and isinstance(parameter.default, _CONTAINERS)
        }
        self._suspects: dict[tuple[type, ...], str] = {}

    @property
    def has_changeable_defaults(self) -> bool:
        """Whether what a caller leaves out can change."""
        return bool(self._changeable_defaults)

    def _takes(self, path: str) -> bool:
        if self._signature is None:
            return True
        parameters = self._signature.parameters
        return path.partition(".")[0] in parameters or any(
            parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
        )

    def _places_of(self, path: str) -> slice:
        name = path.partition(".")[0]
        parameter = None if self._signature is None else self._signature.parameters.get(name)
        if parameter is None:
            if self._takes(path):
                return _NOWHERE
            msg = (
                f"share={path!r}: the control has no parameter {name!r}; "
                f"its parameters are {', '.join(self._places) or 'none'}"
            )
            raise ConfigurationError(msg)
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD):
            return _NOWHERE
        place = self._places.index(name)
        return slice(place, None if parameter.kind is parameter.VAR_POSITIONAL else place + 1)

    def keep(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], limits: Limits
    ) -> tuple[Pair | Kept, int]:
        """Keep a call's arguments as they are now.

        Args:
            args: The positional ones.
            kwargs: The keyword ones.
            limits: What a copy may cost.

        Returns:
            ``(args, kwargs)``, as they are if they cannot change, or kept; and what they weigh,
            in bytes.

        Raises:
            UnkeepableError: An argument cannot be copied; the message names the
                parameter, its type and the way out.
        """
        if self._changeable_defaults:
            kwargs = self._with_defaults(args, kwargs)
        if not self._shared:
            plain = keep_plain((args, kwargs), limits)
            if plain is not None:
                return plain, weight_of(plain)
        shared = self.shared_values(args, kwargs)
        given = (*args, *kwargs.values())
        nbytes = weigh_all(one for one in given if not any(one is other for other in shared))
        if nbytes >= 0:
            return (args, kwargs), nbytes
        try:
            kept = in_the_dark(copied, (args, kwargs), Writer(limits), shared)
        except UnkeepableError as error:
            reason = None
            # To find out which of them took too long would take as long again.
            if not isinstance(error, TookTooLongError):
                reason = in_the_dark(self._reason, args, kwargs, _Search(limits, shared))
            raise UnkeepableError(reason or _reason_of_all(error)) from None
        return kept, kept.nbytes

    def shared_values(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[object]:
        """Find in a call what may be handed over as it is.

        Args:
            args: The positional arguments.
            kwargs: The keyword arguments.

        Returns:
            The objects themselves.
        """
        return [value for one in self._shared for value in one.values(args, kwargs)]

    def _with_defaults(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        given = {*self._places[: len(args)], *kwargs}
        omitted = {
            name: default
            for name, default in self._changeable_defaults.items()
            if name not in given
        }
        return {**kwargs, **omitted}

    def named(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Give each argument its parameter's name.

        Args:
            args: The positional ones.
            kwargs: The keyword ones.

        Returns:
            The arguments by name; by position where the names are not known.
        """
        if self._signature is not None:
            try:
                return dict(self._signature.bind_partial(*args, **kwargs).arguments)
            except TypeError:
                pass
        return {**{str(place): value for place, value in enumerate(args)}, **kwargs}

    def _reason(self, args: tuple[Any, ...], kwargs: dict[str, Any], search: _Search) -> str | None:
        named = {**self.named(args, {}), **kwargs}
        # Each try costs a copy, so whoever it was the last time is tried first.
        types = tuple(type(value) for value in named.values())
        suspect = self._suspects.get(types)
        for name in sorted(named, key=lambda name: name != suspect):
            reason = search.reason(name, named[name])
            if reason is not None:
                if len(self._suspects) < _MAX_SUSPECTS:
                    self._suspects[types] = name
                return reason
        return None


def _reason_of_all(error: UnkeepableError) -> str:
    return (
        f"the arguments cannot be copied: {error}; pass share=(...) with the names of those that "
        "the candidate may have as they are, or an isolate of your own"
    )


class _Search:
    """Copies one argument after the other, to find the one that cannot be copied.

    All of them together may take as long as one copy; who is not found by then is not named.
    """

    def __init__(self, limits: Limits, shared: Sequence[object]) -> None:
        self._writer = Writer(limits)
        self._shared = shared

    def reason(self, name: str, value: Any) -> str | None:
        why = self._why_unkeepable(value)
        if why is None:
            return None
        path = name
        for attribute, inner in _attributes_of(value):
            why_inner = self._why_unkeepable(inner)
            if why_inner is not None:
                path, value, why = f"{name}.{attribute}", inner, why_inner
                break
        return (
            f"parameter {path!r} ({qualname_of(type(value))}) cannot be copied: {why}; "
            f"pass share=({path!r},) if the candidate may have it as it is, or an "
            "isolate of your own"
        )

    def _why_unkeepable(self, value: Any) -> str | None:
        if any(value is one for one in self._shared):
            return None
        try:
            self._writer.empty()
            keep(value, self._writer, self._shared)
        except TookTooLongError:
            return None
        except UnkeepableError as error:
            return str(error)
        return None


def _attributes_of(value: Any) -> list[tuple[str, Any]]:
    if why_not_copied(value) is not None:
        # A proxy, say, would be woken.
        return []
    try:
        return list(vars(value).items())
    except TypeError:
        return []


class _Shared:
    """Where the values of one entry of ``share`` are found in a call."""

    def __init__(self, path: str, places: slice) -> None:
        self._name, _, attributes = path.partition(".")
        self._places = places
        self._attribute: Callable[[Any], Any] | None = (
            operator.attrgetter(attributes) if attributes else None
        )

    def values(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        values = [kwargs[self._name]] if self._name in kwargs else list(args[self._places])
        if self._attribute is None:
            return values
        try:
            # A property may call what is launched, and so on without end.
            return [in_the_dark(self._attribute, value) for value in values]
        except AttributeError:
            return []
