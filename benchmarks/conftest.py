"""Benchmarks run one at a time, without coverage: ``make bench``."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each benchmark the time to repeat itself."""
    for item in items:
        item.add_marker(pytest.mark.timeout(300))
