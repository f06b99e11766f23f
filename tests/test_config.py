"""Process-wide defaults and switches: what they change, for whom, and for how long."""

from __future__ import annotations

import datetime as dt
import functools
import gc
import os
import subprocess
import sys
import threading

import pytest

from darkcall import (
    ConfigurationError,
    _config,
    close,
    configure,
    dark_launch,
    flush,
    launch_of,
    launches,
    set_enabled,
)
from darkcall.runners import InlineRunner, ThreadRunner
from darkcall.sinks import MemorySink


def identity(x):
    return x


@pytest.fixture
def threads():
    runner = ThreadRunner(workers=1)
    yield runner
    runner.close(timeout=1.0)


@pytest.fixture
def decorated(sink):
    return dark_launch(candidate=identity, runner=InlineRunner(), sinks=[sink])(identity)


def rates_of(decorated):
    """Tell the share that a launch goes by now, as its records have it."""
    return launch_of(decorated)._terms.sample_rate


# Defaults.


def test_a_default_holds_for_launches_that_exist_and_for_those_to_come(decorated):
    with configure(sample=0.25):
        later = dark_launch(candidate=identity)(identity)
        assert rates_of(decorated) == rates_of(later) == 0.25
    assert rates_of(decorated) == rates_of(later) == 1.0


def test_what_a_launch_was_given_by_itself_wins():
    own = dark_launch(candidate=identity, sample=0.5)(identity)
    with configure(sample=0.25):
        assert rates_of(own) == 0.5


def test_what_a_launch_was_given_later_wins(decorated):
    with configure(sample=0.25):
        launch_of(decorated).update(sample=0.75)
        assert rates_of(decorated) == 0.75
    assert rates_of(decorated) == 0.75


def test_defaults_are_laid_over_each_other(decorated):
    with configure(sample=0.25, timeout=1.0):
        with configure(sample=0.5):
            assert rates_of(decorated) == 0.5
            assert launch_of(decorated)._terms.policy.timeout == 1.0
        assert rates_of(decorated) == 0.25
    assert launch_of(decorated)._terms.policy.timeout == 5.0


def test_defaults_may_be_taken_back_in_any_order(decorated):
    first, second, third = configure(sample=0.1), configure(sample=0.2), configure(timeout=1.0)
    first.__exit__(None, None, None)
    assert rates_of(decorated) == 0.2
    third.__exit__(None, None, None)
    assert launch_of(decorated)._terms.policy.timeout == 5.0
    second.__exit__(None, None, None)
    assert rates_of(decorated) == 1.0
    second.__exit__(None, None, None)
    assert rates_of(decorated) == 1.0


def test_without_a_with_statement_a_default_stays(decorated):
    configure(sample=0.25)
    gc.collect()
    assert rates_of(decorated) == 0.25
    with configure(sample=0.5):
        pass
    assert rates_of(decorated) == 0.25


def test_configuring_again_and_again_keeps_no_more_than_the_last(decorated):
    with configure(timeout=1.0):
        for number in range(20):
            configure(sample=number / 20)
        assert rates_of(decorated) == 0.95
        assert len(_config._layers) <= 4
    assert rates_of(decorated) == 0.95


def test_a_default_is_taken_back_when_the_block_raises(decorated):
    with pytest.raises(LookupError), configure(sample=0.25):
        raise LookupError
    assert rates_of(decorated) == 1.0


def test_default_sinks_and_runner_are_those_of_launches_without_their_own():
    sink = MemorySink()
    plain = dark_launch(candidate=identity)(identity)
    with configure(sinks=[sink], runner=InlineRunner()):
        plain(1)
        assert len(sink.records) == 1
    plain(1)
    assert flush()
    assert len(sink.records) == 1


def test_launches_without_a_runner_share_one():
    one, other = (dark_launch(candidate=identity)(identity) for _ in range(2))
    runner = launch_of(one)._terms.runner
    assert isinstance(runner, ThreadRunner)
    assert launch_of(other)._terms.runner is runner


def test_launches_that_share_a_sink_share_its_outlet(sink):
    one, other = (dark_launch(candidate=identity, sinks=[sink])(identity) for _ in range(2))
    assert launch_of(one)._terms.outlets == launch_of(other)._terms.outlets


