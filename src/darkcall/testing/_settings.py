"""The settings of hypothesis that tests begin with."""

from __future__ import annotations

from typing import Any

import hypothesis

from darkcall._errors import ConfigurationError


def checked_settings(settings: Any) -> hypothesis.settings | None:
    """Refuse what are no settings.

    Raises:
        ConfigurationError: They are something else.
    """
    if not isinstance(settings, hypothesis.settings | None):
        raise ConfigurationError(
            f"settings={settings!r} will not do: give hypothesis.settings(...)"
        )
    return settings


def unexplained(settings: hypothesis.settings) -> hypothesis.settings:
    """Leave out the phase that explains a failure.

    On Python 3.11 it takes ten times as long as to find one, and what it tells is lines of this
    package, as it is here that the two sides are found to differ.
    """
    phases = [phase for phase in settings.phases if phase is not hypothesis.Phase.explain]
    return hypothesis.settings(settings, phases=phases)
