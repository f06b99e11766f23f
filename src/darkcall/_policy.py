"""Every knob, once: its name, its default, and what it can be."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

import attrs

from ._errors import ConfigurationError
from ._redact import Redactor
from ._signatures import is_async
from ._snapshot import Limits
from .compare import equal, same_exception
from .sampling import checked_share


if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ._model import Call, Difference, Observation, Record
    from .runners import Runner


#: The setting of how long the process waits at its exit, and its default, in seconds.
CLOSE_TIMEOUT: Final = "close_timeout"
CLOSE_SECONDS: Final = 2.0


class Knobs(TypedDict, total=False):
    """What ``dark_launch``, ``configure`` and ``Launch.update`` take by keyword."""

    sample: float | Callable[[Call], bool]
    timeout: float | dt.timedelta | None
    isolate: (
        Literal["copy", "share"]
        | Callable[[tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]
    )
    share: Sequence[str]
    normalize: Callable[[Any], Any] | None
    compare: Callable[[Any, Any], bool | Iterable[Difference]]
    compare_exceptions: Callable[[Any, Any], bool | Iterable[Difference]]
    ignore: Callable[[Observation, Observation], bool] | None
    context: Callable[..., Mapping[str, Any]] | None
    noise: float
    confirm: bool
    keep: Literal["nothing", "differences", "everything"]
    digest_inputs: bool
    redact: Sequence[str | Callable[[str, Any], Any]]
    when_full: Literal["drop", "block"]
    cpu_budget: float | None
    sinks: Sequence[Callable[[Record], object]] | None
    runner: Runner | None
    max_copy_bytes: int
    max_copy_seconds: float | dt.timedelta | None
    max_pending: int
    max_pending_bytes: int
    max_stuck: int


class Settings(Knobs, total=False):
    """What ``configure`` takes by keyword: knobs, and what holds for the whole process."""

    close_timeout: float | dt.timedelta


def _callable(value: Any) -> bool:
    # What a coroutine function returns is always true: everything would agree.
    return callable(value) and not is_async(value)


def _bool(value: Any) -> bool:
    return isinstance(value, bool)


def _optional_callable(value: Any) -> bool:
    return value is None or _callable(value)


def _collection(value: Any) -> bool:
    # Not an iterator: a policy is made of its knobs again whenever one of them changes.
    return isinstance(value, Collection) and not isinstance(value, str | bytes)


def _names(value: Any) -> bool:
    return _collection(value) and all(isinstance(name, str) and name for name in value)


def _sinks(value: Any) -> bool:
    return value is None or (_collection(value) and all(callable(sink) for sink in value))


def _runner(value: Any) -> bool:
    methods = ("submit", "flush", "close", "after_fork")
    return value is None or (
        hasattr(value, "is_inline") and all(callable(getattr(value, m, None)) for m in methods)
    )


def _positive_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _positive_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 < value <= sys.float_info.max
    )


def _optional_positive(value: Any) -> bool:
    return value is None or _positive_number(value)


def _knob(default: Any, is_valid: Callable[[Any], bool], allowed: str, **options: Any) -> Any:
    def validate(_policy: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not is_valid(value):
            msg = f"{attribute.name}={value!r} will not do: give {allowed}"
            raise ConfigurationError(msg)

    return attrs.field(default=default, validator=validate, **options)


def _one_of(*words: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in words


def _seconds(value: Any) -> Any:
    # Whoever has a timedelta has imported datetime, which is slow to import.
    dt: Any = sys.modules.get("datetime")
    return value.total_seconds() if dt and isinstance(value, dt.timedelta) else value


def checked_seconds(caller: str, timeout: Any, *, name: str = "timeout") -> float:
    """Return how many seconds a timeout is.

    Args:
        caller: The function that it was given to, for the message.
        timeout: Seconds, or a timedelta.
        name: What it is called there.

    Returns:
        The seconds.

    Raises:
        ConfigurationError: It is neither, or below 0.
    """
    seconds = _seconds(timeout)
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds <= sys.float_info.max:
        raise ConfigurationError(
            f"{caller}({name}={timeout!r}): give seconds or a timedelta of 0 or more"
        )
    return float(seconds)


def _share_or_sampler(value: Any) -> Any:
    if _callable(value):
        return value
    try:
        return checked_share(value)
    except ConfigurationError:
        raise ConfigurationError(
            f"sample={value!r} will not do: give a share from 0 (none) to 1 (all), or a sampler "
            "that is not async"
        ) from None


def _share(value: Any) -> float:
    try:
        return checked_share(value)
    except ConfigurationError:
        raise ConfigurationError(
            f"noise={value!r} will not do: give a share of the shadowed calls, from 0 (none) to "
            "1 (all)"
        ) from None


def _rules(value: Any) -> Any:
    # Not a validator: the redactor is made of them before those are asked.
    if _collection(value):
        return value
    msg = (
        f"redact={value!r} will not do: give a sequence of names, paths and callables, as ('card',)"
    )
    raise ConfigurationError(msg)


@attrs.frozen(kw_only=True, eq=False)
class Policy:
    """The knobs of one launch, checked. docs/reference/knobs.md tells what each does."""

    sample: Any = attrs.field(default=1.0, converter=_share_or_sampler)
    timeout: Any = _knob(
        5.0, _optional_positive, "seconds or a timedelta above 0, or None", converter=_seconds
    )
    isolate: Any = _knob(
        "copy",
        lambda value: _callable(value) or _one_of("copy", "share")(value),
        "'copy', 'share' or a callable(args, kwargs) -> (args, kwargs), not async",
    )
    share: Any = _knob((), _names, "a sequence of parameter names, as ('session',)")
    normalize: Any = _knob(None, _optional_callable, "a callable of one result, not async, or None")
    compare: Any = _knob(equal, _callable, "a callable of two results, not async")
    compare_exceptions: Any = _knob(
        same_exception, _callable, "a callable of two exceptions, not async"
    )
    ignore: Any = _knob(
        None, _optional_callable, "a callable of two observations, not async, or None"
    )
    context: Any = _knob(
        None, _optional_callable, "a callable of the call's arguments, not async, or None"
    )
    noise: float = attrs.field(default=0.0, converter=_share)
    confirm: bool = _knob(default=False, is_valid=_bool, allowed="True or False")
    keep: str = _knob(
        "differences",
        _one_of("nothing", "differences", "everything"),
        "'nothing', 'differences' or 'everything'",
    )
    digest_inputs: bool = _knob(False, lambda value: isinstance(value, bool), "True or False")  # noqa: FBT003 -- the default
    redact: Any = attrs.field(default=(), converter=_rules)
    when_full: str = _knob("drop", _one_of("drop", "block"), "'drop' or 'block'")
    cpu_budget: float | None = _knob(
        0.10, _optional_positive, "a share of one core above 0, or None for no limit"
    )
    sinks: Any = _knob(None, _sinks, "a sequence of callables that take a record, or None")
    runner: Runner | None = _knob(None, _runner, "a runner of darkcall.runners, or None")
    max_copy_bytes: int = _knob(1 << 20, _positive_int, "a whole number of bytes above 0")
    max_copy_seconds: Any = _knob(
        0.02, _optional_positive, "seconds or a timedelta above 0, or None", converter=_seconds
    )
    max_pending: int = _knob(
        1000,
        lambda value: _positive_int(value) and value <= 10_000_000,
        "a whole number of calls from 1 to 10 million",
    )
    max_pending_bytes: int = _knob(64 << 20, _positive_int, "a whole number of bytes above 0")
    max_stuck: int = _knob(8, _positive_int, "a whole number of threads above 0")
    copy_limits: Limits = attrs.field(init=False)
    redactor: Redactor = attrs.field(init=False)

    @copy_limits.default
    def _make_copy_limits(self) -> Limits:
        seconds = self.max_copy_seconds
        return Limits(self.max_copy_bytes, math.inf if seconds is None else seconds)

    @redactor.default
    def _make_redactor(self) -> Redactor:
        return Redactor(self.redact)

    @property
    def bounds(self) -> dict[str, Any]:
        """What a candidate's gate goes by."""
        return {
            "max_pending": self.max_pending,
            "max_pending_bytes": self.max_pending_bytes,
            "max_stuck": self.max_stuck,
            "cpu_budget": self.cpu_budget,
        }


