"""The same with each library: one control, one candidate, compared, noted in memory.

Each is used as its README says; ``NotOfferedError`` says what it does not offer.  Three
distributions install a package of the same name, ``scientist``: each is installed into a folder of
its own, and imported under a name of its own.  One of them sets up logging when it is imported,
which is undone.  Nothing else of them is touched.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

from darkcall import aflush, dark_launch, flush, launch_of
from darkcall.runners import ThreadRunner
from darkcall.sinks import MemorySink


if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHARE = 0.01


class NotOfferedError(Exception):
    """The library does not offer that."""


def imported(package: str, alias: str, folder: Path) -> Any:
    """Import a package from a folder, under a name of its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    place = folder / package
    spec = importlib.util.spec_from_file_location(
        alias, place / "__init__.py", submodule_search_locations=[str(place)]
    )
    sys.modules[alias] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    root.handlers[:] = handlers
    root.setLevel(level)
    return module


class Rival:
    """A library.

    Attributes:
        title: Its name, as the tables have it.
        distribution: What it comes in; empty if it needs none.
        copies: Whether the candidate gets arguments that nobody else has.
        compared: Whether control and candidate agreed, for each call that was compared.
    """

    title: ClassVar[str]
    distribution: ClassVar[str] = ""
    package: ClassVar[str] = ""
    copies: ClassVar[str] = "no"

    def __init__(self, folder: Path) -> None:
        self.compared: list[bool] = []
        if self.package:
            alias = self.package if self.package != "scientist" else f"{type(self).__name__}_peer"
            self.module = imported(self.package, alias, folder / self.distribution)

    def off(self, _control: Callable, _candidate: Callable) -> Callable:
        """Launch, and switch it off."""
        raise NotOfferedError

    def sampled(self, _control: Callable, _candidate: Callable) -> Callable:
        """Launch for one call in a hundred."""
        raise NotOfferedError

    def shadowed(self, _control: Callable, _candidate: Callable) -> Callable:
        """Launch for every call."""
        raise NotOfferedError

    def awaited(self, _control: Callable, _candidate: Callable) -> Callable:
        """Launch an async candidate of an async control, for every call."""
        raise NotOfferedError

    def settle(self, calls: int) -> None:
        """Wait until so many calls are compared."""
        if len(self.compared) < calls:
            raise RuntimeError(f"{self.title} compared {len(self.compared)} of {calls} calls")

    async def settle_awaited(self, calls: int) -> None:
        """Wait until so many awaited calls are compared."""
        self.settle(calls)

    def close(self) -> None:
        """End what was started."""


class Darkcall(Rival):
    """With its defaults, but without a CPU budget, and with room for all calls of a round."""

    title = "darkcall"
    copies = "yes"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._runner = ThreadRunner(workers=2)

    def shadowed(self, control, candidate, sample=1.0):
        self._memory = MemorySink(max_records=10_000)
        return dark_launch(
            candidate=candidate,
            sample=sample,
            sinks=[self._memory],
            runner=self._runner,
            cpu_budget=None,
            max_pending=10_000,
        )(control)

    def sampled(self, control, candidate):
        return self.shadowed(control, candidate, SHARE)

    def off(self, control, candidate):
        function = self.shadowed(control, candidate)
        launch_of(function).pause()
        return function

    awaited = shadowed

    def settle(self, calls):
        flush(60.0)
        self._note(calls)

    async def settle_awaited(self, calls):
        await aflush(60.0)
        self._note(calls)

    def _note(self, calls):
        self.compared += [record.outcome == "match" for record in self._memory.records]
        self._memory.clear()
        super().settle(calls)

    def close(self):
        self._runner.close(5.0)


class Pool(Rival):
    """A decorator over a pool, as one writes it in ten minutes."""

    title = "`ThreadPoolExecutor(2)`, `==`"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._pool = ThreadPoolExecutor(2)

    def _submit(self, work):
        self._pool.submit(work)

    def shadowed(self, control, candidate):
        submit, compared = self._submit_function(), self.compared

        @functools.wraps(control)
        def decorated(*args):
            result = control(*args)
            submit(lambda: compared.append(candidate(*args) == result))
            return result

        return decorated

    def _submit_function(self):
        return self._pool.submit

    def settle(self, calls):
        until = time.monotonic() + 60.0
        while len(self.compared) < calls and time.monotonic() < until:
            time.sleep(0.0001)
        super().settle(calls)

    def close(self):
        self._pool.shutdown()


class Sentry(Pool):
    """The same decorator over the worker with which sentry-sdk sends; it is made for other work."""

    title = "sentry-sdk's worker, `==`"
    distribution = "sentry-sdk"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        from sentry_sdk.worker import BackgroundWorker  # noqa: PLC0415 -- it may not be there

        # Its default is 100; with more it drops nothing here.
        self._worker = BackgroundWorker(queue_size=10_000)

    def _submit_function(self):
        return self._worker.submit

    def close(self):
        super().close()
        self._worker.kill()


