"""What worker processes are asked for."""

from __future__ import annotations


def echo(data: bytes) -> bytes:
    """Return what it is given."""
    return data


def hang(_data: bytes) -> bytes:
    """Never return."""
    while True:
        pass
