"""A summary and a judgement on the terminal, as what Rich prints: no command line needed.

In scope: what :class:`~darkcall.analysis._summary.Summary` and ``Judgement`` hold, readable at 40
columns, without colour and in ASCII.  Not in scope: reading, judging, and where it is printed.
"""

from __future__ import annotations

from ._groups import groups_to_dict, render_groups
from ._judgement import render_judgement, verdict_line
from ._record import record_line
from ._summary import render_summary


__all__ = [
    "groups_to_dict",
    "record_line",
    "render_groups",
    "render_judgement",
    "render_summary",
    "verdict_line",
]
