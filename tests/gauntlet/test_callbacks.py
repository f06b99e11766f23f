"""Whatever darkcall or the interpreter calls may call what is launched, in the middle of a call."""

from __future__ import annotations

import textwrap

from gauntlet.counting import PRELUDE


#: Each piece of garbage calls when it is collected, by whichever thread allocates then.
GARBAGE = """
    price = launched("price", sinks=every_sink())
    both = launched("both", {"good": lambda x=(): x, "bad": lambda x=(): 7}, sinks=every_sink())
    inline = launched("inline", runner=InlineRunner(), sinks=every_sink())
    functions = [price, both, inline]
    collected_by = collections.Counter()
    turns = itertools.cycle(functions)
    is_over = False

    class Garbage:
        def __init__(self):
            self.itself = self

        def __del__(self):
            if is_over:
                return
            collected_by[threading.current_thread().name] += 1
            value = [1, {"a": 2}]
            assert next(turns)(value) is value
            launch_of(both).stats()

    def dropping(result):
        def candidate(x=()):
            Garbage()
            return x if result is None else result
        return candidate

    def littering_sink(record):
        Garbage()

    dirty = launched(
        "dirty",
        {"good": dropping(None), "bad": dropping(7)},
        sinks=[littering_sink, MemorySink()],
        normalize=lambda value: (Garbage(), value)[1],
    )
    gc.set_threshold(1, 1, 1)
    began = time.monotonic()
    while time.monotonic() - began < 3:
        for function in (*functions, dirty):
            Garbage()
            value = {"lines": [1, 2]}
            assert function(value) is value
        launch_of(both).update(max_pending=next(made["bound"]) % 20 + 10)
        with configure(timeout=3):
            launch_of(price).stats()
    is_over = True
    gc.set_threshold(700, 10, 10)
    made.pop("bound")
    tell(collected_by=collected_by)
"""


def test_a_finalizer_may_call_it_on_any_thread_during_garbage_collection(run, measured):
    collected_by = run(GARBAGE)["collected_by"]
    threads = {name.rstrip("0123456789 -") for name in collected_by}
    assert {"MainThread", "darkcall-worker"} < threads
    assert any(name.startswith("darkcall-sink") for name in threads)
    measured(
        "calls by finalizers while garbage is collected", sum(collected_by.values()), at_least=1000
    )


CALLABLES = """
    others = [launched("other"), launched("another", sinks=every_sink())]
    depths = []
    depth = threading.local()

    def calling(result):
        def call(*args, **kwargs):
            depth.now = getattr(depth, "now", 0) + 1
            depths.append(depth.now)
            try:
                if depth.now < 5:
                    for function in (*everything.values(), *others):
                        value = [1]
                        assert function(value) is value
            finally:
                depth.now -= 1
            return result(*args, **kwargs)

        return call

    class CallsWhenCompared:
        __hash__ = None

        def __eq__(self, other):
            return calling(lambda: True)()

        def __reduce__(self):
            return calling(lambda: (CallsWhenCompared, ()))()

    class CallingHandler(logging.Handler):
        def emit(self, record):
            calling(lambda: None)()

    logging.getLogger("darkcall").addHandler(CallingHandler())
    mismatch = {"candidate": lambda x=(): 7}
    same = lambda value: value
    knobs = {
        "candidate": {"candidate": calling(same)},
        "two candidates": {"candidate": {"one": calling(same), "two": calling(lambda x: 7)}},
        "sink": {"sinks": [calling(lambda record: None), MemorySink()]},
        "log": {**mismatch, "sinks": [LogSink()]},
        "compare": {"compare": calling(equal)},
        "compare_exceptions": {"compare_exceptions": calling(lambda *errors: True)},
        "normalize": {"normalize": calling(same)},
        "ignore": {**mismatch, "ignore": calling(lambda control, candidate: True)},
        "redact": {**mismatch, "redact": [calling(lambda path, value: value)]},
        "sample": {"sample": calling(lambda call: True)},
        "failing sample": {"sample": calling(lambda call: 1 / 0)},
        "context": {"context": calling(lambda *args: {"tenant": 3}), "keep": "everything"},
        "isolate": {"isolate": calling(lambda args, kwargs: (args, kwargs))},
    }
    everything = {}
    for name, own in knobs.items():
        everything[name] = launched(name, **{"sinks": every_sink(), **own})
        everything[name + ", inline"] = launched(
            name + ", inline", **{"sinks": every_sink(), "runner": InlineRunner(), **own}
        )
    for _ in range(20):
        for function in everything.values():
            value = [CallsWhenCompared()]
            assert function(value) is value
    tell(deepest=max(depths))
"""


def test_what_darkcall_calls_may_call_it(run, measured):
    answer = run(CALLABLES)
    for name, counted in answer["launches"].items():
        off, nested, unsampled, shadowed = counted["ways"]
        assert (unsampled if name.startswith("failing") else shadowed) > 0 or "other" in name
        assert nested > 0
        assert off == 0
    measured("how deep calls by what darkcall calls go, calls", answer["deepest"], at_most=1)


