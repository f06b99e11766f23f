"""What is called on two classes, what of it is compared, and how a failure looks."""

from __future__ import annotations

import asyncio
import functools
import pickle
import threading
from collections import OrderedDict, deque
from typing import Any

import pytest
from hypothesis import Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.errors import Unsatisfiable
from hypothesis.stateful import rule

from darkcall import dark_launch, is_dark, launch_of
from darkcall._errors import ConfigurationError, SignatureMismatchError
from darkcall.compare import equal, same_exception_type
from darkcall.runners import InlineRunner
from darkcall.testing import MismatchError, assert_equivalent_classes, equivalence_machine


_FAST = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
    stateful_step_count=6,
    phases=[Phase.generate],
)
#: There is a difference to be found, so it does not take them all.
_MANY = settings(_FAST, max_examples=3000)
_SHRUNK = settings(_MANY, phases=[Phase.generate, Phase.shrink], report_multiple_bugs=False)

check = functools.partial(assert_equivalent_classes, settings=_FAST)


def failure_of(control, candidate, **options):
    with pytest.raises(MismatchError) as raised:
        assert_equivalent_classes(control, candidate, **{"settings": _MANY, **options})
    return raised.value


def text_of(control, candidate, **options):
    return str(failure_of(control, candidate, **options))


def returns(value, name="call"):
    """A class with one method, which returns a value."""
    return type("Returns", (), {name: lambda self: value})


