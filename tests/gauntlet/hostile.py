"""Values made to hurt whoever looks at them.

A graph is plain data (``plans`` draws it); ``built`` makes a value of it.  What one node holds
may be any other node, so that parts are shared and cycles occur.
"""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import itertools
import threading
import types
import weakref

import attrs
import numpy as np


EVIL_TEXT = "\x1b[31m\u202e\n\r\u2028\x00\udc80\u2066\x9b"


class OddError(Exception):
    """An exception that raises when it is shown."""

    def __str__(self):
        raise ValueError(EVIL_TEXT)

    __repr__ = __str__


class Meta(type):
    """Says nothing about its classes but exceptions."""

    def fail(cls, *_args):
        raise OddError

    __hash__ = __eq__ = __instancecheck__ = __subclasscheck__ = __repr__ = fail
    __iter__ = __len__ = __call__ = __dir__ = __getattribute__ = fail


class Nonsense:
    """Fails at whatever is done with it."""

    def fail(self, *_args):
        raise OddError

    __bool__ = __len__ = __iter__ = __eq__ = __hash__ = __repr__ = __str__ = __call__ = fail
    __getattr__ = __index__ = __float__ = __reduce_ex__ = __getitem__ = __contains__ = fail


EvilError = Meta("EvilError", (Exception,), {"__qualname__": EVIL_TEXT})


def no_room(*_args):
    raise MemoryError


def exit_at_once(*_args):
    raise SystemExit


def fail_oddly(*_args):
    raise OddError


def fail_with_evil_text(*_args):
    raise ValueError(EVIL_TEXT * 500)


def fail_with_an_evil_class(*_args):
    raise Exception.__new__(EvilError)


def answer_nonsense(*_args):
    return Nonsense()


def answer_one_more(self, *_args):
    """Give ever new objects of the same kind."""
    return object.__new__(type(self))


def answer_without_end(*_args):
    return itertools.repeat(EVIL_TEXT)


def answer_much(*_args):
    return EVIL_TEXT * 10_000


def answer_a_huge_number(*_args):
    return 1 << 62


#: What the holders of a value that is being looked at are.
holders: list = []


def change_the_holders(*_args):
    for holder in holders:
        if isinstance(holder, dict):
            holder[len(holder)] = Nonsense()
        elif isinstance(holder, list):
            holder.append([EVIL_TEXT])
        elif isinstance(holder, set):
            holder.add(len(holder))
        if len(holder) > 50:
            holder.clear()
    return True


ANYWHERE = (
    fail_oddly,
    fail_with_evil_text,
    fail_with_an_evil_class,
    no_room,
    answer_nonsense,
    answer_one_more,
    answer_without_end,
    answer_much,
    answer_a_huge_number,
    change_the_holders,
)
#: Called by workers alone, which outlive whatever these raise.
ON_WORKERS = [
    "__repr__",
    "__str__",
    "__format__",
    "__lt__",
    "__contains__",
    "__dir__",
    "__array__",
]
#: Called by a copy, too, on the caller's thread: what is addressed to that thread passes.
ON_CALLERS = [
    "__reduce_ex__",
    "__reduce__",
    "__getstate__",
    "__setstate__",
    "__deepcopy__",
    "__copy__",
    "__getattr__",
    "__getattribute__",
    "__class__",
    "__sizeof__",
    "__getnewargs_ex__",
    "__getnewargs__",
    "__eq__",
    "__hash__",
    "__iter__",
    "__next__",
    "__getitem__",
    "__index__",
    "__float__",
    "__int__",
    "__bytes__",
    "__fspath__",
    "__length_hint__",
    "__len__",
    "__bool__",
    "__ne__",
    "keys",
    "items",
    "values",
    "clone",
    "nbytes",
    "__dataclass_fields__",
    "__attrs_attrs__",
]
BASES = (object, dict, list, tuple, set, frozenset, str, bytes, int, float, Exception, enum.Enum)
PROPERTIES = {"__class__", "nbytes", "__dataclass_fields__", "__attrs_attrs__"}


def evil_class(base, methods, with_meta):
    """Make a class some of whose methods behave badly."""
    members = {
        name: property(behaviour) if name in PROPERTIES else behaviour
        for name, behaviour in methods
    }
    if "__eq__" in members:
        members.setdefault("__hash__", None)
    members["__qualname__"] = f"Evil.{EVIL_TEXT}"
    if with_meta and base is object:
        return Meta("Evil", (base,), members)
    return type("Evil", (base,), members)


@dataclasses.dataclass
class Data:
    first: object = None
    second: object = None


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    first: object = None


@attrs.define(eq=False)
class Attrs:
    first: object = None
    second: object = None


class Slots:
    __slots__ = ("first", "second")


Pair = collections.namedtuple("Pair", "first second")  # noqa: PYI024 -- the plain kind


class Colour(enum.Enum):
    RED = EVIL_TEXT


