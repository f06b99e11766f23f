"""Promise 1: whatever goes wrong anywhere, the caller gets what the control did."""

from __future__ import annotations

import asyncio
import functools
import gc
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from darkcall import dark_launch, flush, launch_of
from darkcall.runners import InlineRunner, ThreadRunner
from darkcall.sinks import MemorySink


TIMEOUT_SECONDS = 0.05


class Scene:
    """What an example shares with the faults in it."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.release = threading.Event()
        self.plan = {}


scene = Scene()


def recurse():
    return recurse()


def run_out_of_stack(*_args, **_kwargs):
    # What hypothesis does at a collection is not to run out of stack as well.
    gc.disable()
    try:
        return recurse()
    finally:
        gc.enable()


def hang(*_args, **_kwargs):
    scene.release.wait(5)


def spoil(*args, **kwargs):
    """Change whatever it is given."""
    for value in (*args, *kwargs.values()):
        for change in (
            lambda value: value.clear(),
            lambda value: value.append("spoilt"),
            lambda value: vars(value).clear(),
            lambda value: value.args.clear(),
        ):
            try:
                change(value)
            except Exception:  # noqa: BLE001 -- most values cannot be changed so
                continue
    return "spoilt"


def raising(error):
    def fail(*_args, **_kwargs):
        raise error("fault")

    return fail


FOR_EVERYONE = {
    "raises": raising(ValueError),
    "runs out of memory": raising(MemoryError),
    "runs out of stack": run_out_of_stack,
    "stops an iteration": raising(StopIteration),
    "changes what it gets": spoil,
    "returns nonsense": lambda *_args, **_kwargs: Nonsense(),
    "returns nothing": lambda *_args, **_kwargs: None,
}
#: On a worker, these are survived as well.
FOR_WORKERS = {
    "exits": raising(SystemExit),
    "interrupts": raising(KeyboardInterrupt),
    "closes a generator": raising(GeneratorExit),
    "cancels": raising(asyncio.CancelledError),
    "hangs": hang,
}
FAULTS = {**FOR_EVERYONE, **FOR_WORKERS}
FAILING = {
    name: fault
    for name, fault in FAULTS.items()
    if name not in {"changes what it gets", "returns nonsense", "returns nothing"}
}


def method_of(name):
    def method(self, *_args, **_kwargs):
        return FAULTS[vars(type(self))["fault"]]()

    method.__name__ = name
    return method


@functools.cache
def hostile_class(method, fault, base=object):
    def initialised(self, *args):
        base.__init__(self, *args)

    members = {"fault": fault, "__init__": initialised, method: method_of(method)}
    if method == "__class__":
        members[method] = property(method_of(method))
    if method == "__eq__":
        members["__hash__"] = None
    return type("Hostile", (base,), members)


class Nonsense:
    """Fails at whatever is done with it."""

    def _fail(self, *_args):
        raise ValueError("nonsense")

    __bool__ = __len__ = __iter__ = __eq__ = __hash__ = __repr__ = __str__ = __call__ = _fail
    __getattr__ = __index__ = __float__ = __reduce_ex__ = __getitem__ = __contains__ = _fail


#: What only workers call: nothing of it may be touched on the caller's thread.
ON_WORKERS = [
    "__eq__",
    "__ne__",
    "__repr__",
    "__str__",
    "__format__",
    "__hash__",
    "__bool__",
    "__len__",
    "__iter__",
    "__contains__",
    "__getitem__",
    "__lt__",
    "__setstate__",
]
ON_BOTH = ["__reduce_ex__", "__reduce__", "__deepcopy__", "__getstate__", "__sizeof__", "__class__"]

worker_values = st.tuples(st.sampled_from(ON_WORKERS), st.sampled_from(sorted(FAILING)))
caller_values = st.tuples(
    st.sampled_from([*ON_WORKERS, *ON_BOTH, "__getattr__", "__getattribute__"]),
    st.sampled_from(sorted(set(FOR_EVERYONE) & set(FAILING))),
)
values = worker_values | caller_values
faults_on_a_worker = st.sampled_from(sorted(FAULTS))
faults_anywhere = st.sampled_from(sorted(FOR_EVERYONE))

PLANS = st.fixed_dictionaries(
    {},
    optional={
        "candidate": faults_on_a_worker,
        "argument": values,
        "result": values,
        "candidate result": values,
        "exception": values,
        "compare": faults_on_a_worker,
        "compare_exceptions": faults_on_a_worker,
        "ignore": faults_on_a_worker,
        "normalize": faults_on_a_worker,
        "redact": faults_on_a_worker,
        "sink": faults_on_a_worker,
        "sample": faults_anywhere,
        "context": faults_anywhere,
        "isolate": faults_anywhere,
    },
)


def planned(place, otherwise):
    """A callable of the user's own that fails as planned."""

    def call(*args, **kwargs):
        fault = scene.plan.get(place)
        return otherwise(*args, **kwargs) if fault is None else FAULTS[fault](*args, **kwargs)

    return call