def test_sinks_of_one_name_are_told_apart_in_the_stats():
    sinks = [MemorySink(), MemorySink(), MemorySink()]
    decorated = dark_launch(candidate=identity, sinks=sinks, runner=InlineRunner())(identity)
    decorated(1)
    assert flush()
    names = list(launch_of(decorated).stats().sinks)
    assert len(set(names)) == 3
    assert names[1:] == [f"{names[0]} 2", f"{names[0]} 3"]


def test_a_new_default_is_for_the_calls_that_begin_after_it(decorated, sink):
    def control(x):
        launch_of(launched).update(sample=0.0)
        return x

    launched = dark_launch(candidate=identity, runner=InlineRunner(), sinks=[sink])(control)
    launched(1)
    launched(2)
    stats = launch_of(launched).stats()
    assert (stats.shadowed, stats.unsampled) == (1, 1)
    assert len(sink.records) == 1


def test_a_sink_that_was_closed_takes_records_again():
    kept = []
    decorated = dark_launch(candidate=identity, sinks=[kept.append], runner=InlineRunner())(
        identity
    )
    decorated(1)
    assert close()
    decorated(2)
    assert flush()
    assert len(kept) == 2


def test_a_child_that_was_forked_while_something_was_configured_does_not_hang():
    source = (
        "import os, threading\n"
        "from darkcall import _config, close, configure, dark_launch, launch_of\n"
        "launched = dark_launch(candidate=abs)(abs)\n"
        "held, done = threading.Event(), threading.Event()\n"
        "def hold():\n"
        "    with _config._lock:\n"
        "        held.set(); done.wait(10)\n"
        "thread = threading.Thread(target=hold)\n"
        "thread.start(); held.wait(10)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    configure(sample=0.5)\n"
        "    os._exit(launch_of(launched)._terms.sample_rate == 0.5)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        "done.set()\n"
    )
    assert run(source) == "1\n"


# The close_timeout.


def test_the_close_timeout_is_two_seconds_unless_configured():
    assert _config.close_seconds() == 2.0
    with configure(close_timeout=0.5):
        with configure(close_timeout=dt.timedelta(minutes=1), sample=0.5):
            assert _config.close_seconds() == 60.0
        assert _config.close_seconds() == 0.5
    assert _config.close_seconds() == 2.0


@pytest.mark.parametrize("bad", [None, "1", -1, True, float("nan"), float("inf")])
def test_a_close_timeout_that_is_no_duration_is_refused(bad):
    says = r"configure\(close_timeout=.*\): give seconds or a timedelta of 0 or more"
    with pytest.raises(ConfigurationError, match=says):
        configure(close_timeout=bad)
    assert _config.close_seconds() == 2.0


def test_a_misspelt_close_timeout_is_refused_with_the_right_name():
    with pytest.raises(TypeError, match="did you mean 'close_timeout'"):
        configure(close_timout=1.0)


# Switches.


def is_on(decorated):
    before = launch_of(decorated).stats().shadowed
    assert decorated(1) == 1
    return launch_of(decorated).stats().shadowed == before + 1


def test_the_kill_switch_turns_launches_off_and_on_again(decorated):
    set_enabled(False)
    assert not is_on(decorated)
    later = dark_launch(candidate=identity)(identity)
    assert not is_on(later)
    assert repr(launch_of(later)).endswith("(off): candidate>")
    set_enabled(True)
    assert is_on(decorated)
    assert is_on(later)


def test_calls_while_off_are_counted_as_off(decorated, sink):
    with set_enabled(False):
        decorated(1)
    stats = launch_of(decorated).stats()
    assert (stats.calls, stats.off, stats.shadowed) == (1, 1, 0)
    assert sink.records == []


def test_switches_are_laid_over_each_other(decorated):
    with set_enabled(False):
        with set_enabled(True):
            assert is_on(decorated)
        assert not is_on(decorated)
    assert is_on(decorated)


def test_switches_may_be_taken_back_in_any_order(decorated):
    first, second = set_enabled(False), set_enabled(False)
    first.__exit__(None, None, None)
    assert not is_on(decorated)
    second.__exit__(None, None, None)
    assert is_on(decorated)


