"""Worker processes end with their host, however it ends, and a fork leaves them alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

from green import run_green
from looking import wait_until


CANDIDATES = """
import os, time

def double(x):
    return 2 * x

def pid(x):
    return os.getpid()

def burn(x):
    while True:
        pass

def sleep_for(x):
    time.sleep(x)
    return x

def hold_the_lock(x):
    return sum(range(10 ** 15))

def fork_what_stays(x):
    if not os.fork():
        time.sleep(300)
        os._exit(0)
    if x % 2:
        return 2 * x
    burn(x)
"""

PRELUDE = """
    import json, multiprocessing, os, signal, sys, threading, time
    import candidates, darkcall
    from darkcall import dark_launch, flush, launch_of
    from darkcall.runners import ProcessRunner
    from darkcall.sinks import MemorySink

    memory = MemorySink()
    runner = ProcessRunner()
    darkcall.configure(runner=runner, sinks=[memory], cpu_budget=None)

    def launched(candidate, control=lambda x: 2 * x, **knobs):
        return dark_launch(candidate=candidate, keep="everything", **knobs)(control)

    def pids():
        return [one.pid for one in runner.remote._all]

    def answer(**answers):
        print(json.dumps(answers), flush=True)

    def main():
"""


@pytest.fixture
def run(run_script, tmp_path):
    (tmp_path / "candidates.py").write_text(CANDIDATES, encoding="utf-8")

    def run(body, **options):
        return run_script(_script(body), **options)

    return run


def _script(body):
    body = textwrap.indent(textwrap.dedent(body), "        ")
    return textwrap.dedent(PRELUDE) + textwrap.dedent(
        f"""
        {body.strip()}

    if __name__ == "__main__":
        main()
    """
    )


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestTheHost:
    def test_it_exits_in_time_beside_a_candidate_that_computes_without_end(
        self, run, measured_exit
    ):
        ran = run(
            """
            launched(candidates.burn)(1)
            while not pids():
                time.sleep(0.01)
            answer(pids=pids())
            """
        )

        measured_exit("exit beside a candidate in another process that never ends", ran.seconds)
        assert not any(map(is_there, ran.answer["pids"]))
        assert ran.stderr.count("calls that were not compared when darkcall closed: 1") == 1

    def test_it_delivers_what_waits_when_it_exits(self, run):
        ran = run(
            """
            call = launched(candidates.double)
            def tell():
                answer(outcomes=[record.outcome for record in memory.records])
            import atexit
            atexit.unregister(darkcall._lifecycle.close_at_exit)
            atexit.register(tell)
            atexit.register(darkcall._lifecycle.close_at_exit)
            for x in range(100):
                call(x)
            """
        )

        assert ran.answer["outcomes"] == ["match"] * 100

    @pytest.mark.parametrize("candidate", ["double", "burn", "hold_the_lock"])
    def test_its_processes_end_with_it_when_it_is_killed(self, tmp_path, candidate):
        (tmp_path / "candidates.py").write_text(CANDIDATES, encoding="utf-8")
        script = tmp_path / "script.py"
        script.write_text(
            _script(
                f"""
                launched(candidates.{candidate}, timeout=None)(1)
                while not pids() or ("{candidate}" == "double" and not memory.records):
                    time.sleep(0.01)
                answer(pids=pids())
                time.sleep(60)
                """
            ),
            encoding="utf-8",
        )
        with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as host:
            told = host.stdout.readline()
            host.kill()
        (pid,) = json.loads(told)["pids"]
        wait_until(lambda: not is_there(pid))

    def test_a_process_that_ends_raises_no_signal_in_it(self, run):
        ran = run(
            """
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            call = launched(candidates.double, lambda x: x)
            call(1)
            assert flush(20)
            [process] = runner.remote._all
            os.kill(pids()[0], signal.SIGKILL)
            while is_there(pids()[0]):
                time.sleep(0.01)
            # As if it ended right after it was looked at.
            type(process).has_ended = False
            call(1)
            assert flush(20)
            answer(outcomes=dict(launch_of(call).stats().outcomes))
            """.replace(
                "is_there(pids()[0])", 'open(f"/proc/{pids()[0]}/stat").read().split()[2] != "Z"'
            )
        )

        assert ran.answer["outcomes"]["candidate_error"] == 1

    def test_it_may_be_a_daemon_of_multiprocessing(self, run):
        ran = run(
            """
            def child(queue):
                call = launched(candidates.double)
                call(2)
                done = flush(20)
                queue.put((done, [record.outcome for record in memory.records]))

            context = multiprocessing.get_context("fork")
            queue = context.Queue()
            process = context.Process(target=child, args=(queue,), daemon=True)
            process.start()
            told = queue.get(timeout=30)
            process.join()
            answer(told=told)
            """
        )

        assert ran.answer["told"] == [True, ["match"]]

    def test_nothing_is_left_of_candidates_that_leave_children(self, run):
        ran = run(
            """
            call = launched(candidates.fork_what_stays, timeout=0.3)
            call(1)
            assert flush(20)
            def held():
                return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
            before = held()
            for x in range(2, 8):
                call(x)
            assert flush(20)
            time.sleep(0.5)
            after = held()
            darkcall.close()
            processes = [line.split() for line in os.popen("ps -A -o pgid,stat,args")]
            answer(
                outcomes=[record.outcome for record in memory.records],
                held=[before, after],
                left=[one for one in processes if "_child" in str(one) and one[1][0] != "Z"],
            )
            """
        )

        assert ran.answer["outcomes"] == ["match", *["timeout", "match"] * 3]
        before, after = ran.answer["held"]
        assert before == after
        assert ran.answer["left"] == []

    def test_it_may_have_closed_its_standard_descriptors(self, run, tmp_path):
        run(
            """
            os.close(0), os.close(1), os.close(2)
            call = launched(candidates.double)
            for x in range(3):
                call(x)
            assert flush(20)
            with open(os.environ["TOLD"], "w") as told:
                told.write(" ".join(record.outcome for record in memory.records))
            os._exit(0)
            """,
            TOLD=str(tmp_path / "told"),
        )

        assert (tmp_path / "told").read_text() == "match match match"

    def test_its_forked_child_has_a_process_of_its_own(self, run):
        ran = run(
            """
            call = launched(candidates.pid, lambda x: 0)
            call(1)
            assert flush(20)
            read, write = os.pipe()
            child = os.fork()
            if not child:
                memory.clear()
                call(1)
                assert flush(20)
                darkcall.close()
                os.write(write, str(memory.records[0].candidate_value).encode())
                os._exit(0)
            os.waitpid(child, 0)
            call(1)
            assert flush(20)
            values = [record.candidate_value for record in memory.records]
            answer(parent=values, child=int(os.read(read, 100)))
            """
        )

        before, after = ran.answer["parent"]
        assert before == after
        assert ran.answer["child"] != before

    def test_it_may_fork_while_a_candidate_runs_elsewhere(self, run):
        ran = run(
            """
            call = launched(candidates.sleep_for, lambda x: x)
            call(0.0)
            assert flush(20)
            statuses = []
            for _ in range(20):
                call(0.01)
                child = os.fork()
                if not child:
                    call(0.0)
                    os._exit(not (flush(20) and darkcall.close()))
                statuses.append(os.waitpid(child, 0)[1])
            assert flush(20)
            outcomes = [record.outcome for record in memory.records]
            answer(statuses=statuses, outcomes=outcomes)
            """
        )

        assert ran.answer["statuses"] == [0] * 20
        assert ran.answer["outcomes"] == ["match"] * 21

    def test_it_is_woken_by_nothing_while_it_is_idle(self, run, measured):
        ran = run(
            """
            call = launched(candidates.double)
            call(1)
            assert flush(20)
            def switches():
                total = 0
                for pid in [os.getpid(), *pids()]:
                    for task in os.listdir(f"/proc/{pid}/task"):
                        if int(task) != os.getpid():
                            with open(f"/proc/{pid}/task/{task}/status") as status:
                                lines = [line.split() for line in status]
                            total += sum(int(one[1]) for one in lines if "ctxt" in one[0])
                return total
            time.sleep(2.0)
            before = switches()
            time.sleep(2.0)
            answer(switches=switches() - before)
            """,
            traced=False,
        )

        measured(
            "wake-ups in two seconds, of a process without calls and its worker process",
            ran.answer["switches"],
            at_most=0,
        )


@pytest.mark.parametrize("patched", ["first", "after the import", "after calls"])
def test_greenlets_go_on_beside_a_candidate_in_another_process(
    run_script, tmp_path, measured, patched
):
    (tmp_path / "candidates.py").write_text(CANDIDATES, encoding="utf-8")
    ran = run_green(
        run_script,
        """
        import candidates
        from darkcall.runners import ProcessRunner
        call = launched(candidates.burn, runner=ProcessRunner(), timeout=1.0)
        double = launched(candidates.double, lambda x: 2 * x, runner=ProcessRunner())
        double(1)
        assert flush(20.0)
        with Ticker() as stalls:
            call(1)
            done = flush(20.0)
        outcomes = [record.outcome for record in memory.records]
        answer(done=done, outcomes=outcomes, stall=stalls.longest)
        """,
        patched,
    ).answer

    assert ran["done"]
    assert ran["outcomes"] == ["match", "timeout"]
    measured(
        "longest stall of greenlets beside a candidate in another process, gevent patched "
        f"{patched}, seconds",
        ran["stall"],
        at_most=0.1,
    )