class Stack:
    def __init__(self, items: list[int] | None = None) -> None:
        self._items = list(items or [])

    def push(self, item: int) -> None:
        self._items.append(item)

    def pop(self, index: int = -1) -> int:
        return self._items.pop(index)

    @property
    def size(self) -> int:
        return len(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> int:
        return self._items[index]


class Queue(Stack):
    def pop(self, index: int = 0) -> int:
        return self._items.pop(index)


def test_a_failure_shows_the_fewest_steps_as_code_and_where_both_differ():
    options = {"init": (st.lists(st.integers(0, 9)),), "calls": {"pop": ()}}
    error = failure_of(Stack, Queue, **options, settings=_SHRUNK)
    lines = str(error).splitlines()
    assert lines[0] == "Queue differs from Stack in step 2: x.pop()"
    assert lines[1] == "  x = Stack([0, 1])  # and Queue"
    assert lines[2:] == [
        "  x.pop()",
        "  the control returned 1",
        "  the candidate returned 0",
        "  $  (value)",
        "    control:   1  (int)",
        "    candidate: 0  (int)",
    ]
    assert [one["path"] for one in error.differences] == ["$"]
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_what_has_a_default_is_left_out_of_some_calls():
    seen = set()

    class Sees:
        def call(self, item: int | str = "left out") -> None:
            seen.add(item)

    check(Sees, Sees, calls={"call": {"item": ...}})
    check(Sees, Sees, calls={"call": ()})
    assert seen > {"left out"}


def test_a_class_does_what_it_does_itself():
    check(Stack, Stack)


class SizesByTwo(Stack):
    @property
    def size(self) -> int:
        return 2 * len(self._items)


class HalfAsLong(Stack):
    def __len__(self) -> int:
        return len(self._items) // 2


class FromTheEnd(Stack):
    def __getitem__(self, index: int) -> int:
        return self._items[-1 - index]


@pytest.mark.parametrize(
    ("candidate", "code"), [(SizesByTwo, "x.size"), (HalfAsLong, "len(x)"), (FromTheEnd, "x[0]")]
)
def test_properties_and_the_methods_of_containers_are_called_too(candidate, code):
    assert text_of(Stack, candidate, settings=_SHRUNK).splitlines()[0].endswith(f": {code}")


class Everything:
    """Has each method of a container, and counts the calls."""

    called: list[str] = []  # noqa: RUF012 -- it is one for all

    def __bool__(self) -> bool:
        self.called.append("bool")
        return True

    def __contains__(self, item: int) -> bool:
        self.called.append("in")
        return True

    def __delitem__(self, key: int) -> None:
        self.called.append("del")

    def __iter__(self):
        self.called.append("iter")
        return iter([1])

    def __next__(self) -> int:
        self.called.append("next")
        return 1

    def __reversed__(self):
        self.called.append("reversed")
        return iter([1])

    def __setitem__(self, key: int, value: int = 3) -> None:
        self.called.append("set")

    def __eq__(self, other: object) -> bool:
        self.called.append("eq")
        return True

    __hash__ = None

    def _private(self) -> None:
        self.called.append("private")

    class Inner:
        pass

    constant = 3


def test_what_python_calls_by_itself_is_called_by_python():
    Everything.called.clear()
    check(Everything, Everything, max_examples=60)
    assert set(Everything.called) == {"bool", "in", "del", "iter", "next", "reversed", "set"}


def test_what_has_no_hint_is_named_and_so_is_the_way_out():
    class Mixed:
        def __init__(self, size: int) -> None: ...
        def bare(self, item): ...
        def anything(self, item: Any) -> None: ...
        def hinted(self, item: int) -> None: ...

    with pytest.raises(ConfigurationError) as raised:
        check(Mixed, Mixed)
    text = str(raised.value)
    assert "Mixed: nothing tells what to call some methods with" in text
    assert "Mixed.bare: the parameter 'item' has no type hint" in text
    assert "Mixed.anything: the parameter 'item' has the type hint" in text
    assert "hinted" not in text
    assert "calls={" in text
    check(Mixed, Mixed, calls={"bare": (st.none(),), "anything": None, ...: ...})


def test_a_builtin_class_has_no_hints_so_all_is_to_be_given():
    with pytest.raises(ConfigurationError, match=r"nothing tells[\s\S]*append[\s\S]*rotate"):
        check(deque, deque)
    with pytest.raises(ConfigurationError, match=r"deque: it has no signature.*init=\(\)"):
        check(deque, deque, calls={"pop": ()})
    with pytest.raises(ConfigurationError, match="nothing public to call"):
        check(object, object, init=())


def test_strategies_are_given_from_the_left_or_by_name():
    seen = []

    class Sees:
        def call(self, first, second: int, *rest, third=None, fourth: int = 4):
            seen.append((first, second, rest, third))

    sevens = st.just(7)
    check(Sees, Sees, calls={"call": (sevens, sevens)})
    check(Sees, Sees, calls={"call": {"second": sevens, "first": sevens}})
    assert set(seen) == {(7, 7, (), None)}
    seen.clear()
    check(Sees, Sees, calls={"call": (sevens, ..., st.just((1, 2)), sevens)})
    assert {(first, rest, third) for first, _, rest, third in seen} == {(7, (1, 2), 7)}


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"calls": {"pusch": ()}}, ConfigurationError, "Stack has no 'pusch'"),
        ({"calls": {"push": st.integers()}}, TypeError, r"give a tuple of strategies"),
        ({"calls": {"push": (st.none(), st.none())}}, ConfigurationError, "2 strategies are more"),
        ({"calls": {"push": {"it": st.none()}}}, ConfigurationError, "has no parameter 'it'"),
        ({"calls": {"push": (3,)}}, ConfigurationError, "no strategy"),
        ({"calls": ["push"]}, TypeError, r"calls=\['push'\] will not do: give a mapping"),
        ({"observe": "size"}, TypeError, "observe='size' will not do: give a function"),
        ({"calls": {...: ()}}, TypeError, r"calls\[\.\.\.\] is \(\)"),
        ({"init": {"size": st.none()}}, ConfigurationError, "has no parameter 'size'"),
        ({"share": ("session",)}, ConfigurationError, "share='session'.*index, item, items"),
        ({"isolate": "no"}, ConfigurationError, "isolate='no' will not do"),
        ({"timeout": 3}, TypeError, "timeout"),
    ],
)
def test_what_does_not_fit_the_class_fails_at_once(options, error, match):
    with pytest.raises(error, match=match):
        equivalence_machine(Stack, Stack, **options)


def test_what_are_no_settings_is_refused():
    with pytest.raises(ConfigurationError, match="settings=50 will not do"):
        assert_equivalent_classes(Stack, Stack, settings=50)


def test_a_function_is_no_class():
    with pytest.raises(TypeError, match="is no class; assert_equivalent compares functions"):
        equivalence_machine(len, Stack)


class WithoutPop:
    def __init__(self, items: list[int] | None = None) -> None: ...
    def push(self, item: int) -> None: ...


class PopsNothing(Stack):
    def pop(self) -> int:
        return self._items.pop()


class SizeIsCalled(Stack):
    pop = property(lambda self: 3)


class MadeOfNothing(Stack):
    def __init__(self) -> None: ...


