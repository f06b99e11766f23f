"""The command line: ``darkcall``, or ``python -m darkcall``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The words after the command's name; those of the process by default.

    Returns:
        The exit status: 0 if all is well, 1 if not, 2 if no command was given.

    Raises:
        SystemExit: After ``--help``, or where the words make no sense.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    if options.command is None:
        parser.print_help()
        return 2
    # Whoever asks for help does not wait for the rest.
    from ._demo import run  # noqa: PLC0415

    return run(records=options.records, limit=options.limit)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="darkcall", description="Dark launches for Python functions."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    demo = commands.add_parser(
        "demo",
        help="show a dark launch of textwrap.dedent on real input",
        description="Run two rewrites of textwrap.dedent in the dark, over every docstring of "
        "the standard library, and show what the records tell.",
    )
    demo.add_argument(
        "--records",
        metavar="DIR",
        help="where the records go, as JSON lines; a temporary directory by default",
    )
    demo.add_argument(
        "--limit",
        metavar="N",
        type=_positive,
        help="take only the first N docstrings; all of them by default",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
