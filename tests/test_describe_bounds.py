"""Whatever a value is and does, its description is bounded and nothing is raised."""

from __future__ import annotations

import array
import collections
import gc
import json
import sys
import threading
import time
import types
import uuid
import weakref

import pytest

from darkcall import _describe as module
from darkcall import _guard
from darkcall._describe import Budget, describe, describe_mapping, is_exact, type_name
from darkcall._describe._forms import _forms, forms_in_use
from darkcall._redact import Redactor


REDACTOR = Redactor()
HERE = __name__


def shown(value, **bounds):
    described = describe(value, REDACTOR, budget=Budget(**bounds))
    assert json.loads(json.dumps(described, allow_nan=False).encode("utf-8")) == described
    return described


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Items(list):
    pass


def test_a_deep_value_is_cut():
    value = []
    for _ in range(10_000):
        value = [value]
    described = shown(value)
    assert not is_exact(described)
    assert json.dumps(described).count("[") == Budget().depth + 1


def test_a_giant_list_is_not_walked():
    class Counting(list):
        walked = 0

        def __iter__(self):
            for item in list.__iter__(self):
                self.walked += 1
                yield item

        def __len__(self):
            raise AssertionError

    value = Counting(range(1_000_000))
    began = time.process_time()
    described = describe(value, REDACTOR)
    assert time.process_time() - began < 0.1
    assert value.walked == 0
    assert described["length"] == 1_000_000
    assert described["truncated"]
    assert described["items"] == list(range(200))


@pytest.mark.parametrize(
    "make",
    [
        lambda: [0] * 1_000_000,
        lambda: (0,) * 1_000_000,
        lambda: set(range(1_000_000)),
        lambda: dict.fromkeys(range(1_000_000)),
        lambda: dict.fromkeys(range(1_000_000)).keys(),
        lambda: types.MappingProxyType(dict.fromkeys(range(1_000_000))),
        lambda: collections.deque(range(1_000_000)),
        lambda: array.array("b", bytes(1_000_000)),
        lambda: "x" * 100_000_000,
        lambda: "\n" * 100_000_000,
        lambda: bytes(100_000_000),
        lambda: memoryview(bytes(100_000_000)),
        lambda: 10**300_000,
        lambda: Whole(10**300_000),
        lambda: [["x" * 100] * 100] * 100,
        lambda: [{"a" * 150: 1} for _ in range(1000)],
        lambda: types.SimpleNamespace(**{f"a{i}": i for i in range(100_000)}),
        lambda: [ValueError(list(range(1_000_000)))] * 20,
        lambda: ["\u202e" * 4000] * 100,
        lambda: ["日" * 4000] * 100,
    ],
    ids=range(20),
)
def test_what_is_written_is_bounded_and_so_is_the_time(make):
    value = make()
    began = time.process_time()
    described = describe(value, REDACTOR)
    assert time.process_time() - began < 0.3
    assert not is_exact(described)
    assert len(json.dumps(described, ensure_ascii=False).encode()) < 100_000


def test_a_giant_int_says_how_many_bits_it_has():
    assert shown(1 << 100_000) == {"$": "int", "truncated": True, "bits": 100_001}


def test_a_long_text_is_cut_and_says_how_long_it_was():
    assert shown("x" * 10, characters=4) == {
        "$": "str",
        "value": "xxxx",
        "truncated": True,
        "length": 10,
    }


def test_a_long_byte_string_is_cut_and_says_how_long_it_was():
    assert shown(bytes(9), characters=3) == {
        "$": "bytes",
        "base64": "AAAA",
        "truncated": True,
        "length": 9,
    }


def test_a_record_shares_one_budget():
    budget = Budget(size=1000)
    first = describe("x" * 900, REDACTOR, budget=budget)
    second = describe("x" * 900, REDACTOR, budget=budget)
    assert is_exact(first)
    assert not is_exact(second)
    assert describe([1], REDACTOR, budget=budget) == {"$": "list", "truncated": True}
    assert describe({"a": 1}, REDACTOR, budget=budget) == {"$": "dict", "truncated": True}


def test_a_spent_budget_ends_a_container():
    assert shown([1, 2, 3], nodes=3) == {
        "$": "list",
        "truncated": True,
        "length": 3,
        "items": [1, 2],
    }
    assert shown([1, 2, 3], size=30)["items"] == [1]
    assert shown({"a": 1, "b": 2}, nodes=2)["entries"] == [["a", 1]]