@pytest.mark.parametrize(
    ("candidate", "match"),
    [
        (WithoutPop, "WithoutPop has no '__getitem__', which Stack has"),
        (PopsNothing, "could not take the control's arguments"),
        (SizeIsCalled, "'pop' is a method of Stack, and is read of SizeIsCalled"),
        (MadeOfNothing, "could not take the control's arguments"),
    ],
)
def test_a_class_that_lacks_something_is_refused_at_the_start(candidate, match):
    with pytest.raises(SignatureMismatchError, match=match):
        equivalence_machine(Stack, candidate)


def test_a_class_need_take_no_more_than_what_it_is_called_with():
    check(Stack, PopsNothing, calls={"push": (), "__len__": ()})
    with pytest.raises(SignatureMismatchError, match=r"could not be called as Stack\.pop is to be"):
        check(Stack, PopsNothing, calls={"pop": (st.integers(),)})
    with pytest.raises(SignatureMismatchError, match="could not be called as Stack is to be"):
        check(Stack, MadeOfNothing, init=(st.just([]),), calls={"push": ()})


def test_where_python_takes_another_method_none_is_missed():
    class Listed:
        def __init__(self) -> None: ...
        def __contains__(self, item: int) -> bool:
            return item in (1, 2)

        def __bool__(self) -> bool:
            return True

    class Iterated:
        def __iter__(self):
            return iter((1, 2))

    check(Listed, Iterated)


def test_inherited_methods_are_called_and_those_of_builtins_by_their_parameters():
    class Named(OrderedDict):
        def first(self) -> str:
            return next(iter(self), "")

    pairs = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 1)), max_size=2)
    calls = {"first": (), "fromkeys": (st.just("ab"),), "move_to_end": {"key": st.just("a")}}
    check(Named, Named, init=(pairs,), calls=calls, observe=lambda x: list(x.items()))


def test_class_methods_and_static_methods_are_called_on_the_instance():
    class Makes:
        def __init__(self, size: int = 0) -> None:
            self.size = size

        @classmethod
        def of(cls, size: int) -> Makes:
            return cls(size)

        @staticmethod
        def double(size: int) -> int:
            return 2 * size

    class MakesMore(Makes):
        @classmethod
        def of(cls, size: int) -> Makes:
            return cls(size + 1)

    check(Makes, Makes, calls={"double": ()})
    text = text_of(Makes, MakesMore, observe=lambda x: x.size, settings=_SHRUNK)
    assert text.splitlines()[0] == "MakesMore differs from Makes in step 2: x.of(0)"


def test_arguments_are_each_sides_own():
    class Takes:
        def take(self, items: list[int]) -> int:
            items.append(1)
            return len(items)

    check(Takes, Takes)


def test_what_both_raise_is_compared_and_the_steps_go_on():
    class Raises:
        def fail(self) -> None:
            raise ValueError("no")

        def work(self) -> int:
            return 1

    class RaisesOther(Raises):
        def fail(self) -> None:
            raise ValueError("never")

    class WorksOther(Raises):
        def work(self) -> int:
            self.fail()
            return 2

    assert "$  (message)" in text_of(Raises, RaisesOther)
    check(Raises, RaisesOther, compare_exceptions=same_exception_type)
    error = failure_of(Raises, WorksOther)
    assert "the candidate raised ValueError: no (in fail, line" in str(error)
    assert isinstance(error.__cause__, ValueError)


def test_a_constructor_is_compared_and_where_both_raise_the_example_ends():
    class Positive:
        def __init__(self, size: int) -> None:
            if size < 0:
                raise ValueError(f"{size} is below 0")
            self.size = size

        def grow(self) -> int:
            return self.size + 1

    class NotNegative(Positive):
        def __init__(self, size: int) -> None:
            if size < -1:
                raise ValueError(f"{size} is below 0")
            self.size = size

    sizes = {"init": (st.integers(-2, 2),)}
    check(Positive, Positive, **sizes)
    lines = text_of(Positive, NotNegative, **sizes, settings=_SHRUNK).splitlines()
    assert lines[:2] == [
        "NotNegative differs from Positive in step 1: x = Positive(-1)",
        "  x = Positive(-1)  # and NotNegative",
    ]


def test_a_constructor_that_always_raises_is_no_test_passed():
    class Broken:
        def __init__(self) -> None:
            raise ValueError

        def call(self) -> None: ...

    with pytest.raises(Unsatisfiable):
        check(Broken, Broken)


def test_a_default_that_is_never_overridden_need_not_be_there():
    class Old:
        def call(self, item=1):
            return 1

    class New:
        def call(self):
            return 1

    check(Old, New, calls={"call": ()})