def nested(depth, kind):
    value = kind()
    for _ in range(depth):
        value = {"a": value} if kind is dict else kind([value])
    return value


def raised(links):
    error = ValueError(EVIL_TEXT)
    for number in range(links):
        outer = OddError() if number % 3 else KeyError(error)
        outer.__cause__ = error
        outer.add_note(EVIL_TEXT)
        error = outer
    return error


#: Values that need nothing, made anew each time.
LEAVES = {
    "none": lambda: None,
    "object": object,
    "huge int": lambda: 10**6000,
    "negative huge int": lambda: -(1 << 70_000),
    "nan": lambda: float("nan"),
    "infinity": lambda: float("-inf"),
    "complex": lambda: complex("nan"),
    "long text": lambda: EVIL_TEXT * 20_000,
    "long bytes": lambda: b"\xff\x00" * 100_000,
    "bytearray": lambda: bytearray(b"token=abc"),
    "memoryview": lambda: memoryview(b"ab" * 100),
    "decimal": lambda: decimal.Decimal("sNaN"),
    "fraction": lambda: fractions.Fraction(1, 3),
    "date": lambda: dt.datetime(1, 1, 1, tzinfo=dt.timezone.max),
    "range": lambda: range(10**18),
    "generator": lambda: (number for number in range(3)),
    "endless": itertools.count,
    "lock": threading.Lock,
    "module": lambda: itertools,
    "class": lambda: Meta("Evil", (), {}),
    "function": lambda: lambda: EVIL_TEXT,
    "enum": lambda: Colour.RED,
    "array": lambda: array.array("d", [1.0, float("nan")]),
    "numpy": lambda: np.array([[1.0, np.nan]]),
    "numpy of objects": lambda: np.array([EVIL_TEXT, None, {}], dtype=object),
    "numpy scalar": lambda: np.float32("nan"),
    "numpy records": lambda: np.zeros(3, dtype=[("a", "i4"), ("b", "O")]),
    "weak reference": lambda: weakref.ref(Colour),
    "deep list": lambda: nested(3000, list),
    "deep dict": lambda: nested(3000, dict),
    "deep tuple": lambda: nested(3000, tuple),
    "wide": lambda: list(range(5000)),
    "exception": lambda: raised(3),
    "long chain": lambda: raised(500),
    "group": lambda: ExceptionGroup(EVIL_TEXT, [raised(1), ExceptionGroup("", [raised(2)])]),
    "secret": lambda: {"password": EVIL_TEXT, "token": ["abc"]},
    "nonsense": Nonsense,
}


CONTAINERS = {
    "list": list,
    "dict": lambda items: dict(enumerate(items)),
    "dict of text": lambda items: {f"key {i}{EVIL_TEXT[i % 8]}": x for i, x in enumerate(items)},
    "ordered": lambda items: collections.OrderedDict(enumerate(items)),
    "deque": collections.deque,
    "tuple": tuple,
    "pair": lambda items: Pair(*[*items, None, None][:2]),
    "data": lambda items: Data(*items[:2]),
    "attrs": lambda items: Attrs(*items[:2]),
    "frozen": lambda items: Frozen(*items[:1]),
    "slots": lambda items: filled(Slots(), items),
    "namespace": lambda items: types.SimpleNamespace(items=items),
    "set": lambda items: hashed(set, items),
    "frozenset": lambda items: hashed(frozenset, items),
    "keys": lambda items: hashed(dict.fromkeys, items),
    "partial": lambda items: types.MappingProxyType(dict(enumerate(items))),
    "exception": lambda items: ValueError(*items),
}


def filled(value, items):
    for name, item in zip(("first", "second"), items, strict=False):
        setattr(value, name, item)
    return value


def hashed(kind, items):
    """Keep those items that can be hashed."""
    taken = []
    for item in items:
        try:
            kind([*taken, item])
        except BaseException:  # noqa: BLE001 -- what they raise is the point
            continue
        taken.append(item)
    return kind(taken)


def built(graph):
    """Make the value of a plan; a number that is too large, or the own one, makes a cycle."""
    values: list = []
    for position, one in enumerate(reversed(graph)):
        if one[0] != "node":
            return made(one)
        # Those after it are there already; those before it are hung in below.
        items = [
            values[item % len(values)] if type(item) is int and values else made(item)
            for item in one[2]
            if type(item) is not int or values
        ]
        value = CONTAINERS[one[1]](items)
        values.append(value)
        if position and type(values[0]) is list:
            values[0].append(value)
        elif position and type(values[0]) is dict:
            values[0]["itself"] = value
    holders[:] = [value for value in values if type(value) in {list, dict, set}]
    return values[-1]


def made(leaf):
    kind, what, *more = leaf
    if kind == "leaf":
        return LEAVES[what]()
    if kind == "plain":
        return what
    try:
        return what.__new__(evil_class(what, *more))
    except Exception:  # noqa: BLE001 -- some cannot be made
        return None