class Raises:
    error: type[BaseException] = ValueError

    def _raise(self, *_args):
        raise self.error

    __eq__ = __bool__ = __len__ = __iter__ = __getattr__ = __getattribute__ = _raise
    __repr__ = __str__ = __format__ = __dir__ = __reduce_ex__ = __contains__ = _raise
    __class__ = property(_raise)
    __dict__ = property(_raise)
    __hash__ = object.__hash__


def test_a_value_whose_every_method_raises_is_described():
    assert shown([Raises()]) == [{"$": f"{HERE}.Raises", "fields": {}}]
    assert shown({Raises(): 1})["entries"] == [[{"$": f"{HERE}.Raises", "fields": {}}, 1]]


class BadRepr(threading.local):
    def __repr__(self):
        return self.said()


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, RecursionError])
def test_a_repr_that_raises_is_marked(error):
    class Bad(BadRepr):
        def said(self):
            raise error

    caught = []
    thread = threading.Thread(target=lambda: caught.append(shown([1, Bad()])))
    thread.start()
    thread.join()
    assert caught == [[1, {"$": type_name(Bad()), "undescribable": True}]]
    assert not is_exact(caught[0])


@pytest.mark.parametrize("text", [7, None, b"x"])
def test_a_repr_that_is_no_text_is_marked(text):
    class Bad(BadRepr):
        def said(self):
            return text

    assert shown(Bad())["undescribable"]


def test_a_repr_is_cut_and_escaped():
    class Bad(BadRepr):
        def said(self):
            return Text("\x1b[2J\n\u202e password=hunter2 " + "x" * 10_000_000)

    text = shown(Bad())["repr"]
    assert text.isprintable()
    assert "hunter2" not in text
    assert len(text) < 1000


def test_an_interrupt_on_the_main_thread_is_not_swallowed():
    class Bad(BadRepr):
        def said(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        describe(Bad(), REDACTOR)


def test_a_fault_of_our_own_is_counted_and_marked(monkeypatch):
    monkeypatch.setattr(module, "Walk", None)
    before = _guard.faults.value
    assert describe(1, REDACTOR) == {"$": "int", "undescribable": True}
    assert describe_mapping({"a": 1}, REDACTOR) == {"$": {"$": "dict", "undescribable": True}}
    assert module.describe_exception(ValueError("x"), REDACTOR) == {
        "type": "ValueError",
        "message": "[undescribable]",
    }
    assert _guard.faults.value == before + 3


def test_a_mapping_is_described_by_name():
    described = describe_mapping({"a": (1,), "$b": 2, 3: 4, None: 5}, REDACTOR)
    assert described == {"a": {"$": "tuple", "items": [1]}, "$$b": 2, "3": 4, "None": 5}
    proxy = types.MappingProxyType({"a": 1})
    assert describe_mapping(proxy, REDACTOR) == {"a": 1}


def test_a_mapping_of_too_many_names_says_so():
    described = describe_mapping(dict.fromkeys("abc"), REDACTOR, budget=Budget(items=2))
    assert described["$"] == {"$": "dict", "truncated": True, "length": 3}
    assert list(described) == ["a", "b", "$"]


def test_a_context_that_is_no_mapping_is_described_all_the_same():
    assert describe_mapping([1], REDACTOR) == {"$": [1]}


def test_nothing_of_the_value_stays_alive():
    class Owner:
        def __init__(self):
            self.items = [Text("x"), {Text("key"): {Text("y")}}, Items("ab")]

    def names_of(value):
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield part
            if isinstance(part, dict | list):
                yield from names_of(part)

    owner = Owner()
    watched = [weakref.ref(owner), weakref.ref(owner.items[2])]
    described = describe(owner, REDACTOR)
    assert {type(part) for part in names_of(described)} <= {dict, list, str, int, bool}
    del owner
    gc.collect()
    assert [ref() for ref in watched] == [None, None]


def test_a_module_that_is_being_imported_has_no_forms_yet(monkeypatch):
    half = types.ModuleType("uuid")
    half.__spec__ = types.SimpleNamespace(_initializing=True)
    monkeypatch.setitem(sys.modules, "uuid", half)
    assert uuid.UUID not in forms_in_use()
    monkeypatch.setitem(sys.modules, "uuid", uuid)
    assert uuid.UUID in forms_in_use()


def test_a_module_that_lacks_a_type_is_no_obstacle(monkeypatch):
    odd = types.ModuleType("pandas")
    odd.__spec__ = types.SimpleNamespace()
    odd.Series = odd
    _forms.cache_clear()
    monkeypatch.setitem(sys.modules, "pandas", odd)
    assert odd not in forms_in_use().values()
    _forms.cache_clear()
