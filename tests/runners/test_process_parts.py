"""What comes between two steps of a worker process, which no whole call can be made to meet."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import types

import pytest

import elsewhere
from darkcall import _crossing, _elsewhere, flush
from darkcall._snapshot import UnkeepableError, _plain, sent
from darkcall.runners import (
    EndedError,
    ProcessRunner,
    RefusedError,
    ThreadRunner,
    _child,
    _frames,
    _process,
)
from looking import outcomes, stats_of, wait_until


@pytest.fixture
def runner():
    runner = ProcessRunner(max_wait_seconds=None)
    yield runner
    runner.close(timeout=0.1)


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def exits(monkeypatch):
    exits = []
    monkeypatch.setattr(os, "killpg", lambda *arguments: exits.append(arguments))
    return exits


class TestTheChild:
    def test_a_message_that_comes_in_pieces_is_put_together(self):
        sent = []
        _frames.send(types.SimpleNamespace(send=_noting(sent)), 7, b"abc")
        message = b"".join(sent)
        pieces = iter([message[:5], message[5:22], message[22:], b""])
        channel = types.SimpleNamespace(recv=lambda _nbytes: next(pieces))

        assert _frames.receive(channel) == (7, b"abc")
        assert _frames.receive(channel) is None

    def test_what_is_no_message_is_refused(self):
        channel = types.SimpleNamespace(recv=lambda _nbytes: b"printed by a candidate")

        with pytest.raises(OSError, match="no message"):
            _frames.receive(channel)

    def test_standard_ones_that_were_closed_get_no_file_of_a_candidates(self):
        program = """
