"""A code version: the same for the same code, another for an edited one."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
import wrapt
from hypothesis import given
from hypothesis import strategies as st

from darkcall import _code, _guard
from darkcall._code import CodeVersion, digest_of


LATER = 4e9
SOURCE = """
def helper(x):
    return x + 1

def function(x, y=1):
    return [one for one in (x, "a", 1.5, b"b", None, ...) if one in {1, 2}]
"""
numbers = itertools.count()


@pytest.fixture
def load(tmp_path):
    """Import a module of some source from a place of its own."""

    def load(source=SOURCE, *, newline="\n"):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        path = folder / "module.py"
        path.write_text(source, "utf-8", newline=newline)
        spec = importlib.util.spec_from_file_location("module", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def made(source, name="function"):
    """Make a function that stands in no file."""
    namespace = {}
    exec(source, namespace)
    return namespace[name]


def code_of(function):
    return digest_of(function, LATER)


# What has the same, and what has another.


def test_the_same_module_in_two_places_has_the_same_code(load):
    assert code_of(load().function) == code_of(load().function)
    assert len(code_of(load().function)) == 12


def test_line_endings_make_no_difference(load):
    assert code_of(load().function) == code_of(load(newline="\r\n").function)


def test_lines_and_file_names_make_no_difference_to_the_bytecode():
    assert code_of(made(SOURCE)) == code_of(made("\n\n# a comment\n" + SOURCE))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1.5", "1.6"),
        ("1.5", "'1.5'"),
        ("{1, 2}", "{1, 3}"),
        ("None", "True"),
        ("(x, y=1)", "(y, x=1)"),
        ("(x, y=1)", "(x, *, y=1)"),
        ("(x, y=1)", "(x, /, y=1)"),
        ("one in {", "one not in {"),
        ('b"b"', '"b"'),
    ],
)
def test_an_edit_of_the_function_makes_another_code(before, after):
    assert before in SOURCE
    assert code_of(made(SOURCE)) != code_of(made(SOURCE.replace(before, after)))


def test_an_edit_of_a_function_within_the_function_makes_another_code():
    source = "def function(x):\n    def inner(y):\n        return y + 1\n    return inner(x)\n"
    assert code_of(made(source)) != code_of(made(source.replace("+ 1", "+ 2")))


def test_an_edit_of_a_helper_in_the_same_file_makes_another_code(load):
    assert code_of(load().function) != code_of(load(SOURCE.replace("x + 1", "x + 2")).function)


def test_a_set_of_texts_is_the_same_in_every_process(run_digest):
    assert len({run_digest(seed) for seed in "123"}) == 1


@pytest.fixture
def run_digest():
    script = """