KNOBS = tuple(field.name for field in attrs.fields(Policy) if field.init)
#: What ``configure`` takes.
SETTINGS = (*KNOBS, CLOSE_TIMEOUT)
_COLLECTIONS: Final = ("share", "redact", "sinks")


def as_given(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Take knobs as they are now.

    A policy is made of them again whenever one changes: what has become of a list by then could
    keep launches from being switched off.

    Args:
        knobs: Any knobs.

    Returns:
        The same, of collections a copy.
    """
    return {
        name: tuple(value) if name in _COLLECTIONS and _collection(value) else value
        for name, value in knobs.items()
    }


def check_names(knobs: Mapping[str, object], caller: str, *, known: Sequence[str] = KNOBS) -> None:
    """Refuse a knob that does not exist.

    Args:
        knobs: What was given by keyword.
        caller: The function that it was given to, for the message.
        known: The names that it takes.

    Raises:
        TypeError: One of the names is no knob; the nearest is named.
    """
    for name in knobs:
        if name not in known:
            msg = f"{caller}() has no knob {name!r}: {_hint(name, known)}"
            raise TypeError(msg)


def _hint(name: str, known: Sequence[str]) -> str:
    if name == CLOSE_TIMEOUT:
        return "it holds for the whole process, give it to configure()"
    # Imported when needed: it serves this message alone.
    import difflib  # noqa: PLC0415

    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"the knobs are {', '.join(known)}"