class Chained:
    def __init__(self, size: int = 0) -> None:
        self.size = size

    def grow(self) -> Chained:
        self.size += 1
        return self


class Copied(Chained):
    def grow(self) -> Chained:
        self.size += 1
        return type(self)(self.size)


class CopiedAnew:
    def __init__(self, size: int = 0) -> None:
        self.size = size

    def grow(self) -> CopiedAnew:
        self.size += 1
        return CopiedAnew(self.size)


def test_the_instance_itself_is_equal_to_the_other_instance_itself():
    check(Chained, type("Subclass", (Chained,), {}), observe=lambda x: x.size)
    assert "Returned.ITSELF" in text_of(Chained, Copied, observe=lambda x: x.size)


def test_instances_that_are_returned_are_compared_by_what_is_observed():
    check(Copied, CopiedAnew, observe=lambda x: x.size)
    assert "compared by observe, which was not given" in text_of(Copied, CopiedAnew)


def test_what_is_observed_is_compared_after_each_step_and_not_normalized():
    class Forgets(Stack):
        def push(self, item: int) -> None: ...

    calls = {"push": (st.just(3),)}
    options = {"init": (), "calls": calls, "observe": lambda x: iter(x._items)}
    text = text_of(Stack, Forgets, **options, normalize=bool, ignore=lambda *_: True)
    assert text.splitlines()[:4] == [
        "Forgets differs from Stack after step 2: x.push(3)",
        "  x = Stack()  # and Forgets",
        "  x.push(3)",
        "  observe of the control returned [3]",
    ]


def test_an_observer_that_fails_on_the_control_fails_the_test():
    with pytest.raises(AttributeError, match="itms"):
        check(Stack, Stack, observe=lambda x: x.itms)


def test_an_observer_that_fails_on_the_candidate_alone_is_a_mismatch():
    class Hides(Stack):
        def __init__(self, items: list[int] | None = None) -> None:
            self._hidden = items

    text = text_of(Stack, Hides, calls={"push": None, ...: ...}, observe=lambda x: x._items)
    assert "observe of the candidate raised AttributeError" in text


def test_iterators_are_compared_by_their_first_items_however_many_there_are():
    def numbers(other):
        def count(self):
            number = 0
            while True:
                yield 0 if number == other else number
                number += 1

        return type("Counts", (), {"count": count})

    check(numbers(None), numbers(1000), max_examples=2)
    text = text_of(numbers(None), numbers(999))
    assert "$[999]  (value)" in text


def test_an_iterator_is_no_list_and_a_view_no_iterator():
    assert "(type)" in text_of(returns([1]), returns(iter([1])))
    assert "(type)" in text_of(returns({1: 2}.keys()), returns(iter([1])))
    check(returns({1: 2}.keys()), returns(OrderedDict({1: 2}).keys()))


def test_comparing_takes_the_rules_of_a_launch():
    check(returns(1.0), returns(1.1), compare=equal.within(abs=0.2))
    check(returns(1), returns(-1), normalize=abs)
    check(returns(1), returns(2), ignore=lambda control, candidate: candidate.value == 2)
    text = text_of(returns(1), returns(2), normalize=lambda value: 1 / 0)
    assert text.startswith("Returns could not be compared with Returns in step 2")
    assert "normalize failed: ZeroDivisionError" in text


class AsyncStack:
    def __init__(self) -> None:
        self._items: list[int] = []
        self._room = asyncio.Semaphore(1)
        self._tasks: list[asyncio.Task[None]] = []

    async def push(self, item: int) -> None:
        async with self._room:
            await asyncio.sleep(0)
            self._items.append(item)

    async def push_later(self, item: int) -> None:
        self._tasks.append(asyncio.create_task(self.push(item)))

    async def wait(self) -> int:
        await asyncio.gather(*self._tasks)
        return len(self._items)

    async def items(self):
        for item in self._items:
            yield item

    async def forever(self):
        while True:
            yield 1


class AsyncQueue(AsyncStack):
    async def push(self, item: int) -> None:
        self._items.insert(0, item)


def test_async_methods_are_awaited_and_what_they_start_goes_on():
    check(AsyncStack, AsyncStack)
    calls = {"push": (st.integers(0, 1),), "items": ()}
    text = text_of(AsyncStack, AsyncQueue, calls=calls, settings=_SHRUNK)
    assert "  await x.push(0)\n" in text
    assert "x.items()" in text.splitlines()[0]


