"""The current folder, as the first place where modules are looked for."""

from __future__ import annotations

import pathlib
import sys


def import_from_here() -> None:
    """Have modules found as a program would find them that is started here."""
    here = str(pathlib.Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
