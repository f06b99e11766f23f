"""The benchmarks that are scripts still run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
FAULTS = BENCHMARKS / "faults.py"


def faults(*arguments):
    command = [sys.executable, FAULTS, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def test_one_fault_strikes_every_library():
    ran = faults("--only", "i")
    assert ran.returncode == 0, ran.stderr
    head, _, row = (line.strip("| ").split(" | ") for line in ran.stdout.splitlines()[-3:])
    cells = dict(zip(head[-4:], row[-4:], strict=True))
    assert cells["darkcall"] == "no"
    assert cells["ThreadPoolExecutor"] == "yes"
    assert cells["sentry-sdk"] in {"no", "not installed"}
    assert cells["OpenTelemetry"] in {"no", "not installed"}


def test_a_fault_that_there_is_not_is_refused():
    ran = faults("--only", "i,z")
    assert ran.returncode == 2
    assert "there is no fault 'z': choose from a,b,c" in ran.stderr


def environment():
    # Measuring coverage in the child would take longer than what it measures, and
    # pytest-benchmark measures nothing for a worker of pytest-xdist.
    unwanted = ("COVERAGE", "PYTEST_XDIST")
    return {name: text for name, text in os.environ.items() if not name.startswith(unwanted)}


def bench(script, *arguments):
    command = [sys.executable, BENCHMARKS / script, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=50, check=False, env=environment()
    )


def test_the_table_of_ratios_has_a_row_for_each_promise_of_cost():
    ran = bench("ratios.py", "--rounds", 2)
    # Two rounds say nothing: whether a ratio is missed is not asked here.
    assert ran.returncode in {0, 1}, ran.stderr
    for what in ("off, function", "sampled out, method", "shadowed, workers busy", "memory of"):
        assert f"\n{what}" in ran.stdout
    assert "import darkcall | import attrs, wrapt" in ran.stdout


def test_peers_are_measured_and_those_that_are_missing_are_named(tmp_path):
    ran = bench("peers.py", "--rounds", 2, "--peers", tmp_path)
    assert ran.returncode == 0, ran.stderr
    columns = ran.stdout.count("\n    darkcall ")
    assert columns == 8
    assert ran.stdout.count("not installed") >= 5 * columns
    assert "broken" not in ran.stdout


def test_worker_processes_are_measured_beside_other_pools():
    ran = bench("processes.py", "--calls", 3, "--idle-seconds", 0.1)
    assert ran.returncode == 0, ran.stderr
    for pool in ("darkcall", "pebble.ProcessPool", "ProcessPoolExecutor"):
        assert f"\n| {pool} | " in ran.stdout


def test_a_minute_of_rollups_comes_to_less_than_50_mb_a_day():
    # As many lines as of the whole minute: what is kept in full does not grow with the calls.
    ran = bench("rollup.py", "--calls", 50_000)
    assert ran.returncode == 0, ran.stderr
    rows = [line.strip("| ").split(" | ") for line in ran.stdout.splitlines()[2:]]
    a_day = {name: float(cells[-1].replace(",", "")) for name, *cells in rows}
    assert a_day["all match"] < 10
    assert a_day["0.1 % mismatches of one kind"] < 20
    assert a_day["0.1 % mismatches of ten kinds"] < 50


def test_mutants_of_a_function_with_hints_are_found():
    ran = bench(
        *("equivalence.py", "--only", "from_roman", "--mutants", 6),
        *("--long-run", 50, "--seeds", 1, "--examples", 30),
    )
    assert ran.returncode in {0, 1}, ran.stderr
    _, _, row, whole = (line.strip("| ").split(" | ") for line in ran.stdout.splitlines()[:4])
    name, mutants, *kinds, found = row
    assert (name, mutants) == ("`from_roman`", "6")
    assert sum(map(int, kinds)) == 6
    assert whole == ["all", "6", *kinds, found]
    assert float(found.partition("%")[0]) > 50


def test_requests_are_measured_beside_each_kind_of_candidate():
    kinds = "nothing-cpu,sleeping-io-every,releasing-io-every,computing-cpu-every"
    ran = bench("neighbours.py", "--quick", "--rounds", 1, "--only", kinds)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("{'match': ") == 3


def test_the_files_of_pytest_benchmark_become_a_table():
    ran = bench("calls.py", "--quick", "--only", "keeping")
    assert ran.returncode == 0, ran.stderr
    assert "| keep a value | best | median | quartiles |" in ran.stdout
    assert "\n| deepcopy[nested dict] | " in ran.stdout


def test_a_script_replaces_its_own_block_of_a_page_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    other = "\n<!-- end -->\n\n<!-- bench: b -->\nb\n<!-- end -->\n"
    page.write_text(f"# A\n\n<!-- bench: import -->\nold{other}")
    ran = bench("import_time.py", "--rounds", 2, "--write", page)
    assert ran.returncode == 0, ran.stderr
    text = page.read_text()
    assert text.startswith("# A\n\n<!-- bench: import -->\n\n`python benchmarks/import_time.py")
    assert "| `import darkcall` | " in text
    assert "old" not in text
    assert text.endswith(other)


def test_a_page_without_the_block_is_refused_before_anything_is_measured(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A\n")
    ran = bench("neighbours.py", "--write", page)
    assert ran.returncode == 1
    assert "NoBlockError: not one block '<!-- bench: neighbours -->', but 0" in ran.stderr
    assert page.read_text() == "# A\n"


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("neighbours.py", ["--quick"]),
        ("calls.py", ["--quick"]),
        ("peers.py", ["--rounds", "3"]),
        ("ratios.py", ["--rounds", "3"]),
    ],
)
def test_what_measures_too_little_is_not_written(script, arguments, tmp_path):
    ran = bench(script, *arguments, "--write", tmp_path / "page.md")
    assert ran.returncode == 2
    assert "to be written" in ran.stderr


def test_each_block_of_the_docs_is_filled_by_a_script_that_make_bench_runs():
    pages = "".join(page.read_text("utf-8") for page in (ROOT / "docs").rglob("*.md"))
    blocks = re.findall(r"<!-- bench: (\w+) -->\n(.*?)<!-- end -->", pages, re.DOTALL)
    commands = re.findall(r"benchmarks/(\w+\.py) --write", (ROOT / "Makefile").read_text("utf-8"))
    written_by = {name: re.match(r"\s*`python benchmarks/(\w+\.py)", text) for name, text in blocks}
    assert {name: found and found.group(1) for name, found in written_by.items()} == {
        "ratios": "ratios.py",
        "peers": "peers.py",
        "neighbours": "neighbours.py",
        "processes": "processes.py",
        "calls": "calls.py",
        "keeping": "calls.py",
        "import": "import_time.py",
        "mutants": "mutants.py",
        "equivalence": "equivalence.py",
    }
    assert set(commands) == {found.group(1) for found in written_by.values()}


GUIDE = ROOT / "docs" / "guides" / "measuring.md"


def overhead_of_the_guide(folder, text):
    test = folder / "test_overhead.py"
    test.write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder]
    return subprocess.run(
        [*command, test], capture_output=True, text=True, timeout=50, check=False, env=environment()
    )


@pytest.fixture
def guide():
    [block] = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    return block


def test_the_guides_measurement_of_a_launch_holds_its_bounds(guide, tmp_path):
    ran = overhead_of_the_guide(tmp_path, guide)
    assert "3 passed" in ran.stdout, ran.stdout


def test_the_guides_measurement_of_a_launch_fails_for_a_context_that_is_slow(guide, tmp_path):
    slow = guide.replace(
        "candidate=price_v2,", "candidate=price_v2, context=lambda lines: time.sleep(0.001),"
    )
    assert slow != guide
    ran = overhead_of_the_guide(tmp_path, slow)
    assert "1 failed, 2 passed" in ran.stdout, ran.stdout
    failed = re.findall(r"^FAILED .*test_overhead\.py::(\S+)", ran.stdout, re.MULTILINE)
    assert failed == ["test_what_a_launch_adds[shadowed]"], ran.stdout
