"""Arguments and results are kept as they are now: shared, copied, or refused with a reason."""

from __future__ import annotations

import array
import collections
import copy
import dataclasses
import datetime as dt
import decimal
import enum
import gc
import itertools
import math
import pathlib
import pickle
import socket
import sys
import threading
import time
import tracemalloc
import typing
import uuid
import weakref

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkcall import ConfigurationError, _parameters, _snapshot, dark_launch, flush, launch_of
from darkcall._snapshot import Limits, Shared, UnkeepableError, Writer
from darkcall.compare import equal
from darkcall.runners import InlineRunner, ThreadRunner
from darkcall.sinks import MemorySink


MEGABYTE = 1 << 20
LIMIT = MEGABYTE
LARGE = 100 * MEGABYTE


def keep(value, max_bytes, seconds=math.inf):
    return _snapshot.keep(value, Writer(Limits(max_bytes, seconds)))


def copied(value, max_bytes, shared, seconds=math.inf):
    return _snapshot.copied(value, Writer(Limits(max_bytes, seconds)), shared)


class Colour(enum.Enum):
    RED = "red"


class Point(typing.NamedTuple):
    x: object
    y: object = 0


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: object


class Box:
    def __init__(self, value=None):
        self.value = value


class Text(str):  # noqa: SLOT000 -- it is to have attributes
    pass


SENTINEL = object()
BY_IDENTITY = {
    "sentinel": SENTINEL,
    "enum": Colour.RED,
    "class": Box,
    "lambda": lambda: 3,
    "Decimal": decimal.Decimal("1.5"),
    "datetime": dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    "UUID": uuid.UUID(int=3),
    "path": pathlib.Path("a"),
    "named tuple": Point(SENTINEL),
    "frozen dataclass": Frozen("x"),
}
SHARED = {**BY_IDENTITY, "tuple": (1, ("a",)), "frozenset": frozenset({1}), "text": "x"}


@pytest.mark.parametrize("value", SHARED.values(), ids=SHARED)
def test_what_cannot_change_is_shared(value):
    kept = keep(value, LIMIT)

    assert isinstance(kept, Shared)
    assert kept.open() is value


@pytest.mark.parametrize("value", BY_IDENTITY.values(), ids=BY_IDENTITY)
def test_what_cannot_change_keeps_its_identity_inside_a_copy(value):
    box = Box({"list": [value]})

    opened = keep(box, LIMIT).open()

    assert opened is not box
    assert opened.value["list"] is not box.value["list"]
    assert opened.value["list"][0] is value


@pytest.mark.parametrize(
    "value",
    [[1], {"a": 1}, {1}, bytearray(b"a"), collections.deque([1]), array.array("i", [1, 2])],
    ids=lambda value: type(value).__name__,
)
def test_what_can_change_is_copied_each_time_it_is_opened(value):
    before = copy.copy(value)
    kept = keep(value, LIMIT)
    first, second = kept.open(), kept.open()
    getattr(value, "clear", getattr(value, "pop", None))()

    assert not isinstance(kept, Shared)
    assert first is not second
    assert first == second == before != value


def test_frozen_values_that_hold_a_list_are_copied():
    for value in (Frozen([1]), Point([1]), (1, [1])):
        assert keep(value, LIMIT).open() is not value


def test_a_subclass_with_attributes_is_copied_with_them():
    text = Text("x")
    text.language = "en"
    kept = keep(text, LIMIT)
    text.language = "de"

    opened = kept.open()
    assert (opened, type(opened), opened.language) == ("x", Text, "en")


def test_what_is_one_object_stays_one_object():
    one = [1]

    args, kwargs = keep(((one, [one]), {"same": one}), LIMIT).open()

    assert args[0] is args[1][0] is kwargs["same"]
    assert args[0] is not one


def test_what_holds_itself_can_be_kept():
    box = Box()
    box.value = [box]

    opened = keep(box, LIMIT).open()

    assert opened.value[0] is opened


