"""Dark launches: run a new implementation beside the one in production, in-process."""

from __future__ import annotations

from ._config import configure, launches, set_enabled
from ._dark import is_dark
from ._decorator import dark_launch, launch_of
from ._errors import ConfigurationError, DarkcallError, SignatureMismatchError
from ._launch import Launch
from ._lifecycle import aflush, close, flush
from ._model import Call, CandidateStats, Difference, Observation, Outcome, Record, SinkStats, Stats
from ._policy import Knobs
from ._totals import Totals


__all__ = [
    "Call",
    "CandidateStats",
    "ConfigurationError",
    "DarkcallError",
    "Difference",
    "Knobs",
    "Launch",
    "Observation",
    "Outcome",
    "Record",
    "SignatureMismatchError",
    "SinkStats",
    "Stats",
    "Totals",
    "aflush",
    "close",
    "configure",
    "dark_launch",
    "flush",
    "is_dark",
    "launch_of",
    "launches",
    "set_enabled",
]
