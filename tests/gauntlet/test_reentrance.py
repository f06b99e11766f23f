"""What a signal handler does in the middle of a call, or of anything else that darkcall does."""

from __future__ import annotations


SIGNALS = """
    price = launched("price", sinks=every_sink())
    both = launched("both", {"good": lambda x=(): x, "bad": lambda x=(): 7}, sinks=every_sink())
    inline = launched("inline", runner=InlineRunner())
    functions = [price, both, inline]
    # Signals that come while other threads compute are one signal in the end.
    sys.setswitchinterval(0.0001)
    handled = itertools.count()
    turns = itertools.cycle(functions)

    def handler(*_):
        next(handled)
        value = [1, {"a": 2}]
        assert next(turns)(value) is value

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    began = time.monotonic()
    while time.monotonic() - began < 4:
        for function in functions:
            value = {"lines": [1, 2]}
            assert function(value) is value
    signal.setitimer(signal.ITIMER_REAL, 0)
    tell(handled=next(handled), seconds=time.monotonic() - began)
"""


def test_a_signal_handler_may_call_it_at_two_kilohertz_for_four_seconds(run, measured):
    answer = run(SIGNALS)
    measured(
        "calls by a signal handler in the midst of calls, a second",
        answer["handled"] / answer["seconds"],
        at_least=200,
    )
    measured(
        "calls by a signal handler that are not accounted for",
        sum(one["made"] - one["calls"] for one in answer["launches"].values()),
        at_most=0,
    )


#: Stands for a signal handler that strikes at each place where one can strike, in turn: the
#: interpreter calls the tracer before each line and around each call of a function.
AT_EACH_LINE = """
    may_end = threading.Event()
    may_end.set()

    def good(x=()):
        may_end.wait(20)
        return x

    price = launched("price", {"good": good, "bad": lambda x=(): 7}, sinks=every_sink())
    inline = launched("inline", runner=InlineRunner())
    numbers = itertools.count()
    keeps = []

    def call():
        value = [1, {"a": 2}]
        assert price(value) is value

    def call_inline():
        value = [1, {"a": 2}]
        assert inline(value) is value

    def look():
        assert all(repr(launch.stats()) for launch in launches())

    def update():
        bound = 5 + next(numbers) % 20
        launch_of(price).update(max_pending=bound, max_stuck=bound, cpu_budget=5.0)
        launch_of(inline).update(max_pending=bound, max_stuck=bound, cpu_budget=5.0)

    def pause():
        launch_of(price).pause()
        launch_of(price).resume()

    def switch():
        with set_enabled(False):
            price()

    def change_defaults():
        with configure(timeout=3, sinks=[MemorySink()]):
            price()

    def decorate():
        keeps.append(launched(f"new {next(numbers)}", sinks=[MemorySink()]))
        keeps[-1]()
        del keeps[:-5]

    def wait():
        flush(0.001)

    operations = [call, call_inline, look, update, pause, switch, change_defaults, decorate, wait]
    places = {inner: set() for inner in operations}

    def strike_at_each_line_of(outer, inner):
        met = places[inner]

        def strike(frame, event, argument):
            # What darkcall uses of the standard library may be struck, too.
            if frame.f_code.co_filename == __file__:
                return None
            place = (frame.f_code.co_filename, frame.f_lineno, event)
            if event != "return" and place not in met:
                met.add(place)
                inner()
            return strike

        def strike_around_calls(frame, event, argument):
            place = (frame.f_code.co_filename, frame.f_lineno, event)
            if frame.f_code.co_filename != __file__ and place not in met:
                met.add(place)
                inner()

        for install, interrupt in (
            (sys.settrace, strike), (sys.setprofile, strike_around_calls)
        ):
            install(interrupt)
            try:
                outer()
            finally:
                install(None)

    for outer in operations:
        for inner in operations:
            strike_at_each_line_of(outer, inner)

    # No place was lost or won meanwhile: there is room for two of three.
    flush(20)
    launch_of(price).update(max_pending=2)
    before = launch_of(price).stats().candidates["good"].reasons.get("full", 0)
    may_end.clear()
    for _ in range(3):
        price()
    full = launch_of(price).stats().candidates["good"].reasons.get("full", 0) - before
    may_end.set()
    tell(places=len(set().union(*places.values())), full=full)
"""


def test_whatever_strikes_between_any_two_lines_may_call_it(run, measured):
    answer = run(AT_EACH_LINE)
    assert answer["full"] == 1
    measured("places in darkcall where it is called again", answer["places"], at_least=300)


#: Each place is struck by itself: what the handler switched off stays off.
SWITCHES = """
    price = launched("price", sinks=[MemorySink()])
    launch = launch_of(price)
    numbers = itertools.count()

    def update():
        launch.update(timeout=3 + next(numbers) % 5)

    def resume():
        launch.resume()

    def change_defaults():
        with configure(timeout=3 + next(numbers) % 5, keep="nothing"):
            pass

    def is_off():
        before = launch.stats().off
        price()
        return launch.stats().off == before + 1

    switches = {
        "pause": (launch.pause, launch.resume),
        "set_enabled": (lambda: set_enabled(False), lambda: set_enabled(True)),
    }
    struck, failed = 0, []
    for name, (switch_off, switch_on) in switches.items():
        for outer in (update, change_defaults, resume):
            if (name, outer) == ("pause", resume):
                continue
            seen, place = 0, -1
            while place < seen:
                place, seen = place + 1, 0

                def strike(frame, event, argument):
                    global seen
                    if frame.f_code.co_filename == __file__:
                        return None
                    if seen == place:
                        switch_off()
                    seen += 1
                    return strike

                sys.settrace(strike)
                try:
                    outer()
                finally:
                    sys.settrace(None)
                if place < seen:
                    struck += 1
                    if not is_off():
                        failed.append([name, outer.__name__, place])
                switch_on()
    tell(struck=struck, failed=failed[:20])
"""


def test_what_a_signal_handler_switches_off_stays_off(run, measured):
    answer = run(SWITCHES)
    assert answer["failed"] == []
    measured("places where a handler's switch interrupts another", answer["struck"], at_least=300)
