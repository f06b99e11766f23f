"""The settings of hypothesis that tests begin with."""

from __future__ import annotations

import hypothesis


def unexplained(settings: hypothesis.settings) -> hypothesis.settings:
    """Leave out the phase that explains a failure.

    On Python 3.11 it takes ten times as long as to find one, and what it tells is lines of this
    package, as it is here that the two sides are found to differ.
    """
    phases = [phase for phase in settings.phases if phase is not hypothesis.Phase.explain]
    return hypothesis.settings(settings, phases=phases)
