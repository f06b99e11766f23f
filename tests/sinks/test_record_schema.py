from __future__ import annotations

import pathlib
import re

import attrs
import jsonschema
import pytest

from darkcall._model import Outcome, Record
from record_schema import schema, validate


REFERENCE = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "record.md"

#: Added by a sink that has to shorten a record.
OF_SINKS = {"truncated"}


def documented(heading):
    """The first cell of each row of the tables below a heading."""
    section = REFERENCE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(schema())


def test_fields_schema_and_reference_agree():
    fields = {field.name for field in attrs.fields(Record)}
    assert set(schema()["properties"]) == fields | OF_SINKS
    assert documented("Fields") == list(schema()["properties"])


def test_fields_without_a_default_are_required():
    required = {field.name for field in attrs.fields(Record) if field.default is attrs.NOTHING}
    assert set(schema()["required"]) == required | {"schema"}
    assert documented("Fields")[: len(required) + 1] == schema()["required"]


def test_the_version_is_the_records():
    assert schema()["properties"]["schema"]["const"] == attrs.fields(Record).schema.default


def test_every_outcome_but_dropped_makes_a_record():
    outcomes = [outcome.value for outcome in Outcome if outcome is not Outcome.DROPPED]
    assert schema()["properties"]["outcome"]["enum"] == outcomes
    text = REFERENCE.read_text()
    assert ", ".join(f"`{outcome}`" for outcome in outcomes) in text


def test_the_reference_describes_differences():
    assert documented("Differences") == list(schema()["$defs"]["difference"]["properties"])


def test_a_record_with_everything_is_valid(make_record):
    validate(
        make_record(
            outcome="mismatch",
            reason="why",
            waited_seconds=0.1,
            candidate_seconds=0.2,
            candidate_cpu_seconds=0.1,
            sample_rate=1,
            signature="ab12",
            differences=[
                {"path": "$.a", "kind": "extra", "control_type": None, "candidate_type": "int"}
            ],
            stopped="too many differences",
            control_raised={"type": "ValueError", "message": "no", "notes": ["n"]},
            candidate_raised={"type": "ValueError"},
            context={"tenant": "x"},
            arguments={"cart": {"$": "tuple", "items": [1]}},
            control_value=[None],
            candidate_value=0,
        ).to_dict()
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": "dropped"},
        {"signature": 12},
        {"reason": None},
        {"differences": [{"path": "$"}]},
        {"schema": 2},
        {"unknown": 1},
    ],
)
def test_what_is_wrong_is_found(make_record, wrong):
    with pytest.raises(jsonschema.ValidationError):
        validate({**make_record().to_dict(), **wrong})
