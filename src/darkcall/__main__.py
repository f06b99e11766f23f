"""The command line: ``darkcall``, or ``python -m darkcall``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The words after the command's name; those of the process by default.

    Returns:
        The exit status: 0 if all is well, that of ``judge`` and ``demo``, 3 after an error, 130
        after an interrupt.
    """
    try:
        # The core goes without what the command line needs.
        from ._cli import main as run  # noqa: PLC0415
        from ._cli._leaving import leave  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.stderr.write('darkcall: the command line needs typer: pip install "darkcall[report]"\n')
        return 3
    status = run(argv)
    if argv is None:
        # The process is the command's own.
        leave(status)
    return status


if __name__ == "__main__":
    sys.exit(main())
