"""A record as an example: short enough that many of them make no large summary."""

from __future__ import annotations

from typing import Any, Final


#: So many characters of a text are kept.
MAX_TEXT: Final = 2_000
#: So many characters, keys and values of a record are kept in all.
MAX_EXAMPLE: Final = 20_000


def shortened(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record within bounds; ``truncated`` names the fields that were cut.

    Example:
        >>> shortened({"outcome": "mismatch", "control_value": 3000 * "x"})["truncated"]
        ['control_value']
    """
    left = MAX_EXAMPLE
    result: dict[str, Any] = {}
    cut: list[str] = []
    for field, value in record.items():
        shorter = _Shorter(left)
        result[field] = shorter.value(value)
        left = shorter.left
        if shorter.has_cut:
            cut.append(field)
    if cut:
        before = [field for field in record.get("truncated", ()) if field not in cut]
        result["truncated"] = [*before, *cut]
    return result


class _Shorter:
    """What is left of the bounds while one field is looked at."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.has_cut = False

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        self.left -= 1
        if isinstance(value, dict):
            return {self._text(key): self.value(item) for key, item in self._fitting(value.items())}
        if isinstance(value, list):
            return [self.value(item) for item in self._fitting(value)]
        return value

    def _text(self, text: str) -> str:
        # What says which record it is comes first, and always stays.
        kept = text[: max(100, min(MAX_TEXT, self.left))]
        self.left -= len(kept)
        self.has_cut |= len(kept) < len(text)
        return kept

    def _fitting(self, items: Any) -> Any:
        for item in items:
            if self.left <= 0:
                self.has_cut = True
                return
            yield item