from darkcall._code import digest_of
namespace = {}
exec("def function(x): return x in {'a', 'b', 'c', 'd'}", namespace)
print(digest_of(namespace["function"], 4e9))
"""

    def run(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )
        return done.stdout

    return run


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda parts: st.lists(parts).map(tuple) | st.frozensets(parts),
        max_leaves=10,
    )
)
def test_equal_constants_of_one_type_have_one_digest(constant):
    rebuilt = eval(repr(constant), {"nan": float("nan"), "inf": float("inf")})
    assert _code._of_constant(constant) == _code._of_constant(rebuilt)
    assert _code._of_constant((constant,)) != _code._of_constant(constant)


# A file that is not what runs.


def test_a_file_that_changed_after_it_was_loaded_is_not_taken_for_the_code(load):
    module = load()
    changed_at = Path(module.__file__).stat().st_mtime
    as_loaded = digest_of(module.function, changed_at + 100)
    changed = digest_of(module.function, changed_at - 100)
    assert changed not in {as_loaded, None}
    # Whatever stands there.
    other = load(SOURCE.replace("x + 1", "x + 2"))
    assert digest_of(other.function, changed_at - 100) == changed


@pytest.mark.parametrize(
    "path", [None, 3, "", "gone.py", "compiled.pyc", "\0.py", __file__ + "/x.py"]
)
def test_where_there_is_no_source_the_bytecode_counts_alone(path):
    function = made(SOURCE)
    function.__globals__["__file__"] = path
    assert code_of(function) == code_of(made(SOURCE))


def test_what_is_no_file_or_too_large_is_not_read(tmp_path, monkeypatch):
    function = made(SOURCE)
    folder = tmp_path / "folder.py"
    folder.mkdir()
    function.__globals__["__file__"] = str(folder)
    assert code_of(function) == code_of(made(SOURCE))
    monkeypatch.setattr(_code, "_MAX_FILE_BYTES", 1)
    function.__globals__["__file__"] = __file__
    assert code_of(function) == code_of(made(SOURCE))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such pipes")
def test_a_pipe_that_takes_the_place_of_the_file_meanwhile_holds_nobody(tmp_path, monkeypatch):
    function = made(SOURCE)
    path = tmp_path / "pipe.py"
    os.mkfifo(path)
    function.__globals__["__file__"] = str(path)
    monkeypatch.setattr(_code.stat, "S_ISREG", lambda _mode: True)
    assert code_of(function) is not None


# Whatever can be called.


def plain(x):
    return x


def deco(function):
    @functools.wraps(function)
    def wrapper(x):
        return function(x)

    return wrapper


def hiding(function):
    return lambda x: [function(x)]


class Shape:
    def __init__(self, x=0):
        pass

    def __call__(self, x):
        return x

    def method(self, x):
        return x

    @classmethod
    def of_class(cls, x):
        return x

    @staticmethod
    def static(x):
        return x


SAME = {
    "a bound method": (Shape().method, Shape.method),
    "a classmethod": (Shape.of_class, Shape.__dict__["of_class"].__func__),
    "a classmethod's object": (Shape.__dict__["of_class"], Shape.of_class.__func__),
    "a staticmethod's object": (Shape.__dict__["static"], Shape.static),
    "a partial": (functools.partial(plain, 1), plain),
    "a partial of a partial": (functools.partial(functools.partial(plain), x=2), plain),
    "an object": (Shape(), Shape.__call__),
    "a class": (Shape, Shape.__init__),
    "an lru_cache": (functools.lru_cache(plain), plain),
    "wrapt": (wrapt.ObjectProxy(plain), plain),
}


@pytest.mark.parametrize("shape", SAME)
def test_the_function_inside_counts(shape):
    outer, inner = SAME[shape]
    assert code_of(outer) == code_of(inner) is not None


@pytest.mark.parametrize("decorator", [deco, hiding])
def test_of_a_decorated_function_both_count(decorator):
    changed = made("def function(x):\n    return x + 1\n")
    codes = {code_of(plain), code_of(decorator(plain)), code_of(decorator(changed)), code_of(deco)}
    assert len(codes) == 4
    assert None not in codes


@pytest.mark.parametrize(
    "function", [len, dict.get, [].append, int, functools.partial(len), 3, None, object()]
)
def test_what_is_not_written_in_python_has_no_code(function):
    assert code_of(function) is None


def test_a_variable_that_is_not_filled_yet_is_passed_over():
    def outer():
        def inner():
            return later

        code = code_of(inner)
        later = plain
        return code, code_of(inner)

    before, after = outer()
    assert before != after


def test_functions_that_wrap_each_other_end():
    def first(x):
        return x

    def second(x):
        return x + 1

    first.__wrapped__, second.__wrapped__ = second, first
    assert code_of(first) != code_of(plain)


def test_no_more_than_so_many_functions_are_followed(monkeypatch):
    monkeypatch.setattr(_code, "_MAX_FUNCTIONS", 2)
    assert code_of(deco(deco(plain))) is not None


class Hostile:
    """Runs into an error wherever its own code is asked."""

    def __getattribute__(self, name):
        raise SystemExit

    def __eq__(self, other):
        raise SystemExit

    __hash__ = None

    @property
    def __wrapped__(self):
        raise SystemExit

    def __call__(self, x):
        return x


def test_no_code_of_a_hostile_object_runs():
    assert code_of(Hostile()) is not None


# Once, and whatever happens.


def test_it_is_found_out_once(load):
    module = load()
    version = CodeVersion(module.function, LATER)
    first = version.digest
    Path(module.__file__).unlink()
    assert version.digest == first


def test_what_fails_leaves_no_code_and_is_a_fault(monkeypatch):
    monkeypatch.setattr(_code, "digest_of", lambda *_: 1 / 0)
    before = _guard.faults.value
    version = CodeVersion(plain, LATER)
    assert version.digest is version.digest is None
    assert _guard.faults.value == before + 1
    _guard.reset()


def test_a_function_can_be_made_from_code_alone():
    assert code_of(types.FunctionType(plain.__code__, {})) is not None
