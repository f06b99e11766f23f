"""Processes that a process starts deliver their own records, however they end."""

from __future__ import annotations

import collections
import os
import signal
import subprocess
import sys

import pytest

from looking import records_in, wait_until


MULTIPROCESSING = """
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from darkcall import dark_launch
from darkcall.sinks import JsonlSink

def candidate(x):
    # What is pending when the child ends is to be delivered, too.
    time.sleep(0.01)
    return x

@dark_launch(candidate=candidate, sinks=[JsonlSink(sys.argv[2])], cpu_budget=None)
def control(x):
    return x

def call_often():
    for number in range(20):
        control(number)

if __name__ == "__main__":
    context, way = multiprocessing.get_context(sys.argv[1]), sys.argv[3]
    if way == "executor":
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            pool.submit(call_often).result()
    elif way == "pool":
        pool = context.Pool(2)
        pool.map(control, range(20))
        # Leaving a with statement would kill the children instead.
        pool.close()
        pool.join()
    else:
        child = context.Process(target=call_often)
        child.start()
        child.join()
"""

LATE = """
import importlib
import sys

def call_often():
    from darkcall import dark_launch
    from darkcall.sinks import JsonlSink

    control = dark_launch(candidate=abs, sinks=[JsonlSink(sys.argv[3])], cpu_budget=None)(abs)
    for number in range(20):
        control(number)

if __name__ == "__main__":
    package = importlib.import_module(sys.argv[1])
    child = package.get_context(sys.argv[2]).Process(target=call_often)
    child.start()
    child.join()
"""

CELERY = """
import pathlib
import time

from celery import Celery

from darkcall import dark_launch
from darkcall.runners import ThreadRunner
from darkcall.sinks import JsonlSink

here = pathlib.Path(__file__).parent
(here / "queue").mkdir(exist_ok=True)
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(here / "queue"),
    "data_folder_out": str(here / "queue"),
    "control_folder": str(here / "control"),
}
app.conf.task_ignore_result = True

def candidate(x):
    # Longer than the child of a pool takes to end by itself.
    time.sleep(1.5)
    return x

@dark_launch(
    candidate=candidate,
    sinks=[JsonlSink(here / "records")],
    runner=ThreadRunner(workers=20),
    cpu_budget=None,
)
def control(x):
    return x

@app.task
def work(x):
    (here / f"done-{control(x)}").touch()
"""


@pytest.mark.parametrize("way", ["process", "pool", "executor"])
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_child_of_multiprocessing_delivers_all_its_records(
    run_script, tmp_path, measured, method, way
):
    run_script(MULTIPROCESSING, method, tmp_path / "records", way)

    delivered_20(tmp_path, measured, f"multiprocessing ({method}, {way})")


@pytest.mark.parametrize("package", ["multiprocessing", "billiard"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_that_decorates_by_itself_delivers_all_its_records(
    run_script, tmp_path, measured, package, method
):
    run_script(LATE, package, method, tmp_path / "records")

    delivered_20(tmp_path, measured, f"{package} ({method}), decorated in the child")


@pytest.mark.parametrize("tasks_per_child", [None, 5])
def test_a_prefork_worker_of_celery_delivers_all_its_records(tmp_path, measured, tasks_per_child):
    (tmp_path / "tasks.py").write_text(CELERY, encoding="utf-8")
    renewing = [] if tasks_per_child is None else [f"--max-tasks-per-child={tasks_per_child}"]
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "C_FORCE_ROOT": "1"}
    worker = subprocess.Popen(
        [
            *(sys.executable, "-m", "celery", "--app=tasks", "worker", "--pool=prefork"),
            *("--concurrency=2", "--loglevel=WARNING"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat", *renewing),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    try:
        sending = "import tasks\nfor number in range(20): tasks.work.delay(number)"
        subprocess.run([sys.executable, "-c", sending], check=True, timeout=30, env=environment)
        wait_until(lambda: len(list(tmp_path.glob("done-*"))) == 20, seconds=30)
        worker.send_signal(signal.SIGTERM)
        output, _ = worker.communicate(timeout=20)
    finally:
        worker.kill()
        worker.communicate()

    assert worker.returncode == 0, output
    renewed = "" if tasks_per_child is None else ", each child after 5 tasks"
    delivered_20(tmp_path, measured, f"a Celery prefork worker{renewed}")


def delivered_20(tmp_path, measured, by):
    records = records_in(tmp_path / "records")
    assert collections.Counter(one["outcome"] for one in records) == {"match": len(records)}
    assert len({one["call_id"] for one in records}) == len(records)
    measured(f"records delivered of 20 by {by}", len(records), at_least=20)
