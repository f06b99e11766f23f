"""An exception is kept as it was, whatever its class asks for, and without its frames."""

from __future__ import annotations

import builtins
import gc
import json
import math
import pickle
import threading
import time
import weakref

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from darkcall import dark_launch, flush, launch_of
from darkcall._snapshot import Limits, Writer, copied, keep
from darkcall._snapshot._raised import MAX_LINKS, exception_from, state_of
from darkcall.runners import InlineRunner, ThreadRunner
from darkcall.sinks import MemorySink


LIMITS = Limits(nbytes=1 << 20, seconds=math.inf)


class RequiredArgumentsError(Exception):
    def __init__(self, code, *, detail):
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class NothingPassedOnError(Exception):
    def __init__(self, code):
        self.code = code

    def __str__(self):
        return f"code {self.code}"


class OwnNewError(Exception):
    def __new__(cls, code, detail):
        made = super().__new__(cls)
        made.code = code
        return made

    def __init__(self, code, detail):
        super().__init__(detail)


class SlottedError(Exception):
    __slots__ = ("__hidden", "code", "empty")

    def __init__(self, code):
        super().__init__()
        self.code = code
        self.__hidden = code + 1

    def __str__(self):
        return f"{self.code} {self.__hidden}"


class TwoLayoutsError(LookupError, OSError):
    pass


class TwoNamesError(KeyError, AttributeError):
    pass


class OwnGroup(ExceptionGroup):
    def __new__(cls, code, members):
        return super().__new__(cls, f"code {code}", members)

    def __init__(self, code, members):
        self.code = code


class OwnOSError(OSError):
    def __init__(self, path):
        super().__init__(2, "is not here", path)


def noted(error):
    error.add_note("look at the cart")
    return error


def caught(function):
    try:
        function()
    except Exception as error:  # noqa: BLE001 -- any
        return error
    raise AssertionError


EXCEPTIONS = {
    "plain": lambda: ValueError("no"),
    "no arguments": ValueError,
    "several arguments": lambda: ValueError("no", 3, ["x"]),
    "note": lambda: noted(ValueError("no")),
    "required arguments": lambda: RequiredArgumentsError(7, detail="x"),
    "nothing passed on": lambda: NothingPassedOnError(7),
    "a __new__ of its own": lambda: OwnNewError(7, "x"),
    "slots": lambda: SlottedError(7),
    "two layouts": lambda: TwoLayoutsError(2, "no", "path"),
    "two names": lambda: TwoNamesError("k"),
    "KeyError": lambda: KeyError("k"),
    "IndexError": lambda: caught(lambda: ""[3]),
    "OSError": lambda: OSError(2, "no", "here", None, "there"),
    "an OSError of one's own": lambda: OwnOSError("here"),
    "FileNotFoundError": lambda: caught(lambda: open("/no/such/file")),  # noqa: SIM115, PTH123
    "BlockingIOError": lambda: BlockingIOError(1, "no", 5),
    "UnicodeDecodeError": lambda: caught(b"\xff".decode),
    "UnicodeEncodeError": lambda: caught("\ud800".encode),
    "UnicodeTranslateError": lambda: UnicodeTranslateError("abc", 0, 1, "no"),
    "SyntaxError": lambda: caught(lambda: compile("a b", "file", "exec")),
    "StopIteration": lambda: StopIteration(3),
    "StopAsyncIteration": lambda: StopAsyncIteration(3),
    "SystemExit": lambda: SystemExit(3),
    "ImportError": lambda: ImportError("no", name="n", path="p"),
    "NameError": lambda: caught(lambda: no_such_name),  # noqa: F821
    "AttributeError": lambda: caught(lambda: (3).no_such_attribute),
    "JSONDecodeError": lambda: caught(lambda: json.loads("{")),
    "ZeroDivisionError": lambda: caught(lambda: 1 / 0),
    "a group": lambda: ExceptionGroup("g", [ValueError(1), ExceptionGroup("h", [KeyError(2)])]),
    "a base group": lambda: BaseExceptionGroup("g", [KeyboardInterrupt()]),
    "a group of one's own": lambda: OwnGroup(7, [ValueError(1)]),
}


