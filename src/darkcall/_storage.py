"""How records are stored: what whoever writes them and whoever reads them must agree on."""

from __future__ import annotations


#: The length of a line of JSON at most, its newline included: log shippers skip a line
#: that is longer, or stop at it.
MAX_LINE_BYTES = 32 * 1024

#: What stands for all signatures or reasons that are too many to be counted one by one.
OTHERS = "(others)"

#: The columns of the table ``records``, but for ``id``, which counts up.
COLUMNS = {
    "schema": "INTEGER NOT NULL",
    "call_id": "TEXT NOT NULL",
    "launch": "TEXT NOT NULL",
    "candidate": "TEXT NOT NULL",
    "outcome": "TEXT NOT NULL",
    "at": "REAL NOT NULL",
    "host": "TEXT NOT NULL",
    "pid": "INTEGER NOT NULL",
    "control_seconds": "REAL NOT NULL",
    "reason": "TEXT",
    "waited_seconds": "REAL",
    "candidate_seconds": "REAL",
    "candidate_cpu_seconds": "REAL",
    "sample_rate": "REAL",
    "signature": "TEXT",
    "differences": "TEXT",
    "stopped": "TEXT",
    "control_raised": "TEXT",
    "candidate_raised": "TEXT",
    "context": "TEXT",
    "arguments": "TEXT",
    "control_value": "TEXT",
    "candidate_value": "TEXT",
    "input_digest": "TEXT",
    "confirmation": "TEXT",
}
#: Those that a database of an earlier darkcall lacks.
COLUMNS_ADDED_LATER = frozenset({"input_digest", "confirmation"})
#: The tables of what is no record: each has, but for ``id``, the JSON text in one column.
OTHER_TABLES = {"totals": "totals", "rollup": "rollups"}
#: Those whose text is JSON.
JSON_COLUMNS = frozenset(
    {
        "differences",
        "control_raised",
        "candidate_raised",
        "context",
        "arguments",
        "control_value",
        "candidate_value",
    }
)
