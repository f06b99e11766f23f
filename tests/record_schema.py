"""The record's schema, for tests that make records."""

from __future__ import annotations

import functools
import importlib.resources
import json
from typing import Any

import jsonschema


def validate(record: dict[str, Any]) -> None:
    """Raise ``jsonschema.ValidationError`` unless a record, as a dict, has the right shape."""
    jsonschema.Draft202012Validator(schema()).validate(record)


@functools.cache
def schema(kind: str = "record") -> dict[str, Any]:
    """Return a schema that darkcall ships: of a record, of totals or of a rollup."""
    text = importlib.resources.files("darkcall").joinpath(f"{kind}.schema.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded
