"""Read by type checkers alone: what blocks of tests give, and which knobs they take."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, assert_type

from darkcall import Record
from darkcall.testing import MismatchError, capture, strict


def double(x: int) -> int:
    return 2 * x


def returned() -> int:
    # A block that might swallow what is raised would ask for another return.
    with strict(keep="nothing", timeout=dt.timedelta(seconds=1)):
        return double(1)


def captured() -> Iterator[list[Record]]:
    with capture(keep="everything", ignore=lambda control, candidate: False) as records:
        assert_type(records, list[Record])
        yield records


def narrowed() -> int:
    with strict(double, candidate="v2", keep="nothing"):
        return double(1)


strict(double, candidate=2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
capture(kep="nothing")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
strict(keep="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
error = MismatchError("message")
assert_type(error.differences, tuple[Mapping[str, Any], ...])
