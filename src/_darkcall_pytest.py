"""What pytest loads of darkcall: next to nothing, until a test or an option asks for it.

It stands outside of the package, since a plugin inside would import the package with it, before
coverage looks, and in each test run of everybody who has darkcall installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest


if TYPE_CHECKING:
    from collections.abc import Iterator

    from darkcall import Record

_MODES: Final = ("strict", "record", "off")
#: Before it, hooks of the new style and what filters tracebacks are not there, or not for sure.
_LEAST_PYTEST: Final = 8
_MARKER: Final = (
    "may_mismatch(*launches): under --darkcall=strict, candidates of the launches of these names "
    "(of all, if none is named) may differ in this test."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and what stands for it in the configuration file."""
    group = parser.getgroup("darkcall")
    group.addoption(
        "--darkcall",
        metavar="|".join(_MODES),
        help="Compare the candidates of all launches on each call: strict fails tests in which "
        "one differs, record tells it at the end; off switches launches off.",
    )
    parser.addini("darkcall", "What --darkcall is unless it is given: strict, record or off.")


def pytest_configure(config: pytest.Config) -> None:
    """Begin what was asked for."""
    config.addinivalue_line("markers", _MARKER)
    mode = _mode(config)
    if not mode:
        return
    if mode not in _MODES:
        raise pytest.UsageError(f"darkcall={mode!r}: it is one of {', '.join(_MODES)}")
    _check_pytest(f"darkcall={mode!r}")
    # Imported when asked for.
    from darkcall.testing import _plugin  # noqa: PLC0415

    _plugin.begin(config, mode)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what was asked for."""
    mode = _mode(config)
    return f"darkcall: {mode}" if mode else None


def _check_pytest(asked: str) -> None:
    if int(pytest.__version__.split(".")[0]) < _LEAST_PYTEST:
        raise pytest.UsageError(
            f"{asked} needs pytest {_LEAST_PYTEST}.0 or later; this is {pytest.__version__}"
        )


def _mode(config: pytest.Config) -> str:
    mode: str | None = config.getoption("darkcall")
    return config.getini("darkcall") if mode is None else mode


@pytest.fixture
def darkcall_records(request: pytest.FixtureRequest) -> Iterator[list[Record]]:
    """Records of the candidates that ran in this test so far; grows with each call of a launch.

    The list begins where the test asks for it: what fixtures called before is not in it.  Records
    have arguments if the launch keeps everything, or under --darkcall=strict.
    """
    _check_pytest("the fixture darkcall_records")
    from darkcall.testing import _plugin  # noqa: PLC0415 -- as above

    yield from _plugin.records_of(request)
