"""Whatever is raised on a worker, and wherever: no worker ends, and no later call is lost."""

from __future__ import annotations

from looking import LOOKING


KINDS = """
import asyncio, collections, json, logging, sys, threading, time
import darkcall
import greenlet
from darkcall import aflush, dark_launch, flush, launch_of
from darkcall.runners import ThreadRunner

logging.disable()


class Unprintable(Exception):
    def __str__(self):
        raise SystemExit

    __repr__ = __str__


class Unmakeable(BaseException):
    def __init__(self):
        raise KeyboardInterrupt


class Nameless(type):
    def __getattribute__(cls, name):
        raise SystemExit

    def __eq__(cls, other):
        raise SystemExit

    def __instancecheck__(cls, instance):
        raise SystemExit

    __hash__ = type.__hash__


class OfNoName(Exception, metaclass=Nameless):
    pass


class OfNoClass(BaseException):
    @property
    def __class__(self):
        raise SystemExit


class Elusive(Exception):
    def __getattribute__(self, name):
        raise GeneratorExit


def deeper():
    return deeper()


def full():
    return bytearray(1 << 62)


def grouped():
    raise BaseExceptionGroup("several", [SystemExit(1), ValueError(), KeyboardInterrupt()])


def thrown(kind):
    def throw():
        raise kind

    return throw


KINDS = {
    "SystemExit": sys.exit,
    "KeyboardInterrupt": thrown(KeyboardInterrupt),
    "GeneratorExit": thrown(GeneratorExit),
    "CancelledError": thrown(asyncio.CancelledError),
    "StopIteration": thrown(StopIteration),
    "StopAsyncIteration": thrown(StopAsyncIteration),
    "MemoryError": full,
    "RecursionError": deeper,
    "BaseExceptionGroup": grouped,
    "GreenletExit": thrown(greenlet.GreenletExit),
    "raises in __str__": thrown(Unprintable),
    "raises in __init__": thrown(Unmakeable),
    "raises in its class": thrown(OfNoName),
    "raises in __class__": thrown(OfNoClass),
    "raises in __getattribute__": thrown(Elusive),
}
runner = ThreadRunner(workers=2)
policy = {"runner": runner, "cpu_budget": None, "sinks": []}


def throws_at_first(times=3):
    seen = []

    def maybe(*_):
        seen.append(True)
        if len(seen) <= times:
            KINDS[kind]()
        return True

    return maybe


class Trap:
    "A value whose __del__ raises."

    def __init__(self):
        self.spring = throws_at_first(1)

    def __del__(self):
        self.spring()

    def __reduce__(self):
        return (Trap, ())

    def __eq__(self, other):
        return True


def in_an_async_candidate():
    maybe = throws_at_first()

    async def candidate(x):
        await asyncio.sleep(0)
        maybe()
        return x

    return {"candidate": candidate}


def in_a_task_of_its_own():
    maybe = throws_at_first()

    async def own():
        maybe()

    async def candidate(x):
        asyncio.get_running_loop().create_task(own())
        await asyncio.sleep(0.001)
        return x

    return {"candidate": candidate}


def in_a_callback():
    maybe = throws_at_first()

    async def candidate(x):
        asyncio.get_running_loop().call_soon(maybe)
        await asyncio.sleep(0.001)
        return x

    return {"candidate": candidate}


def in_a_candidate():
    maybe = throws_at_first()
    return {"candidate": lambda x: (maybe(), x)[1]}


def in_del():
    return {"candidate": lambda x: (Trap(), x)[1]}


def beside(**knobs):
    return {"candidate": lambda x: x, **knobs}


def differing(**knobs):
    return {"candidate": lambda x: -x, **knobs}



PLACES = {
    "candidate": in_a_candidate,
    "async candidate": in_an_async_candidate,
    "task of an async candidate's own": in_a_task_of_its_own,
    "callback of an async candidate's": in_a_callback,
    "__del__": in_del,
    "compare": lambda: beside(compare=throws_at_first()),
    "normalize": lambda: beside(normalize=throws_at_first()),
    "ignore": lambda: differing(ignore=throws_at_first()),
    "redact": lambda: differing(redact=(throws_at_first(),)),
    "sink": lambda: beside(sinks=[throws_at_first()]),
}


def workers():
    return sum(thread.name == "darkcall-worker" for thread in threading.enumerate())


def launch(control, place):
    knobs = {**policy, **PLACES[place]()}
    return dark_launch(name=place, **knobs)(control)


def account(function, at_first):
    later = collections.Counter(outcomes(function))
    later.subtract(at_first)
    stats = launch_of(function).stats()
    (counts,) = stats.candidates.values()
    return {
        "at first": at_first,
        "later": {name: count for name, count in later.items() if count},
        "exact": stats.calls == sum(counts.outcomes.values()) == 23 and not counts.pending,
    }


def called(place):
    function = launch(lambda x: x, place)
    for x in range(1, 4):
        assert function(x) == x
    assert flush(timeout=10)
    at_first = outcomes(function)
    for x in range(1, 21):
        assert function(x) == x
    assert flush(timeout=10)
    return account(function, at_first)


async def acalled(place):
    async def control(x):
        return x

    function = launch(control, place)
    for x in range(1, 4):
        assert await function(x) == x
    assert await aflush(timeout=10)
    at_first = outcomes(function)
    for x in range(1, 21):
        assert await function(x) == x
    assert await aflush(timeout=10)
    return account(function, at_first)


answer = {}
for kind in KINDS:
    for place in PLACES:
        answer[f"{kind} in {place}"] = called(place)
    answer[f"{kind} in async candidate on the caller's loop"] = asyncio.run(
        acalled("async candidate")
    )
print(json.dumps({"accounts": answer, "workers": workers()}))
"""


