"""Real classes beside rewrites of them: a right one passes, a planted bug is found and shrunk."""

from __future__ import annotations

import collections
import itertools
from collections import OrderedDict, deque

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st

from darkcall.compare import same_exception_type
from darkcall.testing import MismatchError, assert_equivalent_classes


#: The same examples in each run.
_SOME = settings(derandomize=True, database=None, deadline=None, max_examples=15)
_MANY = settings(
    _SOME,
    max_examples=3000,
    stateful_step_count=12,
    phases=[Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
)
#: The smallest values are of no interest; the fewest steps are found in many, soonest in most.
_FOUND = settings(_MANY, stateful_step_count=30, phases=[Phase.generate])


def steps_of(control, candidate, **options):
    """The code of the fewest steps after which two classes differ."""
    with pytest.raises(MismatchError) as raised:
        assert_equivalent_classes(control, candidate, **options)
    lines = str(raised.value).splitlines()[1:]
    code = itertools.takewhile(lambda line: not line.startswith(("  the ", "  observe ")), lines)
    return [line.strip().partition("  #")[0] for line in code]


class ListDeque:
    """A deque that is made of a list."""

    def __init__(self, items=(), maxlen=None):
        self.maxlen = maxlen
        self._items = []
        self.extend(items)

    def append(self, item):
        self._items.append(item)
        self._cut(left=True)

    def appendleft(self, item):
        self._items.insert(0, item)
        self._cut(left=False)

    def extend(self, items):
        for item in items:
            self.append(item)

    def pop(self):
        if not self._items:
            raise IndexError("pop from an empty deque")
        return self._items.pop()

    def popleft(self):
        if not self._items:
            raise IndexError("pop from an empty deque")
        return self._items.pop(0)

    def remove(self, item):
        if item not in self._items:
            raise ValueError("not there")
        self._items.remove(item)

    def rotate(self, n):
        if self._items:
            n %= len(self._items)
            self._items = self._items[-n:] + self._items[:-n]

    def copy(self):
        return type(self)(self._items, self.maxlen)

    def _cut(self, *, left):
        if self.maxlen is not None and len(self._items) > self.maxlen:
            del self._items[0 if left else -1]

    def __len__(self):
        return len(self._items)

    def __getitem__(self, index):
        return self._items[index]

    def __iter__(self):
        return iter(self._items)


class RotatesOneShort(ListDeque):
    def rotate(self, n):
        if self._items:
            n %= len(self._items) + 1
            self._items = self._items[-n:] + self._items[:-n]


class KeepsOneTooMany(ListDeque):
    def _cut(self, *, left):
        if self.maxlen is not None and len(self._items) > self.maxlen + 1:
            del self._items[0 if left else -1]


_numbers = st.integers(0, 3)
_deques = {
    "init": (st.lists(_numbers, max_size=4), st.none() | st.integers(0, 3)),
    "calls": {
        "append": (_numbers,),
        "appendleft": (_numbers,),
        "copy": (),
        "extend": (st.lists(_numbers, max_size=2),),
        "maxlen": (),
        "pop": (),
        "popleft": (),
        "remove": (_numbers,),
        "rotate": (st.integers(-5, 5),),
        "__getitem__": (st.integers(-3, 3),),
        "__iter__": (),
        "__len__": (),
    },
    "observe": list,
    "compare_exceptions": same_exception_type,
}


def test_a_deque_made_of_a_list_does_what_a_deque_does():
    assert_equivalent_classes(deque, ListDeque, **_deques, settings=_SOME)


def test_a_rotation_that_is_off_by_one_takes_a_deque_of_two_items_to_show():
    calls = {"extend": (st.lists(_numbers, max_size=2),), "rotate": (st.integers(-5, 5),)}
    options = {**_deques, "init": (), "calls": calls}
    steps = steps_of(deque, RotatesOneShort, **options, settings=_MANY)
    assert steps == ["x = deque()", "x.extend([0, 1])", "x.rotate(-1)"]


def test_a_bound_that_is_off_by_one_takes_a_deque_without_room_to_show():
    options = {
        **_deques,
        "calls": {"append": (_numbers,)},
        "init": (st.just([]), st.integers(0, 3)),
    }
    steps = steps_of(deque, KeepsOneTooMany, **options, settings=_MANY)
    assert steps == ["x = deque([], 0)", "x.append(0)"]


class ListedDict(collections.abc.MutableMapping):
    """An ordered dict that is made of a list of pairs."""

    def __init__(self, pairs=()):
        self._pairs = []
        self.update(pairs)

    def _place(self, key):
        for place, (each, _) in enumerate(self._pairs):
            if each == key:
                return place
        raise KeyError(key)

    def __getitem__(self, key):
        return self._pairs[self._place(key)][1]

    def __setitem__(self, key, value):
        if key in self:
            self._pairs[self._place(key)] = (key, value)
        else:
            self._pairs.append((key, value))

    def __delitem__(self, key):
        del self._pairs[self._place(key)]

    def __len__(self):
        return len(self._pairs)

    def __iter__(self):
        return (key for key, _ in self._pairs)

    def popitem(self, last=True):  # noqa: FBT002 -- as that of OrderedDict
        if not self._pairs:
            raise KeyError("dictionary is empty")
        return self._pairs.pop(-1 if last else 0)

    def move_to_end(self, key, last=True):  # noqa: FBT002 -- as that of OrderedDict
        pair = self._pairs.pop(self._place(key))
        self._pairs.insert(len(self._pairs) if last else 0, pair)


class NeverMovesToTheFront(ListedDict):
    def move_to_end(self, key, last=True):  # noqa: FBT002 -- as that of OrderedDict
        self._pairs.append(self._pairs.pop(self._place(key)))


class MovesWhatIsWritten(ListedDict):
    def __setitem__(self, key, value):
        self.pop(key, None)
        self._pairs.append((key, value))


_keys = st.sampled_from("abc")
_dicts = {
    "init": (st.lists(st.tuples(_keys, _numbers), max_size=3),),
    "calls": {
        "keys": (),
        "items": (),
        "move_to_end": (_keys, st.booleans()),
        "pop": (_keys,),
        "popitem": (st.booleans(),),
        "setdefault": (_keys, _numbers),
        "update": (st.dictionaries(_keys, _numbers),),
        "__contains__": (_keys,),
        "__delitem__": (_keys,),
        "__getitem__": (_keys,),
        "__len__": (),
        "__setitem__": (_keys, _numbers),
    },
}


def test_an_ordered_dict_made_of_a_list_does_what_an_ordered_dict_does():
    observe = {"observe": lambda x: list(x.items())}
    assert_equivalent_classes(OrderedDict, ListedDict, **_dicts, **observe, settings=_SOME)


def test_an_item_that_is_moved_to_the_wrong_end_takes_two_items_to_show():
    calls = {"move_to_end": (_keys, st.booleans()), "__setitem__": (_keys, _numbers)}
    options = {"init": (), "calls": calls, "observe": lambda x: list(x.items())}
    steps = steps_of(OrderedDict, NeverMovesToTheFront, **options, settings=_FOUND)
    assert len(steps) == 4
    assert steps[-1].startswith("x.move_to_end(")


def test_an_order_that_a_write_spoils_is_found_by_the_item_that_is_popped():
    calls = {"popitem": (), "__setitem__": (_keys, _numbers)}
    steps = steps_of(OrderedDict, MovesWhatIsWritten, init=(), calls=calls, settings=_FOUND)
    assert len(steps) == 5
    assert steps[-1] == "x.popitem()"


class LeastRecentlyUsed:
    """A cache that drops what was used the longest time ago."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size={size}: 1 or more")
        self._size = size
        self._values: dict[str, int] = {}

    def get(self, key: str) -> int | None:
        if key not in self._values:
            return None
        self._values[key] = self._values.pop(key)
        return self._values[key]

    def put(self, key: str, value: int) -> None:
        self._values.pop(key, None)
        self._values[key] = value
        if len(self._values) > self._size:
            del self._values[next(iter(self._values))]

    def __len__(self) -> int:
        return len(self._values)


class WithOrderedDict:
    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size={size}: 1 or more")
        self._size = size
        self._values: OrderedDict[str, int] = OrderedDict()

    def get(self, key: str) -> int | None:
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: str, value: int) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._size:
            self._values.popitem(last=False)

    def __len__(self) -> int:
        return len(self._values)


class ReadsAreNoUse(WithOrderedDict):
    def get(self, key: str) -> int | None:
        return self._values.get(key)


_caches = {
    "init": {"size": st.integers(0, 2)},
    "calls": {"get": (_keys,), "put": (_keys, st.just(0)), ...: ...},
}


def test_a_cache_that_is_written_anew_does_what_the_old_one_does():
    assert_equivalent_classes(LeastRecentlyUsed, WithOrderedDict, **_caches, settings=_SOME)


def test_a_cache_whose_reads_are_no_use_takes_six_steps_to_show():
    calls = {"get": (_keys,), "put": (_keys, st.just(0))}
    of_two = {"init": (st.just(2),), "calls": calls}
    steps = steps_of(LeastRecentlyUsed, ReadsAreNoUse, **of_two, settings=_FOUND)
    assert steps[0] == "x = LeastRecentlyUsed(2)"
    assert [step.partition("(")[0] for step in steps[1:]] == [
        "x.put",
        "x.put",
        "x.get",
        "x.put",
        "x.get",
    ]


class Expiring:
    """A cache whose values expire; its clock is moved by hand."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._now = 0
        self._until: dict[str, int] = {}

    def sleep(self, seconds: int) -> None:
        self._now += seconds

    def put(self, key: str) -> None:
        self._until[key] = self._now + self._seconds

    def __contains__(self, key: str) -> bool:
        return self._now < self._until.get(key, self._now)


class ExpiresTooLate(Expiring):
    def __contains__(self, key: str) -> bool:
        return self._now <= self._until.get(key, self._now - 1)


def test_a_value_that_expires_one_second_late_is_found_in_two_steps():
    steps = steps_of(
        Expiring,
        ExpiresTooLate,
        init=(st.integers(0, 3),),
        calls={"put": (_keys,), "__contains__": (_keys,), "sleep": (st.integers(0, 3),)},
        settings=_MANY,
    )
    assert len(steps) == 3
    assert steps[0] == "x = Expiring(0)"
