"""Process-wide defaults and switches, and who lives by them."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, Unpack

import attrs

from . import _threads
from ._policy import (
    CLOSE_SECONDS,
    CLOSE_TIMEOUT,
    KNOBS,
    SETTINGS,
    Policy,
    Settings,
    as_given,
    check_names,
    checked_seconds,
)
from .runners import ThreadRunner
from .sinks._outlet import Outlet


if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from ._launch import Launch
    from ._model import Record, SinkStats
    from ._terms import Onlooker
    from .runners import Runner

    _Layers: TypeAlias = list[tuple[weakref.ref["Restorable"], dict[str, Any]]]

T = TypeVar("T")

_ENABLED = "enabled"
_ONLOOKER = "onlooker"
#: Stand before the names of knobs that win over what a launch was given by itself, the one over
#: the other.
_FORCED, _FORCED_OTHERWISE = "forced ", "otherwise forced "
_OFF_WORDS = frozenset({"off", "0", "false", "no"})

#: The environment wins over every switch in the code.
IS_OFF_BY_ENVIRONMENT = os.environ.get("DARKCALL", "").strip().lower() in _OFF_WORDS

_lock = _threads.RLock()
#: What was set, oldest first.  What a with statement set is taken out again when it ends,
#: in any order: those of two threads may overlap.
_layers: _Layers = []
#: By identity.  Listed by _living alone: whoever iterates over these themselves fails when a
#: signal handler, or another thread, adds to them meanwhile.
_launches: weakref.WeakValueDictionary[int, Launch] = weakref.WeakValueDictionary()
_outlets: weakref.WeakValueDictionary[int, Outlet] = weakref.WeakValueDictionary()
_runners: weakref.WeakValueDictionary[int, Runner] = weakref.WeakValueDictionary()
_is_ending = False
_default_runner: Runner | None = None
_default_sinks: Sequence[Callable[[Record], object]] | None = None


class Restorable:
    """What ``configure`` and ``set_enabled`` return: leave it, or use it in a ``with``."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_exc: object) -> None:
        try:
            self._leave()
        except BaseException:
            # A signal handler raised in the middle: it may not stay half left.
            self._leave()
            raise

    def _leave(self) -> None:
        _change(lambda layers: [layer for layer in layers if layer[0]() is not self])


def _hold(restorable: Restorable, settings: dict[str, Any]) -> Restorable:
    """Have settings hold until it is left; raises only if they do not."""
    try:
        _change(lambda layers: _folded([*layers, (weakref.ref(restorable), settings)]))
    except BaseException:
        # Whoever asked for it may not have it, to leave it.
        restorable.__exit__()
        raise
    return restorable


def _change(change: Callable[[_Layers], _Layers]) -> None:
    global _layers
    with _lock:
        is_changed = False
        while not is_changed:
            before = _layers
            after = change(before)
            # What a signal handler set meanwhile must not go.
            is_changed, _layers = (True, after) if _layers is before else (False, _layers)
        refresh()


def _folded(
    layers: _Layers,
) -> _Layers:
    # What nobody can take out any more is one layer: programs may configure without end.
    folded: _Layers = []
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


def configure(**settings: Unpack[Settings]) -> Restorable:
    """Set defaults for all launches of the process, those that exist included.

    What a launch was given by itself wins over these.  Knobs that are not named keep the
    value they have.

    Args:
        **settings: Any knobs of ``dark_launch`` but ``candidate`` and ``name``; and
            ``close_timeout``: how long the process waits for what is pending when it
            exits, in seconds or as a timedelta, 2.0 by default.

    Returns:
        A context manager: in a ``with`` statement, the former defaults hold again after
        it.  Without one, the call alone is enough.

    Raises:
        TypeError: There is no such knob.
        ConfigurationError: A knob cannot have that value.

    Example:
        >>> with configure(sample=0.1, timeout=0.5, close_timeout=5.0):
        ...     pass
    """
    check_names(settings, "configure", known=SETTINGS)
    checked: dict[str, Any] = dict(settings)
    if CLOSE_TIMEOUT in checked:
        checked[CLOSE_TIMEOUT] = checked_seconds(
            "configure", checked[CLOSE_TIMEOUT], name=CLOSE_TIMEOUT
        )
    policy = own_policy(checked)
    if policy.sinks is not None:
        # What is no sink is to be refused here, not by each launch that would use it.
        outlets_for(policy)
    if "runner" in checked:
        for launch in launches():
            if not launch.has_own_runner:
                launch.check_runner(policy.runner)
    return _hold(Restorable(), as_given(checked))


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
    return _hold(Restorable(), {_ENABLED: bool(enabled)})