def kept_and_opened(error):
    return exception_from(copied(state_of(error), Writer(LIMITS)).open())


def links(error):
    """The exception with all that hangs on it."""
    found, waiting = [], [error]
    while waiting:
        error = waiting.pop()
        if error is not None and len(found) < 1000:
            found.append(error)
            waiting += [error.__cause__, error.__context__, *getattr(error, "exceptions", ())]
    return found


@pytest.mark.parametrize("make", EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_an_exception_is_the_same_after_it_was_kept(make):
    error = make()

    opened = kept_and_opened(error)

    assert opened is not error
    assert type(opened) is type(error)
    assert str(opened) == str(error)
    assert repr(opened.args) == repr(error.args)
    expected, actual = vars(error).copy(), vars(opened).copy()
    assert actual == expected
    assert all(one.__traceback__ is None for one in links(opened))


@pytest.mark.parametrize("make", EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_an_exception_inside_a_value_is_the_same_after_it_was_kept(make):
    error = make()

    [opened] = keep([error], Writer(LIMITS)).open()

    assert opened is not error
    assert type(opened) is type(error)
    assert str(opened) == str(error)


@pytest.mark.parametrize("make", EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_a_candidate_that_raises_the_same_matches(make):
    sink = MemorySink()

    def candidate():
        return control.__wrapped__()

    @dark_launch(candidate=candidate, runner=ThreadRunner(), sinks=[sink])
    def control():
        raise make()

    with pytest.raises(type(make())):
        control()

    assert flush()
    if isinstance(make(), Exception):
        assert [record.outcome for record in sink.records] == ["match"]
    else:
        assert launch_of(control).stats().reasons == {"interrupted": 1}


BUILTINS = sorted(
    {
        one
        for one in vars(builtins).values()
        if isinstance(one, type)
        and issubclass(one, BaseException)
        and not issubclass(one, BaseExceptionGroup | UnicodeError)
    },
    key=lambda one: one.__name__,
)
scalars = st.none() | st.integers() | st.text(max_size=5) | st.binary(max_size=5)


@settings(max_examples=200)
@given(
    cls=st.sampled_from(BUILTINS),
    args=st.lists(scalars, max_size=4),
    attributes=st.dictionaries(st.sampled_from("xyz"), scalars, max_size=2),
    notes=st.lists(st.text(max_size=5), max_size=2),
)
def test_every_builtin_exception_is_the_same_after_it_was_kept(cls, args, attributes, notes):
    try:
        error = cls(*args)
    except (TypeError, ValueError):
        assume(False)  # noqa: FBT003
    # Whether an OSError was given None, or nothing, cannot be seen but in its text.
    assume(not (issubclass(cls, OSError) and None in args))
    vars(error).update(attributes)
    for note in notes:
        error.add_note(note)
    error.args = (*error.args, "one more")

    opened = kept_and_opened(error)

    assert type(opened) is type(error)
    assert repr(opened) == repr(error)
    assert str(opened) == str(error)
    assert opened.args == error.args
    assert vars(opened) == vars(error)


def test_causes_and_contexts_are_kept_without_their_tracebacks():
    def fails():
        try:
            try:
                raise KeyError("first")
            except KeyError:
                raise ValueError("second")  # noqa: B904 -- the context is the point
        except ValueError as error:
            raise RequiredArgumentsError(3, detail="third") from error

    error = caught(fails)
    opened = kept_and_opened(error)

    assert isinstance(opened.__cause__, ValueError)
    assert isinstance(opened.__cause__.__context__, KeyError)
    assert opened.__suppress_context__
    assert opened.__context__ is None
    assert all(one.__traceback__ is None for one in links(opened))


def test_a_context_that_is_not_shown_is_not_kept():
    def fails():
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError("second") from None

    opened = kept_and_opened(caught(fails))

    assert opened.__suppress_context__
    assert opened.__context__ is None


def test_a_chain_that_bites_its_tail_is_cut():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first

    opened = kept_and_opened(first)

    assert [str(one) for one in links(opened)] == ["first", "second"]


def test_groups_nested_too_deeply_are_cut():
    error = ValueError("x")
    for depth in range(MAX_LINKS + 5):
        error = ExceptionGroup(f"group {depth}", [error])

    opened = kept_and_opened(error)

    assert str(opened) == str(error)
    assert len(links(opened)) == MAX_LINKS + 1


def test_a_large_group_keeps_every_member():
    error = ExceptionGroup("g", [ValueError(i) for i in range(150)])

    assert str(kept_and_opened(error)) == str(error) == "g (150 sub-exceptions)"


def test_an_exception_that_holds_itself_is_kept():
    error = ValueError("x")
    error.itself = error

    opened = kept_and_opened(error)

    assert opened.itself.itself is opened.itself
    [in_a_value] = keep([error], Writer(LIMITS)).open()
    assert in_a_value.itself is in_a_value


def test_what_lacked_an_attribute_is_not_kept_with_the_error():
    class Session:
        pass

    session = Session()
    error = caught(lambda: session.price)

    assert error.obj is session
    assert kept_and_opened(error).obj is None


def test_exceptions_among_arguments_of_an_exception_are_kept():
    inner = RequiredArgumentsError(3, detail="x")
    with pytest.raises(TypeError):
        pickle.loads(pickle.dumps(inner))

    opened = kept_and_opened(ValueError(inner))

    assert str(opened.args[0]) == "3: x"


def test_what_the_control_raised_is_compared_as_it_was_then():
    sink = MemorySink()
    lines = ["a"]

    def candidate():
        raise ValueError(["a"])

    @dark_launch(candidate=candidate, runner=ThreadRunner(), sinks=[sink])
    def control():
        raise ValueError(lines)

    with pytest.raises(ValueError, match="a") as info:
        control()
    lines.append("b")

    assert flush()
    assert info.value.args == (["a", "b"],)
    assert [record.outcome for record in sink.records] == ["match"]


def test_what_the_control_raised_and_cannot_be_kept_is_skipped():
    def candidate():
        raise ValueError(3)

    @dark_launch(candidate=candidate, runner=InlineRunner(), sinks=[])
    def control():
        raise ValueError(threading.Lock())

    with pytest.raises(ValueError, match="lock"):
        control()

    [reason] = launch_of(control).stats().reasons
    assert reason.startswith("what the control raised (ValueError) cannot be kept: ")


class Thing(list):
    """Can be weakly referenced."""


class FailureError(Exception):
    pass


def gone(references, seconds=0.5):
    until = time.monotonic() + seconds
    while any(reference() is not None for reference in references):
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


@pytest.mark.parametrize("isolate", ["copy", "share"])
@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
@pytest.mark.parametrize("candidate_fails", [False, True], ids=["candidate returns", "... raises"])
def test_nothing_of_a_call_is_alive_after_it_was_compared(isolate, fails, candidate_fails):
    made = []

    def noting(value):
        made.append(weakref.ref(value))
        return value

    def run(thing, is_failing):
        local = noting(Thing([1]))
        made.append(weakref.ref(thing))
        if is_failing:
            raise noting(FailureError(noting(Thing([2])), local))
        return noting(Thing([*thing, 3]))

    @dark_launch(
        candidate=lambda thing: run(thing, candidate_fails),
        isolate=isolate,
        runner=ThreadRunner(),
        sinks=[MemorySink()],
        keep="everything",
        context=lambda thing: {"thing": noting(Thing([5]))},
    )
    def control(thing):
        return run(thing, fails)

    def call():
        try:
            control(noting(Thing([4])))
        except FailureError:
            return

    gc.collect()
    gc.disable()
    try:
        call()
        assert flush()
        assert gone(made)
    finally:
        gc.enable()
    # Arguments, locals, what either side made of them, and the context.
    assert len(made) >= 7


def test_what_two_exceptions_have_in_common_is_opened_once():
    error = ValueError("in common")
    for _ in range(50):
        outer = KeyError()
        outer.__cause__ = outer.__context__ = error
        outer.__suppress_context__ = False
        error = ExceptionGroup("both", [outer, outer])
    opened = kept_and_opened(error)
    first, second = opened.exceptions
    assert first is second
    assert first.__cause__ is first.__context__
