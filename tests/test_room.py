from __future__ import annotations

import contextlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall._gate import Room
from looking import in_threads


def took(room):
    """Take a place as a gate does; tell whether there was one."""
    if room.is_full:
        return False
    try:
        room.places.pop()
    except IndexError:
        return False
    return True


class TestRoom:
    def test_it_holds_so_many_calls_and_no_more(self):
        room = Room(2, 1000)

        assert [took(room) for _ in range(3)] == [True, True, False]

    def test_a_place_that_was_given_back_can_be_taken_again(self):
        room = Room(1, 1000)
        took(room)
        room.give_back(0)

        assert took(room)

    def test_it_is_full_when_no_place_is_left(self):
        room = Room(1, 1000)
        before = room.is_full
        took(room)

        assert (before, room.is_full) == (False, True)

    def test_it_is_full_when_the_waiting_calls_weigh_too_much(self):
        room = Room(10, 1000)
        took(room)
        room.weigh(1000)

        assert room.is_full
        assert not took(room)

    def test_a_call_takes_its_weight_with_it(self):
        room = Room(10, 1000)
        took(room)
        room.weigh(1000)
        room.give_back(1000)

        assert room.nbytes == 0
        assert took(room)

    @pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3), (3, 3), (2, 5), (5, 2)])
    def test_its_size_can_change_while_places_are_taken(self, before, after):
        room = Room(before, 1000)
        for _ in range(before):
            took(room)
        room.resize(after, 500)
        free_at_once = sum(took(room) for _ in range(10))
        for _ in range(before + free_at_once):
            room.give_back(0)

        assert free_at_once == max(0, after - before)
        assert sum(took(room) for _ in range(10)) == after
        assert room.max_bytes == 500

    @given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=6), data=st.data())
    def test_whatever_size_it_had_before_it_has_the_last_one_in_the_end(self, sizes, data):
        room, taken = Room(sizes[0], 1000), 0
        for size in sizes:
            room.resize(size, 1000)
            taken += sum(took(room) for _ in range(data.draw(st.integers(0, 6))))
            for _ in range(data.draw(st.integers(0, taken))):
                room.give_back(0)
                taken -= 1
        for _ in range(taken):
            room.give_back(0)

        assert sum(took(room) for _ in range(10)) == sizes[-1]

    def test_two_calls_do_not_give_back_one_place_that_is_too_many(self):
        room = Room(2, 1000)
        took(room)
        took(room)
        room.resize(1, 1000)

        class Meanwhile(contextlib.nullcontext):
            """Another call gives its place back just before this one."""

            def __enter__(self):
                room._lock = threading.RLock()
                room.give_back(0)

        room._lock = Meanwhile()
        room.give_back(0)

        assert [took(room), took(room)] == [True, False]

    def test_its_bytes_are_exact_under_many_threads(self):
        room = Room(10_000, 10**9)

        def weigh():
            for _ in range(2_000):
                if took(room):
                    room.weigh(3)
                    room.give_back(3)

        in_threads(weigh, 8)

        assert room.nbytes == 0
        assert sum(took(room) for _ in range(10_001)) == 10_000
