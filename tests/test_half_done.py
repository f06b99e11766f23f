"""What strikes, or fails, while launches take over other settings: all of them or none hold."""

from __future__ import annotations

from functools import partial

import pytest

import darkcall
from darkcall import ConfigurationError, dark_launch, launch_of, set_enabled
from darkcall._launch import Launch
from darkcall.runners import InlineRunner
from darkcall.sinks import MemorySink
from darkcall.testing import capture


class Interrupt(BaseException):
    """Addressed to the thread, as a Ctrl-C is."""


@pytest.fixture
def launches():
    def control(x):
        return x

    decorate = dark_launch(candidate=control, runner=InlineRunner(), sinks=[MemorySink()])
    # Whoever has a launch has its function.
    functions = [decorate(control) for _ in range(3)]
    yield [launch_of(function) for function in functions]
    functions.clear()


@pytest.fixture
def strike(monkeypatch):
    """Gives a function: what takes over other settings is struck at that time of those to come."""
    adopt, left = Launch._adopt, []

    def struck(launch, policy):
        if left and not left.pop():
            raise Interrupt
        adopt(launch, policy)
        if left and not left.pop():
            raise Interrupt

    monkeypatch.setattr(Launch, "_adopt", struck)
    return lambda times: left.extend([False, *[True] * times])


def are_as_before(launches):
    return all(
        launch._terms is not None
        and launch._terms.look_back is None
        and launch._terms.policy.timeout == 5.0
        and type(launch._terms.outlets[0].sink) is MemorySink
        and launch.candidates[0].gate is launch.candidates[0].own_gate
        for launch in launches
    )


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_a_block_that_is_struck_where_it_begins_does_not_begin(launches, strike, times):
    strike(times)

    with pytest.raises(Interrupt), capture():
        pytest.fail("it begins")

    assert are_as_before(launches)


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_a_block_that_is_struck_where_it_ends_ends(launches, strike, times):
    with pytest.raises(Interrupt), capture() as records:
        strike(times)

    assert are_as_before(launches)
    launches[0].control(3)
    assert records == []


@pytest.mark.parametrize(
    "change",
    [partial(darkcall.configure, timeout=9.0), partial(set_enabled, enabled=False)],
    ids=["configure", "set_enabled"],
)
@pytest.mark.parametrize("times", [0, 3])
def test_what_is_configured_holds_for_all_or_for_none(launches, strike, times, change):
    strike(times)

    with pytest.raises(Interrupt):
        change()

    assert are_as_before(launches)


@pytest.mark.parametrize("times", [0, 1])
def test_an_update_that_is_struck_changes_nothing(launches, strike, times):
    strike(times)

    with pytest.raises(Interrupt):
        launches[0].update(timeout=9.0)

    assert are_as_before(launches)
    with darkcall.configure(sample=0.5):
        assert launches[0]._terms.policy.timeout == 5.0


class Turning(InlineRunner):
    """A runner that is none any more, later."""

    def __getattribute__(self, name):
        if name == "submit" and vars(self).get("is_none"):
            raise AttributeError(name)
        return super().__getattribute__(name)


def test_a_launch_that_cannot_change_any_more_keeps_no_other_from_it(launches):
    runner = Turning()
    spoilt = dark_launch(candidate=print, name="a", sinks=[], runner=runner)(print)
    runner.is_none = True

    with pytest.raises(ConfigurationError, match="runner="):
        darkcall.configure(timeout=9.0)
    assert are_as_before(launches)
    with pytest.raises(ConfigurationError, match="runner="), capture():
        pytest.fail("it begins")
    assert are_as_before(launches)
    with pytest.raises(ConfigurationError, match="runner="):
        launch_of(spoilt).update(timeout=9.0)
    del runner.is_none


@pytest.mark.parametrize("knob", ["sinks", "share", "redact"])
def test_what_becomes_of_a_list_of_knobs_later_keeps_no_launch_from_being_switched_off(knob):
    given = []
    launch = launch_of(dark_launch(candidate=abs, **{"sinks": [], knob: given})(abs))
    with darkcall.configure(**{knob: given}), capture(**{} if knob == "sinks" else {knob: given}):
        given.append(None)
        with set_enabled(False):
            assert launch._terms is None
        assert launch._terms is not None


def test_the_gate_of_a_launch_that_is_off_is_its_own_again_after_a_block(launches):
    with set_enabled(False):
        with capture():
            assert launches[0].candidates[0].gate is not launches[0].candidates[0].own_gate
        assert launches[0].candidates[0].gate is launches[0].candidates[0].own_gate