def test_async_methods_are_awaited_in_an_async_test_too():
    async def test():
        check(AsyncStack, AsyncStack, max_examples=3)

    asyncio.run(test())


def test_what_only_one_side_has_to_await_is_a_mismatch():
    class Sync:
        def get(self) -> int:
            return 1

    class Async:
        async def get(self) -> int:
            return 1

    class Future:
        def __init__(self) -> None: ...
        def get(self):
            return type(self)()

        def chain(self):
            return self

        def __await__(self):
            yield from ()
            return 3

    assert "the control returned Returned.AWAITABLE" in text_of(Async, Sync).replace("<", "")
    assert "the candidate returned Returned.AWAITABLE" in text_of(Sync, Async).replace("<", "")
    assert "Returned.AWAITABLE" in text_of(Sync, Future)
    check(Future, Future)


def test_what_cannot_be_copied_can_be_shared():
    class Holds:
        def hold(self, lock: object) -> bool:
            return lock.acquire(blocking=False) and lock.release() is None

    calls = {"hold": (st.builds(threading.Lock),)}
    with pytest.raises(ConfigurationError, match=r"Holds\.hold: parameter 'lock'"):
        check(Holds, Holds, calls=calls)
    check(Holds, Holds, calls=calls, share=("lock",))
    check(Holds, Holds, calls=calls, isolate="share")


def test_a_shared_argument_is_shown_as_it_was():
    class Takes:
        def take(self, items: list[int]) -> int:
            items.append(1)
            return len(items)

    text = text_of(
        Takes, type("Copy", (Takes,), {}), calls={"take": (st.builds(list),)}, share=("items",)
    )
    assert "x.take([])" in text


def test_the_candidate_runs_in_the_dark_and_launched_methods_are_plain_calls():
    dark = {"Old": set(), "New": set()}

    class Old:
        # With a runner of its own: other tests configure one that could not run this candidate.
        @dark_launch(candidate=lambda self: 2, name="docs.call", runner=InlineRunner())
        def call(self) -> int:
            dark[type(self).__name__].add(is_dark())
            return 1

    class New(Old):
        pass

    check(Old, New)
    assert dark == {"Old": {False}, "New": {True}}
    assert launch_of(Old.call).stats().shadowed == 0


def test_a_machine_is_collected_as_a_test_case_and_takes_the_settings_of_hypothesis():
    machine = equivalence_machine(Stack, Queue)
    assert machine.__name__ == "Stack_and_Queue"
    assert Phase.explain not in machine.TestCase.settings.phases
    machine = seed(3)(settings(_MANY)(machine))
    with pytest.raises(MismatchError, match="Queue differs from Stack"):
        machine.TestCase().runTest()
    settings(_FAST)(equivalence_machine(Stack, Stack)).TestCase().runTest()


def test_a_machine_can_be_given_rules_of_ones_own():
    class More(equivalence_machine(Stack, Stack)):
        @rule()
        def fail(self):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        settings(_MANY)(More).TestCase().runTest()


def test_the_current_profile_holds_where_no_settings_are_given():
    assert_equivalent_classes(Stack, Stack, max_examples=2)
    settings.register_profile("mine", max_examples=1, database=None, verbosity=Verbosity.normal)
    before = settings.get_current_profile_name()
    settings.load_profile("mine")
    try:
        assert equivalence_machine(Stack, Stack).TestCase.settings.max_examples == 1
    finally:
        settings.load_profile(before)


def test_different_classes_and_different_calls_have_different_places_in_the_database():
    database = InMemoryExampleDatabase()
    options = {"settings": settings(_MANY, derandomize=False, database=database)}
    keys = []
    for candidate, calls in [
        (Queue, {"pop": (), "push": ()}),
        (HalfAsLong, {"__len__": ()}),
        (HalfAsLong, {"__len__": (), "push": ()}),
    ]:
        database.data.clear()
        failure_of(Stack, candidate, calls=calls, **options)
        keys.append(frozenset(database.data))
    assert len(keys) == len(set(keys)) == 3


def test_a_failure_that_the_database_knows_is_there_again_at_once():
    database = InMemoryExampleDatabase()
    again = settings(_MANY, derandomize=False, database=database)
    failure_of(Stack, Queue, settings=again)
    only_known = settings(again, phases=[Phase.reuse])
    failure_of(Stack, Queue, settings=only_known)


def test_what_fails_is_not_explained():
    error = failure_of(Stack, Queue, settings=settings(_SHRUNK, phases=list(Phase)))
    assert not any("Explanation" in note for note in error.__notes__)
