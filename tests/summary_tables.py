"""The tables that a summary is made from, in a database of their own."""

from __future__ import annotations

import json

import duckdb

from darkcall.analysis._load import TABLES
from darkcall.analysis._summary import Sources


SOURCES = Sources(
    files=1,
    nbytes=1,
    records=1,
    rolled_up=0,
    skipped={},
    duplicates=0,
    ahead=0,
    processes=1,
    hosts=1,
    seconds=0.0,
)


def connected():
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(TABLES)
    return connection


def filled(connection, *, records=(), totals=(), rollups=()):
    """Empty the tables, and insert dicts as the classes of the runtime make them."""
    for table, rows in [
        ("records", map(record_row, records)),
        ("totals", map(totals_row, totals)),
        ("rollups", map(rollup_row, rollups)),
    ]:
        connection.execute(f"DELETE FROM {table}")
        for row in rows:
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)
    connection.execute(
        "UPDATE records SET input = hash(json_extract_string(body, '$.input_digest')) "
        "WHERE json_extract_string(body, '$.input_digest') IS NOT NULL"
    )
    connection.execute("UPDATE records SET body = NULL WHERE outcome = 'match'")
    return connection


def a_record(call="p1-0-1", outcome="match", **fields):
    return {
        "schema": 1,
        "call_id": call,
        "launch": "shop.price",
        "candidate": "v2",
        "outcome": outcome,
        "at": 1_700_000_000.0,
        "host": "web-1",
        "pid": 1,
        "control_seconds": 0.001,
        **fields,
    }


def some_totals(source="p1-0", **fields):
    return {
        "source": source,
        "launch": "shop.price",
        "at": 1_700_000_100.0,
        "since": 1_700_000_000.0,
        "host": "web-1",
        "pid": 1,
        "off": 0,
        "nested": 0,
        "unsampled": 0,
        "shadowed": 0,
        "candidates": {},
        **fields,
    }


def a_rollup(source="p1-0", outcomes=None, **fields):
    return {
        "source": source,
        "launch": "shop.price",
        "candidate": "v2",
        "began": 1_700_000_000.0,
        "ended": 1_700_000_059.0,
        "host": "web-1",
        "pid": 1,
        "outcomes": outcomes or {"match": 1},
        **fields,
    }


def record_row(record):
    *front, number = record["call_id"].split("-")
    is_usual = len(front) == 2 and number.isdigit()
    context = record.get("context")
    return [
        "-".join(front) if is_usual else record["call_id"],
        int(number) if is_usual else None,
        record["launch"],
        record["candidate"],
        record["outcome"],
        record["at"],
        record["host"],
        record["pid"],
        record["control_seconds"],
        record.get("candidate_seconds"),
        record.get("candidate_cpu_seconds"),
        record.get("sample_rate"),
        record.get("reason"),
        record.get("signature"),
        record.get("confirmation"),
        None,
        None if context is None else json.dumps(context),
        json.dumps(record),
        1,
    ]


def totals_row(totals):
    return [
        *(totals[field] for field in ("source", "launch", "at", "since", "host", "pid")),
        *(totals[field] for field in ("off", "nested", "unsampled", "shadowed")),
        json.dumps(totals["candidates"]),
        totals.get("control_code"),
        totals.get("sample_rate"),
        totals.get("is_final", False),
    ]


def rollup_row(rollup):
    context = rollup.get("context")
    sketches = ("control_seconds", "candidate_seconds", "ratio")
    return [
        *(rollup[field] for field in ("source", "launch", "candidate", "began", "ended")),
        rollup["host"],
        rollup["pid"],
        rollup.get("sample_rate"),
        None if context is None else json.dumps(context),
        rollup.get("is_mixed", False),
        *(json.dumps(rollup.get(field, {})) for field in ("outcomes", "signatures", "reasons")),
        *(json.dumps(rollup.get(field, {})) for field in sketches),
        rollup.get("cpu_seconds", 0.0),
        rollup.get("cpu_measured", 0),
        json.dumps(rollup.get("inputs", [])),
        rollup.get("inputs_counted", 0),
        json.dumps(rollup.get("confirmations", {})),
    ]