def test_local_classes_and_their_instances_can_be_kept():
    class Local:
        def __init__(self):
            self.items = [1]
            self.later = lambda: 3

    local = Local()
    opened = keep([local, Local], LIMIT).open()

    assert type(opened[0]) is Local is opened[1]
    assert opened[0].items == [1]
    assert opened[0].items is not local.items
    assert opened[0].later is local.later


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | st.tuples(inner, inner)
        | inner.map(Box)
        | inner.map(Frozen)
        | inner.map(Point)
    ),
    max_leaves=15,
)


@settings(max_examples=100)
@given(plain)
def test_what_was_kept_is_equal_to_what_it_was(value):
    assert list(equal(value, keep([value], LIMIT).open()[0])) == []


@settings(max_examples=100)
@given(plain)
def test_a_deep_copy_equals_what_it_was_too(value):
    kept = keep([NoPickle(), value], LIMIT)

    assert list(equal(value, kept.open()[1])) == []


def test_what_is_given_by_share_weighs_what_it_is_said_to():
    value = []

    assert (Shared(value).open() is value, Shared(value).nbytes, Shared(value, 7).nbytes) == (
        True,
        0,
        7,
    )


def test_a_copy_weighs_about_what_it_takes():
    assert keep("x" * 1000, LIMIT).nbytes == 1000
    assert 1000 <= keep(["x" * 1000], LIMIT).nbytes < 1100
    assert 1000 <= keep([bytearray(1000)], LIMIT).nbytes < 1100
    assert 8000 <= keep(np.zeros(1000), LIMIT).nbytes < 9000


class NoPickle:
    """Can be deep-copied alone."""

    def __reduce_ex__(self, protocol):
        raise TypeError("no")

    def __deepcopy__(self, memo):
        return NoPickle()


class MyArray(np.ndarray):
    pass


