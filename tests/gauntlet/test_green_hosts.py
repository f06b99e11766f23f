"""What a process that gevent patches writes, how it forks, and how it ends."""

from __future__ import annotations

import concurrent.futures
import re
import subprocess
import sys
import textwrap
import time
import urllib.request

import pytest

from green import run_green
from looking import records_in, wait_until


SINKS = """
    import logging, sqlite3, pathlib
    from darkcall.sinks import JsonlSink, LogSink, SqliteSink

    logging.basicConfig(filename=sys.argv[2] + ".log")
    folder, database = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[2] + ".db")
    sinks = [JsonlSink(folder), SqliteSink(database), LogSink()]
    variable = __import__("contextvars").ContextVar("variable")

    def control(x):
        gevent.sleep(0.001)
        return variable.get()

    def candidate(x):
        time.sleep(0.001)
        return variable.get() + (x == 49)

    call = launched(candidate, control, sinks=sinks)

    def request(x):
        variable.set(x)
        assert call(x) == x

    def lines():
        texts = [file.read_text() for file in folder.iterdir()]
        return sum('"kind":"totals"' not in line for text in texts for line in text.splitlines())

    gevent.joinall([gevent.spawn(request, x) for x in range(50)], raise_error=True)
    is_done = flush(5.0)
    in_parent = lines()
    logged = open(sys.argv[2] + ".log").read().count("mismatch launch=")
    if not (child := os.fork()):
        # gevent ends no greenlets in a child: it is to leave as a server's child does.
        gevent.spawn(request, 1).join()
        os._exit(not flush(5.0))
    _, status = os.waitpid(child, 0)
    with sqlite3.connect(database) as connection:
        [[rows]] = connection.execute("SELECT count(*) FROM records").fetchall()
    connection.close()
    answer(
        is_done=is_done, status=status, logged=logged, in_parent=in_parent,
        in_all=[lines(), rows], outcomes=launch_of(call).stats().candidates["candidate"].outcomes,
    )
"""


def test_all_sinks_get_their_records_and_so_they_do_in_a_forked_child(run_script, tmp_path):
    ran = run_green(run_script, SINKS, "first", tmp_path / "records").answer

    assert ran["is_done"]
    assert ran["outcomes"]["match"] == 49
    assert ran["outcomes"]["mismatch"] == 1
    assert ran["logged"] == 1
    assert ran["in_parent"] == 50
    assert ran["status"] == 0
    assert ran["in_all"] == [51, 51]


HANGS = """
    never = threading.Event()
    for hang in (never.wait, lambda x: time.sleep(3600)):
        launched(lambda x: hang(None), timeout=None)(1)
    launched(lambda x: x)(2)
    gevent.sleep(0.1)
    print(time.monotonic())
"""


@pytest.mark.parametrize("patched", ["first", "after calls"])
def test_candidates_that_wait_by_gevent_without_end_do_not_hold_the_exit(
    run_script, measured, patched
):
    def exit_seconds():
        ran = run_green(run_script, HANGS, patched)
        return time.monotonic() - float(ran.stdout)

    # The better of two: the machine may be busy.
    seconds = exit_seconds()
    measured(
        f"exit with candidates that wait without end, gevent patched {patched}, seconds",
        seconds if seconds <= 3.0 else exit_seconds(),
        at_most=3.0,
    )


APP = """
    import time

    import darkcall
    from darkcall.sinks import JsonlSink

    darkcall.configure(sinks=[JsonlSink("records")], cpu_budget=None)

    def candidate(x):
        time.sleep(0.05)
        return x

    @darkcall.dark_launch(candidate=candidate)
    def control(x):
        time.sleep(0.01)
        return x

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [control(b"ok")]
"""


@pytest.mark.parametrize("options", [[], ["--preload"]])
def test_a_gevent_worker_of_gunicorn_delivers_every_record(tmp_path, measured, options):
    (tmp_path / "app.py").write_text(textwrap.dedent(APP), encoding="utf-8")
    command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-b", "127.0.0.1:0", *options]
    command += ["--no-control-socket", "--chdir", tmp_path, "app:app"]
    with (
        (tmp_path / "log").open("w+") as log,
        subprocess.Popen(command, stderr=log) as server,
    ):
        try:
            wait_until(lambda: "Booting worker" in (tmp_path / "log").read_text())
            [url] = re.findall(r"Listening at: (\S+)", (tmp_path / "log").read_text())
            with concurrent.futures.ThreadPoolExecutor(5) as callers:
                answers = callers.map(lambda _: urllib.request.urlopen(url).read(), range(20))
                assert list(answers) == [b"ok"] * 20
        finally:
            server.terminate()
            server.wait(timeout=20)
    outcomes = [record["outcome"] for record in records_in(tmp_path / "records")]
    measured(
        f"records of 20 requests to gunicorn -k gevent {' '.join(options)}, ended by SIGTERM",
        outcomes.count("match"),
        at_least=20,
    )
    assert len(outcomes) == 20
