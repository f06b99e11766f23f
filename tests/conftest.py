"""What holds for every test: nothing is left behind, and each record has the right shape."""

from __future__ import annotations

import collections
import functools
import gc
import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest

import gates
from darkcall import _config, _guard, _report, _trial, dark_launch, flush
from darkcall.runners import InlineRunner, ThreadRunner
from darkcall.sinks import MemorySink
from records import a_record


_FIGURE = "figure"


@pytest.fixture
def measured(record_property):
    """Hold a figure to its bound; the end of the test run tells all of them."""

    def hold(what, value, *, at_most=None, at_least=None):
        bound = f"at most {at_most:g}" if at_most is not None else f"at least {at_least:g}"
        record_property(_FIGURE, (what, f"{value:.4g}", bound))
        assert at_most is None or value <= at_most, f"{what}: {value:.4g}, {bound}"
        assert at_least is None or value >= at_least, f"{what}: {value:.4g}, {bound}"

    return hold


def pytest_terminal_summary(terminalreporter):
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    figures = [figure for one in reports for name, figure in one.user_properties if name == _FIGURE]
    if figures:
        terminalreporter.section("figures")
    for what, value, bound in sorted(figures):
        terminalreporter.write_line(f"{what}: {value} ({bound})")


def pytest_collection_finish():
    """Spare each collection of garbage the search through all that was imported."""
    gc.freeze()


@functools.cache
def validator():
    spec = importlib.util.spec_from_file_location(
        "record_schema", Path(__file__).with_name("record_schema.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return jsonschema.Draft202012Validator(module.schema())


@pytest.fixture(autouse=True)
def _each_record_has_the_shape_of_the_schema(monkeypatch):
    made = collections.deque(maxlen=1000)

    def noting(*args, **kwargs):
        record = _report.record_of(*args, **kwargs)
        made.append(record)
        return record

    # Checked after the test: what is raised on a worker would count as a fault.
    monkeypatch.setattr(_trial, "record_of", noting)
    yield
    seen = set()
    for record in made:
        text = json.dumps(record.to_dict(), allow_nan=False)
        if text not in seen:
            seen.add(text)
            validator().validate(json.loads(text))


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(_each_record_has_the_shape_of_the_schema):
    layers = _config._layers
    yield
    flush(timeout=1.0)
    # One that was started is flushed with all that come after it.
    for runner in _config.resources().runners:
        runner.close(timeout=0.1)
    _guard.reset()
    if _config._layers != layers:
        _config._layers = layers
        _config.refresh()


@pytest.fixture
def launched():
    """Launch a control beside a candidate; gives the decorated function and a sink."""

    def launch(control, candidate, **knobs):
        memory = MemorySink()
        # However slow the machine is: limits are for the tests that ask for them.
        knobs = {"sinks": [memory], "cpu_budget": None, "max_copy_seconds": None, **knobs}
        return dark_launch(candidate=candidate, **knobs)(control), memory

    return launch


@pytest.fixture
def threads():
    """Two workers, which end with the test."""
    runner = ThreadRunner(workers=2)
    yield runner
    runner.close(timeout=1.0)


@pytest.fixture
def sink():
    return MemorySink()


@pytest.fixture
def dark(sink):
    """Decorate so that the candidate has run, and is recorded, when the call returns."""
    return functools.partial(
        dark_launch, runner=InlineRunner(), sinks=[sink], max_copy_seconds=None
    )


@pytest.fixture
def clock():
    return gates.a_clock()


@pytest.fixture
def a_gate(clock):
    return functools.partial(gates.a_gate, clock)


@pytest.fixture(scope="session")
def make_record():
    return a_record