def frame(rows=LARGE // 8):
    return pd.DataFrame({"price": np.zeros(rows)})


LARGE_VALUES = {
    "array": lambda: np.zeros(LARGE, dtype=np.uint8),
    "array in a list": lambda: [np.zeros(LARGE, dtype=np.uint8)],
    "array that is not contiguous": lambda: np.zeros(2 * LARGE, dtype=np.uint8)[::2],
    "array in Fortran's order": lambda: np.zeros((64, LARGE // 64), np.uint8, order="F"),
    "array of a class of one's own": lambda: np.zeros(LARGE, np.uint8).view(MyArray),
    "masked array": lambda: np.ma.zeros(LARGE, dtype=np.uint8),
    "array.array": lambda: array.array("b", bytes(LARGE)),
    "bytearray": lambda: bytearray(LARGE),
    "bytes in a list": lambda: [bytes(LARGE)],
    "list of texts": lambda: [f"{number:1000}" for number in range(LARGE // 1000)],
    "frame": frame,
    "part of a frame": lambda: frame()[::2],
    "series": lambda: frame()["price"],
    "index": lambda: pd.Index(np.arange(LARGE // 8)),
    "array after what cannot be pickled": lambda: [NoPickle(), np.zeros(LARGE, np.uint8)],
    "bytearray after what cannot be pickled": lambda: [NoPickle(), bytearray(LARGE)],
    "frame after what cannot be pickled": lambda: [NoPickle(), frame()],
}


@pytest.mark.parametrize("make", LARGE_VALUES.values(), ids=LARGE_VALUES)
def test_what_is_too_large_to_copy_costs_no_copy(make):
    value = make()
    gc.collect()
    tracemalloc.start()
    began = time.thread_time()
    try:
        with pytest.raises(UnkeepableError, match="a copy would exceed max_copy_bytes=1048576"):
            keep(value, LIMIT)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 3 * LIMIT
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize(
    "make",
    [lambda: pl.DataFrame({"price": np.zeros(LARGE // 8)}), lambda: pl.Series([1.5] * 10)],
    ids=["frame", "series"],
)
def test_polars_values_are_cloned_which_costs_nothing_and_copies_on_write(make):
    value = make()
    before = value.clone()
    kept = keep([value], LIMIT)
    [opened] = kept.open()
    if isinstance(value, pl.DataFrame):
        opened[0, "price"] = 3.5
        value[1, "price"] = 4.5
    else:
        opened[0] = 3.5
        value[1] = 4.5

    # It may be the last to hold what it shares.
    assert kept.nbytes < value.estimated_size() + 1000
    assert kept.open()[0].equals(before)


def test_arrays_and_frames_are_copied():
    values = {
        "array": np.arange(6.0).reshape(2, 3),
        "part of an array": np.arange(12.0)[::2],
        "turned array": np.arange(6.0).reshape(2, 3).T,
        "array of objects": np.array([[1], {"a": 1}], dtype=object),
        "masked": np.ma.masked_equal(np.arange(3), 1),
        "own": np.arange(3).view(MyArray),
        "array.array": array.array("d", [1, 2]),
        "frame": pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
        "part of a frame": pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "y"]})[::2],
        "series": pd.Series([1, 2], index=["x", "y"], name="n"),
        "index": pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]),
        "time": pd.Timestamp("2024-01-01", tz="UTC"),
    }

    opened = keep(values, LIMIT).open()

    assert list(equal(values, opened)) == []
    assert all(opened[name] is not value for name, value in values.items())


def test_a_frame_keeps_what_it_was_when_it_is_written_to():
    value = pd.DataFrame({"a": [1, 2]})
    whole = keep(value, LIMIT)
    view = keep(value["a"], LIMIT)
    value.loc[0, "a"] = 99

    assert list(whole.open()["a"]) == [1, 2]
    assert list(view.open()) == [1, 2]


def test_an_array_of_objects_is_copied_with_its_objects():
    value = np.empty(2, dtype=object)
    value[0], value[1] = [1], [2]
    kept = keep(value, LIMIT)
    value[0].append(3)

    assert kept.open()[0] == [1]


def test_what_cannot_be_pickled_is_deep_copied_within_the_limit():
    value = [NoPickle(), [1]]
    kept = keep(value, LIMIT)
    value[1].append(2)
    first, second = kept.open(), kept.open()

    assert first[1] == second[1] == [1]
    assert first[1] is not second[1]
    assert not isinstance(kept, Shared)
    assert 0 < kept.nbytes < 2000
    # Its pickle would fit, its deep copy does not.
    with pytest.raises(UnkeepableError, match="max_copy_bytes=2000"):
        keep([NoPickle(), [[] for _ in range(100)]], 2000)


@pytest.mark.parametrize("holder", [weakref.ref, lambda node: weakref.WeakSet([node])])
def test_what_holds_a_weak_reference_is_refused_because_it_leads_to_the_original(holder):
    class Node:
        pass

    node = Node()
    node.held = holder(node)
    with pytest.raises(UnkeepableError, match="a weak reference would lead to the original"):
        keep([node], LIMIT)


class Handle:
    """Releases what it holds when it goes."""

    released = 0

    def __init__(self):
        self.number = [7]

    def __del__(self):
        type(self).released += 1


def test_what_has_a_del_is_refused_because_it_would_run_for_the_copy_as_well():
    handle = Handle()
    with pytest.raises(UnkeepableError, match="it has a __del__"):
        keep([handle], LIMIT)
    assert Handle.released == 0


class Singleton:
    """The one and only."""

    _one = None

    def __new__(cls):
        if cls._one is None:
            cls._one = super().__new__(cls)
            cls._one.count = 0
        return cls._one


class Word(str):  # noqa: SLOT000 -- it is to have attributes
    """Makes its instances in a ``__new__`` that takes an argument."""

    def __new__(cls, text="none", *, loud=False):
        return super().__new__(cls, text.upper() if loud else text)


def test_the_copy_of_a_singleton_is_another_object():
    one = Singleton()
    kept = keep([one], LIMIT)
    one.count = 5
    [copied] = kept.open()
    copied.count += 1
    assert copied is not one
    assert copied.count == 1
    assert one.count == 5


def test_a_class_with_a_new_of_its_own_that_takes_arguments_is_copied_as_it_says():
    word = Word("a", loud=True)
    word.note = [1]
    [copied] = keep([word], LIMIT).open()
    assert (copied, copied.note, type(copied)) == ("A", [1], Word)


class Proxy:
    """Says that it is what it stands for."""

    def __init__(self, woken):
        self.woken = woken

    @property
    def __class__(self):
        self.woken.append(True)
        return dict


def test_a_proxy_is_refused_and_not_woken():
    woken = []
    with pytest.raises(UnkeepableError, match="it is a proxy"):
        keep([Proxy(woken)], LIMIT)
    assert not woken


def test_a_query_set_that_is_not_loaded_is_refused_and_not_loaded():
    query = pytest.importorskip("django.db.models.query")
    rows = query.QuerySet(model=None)

    with pytest.raises(UnkeepableError, match="it is lazy"):
        keep([rows], LIMIT)
    assert rows._result_cache is None


def test_a_function_that_closes_over_something_that_can_change_is_refused():
    seen, word = [], "x"
    with pytest.raises(UnkeepableError, match="closes over something that can change"):
        keep([lambda: seen.append(1)], LIMIT)
    keep([lambda: word], LIMIT)


def test_a_function_that_closes_over_what_is_not_there_yet_is_refused():
    def outer():
        def inner():
            return later

        kept = keep_or_why(inner)
        later = []
        return kept, later

    why, _ = outer()
    assert "closes over something that can change" in why


def keep_or_why(value):
    try:
        keep([value], LIMIT)
    except UnkeepableError as error:
        return str(error)
    return None


class NamedElsewhere:
    """Reduces to a name that nobody finds."""

    def __reduce_ex__(self, protocol):
        return "no_such_name"

    def __deepcopy__(self, memo):
        return self


def test_what_reduces_to_a_name_that_nobody_finds_is_deep_copied():
    value = NamedElsewhere()

    assert keep([value], LIMIT).open()[0] is value


class InOrder(set):
    """A set that keeps the order in which it was filled."""

    def __init__(self, items=()):
        super().__init__(items)
        self.order = list(items)

    def __iter__(self):
        return iter(self.order)


def test_a_set_with_an_order_of_its_own_is_copied_as_its_own_pickle_would():
    value = InOrder("cab")
    value.name = "letters"
    opened = keep([value], LIMIT).open()[0]
    assert type(opened) is InOrder
    assert opened == {"a", "b", "c"}
    assert vars(opened) == vars(pickle.loads(pickle.dumps(value))) == vars(value)


@pytest.mark.parametrize("base", [set, frozenset])
def test_a_set_whose_items_never_end_is_refused_at_the_limit(base):
    endless = type("Endless", (base,), {"__iter__": lambda self: itertools.repeat("a")})
    with pytest.raises(UnkeepableError, match="max_copy_bytes"):
        keep([endless()], LIMIT)


@pytest.mark.parametrize("base", [tuple, frozenset, str, bytes])
@pytest.mark.parametrize("name", ["__iter__", "__len__"])
def test_what_a_class_says_of_its_items_is_not_asked(base, name):
    lying = type("Lying", (base,), {"__slots__": (), name: lambda self: 1 / 0})
    assert _snapshot.weigh(lying()) == 0


def test_an_exception_that_reduces_to_no_tuple_is_refused_beside_what_is_deep_copied():
    class ReducesToAList(Exception):  # noqa: N818 -- as its twin is called
        def __reduce__(self):
            return iter(int, 1)

    with pytest.raises(UnkeepableError, match="its __reduce__ returns no tuple"):
        keep([ReducesToAList(), NoPickle()], LIMIT)


@pytest.mark.parametrize("base", [set, frozenset])
def test_a_set_whose_items_never_end_is_refused_beside_what_is_deep_copied(base):
    endless = type("Endless", (base,), {"__iter__": lambda self: itertools.repeat("a")})
    with pytest.raises(UnkeepableError, match="an __iter__ of its own"):
        keep([NoPickle(), endless()], LIMIT)


class InOrderAndPickledSo(InOrder):
    def __reduce_ex__(self, protocol):
        return type(self), (self.order[::-1],)


def test_a_set_that_says_how_it_is_pickled_is_copied_so():
    assert keep([InOrderAndPickledSo("abc")], LIMIT).open()[0].order == ["c", "b", "a"]


def test_what_reduces_to_a_list_is_refused():
    class ReducesToAList:
        def __reduce_ex__(self, protocol):
            return ["neither a name", "nor a tuple"]

    with pytest.raises(UnkeepableError, match="its __reduce__ returns no tuple"):
        keep([ReducesToAList()], LIMIT)


@pytest.mark.parametrize("nbytes", ["many", -1, None])
def test_a_size_that_is_none_is_not_believed(nbytes):
    class Odd:
        def __init__(self):
            self.nbytes = nbytes

    class Odder:
        nbytes = property(lambda self: nbytes)

    opened = keep([Odd(), Odder()], LIMIT).open()

    assert opened[0].nbytes == opened[1].nbytes == nbytes


def hostile(name, error):
    def fail(*_args, **_kwargs):
        raise error

    return type("Hostile", (), {name: fail})()


FAILING = [
    "__reduce_ex__",
    "__reduce__",
    "__getstate__",
    "__getattr__",
    "__getattribute__",
    "__deepcopy__",
    "__eq__",
    "__repr__",
    "__bool__",
    "__len__",
    "__iter__",
    "__sizeof__",
]


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("error", [ValueError("no"), RecursionError(), MemoryError()], ids=repr)
def test_a_value_that_fails_in_any_way_is_kept_or_refused(name, error):
    for value in (hostile(name, error), [hostile(name, error)]):
        try:
            keep(value, LIMIT).open()
        except UnkeepableError as refusal:
            assert type(error).__name__ in str(refusal)  # noqa: PT017


def test_an_error_without_a_text_gives_a_reason_all_the_same():
    class MuteError(Exception):
        def __str__(self):
            raise ValueError

    with pytest.raises(UnkeepableError, match=r"^MuteError$"):
        keep(hostile("__reduce_ex__", MuteError()), LIMIT)


def test_what_an_error_says_of_the_value_is_not_in_the_reason():
    with pytest.raises(UnkeepableError, match=r"^TypeError$"):
        keep(hostile("__reduce_ex__", TypeError("the password is hunter2")), LIMIT)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_addressed_to_the_thread_is_not_swallowed_by_a_copy(error):
    with pytest.raises(error):
        keep([hostile("__reduce_ex__", error())], LIMIT)
    both = hostile("__deepcopy__", error())
    type(both).__reduce_ex__ = lambda _self, _protocol: 1 / 0
    with pytest.raises(error):
        keep([both], LIMIT)


def test_a_value_nested_beyond_all_limits_is_kept_or_refused():
    value = []
    for _ in range(100_000):
        value = [value]
    try:
        with pytest.raises(UnkeepableError, match="RecursionError"):
            keep(value, LIMIT)
    finally:
        while value:
            value = value.pop()


@pytest.fixture
def raised_recursion_limit(monkeypatch):
    # As on CPython 3.11, where C recurses as far as Python may.
    monkeypatch.setattr(_snapshot._plain, "_PICKLE_MINDS_THE_STACK", False)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(30_001)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.usefixtures("raised_recursion_limit")
def test_nothing_is_copied_where_a_deep_value_would_crash_the_interpreter():
    assert keep("text", LIMIT).open() == "text"
    with pytest.raises(UnkeepableError, match="more than 30000, which can be lowered"):
        keep([], LIMIT)
    sys.setrecursionlimit(30_000)
    assert keep([], LIMIT).open() == []


@pytest.mark.usefixtures("raised_recursion_limit")
def test_what_is_shared_need_not_be_copied_where_that_would_crash_the_interpreter(dark, sink):
    seen = []

    @dark(candidate=lambda x, y: seen.append((x, y)), share=("y",))
    def control(x, y):
        return None

    given = [1]
    control("text", given)
    control([2], given)

    assert seen == [("text", given)]
    assert seen[0][1] is given
    assert [record.outcome for record in sink.records] == ["match", "skipped"]
    assert "parameter 'x' (list) cannot be copied: a deep value would" in sink.records[1].reason


def test_values_that_other_threads_change_are_kept_or_refused():
    value = {"a": list(range(100))}
    stop = threading.Event()

    def change():
        number = 0
        while not stop.is_set():
            number += 1
            value[f"k{number % 1000}"] = [number]
            value.pop(f"k{(number * 7) % 1000}", None)
            value["a"].append(number)
            del value["a"][:1]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            try:
                opened = keep([value], LIMIT).open()
            except UnkeepableError as refusal:
                assert "changed size" in str(refusal)  # noqa: PT017
            else:
                assert 99 <= len(opened[0]["a"]) <= 101
    finally:
        stop.set()
        thread.join()


def test_shared_objects_stay_themselves_wherever_they_occur():
    session, rows, cache = threading.Lock(), [1], {"a": 1}
    value = {"session": session, "deep": [Box((rows, cache))], "copied": [2]}

    opened = copied(value, LIMIT, [session, rows, cache]).open()

    assert opened["session"] is session
    assert opened["deep"][0].value[0] is rows
    assert opened["deep"][0].value[1] is cache
    assert opened["copied"] == [2]
    assert opened["copied"] is not value["copied"]


def test_shared_objects_stay_themselves_in_a_deep_copy():
    rows = [1]

    opened = copied([NoPickle(), rows, [2]], LIMIT, [rows]).open()

    assert opened[1] is rows


def generator():
    yield 3


class Service:
    def __init__(self, lock):
        self._lock = lock
        self.items = []

    def add(self, item):
        self.items.append(item)
        return len(self.items)


def test_after_a_deep_copy_nothing_of_the_original_is_held():
    box = Box([1])
    kept = keep([NoPickle(), box], LIMIT)
    reference = weakref.ref(box)
    del box

    assert reference() is None
    assert kept.open()[1].value == [1]


UNKEEPABLE = {
    "lock": threading.Lock,
    "generator": generator,
    "socket": socket.socket,
    "lock in an attribute": lambda: Service(threading.Lock()),
    "lock in a list": lambda: [threading.Lock()],
    "lock in slots": lambda: Frozen(threading.Lock()),
}


@pytest.fixture(params=UNKEEPABLE.values(), ids=UNKEEPABLE)
def unkeepable(request):
    value = request.param()
    yield value
    if isinstance(value, socket.socket):
        value.close()


def launched(control=lambda session, item: item, **knobs):
    sink = MemorySink()
    candidate = knobs.pop("candidate", control)
    decorate = dark_launch(
        candidate=candidate, name="shop.add", runner=InlineRunner(), sinks=[sink], **knobs
    )
    return decorate(control), sink


def test_what_cannot_be_copied_is_skipped_with_a_reason_that_names_the_parameter(unkeepable):
    add, sink = launched()

    assert add(unkeepable, 3) == 3

    [record] = sink.records
    assert record.outcome == "skipped"
    assert record.reason.startswith("parameter 'session")
    assert "cannot be copied: " in record.reason
    assert "pass share=('session" in record.reason
    assert "or an isolate of your own" in record.reason
    assert launch_of(add).stats().reasons == {record.reason: 1}


def test_the_way_out_that_the_reason_names_works(unkeepable):
    add, sink = launched(share=("session",))
    add(unkeepable, 3)
    isolated, isolated_sink = launched(isolate=lambda args, kwargs: (args, kwargs))
    isolated(unkeepable, 3)

    assert [record.outcome for record in (*sink.records, *isolated_sink.records)] == ["match"] * 2


def test_the_reason_names_the_attribute_and_its_type():
    add, sink = launched()
    add(Service(threading.Lock()), 3)
    add(Frozen(generator()), 3)

    assert sink.records[0].reason == (
        "parameter 'session._lock' (lock) cannot be copied: TypeError: cannot pickle "
        "'_thread.lock' object; pass share=('session._lock',) if the candidate may have it "
        "as it is, or an isolate of your own"
    )
    assert sink.records[1].reason == (
        "parameter 'session.x' (generator) cannot be copied: TypeError: cannot pickle "
        "'generator' object; pass share=('session.x',) if the candidate may have it as it is, "
        "or an isolate of your own"
    )


def test_a_lock_of_self_is_shared_by_its_path():
    sink = MemorySink()

    class Shop(Service):
        @dark_launch(
            candidate=Service.add, share=("self._lock",), runner=InlineRunner(), sinks=[sink]
        )
        def add(self, item):
            return super().add(item)

    lock = threading.Lock()
    shop = Shop(lock)

    assert [shop.add("a"), shop.add("b")] == [1, 2]
    assert shop.items == ["a", "b"]
    assert [record.outcome for record in sink.records] == ["match", "match"]


def test_the_parameter_that_cannot_be_copied_is_tried_first_the_next_time(monkeypatch):
    add, sink = launched()
    found = []

    def noting(search, name, value):
        found.append(name)
        return find(search, name, value)

    find = _parameters._Search.reason
    monkeypatch.setattr(_parameters._Search, "reason", noting)
    for _ in range(3):
        add(3, threading.Lock())
    add(generator(), 3)

    assert found == ["session", "item", "item", "item", "session"]
    assert len({record.reason for record in sink.records}) == 2


def test_arguments_that_are_too_large_only_together_are_skipped_with_a_reason():
    add, sink = launched(max_copy_bytes=1000)
    add(bytearray(600), bytearray(600))

    reason = sink.records[0].reason
    assert reason.startswith("the arguments cannot be copied: a copy would exceed ")
    assert "max_copy_bytes=1000" in reason
    assert reason.endswith("as they are, or an isolate of your own")


def test_an_argument_that_is_too_large_is_skipped_with_a_reason():
    add, sink = launched(max_copy_bytes=1000)
    add(np.zeros(1000), 3)

    reason = sink.records[0].reason
    assert reason.startswith("parameter 'session' (ndarray) cannot be copied: a copy would exceed ")
    assert "max_copy_bytes=1000" in reason
    assert "pass share=('session',)" in reason


def test_a_result_that_cannot_be_kept_is_skipped_with_a_reason():
    add, sink = launched(lambda session, item: threading.Lock())
    add(1, 3)

    reason = sink.records[0].reason
    assert reason.startswith("what the control returned (lock) cannot be kept: TypeError: ")
    assert "'_thread.lock'" in reason
    assert "isolate='share'" in reason


@pytest.mark.parametrize("share", [("sesion",), ("item", "other.session")])
def test_a_share_that_names_no_parameter_is_refused(share):
    with pytest.raises(ConfigurationError, match=r"has no parameter '(sesion|other)'") as info:
        launched(share=share)

    assert "its parameters are session, item" in str(info.value)


def test_shared_lists_and_dicts_keep_their_identity_nested_in_the_result():
    cache = {"a": [1]}
    seen = []

    def control(cache, items):
        return {"cache": cache, "items": items}

    def candidate(cache, items):
        seen.append((cache, items))
        return {"cache": cache, "items": items}

    def compare(one, other):
        seen.append((one["cache"], one["items"]))
        return one["cache"] is other["cache"]

    add, sink = launched(control, candidate=candidate, compare=compare, share=("cache",))
    items = [1]
    add(cache, items)
    add(items=items, cache=cache)

    assert [record.outcome for record in sink.records] == ["match", "match"]
    assert all(one is cache for one, _ in seen)
    assert all(other is not items and other == [1] for _, other in seen)


def test_an_open_that_fails_is_a_skip_and_not_an_error_of_the_candidate():
    class OpensBadly:
        def __reduce__(self):
            return int, ("x",)

    sink = MemorySink()

    @dark_launch(candidate=lambda x: 3, runner=ThreadRunner(), sinks=[sink])
    def control(x):
        return 3

    control(OpensBadly())

    assert flush()
    assert [(record.outcome, record.reason) for record in sink.records] == [
        ("skipped", "preparing the call failed: ValueError")
    ]


class OnlyDeepCopied:
    """Does not pickle, and deep-copies as a list of one's own."""

    def __reduce_ex__(self, protocol):
        raise TypeError

    def __deepcopy__(self, memo):
        return OnlyDeepCopied()


def test_a_singleton_that_only_a_deep_copy_could_copy_is_refused():
    one = Singleton()
    one.part = OnlyDeepCopied()
    one.rows = rows = [1]
    with pytest.raises(UnkeepableError, match="gives the original in place of a copy"):
        keep([one], LIMIT)
    assert one.rows is rows
