"""What a child process that ends without the hooks of atexit delivers before."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest


PRELUDE = """
    import os
    import sys
    import time

    from darkcall import dark_launch

    def candidate(x):
        # What is pending when the child ends is to be delivered, too.
        time.sleep(0.01)
        return x

    def tell(record):
        os.write(1, f"{record.outcome}\\n".encode())

    def launched():
        return dark_launch(candidate=candidate, sinks=[tell], cpu_budget=None)(lambda x: x)
"""


def told_by(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PRELUDE) + textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("decorated_in", ["parent", "child"])
def test_a_child_of_multiprocessing_delivers_what_is_pending(decorated_in):
    script = """
        import multiprocessing

        control = launched() if sys.argv[1] == "parent" else None

        def call_often():
            function = control or launched()
            for number in range(10):
                function(number)

        child = multiprocessing.get_context("fork").Process(target=call_often)
        child.start()
        child.join()
        sys.exit(child.exitcode)
    """

    assert told_by(script, decorated_in) == ["match"] * 10


def test_a_child_of_celery_delivers_what_is_pending_when_celery_tells_that_it_ends():
    script = """
        from celery.signals import worker_process_shutdown

        control = launched()
        for number in range(10):
            control(number)
        worker_process_shutdown.send(sender=None, pid=os.getpid(), exitcode=0)
        os._exit(0)
    """

    assert told_by(script) == ["match"] * 10
