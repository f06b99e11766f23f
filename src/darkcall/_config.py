"""Process-wide defaults and switches, and who lives by them."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Unpack

import attrs

from ._policy import Knobs, Policy, check_names
from .runners import ThreadRunner
from .sinks._outlet import Outlet


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ._launch import Launch
    from ._model import Record, SinkStats
    from .runners import Runner

_ENABLED = "enabled"
_OFF_WORDS = frozenset({"off", "0", "false", "no"})

#: The environment wins over every switch in the code.
IS_OFF_BY_ENVIRONMENT = os.environ.get("DARKCALL", "").strip().lower() in _OFF_WORDS

_lock = threading.RLock()
#: What was set, oldest first.  What a with statement set is taken out again when it ends,
#: in any order: those of two threads may overlap.
_layers: list[tuple[weakref.ref[Restorable], dict[str, Any]]] = []
_launches: weakref.WeakSet[Launch] = weakref.WeakSet()
_outlets: weakref.WeakValueDictionary[int, Outlet] = weakref.WeakValueDictionary()
_runners: weakref.WeakSet[Runner] = weakref.WeakSet()
_default_runner: Runner | None = None
_default_sinks: Sequence[Callable[[Record], object]] | None = None


class Restorable:
    """What ``configure`` and ``set_enabled`` return: leave it, or use it in a ``with``."""

    def __init__(self, settings: dict[str, Any]) -> None:
        global _layers  # noqa: PLW0603 -- process-wide by purpose
        with _lock:
            _layers = _folded([*_layers, (weakref.ref(self), settings)])
            refresh()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_exc: object) -> None:
        global _layers  # noqa: PLW0603 -- process-wide by purpose
        with _lock:
            _layers = [layer for layer in _layers if layer[0]() is not self]
            refresh()


def _folded(
    layers: list[tuple[weakref.ref[Restorable], dict[str, Any]]],
) -> list[tuple[weakref.ref[Restorable], dict[str, Any]]]:
    # What nobody can take out any more is one layer: programs may configure without end.
    folded: list[tuple[weakref.ref[Restorable], dict[str, Any]]] = []
    for restorable, settings in layers:
        if folded and folded[-1][0]() is None is restorable():
            folded[-1] = (restorable, {**folded[-1][1], **settings})
        else:
            folded.append((restorable, settings))
    return folded


def _settings() -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for _, layer in _layers:
        settings.update(layer)
    return settings


def configure(**knobs: Unpack[Knobs]) -> Restorable:
    """Set defaults for all launches of the process, those that exist included.

    What a launch was given by itself wins over these.  Knobs that are not named keep the
    value they have.

    Args:
        **knobs: Any knobs of ``dark_launch`` but ``candidate`` and ``name``.

    Returns:
        A context manager: in a ``with`` statement, the former defaults hold again after
        it.  Without one, the call alone is enough.

    Raises:
        TypeError: There is no such knob.
        ConfigurationError: A knob cannot have that value.

    Example:
        >>> with configure(sample=0.1, timeout=0.5):
        ...     pass
    """
    check_names(knobs, "configure")
    policy = policy_with(knobs)
    if policy.sinks is not None:
        # What is no sink is to be refused here, not by each launch that would use it.
        outlets_for(policy)
    return Restorable(dict(knobs))


def set_enabled(enabled: bool) -> Restorable:  # noqa: FBT001 -- set_enabled(False) reads well
    """Switch all launches off, or on again.

    While off, a decorated function costs little more than the bare one.  The
    environment's ``DARKCALL=off``, read at import, wins over this.

    Args:
        enabled: False to switch off.

    Returns:
        A context manager: in a ``with`` statement, the former state holds after it.

    Example:
        >>> with set_enabled(False):
        ...     pass
    """
    return Restorable({_ENABLED: bool(enabled)})


def is_enabled() -> bool:
    """Whether launches run at all."""
    return _settings().get(_ENABLED, True) and not IS_OFF_BY_ENVIRONMENT


def policy_with(explicit: Mapping[str, Any]) -> Policy:
    """Make a policy of the defaults and of what a launch was given by itself."""
    knobs = {name: value for name, value in _settings().items() if name != _ENABLED}
    # None stands for the configured ones of these, not for a value of its own.
    unset = {name for name in ("sinks", "runner") if explicit.get(name) is None}
    own = {name: value for name, value in explicit.items() if name not in unset}
    return Policy(**{**knobs, **own})


def locked() -> threading.RLock:
    """Give the lock under which launches, defaults and switches change."""
    return _lock


def add(launch: Launch) -> None:
    """Have a launch follow the defaults and switches."""
    with _lock:
        _launches.add(launch)


def launches() -> tuple[Launch, ...]:
    """List the launches of this process, in the order of their names.

    Returns:
        Each launch whose decorated function still exists.

    Example:
        >>> from darkcall import dark_launch
        >>> @dark_launch(candidate=lambda x: x, name="docs.listed")
        ... def control(x): return x
        >>> "docs.listed" in [launch.name for launch in launches()]
        True
    """
    with _lock:
        return tuple(sorted(_launches, key=lambda launch: launch.name))


def refresh() -> None:
    """Have each launch take over the defaults and switches as they are now."""
    with _lock:
        for launch in list(_launches):
            launch._refresh()


def runner_for(policy: Policy) -> Runner:
    """Give the runner of a policy, or the one that all launches share by default."""
    global _default_runner  # noqa: PLW0603 -- one for the process
    with _lock:
        runner = policy.runner
        if runner is None:
            if _default_runner is None:
                _default_runner = ThreadRunner()
            runner = _default_runner
        _runners.add(runner)
        return runner


def outlets_for(policy: Policy) -> Sequence[Outlet]:
    """Give the outlets of a policy's sinks; launches that share a sink share its outlet."""
    global _default_sinks  # noqa: PLW0603 -- one for the process
    with _lock:
        sinks = policy.sinks
        if sinks is None:
            if _default_sinks is None:
                # Imported when needed: logging is slow to import.
                from .sinks import LogSink  # noqa: PLC0415

                _default_sinks = (LogSink(),)
            sinks = _default_sinks
        return [_outlet_for(sink) for sink in sinks]