def force(
    restorable: Restorable,
    onlooker: Onlooker,
    knobs: Mapping[str, Any],
    *,
    otherwise: Mapping[str, Any],
) -> None:
    """Set knobs for all launches, whatever these were given by themselves, and switch them on.

    For tests: only so do they see each call of each launch.

    Args:
        restorable: What they hold until it is left.  The caller's own: an interrupt may come before
            anything is returned.
        onlooker: Who hears of each call.
        knobs: Any knobs of ``dark_launch`` but ``candidate`` and ``name``, checked.
        otherwise: The same, where nobody who forces any has one of that name among ``knobs``.
    """
    settings = {_ENABLED: True, _ONLOOKER: onlooker}
    settings.update({_FORCED_OTHERWISE + name: value for name, value in otherwise.items()})
    settings.update({_FORCED + name: value for name, value in knobs.items()})
    _hold(restorable, settings)


def onlooker() -> Onlooker | None:
    """Give the test that looks on; None if there is none."""
    return _settings().get(_ONLOOKER)


def is_enabled() -> bool:
    """Whether launches run at all."""
    return _settings().get(_ENABLED, True) and not (IS_OFF_BY_ENVIRONMENT or _is_ending)


def end() -> None:
    """Switch all launches off for good, those to come included: the process exits."""
    global _is_ending  # noqa: PLW0603 -- process-wide by purpose
    _is_ending = True
    refresh()


def close_seconds() -> float:
    """Give how long a close may take that was not told, in seconds."""
    seconds: float = _settings().get(CLOSE_TIMEOUT, CLOSE_SECONDS)
    return seconds


def policy_with(explicit: Mapping[str, Any]) -> Policy:
    """Make a policy as ``own_policy`` does, in which what is forced wins."""
    policy, settings = own_policy(explicit), _settings()
    if _ONLOOKER not in settings:
        return policy
    forced = {
        name: settings[marked]
        for name in KNOBS
        for marked in (_FORCED_OTHERWISE + name, _FORCED + name)
        if marked in settings
    }
    return attrs.evolve(policy, **forced)


def own_policy(explicit: Mapping[str, Any]) -> Policy:
    """Make a policy of the defaults and of what a launch was given by itself, and check these."""
    # None stands for the configured ones of these, not for a value of its own.
    unset = {name for name in ("sinks", "runner") if explicit.get(name) is None}
    own = {name: value for name, value in explicit.items() if name not in unset}
    given = {**_settings(), **own}
    return Policy(**{name: given[name] for name in KNOBS if name in given})


def locked() -> threading.RLock:
    """Give the lock under which launches, defaults and switches change."""
    return _lock


def add(launch: Launch) -> None:
    """Have a launch follow the defaults and switches."""
    with _lock:
        _launches[id(launch)] = launch


def forget(launch: Launch) -> None:
    """Leave out a launch whose function is gone; waits for nobody."""
    _launches.pop(id(launch), None)


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
        return tuple(sorted(_living(_launches), key=lambda launch: launch.name))


def refresh() -> None:
    """Have each launch take over the defaults and switches as they are now."""
    with _lock:
        failures: list[Exception] = []
        for launch in _living(_launches):
            try:
                launch._refresh()
            except Exception as error:  # noqa: BLE001 -- the others are not to be left as they were
                failures.append(error)
    if failures:
        raise failures[0]


def runner_for(policy: Policy) -> Runner:
    """Give the runner of a policy, or the one that all launches share by default."""
    global _default_runner  # noqa: PLW0603 -- one for the process
    with _lock:
        runner = policy.runner
        if runner is None:
            if _default_runner is None:
                _default_runner = ThreadRunner()
            runner = _default_runner
        _runners[id(runner)] = runner
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


def _living(registry: weakref.WeakValueDictionary[int, T]) -> list[T]:
    # The references are copied in one step.
    return [one for reference in registry.valuerefs() if (one := reference()) is not None]


def renew_outlets() -> None:
    """Give each sink a new outlet: those that were closed take nothing any more."""
    with _lock:
        # Held here: an outlet lasts no longer than somebody holds it.
        before = _living(_outlets)
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
    return Resources(tuple(_living(_runners)), tuple(_living(_outlets)))


def after_fork() -> None:
    """Replace the lock: its holder does not exist in a forked child."""
    global _lock  # noqa: PLW0603 -- process-wide by purpose
    _lock = _threads.RLock()
