"""Read by type checkers alone: switches, defaults and knobs, and what they refuse."""

from __future__ import annotations

import datetime as dt
import functools
from concurrent.futures import ThreadPoolExecutor
from typing import Any, assert_type

from darkcall import (
    Call,
    Difference,
    Launch,
    Observation,
    close,
    configure,
    dark_launch,
    set_enabled,
)
from darkcall.runners import ExecutorRunner, InlineRunner, ProcessRunner, ThreadRunner
from darkcall.sampling import first, keyed, per_second, rate
from darkcall.sinks import MemorySink


def double(x: int) -> int:
    return 2 * x


launched = dark_launch(candidate=double)(functools.partial(double, 1))
assert_type(launched, functools.partial[int])
assert_type(launched(), int)


class Shop:
    @property
    @dark_launch(candidate="shop:Shop.stock_v2")
    def stock(self) -> int:
        return 1

    @dark_launch(candidate="shop:Shop.size_v2")  # type: ignore[prop-decorator]  # mypy cannot yet
    @property
    def size(self) -> int:
        return 1

    @functools.cached_property
    @dark_launch(candidate="shop:Shop.till_v2")
    def till(self) -> str:
        return "a"


assert_type(Shop().stock, int)
assert_type(Shop().size, int)
assert_type(Shop().till, str)


def switching() -> None:
    set_enabled(False)
    with set_enabled(enabled=False):
        pass
    with configure(sample=0.5, sinks=[MemorySink()], runner=ThreadRunner(workers=4)):
        pass
    configure(close_timeout=10)
    configure(close_timeout=dt.timedelta(seconds=0.5), sample=0.5)
    close()
    close(timeout=None)
    assert_type(close(timeout=dt.timedelta(seconds=1)), bool)
    configure(close_timeout=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    configure(sampel=0.5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    configure(sample="half")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    configure(keep="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def comparing(control: Any, candidate: Any) -> list[Difference]:
    return [] if control == candidate else [Difference("$", "value", control, candidate)]


def ignoring(control: Observation, candidate: Observation) -> bool:
    return control.duration_seconds > candidate.duration_seconds


def sampling(call: Call) -> bool:
    return bool(call.args)


def isolating(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, kwargs


def updating(launch: Launch) -> None:
    for sample in (0, 0.5, rate(0.5), keyed(lambda call: call.args, 0.5), first(3), per_second(1)):
        launch.update(sample=sample)
    launch.update(sample=sampling, compare=comparing, ignore=ignoring, isolate=isolating)
    launch.update(normalize=str, context=lambda *args, **kwargs: {"count": len(args)})
    launch.update(sinks=[print, MemorySink()], runner=InlineRunner(), timeout=None)
    launch.update(runner=ProcessRunner(workers=2, nice=10, max_wait_seconds=None))
    launch.update(runner=ExecutorRunner(ThreadPoolExecutor(4), workers=4))
    launch.update(redact=["card", lambda path, value: value])
    launch.update(max_copy_bytes=1 << 30, max_copy_seconds=dt.timedelta(seconds=1))
    launch.update(max_copy_seconds=None)
    launch.update(close_timeout=1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    launch.update(candidate=double)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_type(launch.pause(), None)
    assert_type(launch.is_paused, bool)