import os
from darkcall.runners import _child
os.close(1)
os.close(0)
_child._open_the_standard_ones()
assert os.open("/dev/null", os.O_RDONLY) > 2
assert os.read(0, 1) == b""
os.write(1, b"nowhere")
"""
        ran = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
        )

        assert ran.stdout == ""

    def test_a_child_that_comes_back_from_a_candidate_ends(self, ends, monkeypatch):
        ours, theirs = ends
        monkeypatch.setattr(_child, "_settle_in", lambda _settings: None)
        monkeypatch.setattr(os, "_exit", _raise_system_exit)
        pids = iter([1, 2])
        monkeypatch.setattr(os, "getpid", lambda: next(pids))
        _frames.send(ours, 0, pickle.dumps({}))
        serving = threading.Thread(target=_served, args=(theirs, served := []))
        serving.start()
        assert _frames.receive(ours) == (0, b"")
        _frames.send(ours, 1, pickle.dumps(("elsewhere:same", b"a")))
        serving.join()

        assert served == [0]

    def test_it_ends_if_nobody_tells_it_how_to_be(self, ends):
        ours, theirs = ends
        ours.close()

        assert _child._serve(theirs, _child._Life(theirs.fileno())) is None

    @pytest.mark.parametrize(("is_at_work", "seconds"), [(True, 0.0), (False, 0.3)])
    def test_it_ends_when_the_other_end_does(self, ends, exits, monkeypatch, is_at_work, seconds):
        monkeypatch.setattr(_child, "ENDING_SECONDS", 0.3)
        ours, theirs = ends
        life = _child._Life(theirs.fileno())
        life.is_at_work = is_at_work
        ours.close()
        began = time.perf_counter()
        life.end_with_the_other()

        assert exits == [(0, signal.SIGKILL)]
        assert seconds <= time.perf_counter() - began < seconds + 0.25

    def test_a_class_method_that_was_given_in_the_body_of_its_class_gets_the_class(self):
        assert elsewhere.Nothing.old_of(2) == "NothingNothing"
        assert flush(timeout=20)

        assert outcomes(elsewhere.Nothing.old_of) == {"match": 1}

    def test_a_candidate_that_cannot_be_imported_is_told_of_by_the_answer(self):
        told = _crossing.prepare(_crossing.preparation("nowhere:nothing"))
        assert told == b"ModuleNotFoundError: No module named 'nowhere'"
        request = _crossing.Request(
            "nowhere:nothing", is_method=False, arguments=b"", max_bytes=100
        )
        answer = _crossing.Answer(*pickle.loads(_crossing.serve(pickle.dumps(tuple(request)))))

        assert answer.why == (
            "importing the candidate in another process failed: "
            "ModuleNotFoundError: No module named 'nowhere'"
        )


def test_nothing_is_sent_where_a_deep_value_could_end_the_process(monkeypatch):
    monkeypatch.setattr(_plain, "_PICKLE_MINDS_THE_STACK", False)
    monkeypatch.setattr(_plain, "_recursion_limit", lambda: _plain.SAFE_RECURSION_LIMIT + 1)

    with pytest.raises(UnkeepableError, match="which can be lowered"):
        sent([1], max_bytes=100)


class TestAProcess:
    def test_one_that_the_host_waited_for_has_ended_and_nobody_knows_how(self):
        made = _process.Process(nice=0)
        os.kill(made.pid, 9)
        os.waitpid(made.pid, 0)
        with pytest.raises(EndedError, match=r"the worker process ended$"):
            made.begin()
        made.end()

    def test_one_is_started_where_descriptors_cannot_be_listed(self, monkeypatch):
        monkeypatch.setattr(os, "listdir", _raise_os_error)
        made = _process.Process(nice=0)
        made.begin()
        made.end()

        assert made.has_ended

    def test_what_one_that_ended_used_is_not_known(self):
        made = _process.Process(nice=0)
        made.begin()
        assert made.cpu_seconds() > 0.0
        made.end()

        assert made.cpu_seconds() == 0.0

    def test_it_inherits_nothing_of_its_host(self):
        ours, theirs = os.pipe()
        os.set_inheritable(theirs, True)  # noqa: FBT003 -- by place
        made = _process.Process(nice=0)
        os.close(theirs)
        # Its only writer was this process.
        assert os.read(ours, 1) == b""
        os.close(ours)
        made.end()

    def test_a_system_without_clocks_of_other_processes_has_none(self, monkeypatch):
        monkeypatch.setattr(sys, "platform", "darwin")

        assert _process._clock_of(1) is None


def _raise_system_exit(code):
    raise SystemExit(code)


def _served(channel, served):
    try:
        _child._serve(channel, _child._Life(channel.fileno()))
    except SystemExit as end:
        served.append(end.code)


def _noting(sent):
    def send(data, _flags):
        sent.append(bytes(data[:4]))
        return len(sent[-1])

    return send


def _raise_os_error(_path):
    raise OSError


class TestARunner:
    def test_a_fork_leaves_the_processes_to_the_parent(self, runner):
        process = runner.remote.take()
        process.begin()
        runner.after_fork()
        assert not runner.remote._all
        assert not process.has_ended
        wait_until(lambda: process.has_ended)

    def test_a_process_that_comes_back_after_a_close_is_ended(self, runner):
        process = runner.remote.take()
        process.begin()
        runner.remote._all.clear()
        runner.remote.give_back(process)

        assert process.has_ended

    def test_an_errand_that_was_given_up_before_it_had_a_process_ends_it(self, runner):
        errand = runner.remote.errand()
        errand.give_up()
        with pytest.raises(EndedError):
            errand.prepare(_crossing.PREPARE, _crossing.preparation("elsewhere:double"))

    def test_an_answer_that_comes_when_it_was_given_up_ends_the_process(self, runner):
        errand = runner.remote.errand()
        errand.prepare(_crossing.PREPARE, _crossing.preparation("elsewhere:double"))
        errand._process.kill = lambda: None
        errand.give_up()
        del errand._process.kill
        request = _crossing.Request(
            "elsewhere:double", is_method=False, arguments=pickle.dumps(((2,), {})), max_bytes=100
        )
        assert errand.run(_crossing.SERVE, pickle.dumps(tuple(request)))
        errand.give_up()

        assert errand._process.has_ended

    def test_a_candidate_whose_process_takes_too_long_to_start_is_a_timeout(
        self, launched, runner, monkeypatch
    ):
        monkeypatch.setattr(_elsewhere, "PREPARING_SECONDS", 0.01)
        function, _ = launched(elsewhere.double, elsewhere.double, runner=runner)
        function(1)
        assert flush(timeout=20)

        assert outcomes(function) == {"timeout": 1}
        wait_until(lambda: stats_of(function).stuck == 0)


class SlowRemote:
    """Prepares until it is given up."""

    clock = max_wait_seconds = None
    restart_cpu_seconds = 0.0

    def __init__(self, error):
        self.is_given_up = False
        self.error = error

    def errand(self):
        return self

    def prepare(self, function, argument):
        wait_until(lambda: self.is_given_up)
        if self.error is not None:
            raise self.error
        return b""

    def give_up(self):
        self.is_given_up = True


@pytest.mark.parametrize("error", [None, RefusedError("no"), EndedError("it ended")])
def test_a_candidate_that_was_given_up_before_it_ran_does_not_run(launched, monkeypatch, error):
    monkeypatch.setattr(_elsewhere, "PREPARING_SECONDS", 0.05)
    runner = ThreadRunner(workers=1)
    runner.remote = SlowRemote(error)
    function, _ = launched(elsewhere.double, elsewhere.double, runner=runner)
    function(1)
    assert flush(timeout=20)

    assert outcomes(function) == {"timeout": 1}
    wait_until(lambda: stats_of(function).stuck == 0)
    runner.close(timeout=0.1)


def test_what_processes_need_is_imported_where_the_runner_is_made():
    # A fork in the middle of an import leaves a child that cannot import the same.
    program = (
        "import sys; from darkcall.runners import ProcessRunner; ProcessRunner(); "
        "print([n in sys.modules for n in ('multiprocessing.spawn', 'subprocess', '_socket')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout == "[True, True, True]\n"


def test_darkcall_does_not_import_what_processes_need():
    program = "import sys, darkcall.runners; print([n for n in sys.modules if 'subprocess' in n])"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout == "[]\n"