def test_a_switch_and_a_default_do_not_undo_each_other(decorated):
    off = set_enabled(False)
    with configure(sample=0.5):
        off.__exit__(None, None, None)
        assert launch_of(decorated)._terms is not None
        assert rates_of(decorated) == 0.5


@pytest.mark.parametrize("word", ["off", "OFF", " off ", "0", "false", "No"])
def test_the_environment_wins_over_every_switch(word):
    source = (
        "import darkcall\n"
        "from darkcall import dark_launch, launch_of, set_enabled\n"
        "set_enabled(True)\n"
        "@dark_launch(candidate=lambda: print('ran'))\n"
        "def control(): return 1\n"
        "launch_of(control).resume()\n"
        "assert control() == 1\n"
        "assert darkcall.flush()\n"
        "print(launch_of(control), launch_of(control).stats().off)\n"
    )
    assert run(source, DARKCALL=word) == "<Launch __main__.control (off): candidate> 1\n"


@pytest.mark.parametrize("word", ["", "on", "1", "offline"])
def test_the_environment_switches_off_by_its_words_only(word):
    source = (
        "from darkcall import dark_launch, launch_of\n"
        "print(launch_of(dark_launch(candidate=int)(abs)))\n"
    )
    assert run(source, DARKCALL=word) == "<Launch builtins.abs (on): candidate>\n"


def run(source, **environment):
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={**os.environ, "PYTHONPATH": ":".join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


# A launch's own switches.


def test_a_launch_is_paused_and_resumed_by_itself(decorated):
    other = dark_launch(candidate=identity)(identity)
    launch = launch_of(decorated)
    launch.pause()
    assert launch.is_paused
    assert not is_on(decorated)
    assert is_on(other)
    assert repr(launch).endswith("(paused): candidate>")
    launch.resume()
    assert not launch.is_paused
    assert is_on(decorated)


def test_a_paused_launch_stays_so_whatever_is_configured(decorated):
    launch_of(decorated).pause()
    with configure(sample=0.5), set_enabled(True):
        assert not is_on(decorated)
    launch_of(decorated).update(sample=1.0)
    assert not is_on(decorated)


def test_a_resumed_launch_stays_off_while_all_are(decorated):
    with set_enabled(False):
        launch_of(decorated).resume()
        assert not is_on(decorated)
    assert is_on(decorated)


def test_an_update_changes_the_named_knobs_only(decorated):
    launch_of(decorated).update(timeout=1.0)
    launch_of(decorated).update(sample=0.5)
    policy = launch_of(decorated)._terms.policy
    assert (policy.timeout, policy.sample) == (1.0, 0.5)


def test_new_bounds_hold_for_the_calls_after_them(threads):
    release = threading.Event()
    decorated = dark_launch(candidate=lambda: release.wait(10), runner=threads, sinks=[])(
        lambda: True
    )
    decorated()
    launch_of(decorated).update(max_pending=2)
    decorated()
    decorated()
    assert launch_of(decorated).stats().reasons == {"full": 1}
    release.set()
    assert flush()
    assert launch_of(decorated).stats().outcomes["match"] == 2


def test_launches_that_are_gone_take_no_part_in_a_refresh():
    decorated = dark_launch(candidate=identity, name="zzz.refreshed")(identity)
    assert launch_of(decorated) in launches()
    del decorated
    gc.collect()
    with configure(sample=0.5):
        assert not [launch for launch in launches() if launch.name == "zzz.refreshed"]


def test_switching_while_other_threads_call_loses_no_call(sink):
    decorated = dark_launch(candidate=identity, runner=InlineRunner(), sinks=[sink])(identity)
    start = threading.Barrier(3)

    def call():
        start.wait(timeout=10)
        for number in range(200):
            assert decorated(number) == number

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    start.wait(timeout=10)
    launch = launch_of(decorated)
    for switch in (functools.partial(set_enabled, enabled=False), configure):
        with switch():
            launch.pause()
            launch.resume()
    for thread in threads:
        thread.join(timeout=30)
    stats = launch.stats()
    assert stats.calls == 400
    assert stats.shadowed == len(sink.records)
