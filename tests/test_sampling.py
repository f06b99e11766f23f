"""Which calls are shadowed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall import Call, ConfigurationError, dark_launch, launch_of
from darkcall.runners import InlineRunner
from darkcall.sampling import checked_share, first, keyed, per_second, rate
from darkcall.sinks import MemorySink


CALL = Call("shop.price", (), {})


def launched(sample):
    sink = MemorySink()

    @dark_launch(candidate=lambda x: x, sample=sample, runner=InlineRunner(), sinks=[sink])
    def control(x):
        return x

    return control, sink


@pytest.mark.parametrize("sample", [0, 0.0, rate(0), rate(0.0)], ids=range(4))
def test_a_share_of_nothing_samples_no_call(sample):
    control, sink = launched(sample)
    for number in range(50):
        control(number)
    assert sink.records == []
    assert launch_of(control).stats().unsampled == 50


@pytest.mark.parametrize("sample", [1, 1.0, rate(1), rate(1.0)], ids=range(4))
def test_a_share_of_one_samples_every_call(sample):
    control, sink = launched(sample)
    for number in range(50):
        control(number)
    assert [record.sample_rate for record in sink.records] == [1.0] * 50


@pytest.mark.parametrize("sample", [0.5, rate(0.5)], ids=["number", "sampler"])
def test_a_share_of_a_half_samples_about_half_of_the_calls(sample):
    control, sink = launched(sample)
    for number in range(400):
        control(number)
    # Further from 200 than this: once in a billion runs.
    assert 140 < len(sink.records) < 260
    assert {record.sample_rate for record in sink.records} == {0.5}
    stats = launch_of(control).stats()
    assert stats.calls == 400 == stats.shadowed + stats.unsampled


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), float("inf"), True, "0.5", None, 2])
@pytest.mark.parametrize(
    "sampler_of",
    [checked_share, rate, lambda share: keyed(repr, share)],
    ids=["checked_share", "rate", "keyed"],
)
def test_what_is_no_share_is_refused_with_its_value(share, sampler_of):
    with pytest.raises(ConfigurationError, match=f"a share of {share!r} cannot be sampled"):
        sampler_of(share)


@given(st.text(), st.floats(0, 1))
def test_a_key_is_in_or_out_as_a_whole(key, share):
    sampler = keyed(lambda call: call.args[0], share)
    answers = {sampler(Call("shop.price", (key,), {"x": number})) for number in range(5)}
    assert len(answers) == 1


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_key_that_is_in_stays_in_when_the_share_grows(key, share, other):
    small, large = sorted([share, other])
    call = Call("shop.price", (key,), {})
    assert keyed(lambda call: call.args, small)(call) <= keyed(lambda call: call.args, large)(call)


def test_about_the_share_of_the_keys_is_in():
    sampler = keyed(lambda call: call.args[0], 0.25)
    count = sum(sampler(Call("shop.price", (f"user {n}",), {})) for n in range(4000))
    assert 800 < count < 1200


def test_a_key_is_in_in_every_process_alike():
    source = (
        "from darkcall.sampling import Call, keyed\n"
        "sampler = keyed(lambda call: call.args[0], 0.5)\n"
        "print([sampler(Call('shop.price', (f'user {n}',), {})) for n in range(64)])\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", source],
            env={**os.environ, "PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_the_records_of_a_keyed_launch_tell_the_share_of_the_keys():
    control, sink = launched(keyed(lambda call: call.args[0], 1.0))
    control(1)
    assert sink.records[0].sample_rate == 1.0


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_so_many_a_second_are_sampled_and_no_more():
    clock = Clock()
    sampler = per_second(3, clock=clock)
    assert [sampler(CALL) for _ in range(5)] == [True, True, True, False, False]
    clock.now += 1 / 3 + 1e-9
    assert [sampler(CALL) for _ in range(2)] == [True, False]
    clock.now += 3600
    assert [sampler(CALL) for _ in range(5)] == [True, True, True, False, False]


def test_a_fraction_a_second_is_one_in_so_many_seconds():
    clock = Clock()
    sampler = per_second(0.1, clock=clock)
    assert [sampler(CALL) for _ in range(2)] == [True, False]
    clock.now += 9.9
    assert not sampler(CALL)
    clock.now += 0.2
    assert [sampler(CALL) for _ in range(2)] == [True, False]


@given(st.floats(0.01, 100), st.lists(st.floats(0, 10), max_size=50))
def test_no_span_samples_more_than_its_seconds_allow_and_one_second_more(calls, pauses):
    clock = Clock()
    sampler = per_second(calls, clock=clock)
    sampled = 0
    for pause in pauses:
        clock.now += pause
        sampled += sampler(CALL)
    assert sampled <= max(calls, 1) + calls * sum(pauses) * (1 + 1e-9) + 1e-6


def test_who_finds_the_bucket_in_use_is_not_sampled_and_does_not_wait():
    answers = []

    class Interrupting(Clock):
        def __call__(self):
            # As a signal handler would, in the middle of a call.
            if answers is not None and sampler is not None and not answers:
                answers.append(None)
                answers.append(sampler(CALL))
            return self.now

    sampler = None
    sampler = per_second(5, clock=Interrupting())
    assert sampler(CALL)
    assert answers == [None, False]


def test_a_bucket_that_was_in_use_when_the_process_forked_is_not_so_in_the_child():
    sampler = per_second(5)
    sampler._lock.acquire()
    assert not sampler(CALL)
    sampler._pid = -1
    assert sampler(CALL)


@pytest.mark.parametrize("calls", [0, -1, float("inf"), float("nan"), "3", None])
def test_a_number_a_second_that_cannot_be_is_refused(calls):
    with pytest.raises(ConfigurationError, match=rf"per_second\({calls!r}\)"):
        per_second(calls)


def test_the_records_of_a_limited_launch_tell_no_share():
    control, sink = launched(per_second(5))
    control(1)
    assert sink.records[0].sample_rate is None


@pytest.mark.parametrize("calls", [0, 1, 3])
def test_the_first_calls_are_sampled_and_none_after_them(calls):
    control, sink = launched(first(calls))
    for number in range(5):
        control(number)
    assert len(sink.records) == calls


def test_the_first_calls_are_counted_exactly_under_threads():
    sampler = first(100)
    sampled = []
    start = threading.Barrier(4)

    def call():
        start.wait(timeout=10)
        sampled.extend(sampler(CALL) for _ in range(100))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert sampled.count(True) == 100


@pytest.mark.parametrize("calls", [-1, 1.5, "3", None, 10**8])
def test_a_number_of_first_calls_that_cannot_be_is_refused(calls):
    with pytest.raises(ConfigurationError, match=rf"first\({calls!r}\)"):
        first(calls)


def test_a_sampler_of_ones_own_sees_the_call_as_it_is():
    seen = []

    def sampler(call):
        seen.append(call)
        return call.args[0] > 1

    control, sink = launched(sampler)
    control(1)
    control(2)
    assert [(call.args, call.kwargs) for call in seen] == [((1,), {}), ((2,), {})]
    assert {call.launch for call in seen} == {launch_of(control).name}
    assert len(sink.records) == 1
    assert sink.records[0].sample_rate is None


def test_a_sampler_that_fails_samples_nothing():
    def sampler(call):
        raise LookupError

    control, _ = launched(sampler)
    assert control(1) == 1
    assert launch_of(control).stats().unsampled == 1
