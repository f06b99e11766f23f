"""Each way that a call can go, for controls that return, raise and are interrupted."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from darkcall import aflush, dark_launch, flush, launch_of
from darkcall.runners import InlineRunner, ThreadRunner


class Interrupted(BaseException):
    """As KeyboardInterrupt, but of no meaning to pytest or asyncio."""


def answer(x):
    if isinstance(x, BaseException):
        raise x
    return x


async def answer_in_a_while(x):
    await asyncio.sleep(0)
    return answer(x)


def called(function, x):
    result = function(x)
    return asyncio.run(awaited(result)) if inspect.iscoroutine(result) else result


async def awaited(coroutine):
    try:
        return await coroutine
    finally:
        # A loop that ends takes the candidates on it along.
        await aflush()


@pytest.fixture(params=["inline", "threads"])
def runner(request):
    runner = InlineRunner() if request.param == "inline" else ThreadRunner(workers=1)
    yield runner
    runner.close(timeout=1.0)


@pytest.fixture(params=[answer, answer_in_a_while, len], ids=["sync", "async", "proxy"])
def control(request):
    return request.param


@pytest.fixture
def decorated(control, runner, sink):
    return dark_launch(candidate=lambda *args, **_: answer(*args), runner=runner, sinks=[sink])(
        control
    )


ARGUMENT = [1]


def result_of(control):
    return 1 if control is len else ARGUMENT


def counts(decorated):
    assert flush()
    stats = launch_of(decorated).stats()
    return {
        name: count
        for name in ("off", "nested", "unsampled", "shadowed")
        if (count := getattr(stats, name))
    }


def test_a_call_that_is_shadowed_returns_the_controls_result(decorated, control, sink):
    assert called(decorated, ARGUMENT) == result_of(control)
    assert counts(decorated) == {"shadowed": 1}
    assert len(sink.records) == 1


def test_a_call_while_the_launch_is_off_is_a_plain_call(decorated, control, sink):
    launch_of(decorated).pause()
    assert called(decorated, ARGUMENT) == result_of(control)
    assert counts(decorated) == {"off": 1}
    assert sink.records == []


def test_a_call_that_is_not_sampled_is_a_plain_call(decorated, control, sink):
    launch_of(decorated).update(sample=0.0)
    assert called(decorated, ARGUMENT) == result_of(control)
    assert counts(decorated) == {"unsampled": 1}
    assert sink.records == []


def test_a_call_in_the_dark_is_a_plain_call(decorated, control, runner, sink):
    outer = dark_launch(candidate=decorated, runner=runner, sinks=[])(control)
    assert called(outer, ARGUMENT) == result_of(control)
    assert counts(outer) == {"shadowed": 1}
    assert counts(decorated) == {"nested": 1}
    assert launch_of(outer).stats().outcomes["match"] == 1


def test_a_call_that_no_candidate_may_see_is_a_plain_call_and_counted(decorated, control, sink):
    room = launch_of(decorated).candidates[0].gate.room
    room.places.clear()
    assert called(decorated, ARGUMENT) == result_of(control)
    stats = launch_of(decorated).stats()
    assert stats.reasons == {"full": 1}
    assert stats.pending == 0


def test_what_the_control_raises_is_raised(decorated, control, sink):
    error = TypeError("object of type 'int' has no len()")
    with pytest.raises(TypeError) as caught:
        called(decorated, 3 if control is len else error)
    assert control is len or caught.value is error
    assert counts(decorated) == {"shadowed": 1}
    assert len(sink.records) == 1


def test_an_interrupted_control_passes_the_interruption_on_and_is_counted(runner, sink):
    def control(x):
        raise Interrupted

    decorated = dark_launch(candidate=answer, runner=runner, sinks=[sink])(control)
    with pytest.raises(Interrupted):
        decorated(1)
    assert counts(decorated) == {"shadowed": 1}
    assert launch_of(decorated).stats().reasons == {"interrupted": 1}


def test_a_cancelled_control_passes_the_cancellation_on_and_is_counted(runner, sink):
    async def control(x):
        raise asyncio.CancelledError

    decorated = dark_launch(candidate=answer, runner=runner, sinks=[sink])(control)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(decorated(1))
    assert launch_of(decorated).stats().reasons == {"interrupted": 1}


def test_the_traceback_leads_to_the_line_that_raised(decorated, control):
    with pytest.raises(TypeError) as caught:
        called(decorated, 3 if control is len else TypeError())
    names = [entry.name for entry in caught.traceback]
    assert names[-1] == ("dark" if control is len else "answer")


def test_a_call_that_waits_for_room_leaves_the_loop_to_others(sink):
    runner = ThreadRunner(workers=1)
    decorated = dark_launch(
        candidate=answer, runner=runner, sinks=[sink], when_full="block", max_pending=1
    )(answer_in_a_while)
    room = launch_of(decorated).candidates[0].gate.room

    async def main():
        room.places.pop()
        task = asyncio.create_task(decorated(1))
        for _ in range(3):
            await asyncio.sleep(0.002)
            assert not task.done()
        room.give_back(0)
        return await task

    assert asyncio.run(main()) == 1
    assert flush()
    assert len(sink.records) == 1
    runner.close(timeout=1.0)


def test_a_call_that_is_cancelled_while_it_waits_for_room_is_counted(sink):
    decorated = dark_launch(
        candidate=answer, runner=InlineRunner(), sinks=[sink], when_full="block", max_pending=1
    )(answer_in_a_while)
    room = launch_of(decorated).candidates[0].gate.room

    async def main():
        room.places.pop()
        task = asyncio.create_task(decorated(1))
        await asyncio.sleep(0.002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        room.give_back(0)
        return await decorated(2)

    assert asyncio.run(main()) == 2
    stats = launch_of(decorated).stats()
    assert stats.calls == stats.shadowed == 2
    assert (stats.pending, stats.reasons) == (0, {"interrupted": 1})
    assert len(sink.records) == 1
