from __future__ import annotations

import pathlib
import re

import attrs
import jsonschema
import pytest

from darkcall._model import Outcome, Record
from darkcall._rollup import Rollup
from darkcall._totals import Totals
from darkcall.analysis import _counts
from darkcall.analysis._record import NoRecordError
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


@pytest.mark.parametrize(("kind", "shape"), [("totals", Totals), ("rollup", Rollup)])
def test_totals_and_rollups_agree_with_their_schema_and_the_reference(kind, shape):
    found = schema(kind)
    jsonschema.Draft202012Validator.check_schema(found)
    assert set(found["properties"]) == {field.name for field in attrs.fields(shape)} | OF_SINKS
    assert found["properties"]["schema"]["const"] == attrs.fields(shape).schema.default
    assert documented({"totals": "Totals", "rollup": "Rollups"}[kind]) == list(found["properties"])


A_ROLLUP = Rollup(
    "a-0", "shop.price", "v2", 1.0, 2.0, "web", 7, {"match": 3, "mismatch": 1},
    signatures={"s": 1}, reasons={"r": 1}, confirmations={"first_sight": 1}, sample_rate=0.5,
    context={"tenant": 1}, control_seconds={"zeros": 1, "counts": {"-12": 3}},
    candidate_seconds={"zeros": 0, "counts": {"7": 4}}, ratio={"zeros": 4, "counts": {}},
    cpu_seconds=0.5, cpu_measured=3, inputs=["a", "b"], inputs_counted=4,
).to_dict()  # fmt: skip
A_CANDIDATE = {
    "shadowed": 4, "outcomes": {"match": 3, "dropped": 1}, "reasons": {"busy": 1}, "pending": 0,
    "late": 0, "cpu_bound": 1, "code": "ab12",
}  # fmt: skip
SOME_TOTALS = Totals(
    "a-0", "shop.price", 2.0, 1.0, "web", 7, 0, 1, 2, 4, {"v2": A_CANDIDATE}, "cd34", 0.5,
    is_final=True,
).to_dict()  # fmt: skip


@pytest.mark.parametrize("data", [A_ROLLUP, SOME_TOTALS], ids=["rollup", "totals"])
def test_totals_and_rollups_with_everything_are_valid(data):
    data = {**data, "truncated": ["reasons"]}
    jsonschema.Draft202012Validator(schema(data["kind"])).validate(data)
    assert _counts.kind_of(data) == data["kind"]


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (A_ROLLUP, {"outcomes": {"splendid": 1}}),
        (A_ROLLUP, {"outcomes": {"dropped": 1}}),
        (A_ROLLUP, {"outcomes": {"match": -1}}),
        (A_ROLLUP, {"outcomes": {"match": True}}),
        (A_ROLLUP, {"signatures": ["s"]}),
        (A_ROLLUP, {"reasons": {"r": 1.5}}),
        (A_ROLLUP, {"ratio": {}}),
        (A_ROLLUP, {"ratio": {"zeros": 0, "counts": {"a": 1}}}),
        (A_ROLLUP, {"ratio": {"zeros": 0, "counts": {"123456": 1}}}),
        (A_ROLLUP, {"inputs": [1]}),
        (A_ROLLUP, {"inputs_counted": -1}),
        (A_ROLLUP, {"cpu_measured": -1}),
        (A_ROLLUP, {"is_mixed": 1}),
        (A_ROLLUP, {"context": None}),
        (A_ROLLUP, {"kind": "weather"}),
        (SOME_TOTALS, {"off": -1}),
        (SOME_TOTALS, {"candidates": {"v2": 1}}),
        (SOME_TOTALS, {"candidates": {"v2": {"outcomes": {}}}}),
        (SOME_TOTALS, {"candidates": {"v2": {**A_CANDIDATE, "pending": "1"}}}),
        (SOME_TOTALS, {"sample_rate": "1"}),
        (SOME_TOTALS, {"schema": "1"}),
        (SOME_TOTALS, {"source": 1}),
    ],
)
def test_what_is_wrong_with_totals_and_rollups_is_found(data, wrong):
    wrong = {**data, **wrong}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema(data["kind"])).validate(wrong)
    with pytest.raises(NoRecordError, match="not_a_record"):
        _counts.kind_of(wrong)


@pytest.mark.parametrize("data", [A_ROLLUP, SOME_TOTALS], ids=["rollup", "totals"])
def test_totals_and_rollups_of_another_version_are_told_apart(data):
    with pytest.raises(NoRecordError, match="other_version"):
        _counts.kind_of({**data, "schema": 2})


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
