"""What a summary says of programs that did this and that is what their launches counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections import Counter

import pytest

from darkcall.analysis import summarise


PROGRAM = textwrap.dedent(
    """
    import json, os, pathlib, random, sys, threading, time
    import darkcall
    from darkcall import dark_launch, launch_of, sampling
    from darkcall.sinks import JsonlSink, RollupSink

    folder, seed = sys.argv[1:]
    chance = random.Random(int(seed))
    plain = JsonlSink(folder, max_bytes=1 << 17)
    sink = plain if chance.random() < 0.4 else RollupSink(
        plain, seconds=chance.choice([0.01, 60]), max_per_signature=chance.choice([0, 2]),
        max_contexts=chance.choice([0, 2, 100]),
    )

    def control(x):
        if x % 31 == 0:
            raise ValueError(x)
        return {"x": x, "at": random.random() if x % 5 == 0 else 0}

    def differs(x):
        return {**control(x), "more": 1} if x % 7 == 0 else control(x)

    def errs(x):
        return 1 // (x % 11) and control(x)

    def dawdles(x):
        if x % 97 == 0:
            time.sleep(0.02)
        return control(x)

    def launched(number):
        some = chance.sample([("same", control), ("differs", differs), ("errs", errs),
                              ("dawdles", dawdles)], chance.randint(1, 3))
        return dark_launch(
            candidate=dict(some),
            name=f"launch {number}",
            sample=chance.choice([1.0, 0.3, sampling.first(50)]),
            noise=chance.choice([0.0, 0.3, 1.0]),
            confirm=chance.choice([True, False]),
            keep=chance.choice(["nothing", "differences", "everything"]),
            timeout=chance.choice([0.01, None]),
            max_pending=chance.choice([5, 1000]),
            ignore=chance.choice([None, lambda one, other: "more" in str(other.value)]),
            context=chance.choice([None, lambda x: {"tenant": x % 4}]),
            cpu_budget=None,
            sinks=[sink],
        )(control)

    functions = [launched(number) for number in range(3)]

    def calls(times):
        for _ in range(times):
            function, x = random.choice(functions), random.randrange(10_000)
            try:
                function(x)
            except ValueError:
                pass

    def tell():
        darkcall.close(10)
        told = {}
        for launch in map(launch_of, functions):
            stats = launch.stats()
            sides = {**stats.candidates, **({"control": stats.noise} if stats.noise else {})}
            told[launch.name] = [
                [stats.calls, stats.off, stats.nested, stats.unsampled, stats.shadowed],
                {name: [side.outcomes, side.pending] for name, side in sides.items()},
            ]
        pathlib.Path(folder, f"{os.getpid()}.told").write_text(json.dumps(told))

    threads = [threading.Thread(target=calls, args=(chance.randint(20, 150),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    launch_of(functions[0]).update(sample=chance.choice([0.5, 1.0]))
    launch_of(functions[1]).pause()
    calls(50)
    launch_of(functions[1]).resume()
    for thread in threads:
        thread.join()
    child = os.fork()
    calls(100)
    tell()
    if child:
        os.waitpid(child, 0)
    os._exit(0)
    """
)


@pytest.mark.skipif(sys.platform == "win32", reason="it forks")
@pytest.mark.parametrize("seed", range(2))
def test_every_call_of_every_process_is_accounted_for(tmp_path, seed):
    program = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM]
    # It forks beside threads, and the lock of coverage is not made anew in a child.
    untraced = {**os.environ, "COVERAGE_PROCESS_CONFIG": ""}
    done = subprocess.run(
        [*program, tmp_path, str(seed)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env=untraced,
    )
    assert (done.returncode, done.stderr) == (0, "")

    summary = summarise(tmp_path)

    told = [json.loads(path.read_text()) for path in tmp_path.glob("*.told")]
    assert len(told) == 2
    for one in summary.candidates:
        of_each = [process[one.launch] for process in told]
        coverage = one.coverage
        assert [
            coverage.calls, coverage.off, coverage.nested, coverage.unsampled, coverage.shadowed
        ] == [sum(count) for count in zip(*(ways for ways, _ in of_each), strict=True)]  # fmt: skip
        outcomes = Counter()
        for _, candidates in of_each:
            outcomes.update(candidates[one.candidate][0])
        assert +Counter(coverage.outcomes) == +Counter(one.outcomes) == +outcomes
        assert coverage.pending == sum(each[one.candidate][1] for _, each in of_each)
        assert (coverage.missing, coverage.uncounted, coverage.doubled) == (0, 0, 0)
    known = {(one.launch, one.candidate) for one in summary.candidates}
    assert known == {
        (launch, candidate)
        for process in told
        for launch, (_, candidates) in process.items()
        for candidate in candidates
        if candidate != "control"
    }
