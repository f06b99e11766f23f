"""Web servers end in time, and nothing of what their last requests began is lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from looking import records_in


APP = """
import os
import time

import darkcall
from darkcall.sinks import JsonlSink


def candidate(number):
    # What is pending when the server is told to end is to be delivered, too.
    time.sleep(0.05)
    return number


@darkcall.dark_launch(
    candidate=candidate,
    sinks=[JsonlSink(os.environ["RECORDS"])],
    keep="everything",
    cpu_budget=None,
)
def control(number):
    return number


# Threads are there before a server that loads this first makes its workers.
control("at import")


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(control(environ["PATH_INFO"])).encode()]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if "FLUSH" in os.environ:
            await darkcall.aflush()
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": control(scope["path"]).encode()})
"""

# A SIGTERM that reaches a worker of gunicorn before its handlers are set is forgotten, and
# gunicorn kills that worker half a minute later: here it waits until they are.
CONFIG = """
import os
import signal


def sigterm(how):
    signal.pthread_sigmask(how, [signal.SIGTERM])


os.register_at_fork(
    before=lambda: sigterm(signal.SIG_BLOCK),
    after_in_parent=lambda: sigterm(signal.SIG_UNBLOCK),
)


def post_worker_init(worker):
    sigterm(signal.SIG_UNBLOCK)
"""

GUNICORN = [
    *("gunicorn", "app:wsgi", "--bind=fd://{fd}", "--workers=2", "--log-level=warning"),
    "--config={folder}/gunicorn.conf.py",
    # It would be in the home of whoever runs this.
    "--no-control-socket",
]
UVICORN = ["uvicorn", "app:asgi", "--fd={fd}", "--log-level=warning"]
REQUESTS = 20


@pytest.fixture
def serve(tmp_path):
    """Have a server answer 20 requests and end; gives its exit and all records."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    (tmp_path / "gunicorn.conf.py").write_text(CONFIG, encoding="utf-8")

    def serve(command, **environment):
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        environment |= {"PYTHONPATH": path, "RECORDS": str(tmp_path / "records")}
        # What is asked before the server listens waits in the socket.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            fd, port = listener.fileno(), listener.getsockname()[1]
            server = subprocess.Popen(
                [sys.executable, "-m", *(word.format(fd=fd, folder=tmp_path) for word in command)],
                pass_fds=[fd],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env={**os.environ, **environment},
            )
        try:
            for number in range(REQUESTS):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}", timeout=20) as got:
                    assert got.read() == f"/{number}".encode()
            told_at = time.monotonic()
            server.send_signal(signal.SIGTERM)
            output, _ = server.communicate(timeout=20)
            seconds = time.monotonic() - told_at
        finally:
            server.kill()
            server.communicate()
        records = records_in(tmp_path / "records")
        numbers = [record["arguments"]["number"] for record in records]
        assert len({record["call_id"] for record in records}) == len(records)
        return server.returncode, seconds, sorted(set(numbers) - {"at import"}), output

    return serve


@pytest.mark.parametrize(
    "options",
    ["--worker-class=sync", "--preload", "--worker-class=gthread", "--max-requests=5"],
)
def test_gunicorn_delivers_all_records_of_its_workers(serve, measured, measured_exit, options):
    code, seconds, numbers, output = serve([*GUNICORN, options])

    assert code == 0, output
    assert "Traceback" not in output
    measured(f"records delivered of 20 by gunicorn {options}", len(numbers), at_least=REQUESTS)
    measured_exit(f"gunicorn {options} ends after SIGTERM, seconds", seconds)


@pytest.mark.parametrize("options", ["--workers=1", "--workers=2"])
def test_uvicorn_delivers_all_records_when_its_lifespan_flushes(
    serve, measured, measured_exit, options
):
    _, seconds, numbers, output = serve([*UVICORN, options], FLUSH="yes")

    assert "Traceback" not in output
    measured(f"records delivered of 20 by uvicorn {options}", len(numbers), at_least=REQUESTS)
    measured_exit(f"uvicorn {options} ends after SIGTERM, seconds", seconds)


def test_uvicorn_kills_itself_at_sigterm_so_that_no_hook_of_exit_runs(serve):
    code, _, numbers, _ = serve(UVICORN)

    # The docs say so, and that the lifespan is to flush.
    assert code == -signal.SIGTERM
    assert len(numbers) < REQUESTS
