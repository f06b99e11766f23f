"""The pytest plugin, once it is asked for: one watcher for the whole run."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from darkcall import _config
from darkcall._forks import ForkGate
from darkcall._model import CONTROL_NAME

from ._capture import capture
from ._mismatch import MismatchError, mismatch_of
from ._plugin_account import FAILS_A_TEST, Account
from ._plugin_summary import is_worth_a_word, summary_lines
from ._watching import Watching


if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from darkcall._model import Record

_ATTRIBUTE: Final = "darkcall"
_MISMATCH: Final = f"{MismatchError.__module__}.{MismatchError.__qualname__}"
#: So many records are held until they are counted: a test may make calls without end.
_MAX_HELD: Final = 256


def begin(config: pytest.Config, mode: str) -> None:
    """Do as the option says, until the run ends.

    Args:
        config: The run's.
        mode: ``strict``, ``record`` or ``off``.

    Raises:
        pytest.UsageError: There would be no call to see.
    """
    config.stash[_MODE] = mode
    undo = contextlib.ExitStack()
    config.add_cleanup(undo.close)
    if mode == "off":
        undo.enter_context(_config.set_enabled(False))
        return
    if _config.IS_OFF_BY_ENVIRONMENT:
        raise pytest.UsageError(
            f"darkcall={mode!r}, but DARKCALL=off is set in the environment: launches are off, "
            "and there would be no call to see; unset it"
        )
    watch = config.stash[_WATCH] = Watch(config, is_strict=mode == "strict")
    if mode == "strict":
        watching = Watching("--darkcall", {}, watch.take, strictness=watch, keep="everything")
    else:
        watching = Watching("--darkcall", {}, watch.take)
    watching.open()
    undo.callback(watching.close)
    config.pluginmanager.register(watch, "darkcall-watch")


def records_of(request: pytest.FixtureRequest) -> Iterator[list[Record]]:
    """Give the records of a test, as a fixture does.

    Args:
        request: The test's.
    """
    stash = request.config.stash
    if _WATCH in stash:
        with stash[_WATCH].records() as records:
            yield records
        return
    if _config.IS_OFF_BY_ENVIRONMENT:
        pytest.skip("there are no records: DARKCALL=off is set in the environment")
    if stash.get(_MODE, None) == "off":
        pytest.skip("there are no records: launches are off by --darkcall=off, or darkcall = off")
    with capture() as records:
        yield records


@attrs.define(eq=False)
class _Where:
    """Where calls are made.

    Attributes:
        name: The test's node id, or what stands for it outside of tests.
        records: Theirs; None if nobody asks for them.
        may_mismatch: Names of launches whose candidates may differ; None if all may.
    """

    name: str
    records: list[Record] | None = None
    may_mismatch: frozenset[str] | None = frozenset()

    def lets_differ(self, launch: str) -> bool:
        """Whether the candidates of a launch may differ here."""
        return self.may_mismatch is None or launch in self.may_mismatch


_OUTSIDE: Final = "no test"


class Watch:
    """Watches all calls, and says at the end of each phase of a test what it saw.

    What it saw goes with the test's report, as plain data: from a worker of pytest-xdist to its
    controller, too, and from one that crashes later.

    Args:
        config: The run's.
        is_strict: Whether a call raises on which a candidate differs.
    """

    def __init__(self, config: pytest.Config, *, is_strict: bool) -> None:
        self._config = config
        self._is_strict = is_strict
        self._where = _Where(_OUTSIDE)
        # The first of the current phase, and what no call has raised yet, by call.
        self._raised: MismatchError | None = None
        self._found: dict[str, list[Record]] = {}
        # No lock is waited for on the way of a call.
        self._held: deque[tuple[Record, str, str, bool]] = deque()
        self._counting = ForkGate()
        self._counted = Account()
        self._outside = Account()
        self._told = Account()
        self._names: set[str] = set()
        self._marked: set[str] = set()
        self._heard_of_workers = False

    def take(self, record: Record) -> None:
        """Take a record, on the thread on which it is made.

        Args:
            record: It.
        """
        where = self._where
        if where.records is not None:
            where.records.append(record)
        outcome = record.outcome
        if outcome in FAILS_A_TEST and _holds_a_mismatch(record):
            # The control did not get to its end: a call inside it raised.
            outcome = "skipped"
        # That the control disagrees with itself is not a candidate's doing.
        fails = self._is_strict and outcome in FAILS_A_TEST and record.candidate != CONTROL_NAME
        is_allowed = fails and where.lets_differ(record.launch)
        if fails and not is_allowed:
            self._found.setdefault(record.call_id, []).append(record)
        self._held.append((record, outcome, where.name, is_allowed))
        counting = self._counting.inside
        if len(self._held) > _MAX_HELD and counting.acquire(blocking=False):
            try:
                self._count()
            finally:
                counting.release()

    def differing(self, call_id: str) -> Sequence[Record]:
        """Give the records for which a call that is over is to raise, and forget them.

        Args:
            call_id: The call's.
        """
        return self._found.pop(call_id, ())

    def hear(self, error: MismatchError) -> None:
        """Hear what a call raises.

        Args:
            error: It.
        """
        self._raised = self._raised or error

    def _count(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                record, outcome, where, is_allowed = self._held.popleft()
                self._counted.add(record, outcome, where, is_allowed=is_allowed)

    def _take_counted(self) -> dict[str, Any]:
        with self._counting.inside:
            self._count()
            counted, self._counted = self._counted, Account()
        return counted.to_plain() if counted.outcomes else {}

    def _take_raised(self) -> MismatchError | None:
        # What is left is of calls that were cancelled.
        found, self._found = self._found, {}
        for records in list(found.values()):
            self._raised = self._raised or mismatch_of(records)
        raised, self._raised = self._raised, None
        return raised

    @contextlib.contextmanager
    def records(self) -> Iterator[list[Record]]:
        """Give the records of the current test from now on, as ``capture`` does."""
        where = self._where
        records: list[Record] = []
        where.records = records
        yield records
        where.records = None

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Count calls that are made where tests are imported; fail what caught a mismatch."""
        before = self._where
        self._where = _Where(f"the collection of {collector.nodeid or '.'}")
        report = yield
        # That of a folder goes on when that of its files is done.
        self._where = before
        raised = self._take_raised()
        if raised is not None and report.outcome != "failed":
            report.outcome, report.result, report.longrepr = "failed", [], str(raised)
        self._count_outside()
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Take note of the test."""
        self._count_outside()
        self._where = _Where(item.nodeid)
        self._where.may_mismatch = _may_mismatch(item)

    @pytest.hookimpl(specname="pytest_runtest_makereport")
    def pytest_darkcall_fail(self, call: pytest.CallInfo[None]) -> None:
        """Fail the phase if the code under test caught what a call raised.

        It comes after the hooks that put in what unittest caught, and before the report is made.
        """
        raised = self._take_raised()
        if raised is not None and (
            call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception)
        ):
            call.excinfo = _raised_again(raised)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Have the report tell what was counted since the one before."""
        report = yield
        counted = self._take_counted()
        if counted:
            setattr(report, _ATTRIBUTE, counted)
        if call.when == "call":
            self._marked.update(self._where.may_mismatch or ())
        if call.when == "teardown":
            self._where = _Where(_OUTSIDE)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what a report tells; those of workers come here, too."""
        counted = getattr(report, _ATTRIBUTE, None)
        if counted is not None:
            self._told.add_plain(counted)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Tell what was seen outside of tests; a worker tells its controller."""
        self._count_outside()
        self._names |= {launch.name for launch in _config.launches()}
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_ATTRIBUTE] = [
                self._outside.to_plain(),
                sorted(self._names),
                sorted(self._marked),
            ]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear what a worker of pytest-xdist saw outside of tests."""
        told = getattr(node, "workeroutput", {}).get(_ATTRIBUTE)
        if told is None:
            # It crashed.
            return
        outside, names, marked = told
        self._names.update(names)
        self._marked.update(marked)
        if not self._heard_of_workers:
            # Each of them imports the same tests: what that does is one run's once.
            self._heard_of_workers = True
            self._outside.add_plain(outside)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what was seen."""
        self._told.add_plain(self._outside.to_plain())
        is_quiet = terminalreporter.verbosity < 0 or self._config.getoption("collectonly")
        if is_quiet and not is_worth_a_word(self._told, self._marked):
            return
        terminalreporter.section("darkcall")
        for line in summary_lines(self._told, self._names, self._marked):
            terminalreporter.write_line(line)

    def _count_outside(self) -> None:
        counted = self._take_counted()
        if counted:
            self._outside.add_plain(counted)


_MODE: Final = pytest.StashKey[str]()
_WATCH: Final = pytest.StashKey[Watch]()


def _may_mismatch(item: pytest.Item) -> frozenset[str] | None:
    names: set[str] = set()
    may_all = False
    for mark in item.iter_markers("may_mismatch"):
        wrong = [*(name for name in mark.args if not isinstance(name, str)), *mark.kwargs]
        if wrong:
            pytest.fail(
                f"may_mismatch takes names of launches, as text: {wrong[0]!r}", pytrace=False
            )
        names.update(mark.args)
        may_all = may_all or not mark.args
    return None if may_all else frozenset(names)


def _holds_a_mismatch(record: Record) -> bool:
    raised = record.control_raised
    return raised is not None and raised["type"] == _MISMATCH


def _raised_again(error: MismatchError) -> pytest.ExceptionInfo[BaseException]:
    error.add_note("It did not come through: what called caught it, or cancelled the call.")
    try:
        raise error
    except MismatchError:
        excinfo = pytest.ExceptionInfo.from_current()
    # Where a task was all that called, there is nothing else to show.
    __tracebackhide__ = len(excinfo.traceback.filter(excinfo)) > 1
    return excinfo