HOOKS = """
    functions = [launched("price", sinks=every_sink()), launched("inline", runner=InlineRunner())]
    heard = collections.Counter()
    is_over = False
    depth = threading.local()

    def call(hook):
        heard[hook] += 1
        depth.now = getattr(depth, "now", 0) + 1
        try:
            # What darkcall does in answer may be heard as well, and so on, without end.
            if depth.now < 5 and not is_over:
                for function in functions:
                    value = [1]
                    assert function(value) is value
        finally:
            depth.now -= 1

    class Value:
        pass

    def fail():
        raise ValueError

    def failing_sampler(_call):
        raise ValueError

    threading.excepthook = lambda *_: call("threading.excepthook")
    sys.unraisablehook = lambda *_: call("sys.unraisablehook")
    functions.append(launched("unsampled", sample=failing_sampler))
    sys.addaudithook(lambda *_: call("audit"))
    for _ in range(20):
        value = Value()
        reference = weakref.ref(value, lambda _: call("weakref"))
        for function in functions:
            assert function(value) is value
        del value
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        flush(5)
        with configure(timeout=3):
            launched("new", sinks=every_sink())((1, 2))
            made.pop("new")
    fail_in_del = type("FailInDel", (), {"__del__": lambda self: fail()})
    fail_in_del()
    flush(20)
    is_over = True
    tell(heard=heard)
"""


def test_hooks_of_the_interpreter_may_call_it(run):
    heard = run(HOOKS)["heard"]
    assert set(heard) == {"weakref", "audit", "threading.excepthook", "sys.unraisablehook"}


PROPERTIES = """
    import dataclasses

    class Cart:
        def __init__(self):
            self.lines = [1, 2]

        @property
        def session(self):
            return self.total()

        def __getstate__(self):
            return {"lines": self.lines, "total": self.total()}

        def total(self):
            next(made["total"])
            return sum(self.lines)

    Cart.total = dark_launch(
        candidate=lambda self: sum(self.lines), name="total", share=("self.session",), sinks=[]
    )(Cart.total)

    @dataclasses.dataclass(frozen=True)
    class Order:
        lines: tuple = (1, 2)

        def __getattribute__(self, name):
            if name in {"lines", "__dict__"}:
                weight(self)
            return super().__getattribute__(name)

    weight = launched("weight")
    for _ in range(50):
        assert Cart().total() == 3
        order = Order()
        assert weight(order) is order
    tell()
"""


def test_what_darkcall_reads_of_an_argument_may_call_it(run, measured):
    launches = run(PROPERTIES)["launches"]
    assert launches["total"]["outcomes"]["match"] == 50
    assert launches["weight"]["outcomes"]["match"] >= 50
    # Each of 50 calls has a session and a state; each asks for the total again.
    measured("calls that a call makes of itself", launches["total"]["made"] / 50 - 1, at_most=5)


NEAR_THE_END_OF_THE_STACK = """
    runners = {"threads": None, "inline": InlineRunner()}
    candidates = {"good": lambda x=(): x, "bad": lambda x=(): 7}
    functions = [
        launched(name, candidates, runner=runner, max_pending=3)
        for name, runner in runners.items()
    ]

    def call_at_depth(depth, function, value):
        return call_at_depth(depth - 1, function, value) if depth else function(value)

    returned = collections.Counter()
    tried = 0
    for _ in range(5):
        for frames_left in range(80):
            for function in functions:
                value = [1, {"a": 2}]
                tried += 1
                try:
                    depth = sys.getrecursionlimit() - frames_left
                    assert call_at_depth(depth, function, value) is value
                except RecursionError:
                    continue
                returned[launch_of(function).name] += 1
    flush(20)
    full = {}
    for function in functions:
        before = launch_of(function).stats().reasons.get("full", 0)
        for _ in range(10):
            function(3)
            flush(20)
        after = launch_of(function).stats().reasons.get("full", 0)
        full[launch_of(function).name] = after - before
    told = {launch.name: counted(launch) for launch in launches()}
    print(json.dumps({"returned": returned, "full": full, "told": told, "tried": tried}))
"""


def test_a_stack_that_ends_in_any_line_loses_no_call(run_script, tmp_path, measured):
    answer = run_script(PRELUDE + textwrap.dedent(NEAR_THE_END_OF_THE_STACK), tmp_path).answer
    lost = 0
    for name, counted in answer["told"].items():
        # What the stack ended before the wrapper began is no call.
        assert answer["returned"][name] + 10 <= counted["calls"] <= answer["tried"] + 10
        assert answer["full"][name] == 0
        lost += sum(pending for _, pending in counted["candidates"])
    measured("calls lost where the stack ends in a line of darkcall's", lost, at_most=0)