def test_whatever_is_raised_on_a_worker_leaves_the_workers_alive(run_script, measured):
    answer = run_script(LOOKING + KINDS).answer
    accounts = answer["accounts"]

    measured(
        "kinds of exceptions, times places in which they are raised, after which the next 20 "
        "calls were compared",
        len(accounts),
        at_least=15 * 11,
    )
    compared = ({"match": 20}, {"mismatch": 20}, {"ignored": 20})
    assert {name: one for name, one in accounts.items() if one["later"] not in compared} == {}
    assert {name: one for name, one in accounts.items() if not one["exact"]} == {}
    assert {name: one for name, one in accounts.items() if "dropped" in one["at first"]} == {}
    measured("workers of 2 after all of these", answer["workers"], at_least=2)
    assert answer["workers"] == 2


HANGS = """
import json, logging, sys, threading, time
from darkcall import _trial, configure, dark_launch, launch_of
from darkcall.runners import ThreadRunner

logging.disable()
configure(close_timeout=0.2)
_trial.CONCLUDING_SECONDS = 0.5
hang = threading.Event()


def hanging(*_):
    hang.wait()


class Text(Exception):
    __str__ = __repr__ = hanging


class Class(BaseException):
    __class__ = property(hanging)


class Attributes(Exception):
    def __getattribute__(self, name):
        hang.wait()


class Made(Exception):
    def __init__(self):
        hang.wait()


def thrown(kind):
    def candidate(x):
        raise kind()

    return candidate


hung = {
    name: {"candidate": thrown(kind), "timeout": 0.5}
    for name, kind in {"str": Text, "class": Class, "attributes": Attributes, "init": Made}.items()
}
hung["compare"] = {"candidate": lambda x: x, "compare": hanging}
hung["normalize"] = {"candidate": lambda x: x, "normalize": hanging}
hung["ignore"] = {"candidate": lambda x: -x, "ignore": hanging}
hung["redact"] = {"candidate": lambda x: -x, "redact": (hanging,)}
hung["sink"] = {"candidate": lambda x: x, "sinks": [hanging]}
runner = ThreadRunner(workers=2)
policy = {"runner": runner, "cpu_budget": None, "sinks": []}
functions = {name: dark_launch(name=name, **{**policy, **knobs})(lambda x: x)
             for name, knobs in hung.items()}
good = dark_launch(candidate=lambda x: x, name="good", **policy)(lambda x: x)
began = time.perf_counter()
for function in functions.values():
    function(1)
for x in range(20):
    good(x)

wait_until(lambda: stats_of(good).outcomes["match"] == 20, seconds=20)
seconds = time.perf_counter() - began
wait_until(lambda: not any(stats_of(one).pending for one in functions.values()))
print(json.dumps({
    "seconds": seconds,
    "outcomes": {name: [key for key, n in stats_of(one).outcomes.items() if n]
                 for name, one in functions.items()},
}))
"""


def test_values_and_callables_that_hang_hold_up_later_calls_no_longer_than_their_limits(
    run_script, measured
):
    answer = run_script(LOOKING + HANGS).answer

    measured(
        "20 candidates behind 9 calls that hang in exceptions, comparisons and sinks for "
        "0.5 s each, on 2 workers: all compared after, seconds",
        answer["seconds"],
        at_most=3.5,
    )
    assert answer["outcomes"] == {
        "str": ["uncomparable"],
        "class": ["candidate_error"],
        "attributes": ["timeout"],
        "init": ["timeout"],
        "compare": ["uncomparable"],
        "normalize": ["uncomparable"],
        "ignore": ["uncomparable"],
        "redact": ["uncomparable"],
        "sink": ["match"],
    }
