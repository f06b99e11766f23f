"""Which calls are shadowed: samplers for ``dark_launch(sample=...)``.

A sampler is any callable that takes a :class:`Call` and returns a bool.
"""

from __future__ import annotations

import os
import random
import time
import zlib
from typing import TYPE_CHECKING, Any

import attrs

from . import _threads
from ._errors import ConfigurationError
from ._model import Call


if TYPE_CHECKING:
    from collections.abc import Callable

    Sampler = Callable[[Call], bool]

__all__ = ["Call", "first", "keyed", "per_second", "rate"]


@attrs.frozen
class _Rate:
    share: float

    def __call__(self, call: Call) -> bool:  # noqa: ARG002 -- a sampler takes a call
        return random.random() < self.share  # noqa: S311 -- no secret


@attrs.frozen
class _Keyed:
    share: float
    key: Callable[[Call], Any]

    def __call__(self, call: Call) -> bool:
        # hash() differs from process to process; a key must be in everywhere or nowhere.
        digest = zlib.crc32(repr(self.key(call)).encode("utf-8", "surrogatepass"))
        return digest / 2**32 < self.share


class _PerSecond:
    """At most so many a second: a token bucket that holds one second's worth."""

    share = None

    def __init__(self, calls: float, clock: Callable[[], float]) -> None:
        self.calls = calls
        self._clock = clock
        self._capacity = max(calls, 1.0)
        self._level = self._capacity
        self._filled_at = clock()
        self._lock = _threads.Lock()
        self._pid = os.getpid()

    def __call__(self, call: Call) -> bool:  # noqa: ARG002 -- a sampler takes a call
        if self._pid != os.getpid():
            # A forked child: the lock's holder may not exist here.
            self._lock, self._pid = _threads.Lock(), os.getpid()
        # Not waiting for the lock: the holder may be this very thread, interrupted
        # by a signal handler.  Who finds it taken is not sampled.
        if not self._lock.acquire(blocking=False):
            return False
        try:
            now = self._clock()
            self._level = min(self._capacity, self._level + (now - self._filled_at) * self.calls)
            self._filled_at = now
            if self._level < 1.0:
                return False
            self._level -= 1.0
            return True
        finally:
            self._lock.release()


class _First:
    """The first so many calls, and none after them."""

    share = None

    def __init__(self, calls: int) -> None:
        self._left = [None] * calls

    def __call__(self, call: Call) -> bool:  # noqa: ARG002 -- a sampler takes a call
        try:
            self._left.pop()
        except IndexError:
            return False
        return True


def rate(share: float) -> Sampler:
    """Sample a share of the calls, at random.

    Args:
        share: From 0 (none) to 1 (all).

    Returns:
        A sampler; the plain number ``sample=share`` means the same and is faster.

    Raises:
        ConfigurationError: ``share`` is not between 0 and 1.

    Example:
        >>> rate(1.0)(Call("shop.price", (), {}))
        True
    """
    return _Rate(checked_share(share))


def keyed(key: Callable[[Call], Any], share: float) -> Sampler:
    """Sample all calls of a share of the keys: the same users, tenants, orders each time.

    Args:
        key: Takes a :class:`Call`, returns what must be in or out as a whole; its repr
            is hashed with CRC-32, alike in all processes.
        share: The share of keys, from 0 (none) to 1 (all).

    Returns:
        A sampler.

    Raises:
        ConfigurationError: ``share`` is not between 0 and 1.

    Example:
        >>> sampler = keyed(lambda call: call.args[0], 0.5)
        >>> calls = [Call("shop.price", (user,), {}) for user in ("ann", "ann", "bob", "bob")]
        >>> [sampler(call) for call in calls]
        [True, True, False, False]
    """
    return _Keyed(checked_share(share), key)


def per_second(calls: float, *, clock: Callable[[], float] = time.monotonic) -> Sampler:
    """Sample so many calls a second at most, whatever the traffic.

    Args:
        calls: How many a second, more than 0; a fraction means one in so many seconds.
        clock: Returns seconds; for tests.

    Returns:
        A sampler with a state of its own: make one for each launch.

    Raises:
        ConfigurationError: ``calls`` is not a number above 0.

    Example:
        >>> sampler = per_second(2, clock=lambda: 0.0)
        >>> [sampler(Call("shop.price", (), {})) for _ in range(4)]
        [True, True, False, False]
    """
    if not isinstance(calls, int | float) or not 0 < calls < float("inf"):
        msg = f"per_second({calls!r}): calls must be a number above 0"
        raise ConfigurationError(msg)
    return _PerSecond(calls, clock)


def first(calls: int) -> Sampler:
    """Sample the first calls of this process, and none after them.

    Args:
        calls: How many, 0 or more.

    Returns:
        A sampler with a state of its own: make one for each launch.

    Raises:
        ConfigurationError: ``calls`` is not a whole number of 0 or more.

    Example:
        >>> sampler = first(1)
        >>> [sampler(Call("shop.price", (), {})) for _ in range(3)]
        [True, False, False]
    """
    if not isinstance(calls, int) or not 0 <= calls <= 10_000_000:
        msg = f"first({calls!r}): calls must be a whole number from 0 to 10 million"
        raise ConfigurationError(msg)
    return _First(calls)


def checked_share(share: float) -> float:
    """Return the share as it is, if it is one.

    Args:
        share: Anything.

    Returns:
        The share.

    Raises:
        ConfigurationError: It is not a number from 0 to 1.

    Example:
        >>> checked_share(0.5)
        0.5
    """
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        msg = f"a share of {share!r} cannot be sampled: give a number from 0 (none) to 1 (all)"
        raise ConfigurationError(msg)
    return float(share)
