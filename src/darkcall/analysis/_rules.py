"""What is asked of a candidate, checked: a rule that can hold nothing must not be written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs

from darkcall._errors import ConfigurationError


if TYPE_CHECKING:
    from collections.abc import Iterable


@attrs.frozen(kw_only=True)
class Rules:
    """The arguments of :func:`~darkcall.analysis._judge.judge`, as they are there."""

    launches: tuple[str, ...] | None
    candidates: tuple[str, ...] | None
    max_mismatch_rate: float
    confidence: float
    min_calls: int | None
    max_dropped: float
    max_latency_ratio: float | None
    per: str | None
    code: str | None


def names(argument: str, value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Give one name or several as a tuple; None is all."""
    if value is None:
        return None
    try:
        given = (value,) if isinstance(value, str) else tuple(value)
    except TypeError:
        given = ()
    if not given or not all(isinstance(name, str) and name for name in given):
        raise ConfigurationError(
            f"{argument} must be a name, or several, or None for all, not {value!r}"
        )
    return tuple(dict.fromkeys(given))


def checked(rules: Rules, by: tuple[str, ...]) -> Rules:
    """Refuse rules that make no sense, with what to do instead."""
    if not _is_number(rules.max_mismatch_rate) or not 0.0 < rules.max_mismatch_rate < 1.0:
        raise ConfigurationError(
            "max_mismatch_rate must lie above 0 and below 1, not "
            f"{rules.max_mismatch_rate!r}: no number of calls shows that none ever differs, so "
            "say how rare a difference must be, as 1e-3 or 1e-6"
        )
    if not _is_number(rules.confidence) or not 0.0 < rules.confidence < 1.0:
        raise ConfigurationError(
            f"confidence must lie above 0 and below 1, as 0.95 does, not {rules.confidence!r}"
        )
    if rules.min_calls is not None and (type(rules.min_calls) is not int or rules.min_calls < 1):
        raise ConfigurationError(
            f"min_calls must be a whole number above 0, or None for as many as the bound needs, "
            f"not {rules.min_calls!r}"
        )
    if not _is_number(rules.max_dropped) or not 0.0 <= rules.max_dropped <= 1.0:
        raise ConfigurationError(
            "max_dropped must be a share of calls, 0 to 1 (1.0: do not ask), not "
            f"{rules.max_dropped!r}"
        )
    if rules.max_latency_ratio is not None and (
        not _is_number(rules.max_latency_ratio) or not 0.0 < rules.max_latency_ratio < math.inf
    ):
        raise ConfigurationError(
            "max_latency_ratio must be a number above 0, as 1.5, or None to ask nothing, not "
            f"{rules.max_latency_ratio!r}"
        )
    if rules.per is not None and rules.per not in by:
        raise ConfigurationError(
            f"per={rules.per!r} needs a summary by that key of the context, and this one is by "
            f"{', '.join(map(repr, by)) or 'none'}: summarise(..., by=({rules.per!r},))"
        )
    if rules.code is not None and (not isinstance(rules.code, str) or not rules.code):
        raise ConfigurationError(
            "code must be the beginning of a digest of the candidate's code, 'all', or None for "
            f"the newest, not {rules.code!r}"
        )
    return rules


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