class AskedEachTime(Rival):
    """A library that asks at each call whether it is on."""

    def _decorated(self, control: Callable, candidate: Callable, enabled: Callable) -> Callable:
        raise NotImplementedError

    def off(self, control, candidate):
        return self._decorated(control, candidate, lambda: False)

    def sampled(self, control, candidate):
        return self._decorated(control, candidate, lambda: random.random() < SHARE)

    def shadowed(self, control, candidate):
        return self._decorated(control, candidate, lambda: True)


class Laboratory(AskedEachTime):
    """``Experiment.decorator``; ``enabled`` and ``publish`` are overridden, as its README says."""

    title = "laboratory 1.0.2"
    distribution = "laboratory"
    package = "laboratory"

    def _decorated(self, control, candidate, enabled):
        compared = self.compared

        class Own(self.module.Experiment):
            def enabled(self):
                return enabled()

            def publish(self, result):
                compared.append(result.match)

        return Own.decorator(candidate=candidate)(control)


class Pyentist(AskedEachTime):
    """An experiment for each call, with a comparer: without one, no two calls are equal."""

    title = "Pyentist 0.0.2"
    distribution = "pyentist"
    package = "pyentist"
    has_comparer = True

    def _decorated(self, control, candidate, enabled):
        compared, has_comparer = self.compared, self.has_comparer

        class Own(self.module.Experiment):
            def is_enabled(self):
                return enabled()

            def publish(self, result):
                compared.append(result.was_matched)

        def decorated(*args):
            experiment = Own("control")
            if has_comparer:
                experiment.comparer = lambda one, other: one.is_equivalent_to(other)
            experiment.use(lambda: control(*args))
            experiment.try_candidate(lambda: candidate(*args))
            return experiment.run()

        return decorated


class PyentistAsItIs(Pyentist):
    """What it does without a comparer."""

    title = "Pyentist 0.0.2, no comparer"
    has_comparer = False


class PyScientist(Rival):
    """An experiment for each call, as the docstring of its package says; it has no README."""

    title = "py-scientist 0.2.0"
    distribution = "py-scientist"
    package = "scientist"

    def _experiment(self, control, candidate):
        publisher = self

        def make(*args):
            experiment = self.module.Experiment("control")
            experiment.use(lambda: control(*args)).try_(lambda: candidate(*args))
            return experiment.publish(publisher)

        return make

    def publish(self, result):
        self.compared.append(result.matched)

    def off(self, control, candidate):
        make = self._experiment(control, candidate)
        return lambda *args: make(*args).enabled(value=False).run()

    def sampled(self, control, candidate):
        make = self._experiment(control, candidate)
        return lambda *args: make(*args).run_if_percent(100 * SHARE).run()

    def shadowed(self, control, candidate):
        make = self._experiment(control, candidate)
        return lambda *args: make(*args).run()

    def awaited(self, control, candidate):
        make = self._experiment(control, candidate)
        return lambda *args: make(*args).async_run()


class ScientistPy(Rival):
    """An experiment for each call; it can only be awaited, and notes in ``publish``."""

    title = "scientist-py 0.1.0"
    distribution = "scientist-py"
    package = "scientist"

    def awaited(self, control, candidate):
        compared = self.compared

        class Own(self.module.Experiment):
            def publish(self, result):
                compared.append(result.match)

        def decorated(*args):
            experiment = Own("control")
            experiment.control(functools.partial(control, *args))
            experiment.candidate(functools.partial(candidate, *args))
            return experiment.run()

        return decorated

    async def settle_awaited(self, calls):
        import asyncio  # noqa: PLC0415 -- needed here alone

        until = time.monotonic() + 1.0
        # What it gives nobody a handle of can only be looked for.
        while len(self.compared) < calls and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0)
        self.settle(calls)


class Scientist(Rival):
    """Its decorator; how many calls are shadowed is one setting for all experiments."""

    title = "scientist 0.1.0"
    distribution = "scientist"
    package = "scientist"

    def _decorated(self, control, candidate, chance):
        compared = self.compared
        experiment = sys.modules[f"{self.module.__name__}.experiment"]

        class Own(self.module.Experiment):
            def publish(self, result):
                compared.append(result.observations_are_equivalent())

        experiment.settings.chance = chance
        return Own(candidate)(control)

    def off(self, control, candidate):
        return self._decorated(control, candidate, 0.0)

    def sampled(self, control, candidate):
        return self._decorated(control, candidate, SHARE)

    def shadowed(self, control, candidate):
        return self._decorated(control, candidate, 1.0)


RIVALS: tuple[type[Rival], ...] = (
    Darkcall,
    Pool,
    Sentry,
    Laboratory,
    Pyentist,
    PyScientist,
    Scientist,
    ScientistPy,
)
