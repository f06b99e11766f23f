"""What a log or a terminal shows of darkcall: nothing in a value or a name forges a line of it."""

from __future__ import annotations

import pytest

from darkcall import dark_launch
from darkcall._errors import ConfigurationError


EVIL = "\x1b[31m\u202e\n\r\u2028\x00\udc80\u2066\x9b"

SCRIPT = """
    import errno, json, logging, sys, threading, time, types
    import darkcall
    from darkcall import dark_launch, flush, launch_of, _guard, _model
    from darkcall.runners import ThreadRunner
    from darkcall.sinks import JsonlSink, LogSink, MemorySink, SqliteSink

    EVIL = "\\x1b[31m\\u202e\\n\\r\\u2028\\x00\\udc80\\u2066\\x9b"
    said = []
    for name in ("darkcall", "shop" + EVIL):
        logging.getLogger(name).addFilter(lambda line: said.append(line.getMessage()) or True)

    NAMES = {"__module__": "shop" + EVIL, "__qualname__": "Evil" + EVIL}
    Evil = type("Evil", (Exception,), {**NAMES})
    Unkeepable = type("Evil", (), {**NAMES, "__reduce_ex__": lambda *_: fail()})

    def named(function):
        function.__name__ = function.__qualname__ = function.__module__ = "shop" + EVIL
        return function

    @named
    def fail(*_args, **_kwargs):
        raise Evil(EVIL)

    @named
    def fail_on_disk(*_args):
        raise OSError(errno.ENOSPC, EVIL, EVIL)

    @named
    def hang(x=None):
        time.sleep(0.2)

    class Runner:
        is_inline = False
        def submit(self, work):
            fail()
        def flush(self, timeout):
            return True
        close = flush
        def after_fork(self):
            pass

    Runner.__qualname__ = "Runner" + EVIL
    memory = MemorySink()
    values = {EVIL: [EVIL], "error": EVIL}
    knobs = {
        "candidate": {"candidate": fail},
        "mismatch": {"candidate": lambda x=None: {EVIL: 3, "more": [Evil(EVIL)]}},
        "type": {"candidate": lambda x=None: Evil(EVIL)},
        "sample": {"sample": fail},
        "context": {"context": fail},
        "isolate": {"isolate": fail},
        "ignore": {"candidate": fail, "ignore": fail},
        "normalize": {"normalize": fail},
        "compare": {"compare": fail},
        "compared": {"compare": lambda x, y: [_model.Difference(EVIL, EVIL)]},
        "redact": {"candidate": fail, "redact": [fail]},
        "runner": {"runner": Runner()},
        "sink": {"sinks": [memory, fail]},
        "disk": {"sinks": [memory, fail_on_disk]},
        "import": {"candidate": "broken_module:function"},
        "timeout": {"candidate": hang, "timeout": 0.01, "max_stuck": 1},
    }
    broken = types.ModuleType("broken_module")
    broken.__getattr__ = lambda name: (_ for _ in ()).throw(AttributeError(EVIL))
    sys.modules["broken_module"] = broken
    folder = "shop" + EVIL.replace("\\x00", "").replace("\\udc80", "")
    sinks = [memory, LogSink(), LogSink(logging.getLogger("shop" + EVIL)),
             JsonlSink(sys.argv[1] + "/" + folder)]
    functions = []
    for name, own in knobs.items():
        candidate = own.pop("candidate", lambda x=None: x)
        functions.append(dark_launch(
            candidate={"v2" + EVIL: candidate}, name=name + EVIL,
            **{"sinks": sinks, "keep": "everything", "cpu_budget": None, **own},
        )(named(lambda x=None: values)))
        for _ in range(25 if name == "candidate" else 3):
            functions[-1](values)
        functions[-1](Unkeepable())
    flush(20)
    functions.append(dark_launch(candidate=lambda: 3)(named(lambda: 4)))
    functions[-1]()
    flush(20)
    for function in functions:
        launch = launch_of(function)
        print(repr(launch))
        print(repr(launch.stats()))
        print(repr(launch.candidates))
        print(repr(launch.candidates[0]))
    for sink in sinks:
        print(repr(sink))
    for record in memory.records:
        print(repr(record))
    print(json.dumps({"said": said, "faults": _guard.faults.value}))
"""


def test_no_log_line_and_no_repr_carries_what_could_forge_a_line(run_script, tmp_path, measured):
    ran = run_script(SCRIPT, tmp_path, PYTHONIOENCODING="utf-8:backslashreplace")
    answer = ran.answer
    shown = [*ran.stderr.splitlines(), *ran.stdout.splitlines(), *answer["said"]]
    forged = [line for line in shown if not line.isprintable()]
    # Each of them is one line of standard error.
    assert len(ran.stderr.splitlines()) == len(answer["said"])
    assert len(answer["said"]) >= 30
    assert all(len(line) < 5000 for line in answer["said"])
    measured("lines with control characters, bidi marks or line ends", len(forged), at_most=0)
    measured("log lines made of hostile names and texts", len(answer["said"]), at_least=30)


@pytest.mark.parametrize(
    "knobs",
    [
        {"candidate": EVIL},
        {"sample": EVIL},
        {"timeout": EVIL},
        {"isolate": EVIL},
        {"share": (EVIL,)},
        {"keep": EVIL},
        {"redact": (f"$.{EVIL}",)},
        {"when_full": EVIL},
        {"sinks": [EVIL]},
        {"runner": EVIL},
        {"cpu_budget": EVIL},
        {EVIL: 1},
        {"name": 3, "context": EVIL},
    ],
)
def test_an_error_shows_what_it_refuses_with_escapes(knobs):
    with pytest.raises((ConfigurationError, TypeError)) as caught:
        dark_launch(**{"candidate": lambda x: x, **knobs})(lambda x: x)
    assert str(caught.value).isprintable()
