from __future__ import annotations

import logging

import pytest

from darkcall._errors import ConfigurationError
from darkcall.sinks import LogSink
from darkcall.sinks import log as log_module


class Lines(logging.Handler):
    def __init__(self):
        super().__init__()
        self.said = []

    def emit(self, record):
        self.said.append((record.levelname, record.getMessage()))


@pytest.fixture
def handler():
    return Lines()


@pytest.fixture
def logger(handler):
    logger = logging.getLogger("shop")
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(log_module, "time", clock)
    return clock


@pytest.mark.parametrize("outcome", ["mismatch", "candidate_error", "timeout", "uncomparable"])
def test_trouble_is_logged(logger, handler, make_record, outcome):
    LogSink(logger)(make_record(7, outcome, signature="ab12", reason="why"))
    assert handler.said == [
        (
            "WARNING",
            f"{outcome} launch=shop.price candidate=v2 signature=ab12 reason=why call_id=call-7",
        )
    ]


@pytest.mark.parametrize("outcome", ["match", "ignored", "skipped", "dropped"])
def test_what_is_no_trouble_is_not_logged(logger, handler, make_record, outcome):
    sink = LogSink(logger)
    sink(make_record(outcome=outcome))
    sink.close()
    assert handler.said == []


def test_the_logger_is_darkcalls_own_unless_told_otherwise(caplog, make_record):
    sink = LogSink()
    sink(make_record(outcome="timeout"))
    assert caplog.record_tuples == [
        ("darkcall", 30, "timeout launch=shop.price candidate=v2 call_id=call-0")
    ]
    assert repr(sink) == "<LogSink darkcall>"


def test_lines_have_the_level_that_was_asked_for(logger, handler, make_record):
    adapter = logging.LoggerAdapter(logger, {})
    LogSink(adapter, level=logging.ERROR)(make_record(outcome="mismatch"))
    assert [level for level, _ in handler.said] == ["ERROR"]


def test_the_same_trouble_is_logged_once_a_minute(logger, handler, make_record, clock):
    sink = LogSink(logger)
    for number in range(10):
        sink(make_record(number, "mismatch", signature="ab"))
        sink(make_record(number, "mismatch", signature="cd"))
    assert [line.split()[-2:] for _, line in handler.said] == [
        ["signature=ab", "call_id=call-0"],
        ["signature=cd", "call_id=call-0"],
    ]
    clock.now += 60
    sink(make_record(10, "mismatch", signature="ab"))
    assert handler.said[-1][1].endswith("call_id=call-10 (18 more lines were not logged)")
    clock.now += 60
    sink(make_record(11, "mismatch", signature="ab"))
    assert handler.said[-1][1].endswith("call_id=call-11")


def test_there_is_a_limit_over_all_kinds(logger, handler, make_record, clock):
    sink = LogSink(logger, max_per_minute=3)
    for number in range(10):
        sink(make_record(number, "mismatch", signature=str(number)))
    assert len(handler.said) == 3
    clock.now += 60
    sink(make_record(10, "mismatch", signature="7"))
    assert handler.said[-1][1].endswith("(7 more lines were not logged)")


def test_a_flush_says_how_many_were_not_logged(logger, handler, make_record, clock):
    sink = LogSink(logger)
    for number in range(5):
        sink(make_record(number, "mismatch"))
    sink.flush(1.0)
    sink.close()
    assert [line for _, line in handler.said[1:]] == ["4 more lines were not logged"]


def test_kinds_are_remembered_within_bounds(logger, make_record, clock, monkeypatch):
    monkeypatch.setattr(log_module, "MAX_KINDS", 5)
    sink = LogSink(logger)
    for number in range(20):
        sink(make_record(number, "mismatch", signature=str(number)))
    assert len(sink._last) <= 5


def test_nobody_forges_a_line(logger, handler, make_record):
    LogSink(logger)(make_record(outcome="mismatch", signature="a\nERROR\x1b[2J\u2028" + "x" * 300))
    [(_, line)] = handler.said
    assert r"signature=a\nERROR\x1b[2J\u2028xxx" in line
    assert line.isprintable()
    assert "xxx... call_id" in line
    assert len(line) < 400


def test_nothing_configured_means_standard_error(run_script, tmp_path):
    run_script(
        """
from darkcall.sinks import LogSink
sys.stderr = open(sys.argv[1], "w")
LogSink()(a_record(outcome="mismatch"))
""",
        tmp_path / "stderr",
    )
    assert (tmp_path / "stderr").read_text().startswith("mismatch launch=shop.price")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"logger": "shop"}, r"must be a logger: logging.getLogger\('shop'\)"),
        ({"logger": print}, "must be a logger of the logging module"),
        ({"level": "INFO"}, "level='INFO' must be a whole number"),
        ({"max_per_minute": 0}, "max_per_minute=0 must be a whole number"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, said):
    with pytest.raises(ConfigurationError, match=said):
        LogSink(**options)
