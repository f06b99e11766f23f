"""Candidates that another process can find, and what they are launched beside."""

from __future__ import annotations

import abc
import asyncio
import ctypes
import dataclasses
import enum
import functools
import multiprocessing
import os
import signal
import sys
import time

import pydantic

from darkcall import dark_launch, is_dark
from darkcall.runners import ProcessRunner
from darkcall.sinks import MemorySink


memory = MemorySink()
process_runner = ProcessRunner()


def double(x):
    return 2 * x


def by_addition(x):
    return x + x


def where(x):
    return {"pid": os.getpid(), "nice": os.nice(0), "is_dark": is_dark()}


def append(x):
    x.append(4)
    return sum(x)


def sum_and_append(x):
    result = sum(x) + 4
    x.append(4)
    return result


class Color(enum.Enum):
    RED = "red"


class Mode(enum.IntFlag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Line:
    sku: str
    tags: list


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...


class Square(Shape):
    __hash__ = None

    def __init__(self, side):
        self.side = side

    def __eq__(self, other):
        return self.side == other.side

    def area(self):
        return self.side**2


class Model(pydantic.BaseModel):
    name: str
    color: Color


def same(x):
    return x


class OddError(Exception):
    """Takes other arguments than it keeps."""

    def __init__(self, *, code):
        super().__init__(f"code {code}")
        self.code = code


def raise_odd(x):
    raise OddError(code=x)


class Unsendable(Exception):  # noqa: N818 -- what it is
    """Holds what cannot be pickled."""

    def __init__(self, text):
        super().__init__(text)
        self.hold = (item for item in text)


def raise_unsendable(x):
    raise Unsendable(x)


def generator(x):
    return (item for item in range(x))


class Unopenable:
    """Can be pickled, and not opened."""

    def __reduce__(self):
        return _not_here, (os.getpid(),)


def _not_here(pid):
    raise AttributeError(f"4111-1111-1111-1111 {pid}")


def unopenable(x):
    return Unopenable()


def segfault(x):
    ctypes.string_at(0)


def end_itself(x):
    os._exit(x)


def killed(x):
    os.kill(os.getpid(), signal.SIGKILL)


def burn(x):
    while True:
        pass


def burn_for(x):
    ends = time.thread_time() + x
    while time.thread_time() < ends:
        pass
    return x


def sleep_for(x):
    time.sleep(x)
    return x


def large(x):
    return bytes(x)


def become_a_daemon(x):
    if not os.fork():
        os.setsid()
        time.sleep(0.5)
    os._exit(0)


def terminate_a_child(x):
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(30,))
    child.start()
    child.terminate()
    child.join()
    return x if child.exitcode == -signal.SIGTERM else child.exitcode


def come_back_from_a_fork(x):
    if not os.fork():
        return "the child"
    os.wait()
    return x


async def come_back_from_a_fork_later(x):
    return come_back_from_a_fork(x)


def end_by_a_real_time_signal(x):
    os.kill(os.getpid(), 40)


def told_to_end(x):
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
    return "here"


def printed(x):
    sys.stdout.write(x)
    sys.stdout.flush()
    return x


def read_input(x):
    return os.read(0, 100)


async def double_later(x):
    await asyncio.sleep(0.001)
    return 2 * x


class Price:
    """Methods of each kind."""

    factor = 3

    def __init__(self, amount):
        self.amount = amount

    def times(self, x):
        return self.amount * x

    @classmethod
    def of(cls, x):
        return cls.factor * x

    @staticmethod
    def plus(x):
        return x + 1

    def __call__(self, x):
        return x


@dark_launch(candidate=double, name="elsewhere.launched", sinks=[])
def launched_itself(x):
    return 2 * x


def call_what_is_launched(x):
    return launched_itself(x)


class Nothing:
    """Methods whose candidates stand beside them; it has no name while they are given."""

    @classmethod
    def new_of(cls, x):
        return cls.__name__ * x

    old_of = dark_launch(
        candidate=new_of, name="elsewhere.of", sinks=[memory], runner=process_runner
    )(classmethod(lambda cls, x: "Nothing" * x))


half = functools.partial(double, 0.5)


def _original(x):
    return x


def _other(x):
    return x


replaced = _original
_original = _other


again_memory = MemorySink()


@dark_launch(
    candidate=double,
    runner=process_runner,
    sinks=[again_memory],
    noise=1.0,
    confirm=True,
    timeout=15.0,
)
def where_again(x):
    return {"pid": os.getpid(), "nice": 0, "is_dark": is_dark()}