def failing_sink(fault):
    def sink(record):
        FAULTS[fault](record)

    return sink


# A sink has a thread for as long as the process lives, so all examples share these.
SINKS = {fault: failing_sink(fault) for fault in FAULTS}
RUNNER = ThreadRunner(workers=2)


def value_of(place, *args, base=object, default=list):
    if place not in scene.plan:
        return default(*args)
    return hostile_class(*scene.plan[place], base)(*args)


class Case:
    """One launch with all that was planned to go wrong with it."""

    def __init__(self, plan, *, raises, is_async, candidate_is_async, keep):
        scene.release.set()
        scene.reset()
        scene.plan = plan
        self.timeout = TIMEOUT_SECONDS if plan.get("candidate") == "hangs" else 5.0
        self.raises = raises
        self.is_async = is_async
        self.argument = [value_of("argument"), "kept"]
        self.result = value_of("result")
        self.error = value_of("exception", "no", base=ValueError, default=ValueError)
        self.memory = MemorySink()
        control = self.control_async if is_async else self.control
        candidate = self.candidate_async if candidate_is_async else self.candidate
        self.decorated = dark_launch(
            candidate=candidate, name="shop.price", **self.knobs(plan, keep)
        )(control)

    def knobs(self, plan, keep):
        knobs = {
            name: planned(name, otherwise)
            for name, otherwise in {
                "compare": lambda one, other: True,
                "compare_exceptions": lambda one, other: True,
                "ignore": lambda one, other: False,
                "normalize": lambda value: value,
                "sample": lambda call: True,
                "context": lambda *args, **kwargs: {},
                "isolate": lambda args, kwargs: (args, kwargs),
            }.items()
            if name in plan
        }
        if "redact" in plan:
            knobs["redact"] = (planned("redact", lambda path, value: value),)
        sinks = [self.memory, *([SINKS[plan["sink"]]] if "sink" in plan else [])]
        return knobs | {
            "sinks": sinks,
            "runner": RUNNER,
            "timeout": self.timeout,
            "keep": keep,
            "cpu_budget": None,
        }

    def control(self, argument):
        if self.raises:
            raise self.error
        return self.result

    async def control_async(self, argument):
        await asyncio.sleep(0)
        return self.control(argument)

    def candidate(self, argument):
        fault = scene.plan.get("candidate")
        if fault is not None:
            return FAULTS[fault](argument)
        if self.raises:
            raise ValueError("no")
        return value_of("candidate result")

    async def candidate_async(self, argument):
        await asyncio.sleep(0)
        if scene.plan.get("candidate") == "hangs":
            await asyncio.sleep(60)
        return self.candidate(argument)

    def call(self):
        """Call it as a caller would, who sees the very object or exception."""
        if self.is_async:
            asyncio.run(self.call_async())
        else:
            try:
                self.check(returned=self.decorated(self.argument))
            except ValueError as error:
                self.check(raised=error)
            asyncio.run(self.wait())
        # These are given the caller's own, to look at.
        if not {"sample", "context", "isolate"} & set(scene.plan):
            assert self.argument[1] == "kept"

    async def call_async(self):
        # Not through the task: asyncio hangs at exceptions that have a bad __class__.
        try:
            self.check(returned=await self.decorated(self.argument))
        except ValueError as error:
            self.check(raised=error)
        # What is a task of this loop can end only while the loop runs.
        await self.wait()

    async def wait(self):
        # A candidate is abandoned at its timeout, all else may go on now.
        began = time.monotonic()
        while launch_of(self.decorated).stats().pending:
            if self.timeout == 5.0 or time.monotonic() > began + 2 * self.timeout:
                scene.release.set()
            assert time.monotonic() < began + 5
            await asyncio.sleep(0.001)
        scene.release.set()

    def check(self, *, returned=None, raised=None):
        assert returned is (None if self.raises else self.result)
        assert raised is (self.error if self.raises else None)

    def check_counts(self):
        stats = launch_of(self.decorated).stats()
        [candidate] = stats.candidates.values()
        assert stats.calls == 1
        assert (stats.off, stats.nested) == (0, 0)
        assert stats.pending == candidate.pending == 0
        assert stats.shadowed == sum(candidate.outcomes.values())
        assert stats.shadowed + stats.unsampled == 1


def check_that_workers_work():
    memory = MemorySink()
    good = dark_launch(candidate=lambda x: [x], runner=RUNNER, sinks=[memory])(lambda x: [x])
    assert good(3) == [3]
    assert flush()
    assert [record.outcome for record in memory.records] == ["match"]


