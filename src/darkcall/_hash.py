"""BLAKE2b, without what :mod:`hashlib` loads beside it: that takes 6 ms of each import."""

from __future__ import annotations


try:
    from _blake2 import blake2b
except ImportError:  # pragma: no cover -- another Python may keep it elsewhere
    from hashlib import blake2b


__all__ = ["blake2b"]
