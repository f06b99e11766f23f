"""Values that have no end, or grow while they are looked at."""

from __future__ import annotations

import pytest

from darkcall import flush


ENDLESS = """
    import collections, itertools, json, resource, sys, time
    from darkcall import dark_launch, flush, launch_of

    class Deep(collections.abc.Mapping):
        def __getitem__(self, key):
            return Deep()
        def __iter__(self):
            return iter("ab")
        def __len__(self):
            return 2

    class Wide(collections.abc.Sequence):
        def __getitem__(self, index):
            return object()
        def __len__(self):
            return 1
        def __iter__(self):
            while True:
                yield object()

    class Reduced:
        def __reduce__(self):
            return iter(int, 1)

    class ReducedError(Exception):
        def __reduce__(self):
            return iter(int, 1)

    def BesideWhatCannotBePickled():
        return [ReducedError(), memoryview(b"")]

    class Numbers:
        def __iter__(self):
            return itertools.count()

    class Set(Numbers, set):
        pass

    class Ordered(Numbers, collections.OrderedDict):
        pass

    class FrozenSet(Numbers, frozenset):
        pass

    class BareTuple(Numbers, tuple):
        __slots__ = ()

    class Unpicklable(Numbers, set):
        def __init__(self):
            self.itself = lambda: self

    def Group(links=60):
        # What two have in common is to be opened once, not twice for each of the links.
        error = ValueError()
        for _ in range(links):
            error = ExceptionGroup("", [error, error])
        return error

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    longest, before = 0, peak()
    shared, copied = (Deep, Wide), (Reduced, Set, Ordered, FrozenSet, BareTuple, Unpicklable, Group,
              BesideWhatCannotBePickled)
    for kind, isolate in [(one, "share") for one in shared] + [(one, "copy") for one in copied]:
        @dark_launch(candidate=lambda value: kind(), name=kind.__name__, isolate=isolate, sinks=[],
                     timeout=30)
        def same(value):
            return value

        value = kind()
        began = time.thread_time()
        assert same(value) is value
        longest = max(longest, time.thread_time() - began)
        assert flush(20)
        assert launch_of(same).stats().pending == 0
    print(json.dumps({"longest": longest, "grown": peak() - before}))
"""


def test_an_endless_value_comes_to_an_end(run_script, measured):
    answer = run_script(ENDLESS).answer
    measured("endless values: CPU time of the caller, seconds", answer["longest"], at_most=0.5)
    measured("endless values: growth of the process, MB", answer["grown"], at_most=200)


CHAIN = """
    import json, time
    from darkcall import dark_launch, flush, launch_of

    def chain(links):
        error = ValueError()
        for _ in range(links):
            outer = KeyError(error)
            outer.__cause__ = error
            error = outer
        return error

    @dark_launch(candidate=lambda value: value, sinks=[])
    def same(value):
        return value

    seconds = []
    for _ in range(3):
        value = chain(500)
        began = time.thread_time()
        assert same(value) is value
        seconds.append(time.thread_time() - began)
    assert flush(20)
    print(json.dumps({"seconds": min(seconds)}))
"""


def test_errors_that_hold_one_another_are_each_taken_apart_once(run_script, measured):
    seconds = run_script(CHAIN).answer["seconds"]
    measured("500 errors that hold one another: CPU time of the caller, s", seconds, at_most=0.5)


class FailsWhenOpened:
    """Can be copied on the caller's thread; the copy cannot be opened on the worker."""

    def __init__(self, error):
        self.error = error

    def __setstate__(self, state):
        raise state["error"]


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_result_whose_copy_cannot_be_opened_is_uncomparable_and_says_so(launched, error):
    value = FailsWhenOpened(error)
    same, memory = launched(lambda: value, lambda: 3)
    assert same() is value
    assert flush()
    [record] = memory.records
    assert record.outcome == "uncomparable"
    assert record.reason == f"preparing what the control did failed: {error.__name__}"


def test_a_context_whose_copy_cannot_be_opened_leaves_the_record_as_it_is(launched):
    knobs = {"context": lambda: {"tenant": FailsWhenOpened(ValueError)}}
    same, memory = launched(lambda: 3, lambda: 3, **knobs)
    assert same() == 3
    assert flush()
    [record] = memory.records
    assert record.outcome == "match"
    assert record.context == {"$": {"$": "dict", "undescribable": True}}
