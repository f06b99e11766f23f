"""The demo: a dark launch of two rewrites of ``textwrap.dedent``, on real input.

Read ``_shadow.py`` first: it uses darkcall as any program would, by its public names.
"""

from __future__ import annotations

import itertools
import pathlib
import tempfile
import textwrap
import time

from darkcall import launch_of
from darkcall.sinks import JsonlSink

from ._account import accounts_of, broken_promises, new_files, read_records, wrong_verdicts
from ._cost import lost_by_the_caller
from ._docstrings import StandardLibrary
from ._page import Page
from ._shadow import LAUNCH, launched, launched_as_in_production, shadow_all


__all__ = ["LAUNCH", "run", "wrong_verdicts"]


#: On how many docstrings the caller's time is measured, at rest and in bursts.
TIMED_AT_REST = 400
TIMED_IN_BURSTS = 1000
#: So few that none is dropped for want of room.
BURST = 200


def run(*, records: str | None = None, limit: int | None = None) -> int:
    """Run the demo, and print what came of it.

    Args:
        records: The directory that the records go to; a temporary one by default.
        limit: How many docstrings to take; None for all.

    Returns:
        0 if the right candidate matched on every call, the naive one did not, and every
        call is accounted for; 1 otherwise.
    """
    began = time.perf_counter()
    page = Page()
    library = StandardLibrary()
    docstrings = list(itertools.islice(library.docstrings(), limit))
    page.show_input(library, len(docstrings), _since(began))

    directory = pathlib.Path(records or tempfile.mkdtemp(prefix="darkcall-demo-"))
    older = new_files(directory, older=())
    sink = JsonlSink(directory)

    shadowing = time.perf_counter()
    dedent = launched(sink)
    calls = shadow_all(dedent, docstrings)
    page.show_work(directory, calls, _since(shadowing))

    texts = [docstring.text for docstring in docstrings]
    timed = launched_as_in_production(sink)
    at_rest = lost_by_the_caller(textwrap.dedent, timed, _spread_out(texts, TIMED_AT_REST), burst=1)
    in_bursts = lost_by_the_caller(
        textwrap.dedent, timed, _spread_out(texts, TIMED_IN_BURSTS), burst=BURST
    )
    made = {dedent: calls, timed: len(at_rest.lost) + len(in_bursts.lost)}

    tally = read_records(new_files(directory, older))
    accounts = accounts_of(made, tally)
    for launch in (dedent, timed):
        page.show_outcomes(launch_of(launch).name, accounts)
    page.show_accounts(accounts)
    page.show_mismatches(launch_of(dedent).name, tally)
    page.show_costs({"workers idle": at_rest, f"bursts of {BURST}": in_bursts})
    broken = list(broken_promises(accounts))
    page.show_end(broken, _since(began))
    return 1 if broken else 0


def _since(began: float) -> float:
    return time.perf_counter() - began


def _spread_out(texts: list[str], count: int) -> list[str]:
    return texts[:: -(-len(texts) // count) or 1]