@settings(
    max_examples=600,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    plan=PLANS,
    raises=st.booleans(),
    is_async=st.booleans(),
    candidate_is_async=st.booleans(),
    keep=st.sampled_from(["nothing", "differences", "everything"]),
)
@example(
    plan={"candidate": "hangs", "sink": "hangs", "ignore": "exits"},
    raises=False,
    is_async=True,
    candidate_is_async=True,
    keep="everything",
)
def test_the_caller_gets_what_the_control_did_whatever_fails(
    plan, raises, is_async, candidate_is_async, keep
):
    case = Case(
        plan,
        raises=raises,
        is_async=is_async,
        candidate_is_async=candidate_is_async,
        keep=keep,
    )

    case.call()

    assert flush()
    case.check_counts()
    check_that_workers_work()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "place",
    [
        "candidate",
        "compare",
        "compare_exceptions",
        "ignore",
        "normalize",
        "redact",
        "sink",
        "sample",
        "context",
        "isolate",
    ],
)
def test_each_fault_at_each_place_leaves_the_caller_alone(place, fault):
    if place in {"sample", "context", "isolate"} and fault in FOR_WORKERS:
        return
    case = Case(
        {place: fault, **({"candidate": "raises"} if place == "ignore" else {})},
        raises=place == "compare_exceptions",
        is_async=False,
        candidate_is_async=False,
        keep="everything",
    )

    case.call()

    assert flush()
    case.check_counts()
    check_that_workers_work()


TO_THE_THREAD = [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError]


def on_the_callers_thread(place, error):
    """A launch that meets the error while its caller waits."""
    fail = raising(error)
    knobs = {place: fail} if place in {"sample", "context", "isolate"} else {}
    control = fail if place == "control" else lambda *args: [*args]
    candidate = fail if place == "candidate" else lambda *args, **kwargs: [*args]
    runner = InlineRunner() if place == "candidate" else RUNNER
    decorated = dark_launch(candidate=candidate, runner=runner, sinks=[], **knobs)(control)
    argument = 3
    if place == "argument":
        argument = type("Hostile", (), {"__reduce_ex__": fail})()
    return decorated, argument


@pytest.mark.parametrize("error", TO_THE_THREAD)
@pytest.mark.parametrize(
    "place", ["control", "sample", "context", "isolate", "argument", "candidate"]
)
def test_what_is_addressed_to_the_callers_thread_passes_and_is_counted(place, error):
    decorated, argument = on_the_callers_thread(place, error)

    with pytest.raises(error, match="fault"):
        decorated(argument)

    assert flush()
    stats = launch_of(decorated).stats()
    assert stats.pending == 0
    if place != "sample":
        assert stats.outcomes["skipped"] == stats.shadowed == 1
        assert stats.reasons == {"interrupted": 1}


@pytest.mark.parametrize("error", TO_THE_THREAD)
def test_what_a_candidate_addresses_to_its_thread_is_its_error(error):
    memory = MemorySink()
    decorated = dark_launch(candidate=raising(error), runner=RUNNER, sinks=[memory])(
        lambda *args: 3
    )

    assert decorated() == 3
    assert flush()
    [record] = memory.records
    assert record.outcome == "candidate_error"
    assert record.candidate_raised["type"].endswith(error.__name__)


def test_a_call_whose_task_is_cancelled_is_counted_and_the_cancellation_passes():
    @dark_launch(candidate=lambda: 3, runner=RUNNER, sinks=[])
    async def control():
        await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(control())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())

    assert flush()
    stats = launch_of(control).stats()
    assert (stats.shadowed, stats.reasons) == (1, {"interrupted": 1})
    check_that_workers_work()


SCRIPT = """
    import signal, sys, time
    from darkcall import dark_launch, flush, launch_of
    from darkcall.runners import InlineRunner, ThreadRunner
    from darkcall.sinks import MemorySink

    def wait():
        print("ready", flush=True)
        time.sleep(30)

    class Slow:
        def __reduce_ex__(self, protocol):
            wait()

    place = sys.argv[1]
    runner = InlineRunner() if place == "candidate" else ThreadRunner()

    def context(argument):
        if place == "context":
            wait()
        return {}

    @dark_launch(candidate=lambda argument: place == "candidate" and wait(), context=context,
                 runner=runner, sinks=[MemorySink()])
    def control(argument):
        if place == "control":
            wait()

    try:
        control(Slow() if place == "argument" else 3)
    except KeyboardInterrupt:
        flush()
        print(launch_of(control).stats().reasons, launch_of(control).stats().pending)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches a whole console there")
@pytest.mark.parametrize("place", ["control", "argument", "context", "candidate"])
def test_a_ctrl_c_reaches_the_caller_wherever_it_is(place):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), place], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)

    assert said == "{'interrupted': 1} 0\n"
    assert process.returncode == 0