def _outlet_for(sink: Callable[[Record], object]) -> Outlet:
    outlet = _outlets.get(id(sink))
    if outlet is None:
        outlet = _outlets[id(sink)] = Outlet(sink)
    return outlet


def renew_outlets() -> None:
    """Give each sink a new outlet: those that were closed take nothing any more."""
    with _lock:
        # Held here: an outlet lasts no longer than somebody holds it.
        before = list(_outlets.values())
        after = [Outlet(outlet.sink) for outlet in before]
        for closed, outlet in zip(before, after, strict=True):
            outlet.count_on_from(closed)
            _outlets[id(outlet.sink)] = outlet
        refresh()


def sink_stats(outlets: Sequence[Outlet]) -> dict[str, SinkStats]:
    """Read the counts of sinks, by name; namesakes get a number."""
    stats: dict[str, SinkStats] = {}
    for outlet in outlets:
        name, number = outlet.name, 1
        while name in stats:
            number += 1
            name = f"{outlet.name} {number}"
        stats[name] = outlet.stats()
    return stats


@attrs.frozen
class Resources:
    """What has threads, queues and files.

    Attributes:
        runners: Where candidates run.
        outlets: Where records leave.
    """

    runners: tuple[Any, ...]
    outlets: tuple[Outlet, ...]


def resources() -> Resources:
    """List what is to be flushed, closed, and reset after a fork."""
    return Resources(tuple(_runners), tuple(_outlets.values()))


def after_fork() -> None:
    """Replace the lock: its holder does not exist in a forked child."""
    global _lock  # noqa: PLW0603 -- process-wide by purpose
    _lock = threading.RLock()
