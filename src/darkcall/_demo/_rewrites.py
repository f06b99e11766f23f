"""Two rewrites of ``textwrap.dedent``: one naive, one right."""

from __future__ import annotations

import sys
from typing import Final


#: What a blank line is made of: spaces and tabs; since CPython 3.14 any whitespace.
BLANKS: Final = " \t" if sys.version_info < (3, 14) else None
INDENTS: Final = frozenset({" ", "\t"})


def dedent_naive(text: str) -> str:
    r"""Cut as many characters off each line as the least indented one has.

    It makes tabs spaces, leaves what else a blank line holds, and loses the last newline.

    Example:
        >>> dedent_naive("  a\n    b\tc\n   \n")
        'a\n  b  c\n '
    """
    lines = text.expandtabs().splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    margin = min(indents, default=0)
    return "\n".join(line[margin:] for line in lines)


def dedent_rewrite(text: str) -> str:
    r"""Cut off what all lines begin with, blank ones aside, which are emptied.

    Example:
        >>> dedent_rewrite("  a\n    b\n   ")
        'a\n  b\n'
    """
    lines = text.split("\n")
    filled = [line for line in lines if line.strip(BLANKS)]
    # What the first and the last in alphabetical order begin with, all between them do.
    first, last = min(filled, default=""), max(filled, default="")
    margin = 0
    while first[margin : margin + 1] in INDENTS and first[margin] == last[margin]:
        margin += 1
    return "\n".join(line[margin:] if line.strip(BLANKS) else "" for line in lines)
