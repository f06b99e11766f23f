from __future__ import annotations

import contextlib
import json
import os
import pathlib
import sqlite3
import stat
import threading
import time

import pytest

from darkcall import _forks, _guard
from darkcall._errors import ConfigurationError, DarkcallError
from darkcall._model import Record
from darkcall._rollup import Rollup
from darkcall._storage import COLUMNS, COLUMNS_ADDED_LATER, JSON_COLUMNS
from darkcall._totals import Totals
from darkcall.analysis import read
from darkcall.sinks import SqliteSink
from darkcall.sinks import sqlite as sqlite_module
from darkcall.sinks._outlet import Outlet
from records import FULL


A_ROLLUP = Rollup("a-0", "shop.price", "v2", 1.0, 2.0, "web", 7, {"match": 3})
SOME_TOTALS = Totals("a-0", "shop.price", 2.0, 1.0, "web", 7, 0, 0, 0, 3, {})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "records.db"


@pytest.fixture
def sink(path):
    sink = SqliteSink(path)
    yield sink
    sink.close()


def rows(path, columns="*"):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT {columns} FROM records ORDER BY id").fetchall()


def numbers(path):
    return [int(call_id.removeprefix("call-")) for (call_id,) in rows(path, "call_id")]


def test_each_field_has_its_column(sink, path, make_record):
    record = make_record(1, "mismatch", **FULL)
    sink(record)
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
        database.row_factory = sqlite3.Row
        row = dict(database.execute("SELECT * FROM records").fetchone())
    assert row.pop("id") == 1
    found = {name: json.loads(cell) if name in JSON_COLUMNS else cell for name, cell in row.items()}
    assert found == record.to_dict()


def test_the_columns_are_the_records_fields():
    fields = [field.name for field in Record.__attrs_attrs__]
    assert sorted(COLUMNS) == sorted(fields)
    assert set(COLUMNS) > JSON_COLUMNS


def test_totals_and_rollups_have_tables_of_their_own(sink, path, make_record):
    sink.write_batch([A_ROLLUP, make_record(), SOME_TOTALS, A_ROLLUP])
    assert numbers(path) == [0]
    with contextlib.closing(sqlite3.connect(path)) as database:
        for table, items in (("totals", [SOME_TOTALS]), ("rollups", [A_ROLLUP] * 2)):
            found = database.execute(f"SELECT id, data FROM {table} ORDER BY id").fetchall()
            written = [(number, json.loads(text)) for number, text in found]
            assert written == [(n, item.to_dict()) for n, item in enumerate(items, 1)]
    reading = read(path)
    assert len(list(reading)) == 1
    assert (reading.totals, reading.rollups, sum(reading.skipped.values())) == (1, 2, 0)


def test_what_is_wrong_in_the_other_tables_is_counted(sink, path, make_record):
    sink.write_batch([SOME_TOTALS, A_ROLLUP, make_record()])
    record = json.dumps(make_record().to_dict())
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        for cell in ("{}", 7, record, "[", A_ROLLUP.to_dict()["kind"]):
            database.execute("INSERT INTO rollups (data) VALUES (?)", (cell,))
    reading = read(path)
    assert len(list(reading)) == 1
    assert (reading.totals, reading.rollups) == (1, 1)
    assert {name: count for name, count in reading.skipped.items() if count} == {
        "not_a_record": 3, "not_json": 2,
    }  # fmt: skip


def a_database_of_an_earlier_version(path):
    path.parent.mkdir()
    columns = ", ".join(
        f"{name} {kind}" for name, kind in COLUMNS.items() if name not in COLUMNS_ADDED_LATER
    )
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE records (id INTEGER PRIMARY KEY, {columns})")
        database.execute("PRAGMA user_version=1")


def test_a_database_of_an_earlier_version_is_completed(sink, path, make_record):
    a_database_of_an_earlier_version(path)
    assert list(read(path)) == []
    sink.write_batch([make_record(1, **FULL), SOME_TOTALS])
    assert rows(path, "input_digest, confirmation") == [("c0ffee", "deterministic")]
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_table_of_totals_that_is_somebody_elses_is_left_alone(sink, path, make_record):
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE totals (euros REAL)")
    with pytest.raises(DarkcallError, match="its table totals is somebody else's"):
        sink(make_record())


def test_what_is_absent_is_null(sink, path, make_record):
    sink(make_record())
    [row] = rows(path, "reason, differences, control_value")
    assert row == (None, None, None)


def test_no_text_is_refused(sink, path, make_record):
    sink(make_record(signature="a\ud800\x00", control_value="\ud800"))
    assert rows(path, "signature, control_value") == [("a\\ud800\x00", '"\\ud800"')]


def test_the_database_is_its_owners_alone(sink, path, make_record):
    before = os.umask(0)
    try:
        sink(make_record())
    finally:
        os.umask(before)
    files = list(path.parent.iterdir())
    assert {file.name for file in files} == {"records.db", "records.db-wal", "records.db-shm"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_record_can_be_read_within_a_second(sink, path, make_record):
    outlet = Outlet(sink)
    outlet.offer(make_record(1))
    give_up = time.monotonic() + 1
    found = []
    while not found and time.monotonic() < give_up:
        with contextlib.suppress(sqlite3.OperationalError):
            found = numbers(path)
    assert found == [1]
    assert outlet.close(time.monotonic() + 5)


def test_a_batch_is_written_whole_or_not_at_all(sink, path, make_record):
    sink.write_batch([make_record(1), make_record(2)])
    with pytest.raises(ValueError, match="JSON"):
        sink.write_batch([make_record(3), make_record(4, control_value=float("nan"))])
    with pytest.raises(sqlite3.IntegrityError):
        sink.write_batch([make_record(5), make_record(outcome=None)])
    sink(make_record(6))
    assert numbers(path) == [1, 2, 6]


def test_a_closed_sink_opens_again(sink, path, make_record):
    sink(make_record(1))
    sink.close()
    assert [file.name for file in path.parent.iterdir()] == ["records.db"]
    sink.close()
    sink(make_record(2))
    assert numbers(path) == [1, 2]
    assert repr(sink) == f"<SqliteSink {str(path)!r}>"


def test_a_database_that_is_locked_is_waited_for(sink, path, make_record):
    sink(make_record(1))
    with contextlib.closing(sqlite3.connect(path, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, other.rollback)
        timer.start()
        sink(make_record(2))
        timer.join()
    assert numbers(path) == [1, 2]


def test_a_database_that_stays_locked_is_told_and_used_again_later(
    sink, path, make_record, monkeypatch, lines
):
    monkeypatch.setattr(sqlite_module, "BUSY_SECONDS", 0.2)
    outlet = Outlet(sink)
    sink(make_record(1))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        outlet.offer(make_record(2))
        assert outlet.flush(5)
        other.execute("ROLLBACK")
    assert outlet.stats().failed == 1
    assert lines("writing to SqliteSink (SQLITE_BUSY) failed with OperationalError")
    outlet.offer(make_record(3))
    assert outlet.flush(5)
    assert numbers(path) == [1, 3]
    assert outlet.close(time.monotonic() + 5)


def test_a_database_that_vanishes_is_made_again(sink, path, make_record):
    sink(make_record(1))
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()
    sink(make_record(2))
    assert numbers(path) == [2]
    path.unlink()
    sink(make_record(3))
    sink(make_record(4))
    assert numbers(path) == [3, 4]


@pytest.mark.parametrize("closes", [False, sqlite_module._CLOSES_WHAT_WAS_REPLACED])
def test_a_database_that_was_replaced_is_not_harmed(sink, path, make_record, monkeypatch, closes):
    monkeypatch.setattr(sqlite_module, "_CLOSES_WHAT_WAS_REPLACED", closes)
    sink(make_record(1))
    for file in path.parent.iterdir():
        file.unlink()
    other = SqliteSink(path)
    other(make_record(2))
    sink.close()
    other(make_record(3))
    sink(make_record(4))
    assert numbers(path) == [2, 3, 4]
    other.close()


def test_databases_that_vanish_leave_no_descriptors_open(sink, path, make_record):
    sink(make_record(0))
    descriptors = pathlib.Path("/dev/fd")
    before = len(list(descriptors.iterdir()))
    for number in range(5):
        for file in path.parent.iterdir():
            file.unlink()
        sink(make_record(number))
    after = len(list(descriptors.iterdir()))
    assert after == before or not sqlite_module._CLOSES_WHAT_WAS_REPLACED


def test_what_stands_in_the_way_is_gone_round_when_it_is_gone(sink, path, make_record):
    path.parent.write_text("in the way")
    with pytest.raises(FileExistsError):
        sink(make_record(1))
    path.parent.unlink()
    path.parent.mkdir()
    path.write_text("this is no database, however long one looks at it" * 20)
    with pytest.raises(sqlite3.DatabaseError):
        sink(make_record(2))
    assert path.read_text().startswith("this is no database")
    path.unlink()
    sink(make_record(3))
    assert numbers(path) == [3]


def test_a_database_that_is_read_only_is_not_even_opened(sink, path, make_record, monkeypatch):
    sink(make_record(1))
    sink.close()
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_module.os, "access", lambda path, mode, **_: mode != os.W_OK)
        with pytest.raises(PermissionError):
            sink(make_record(2))
    # What SQLite puts beside it would be read-only, too, when it is no longer.
    assert [file.name for file in path.parent.iterdir()] == ["records.db"]
    sink(make_record(3))
    assert numbers(path) == [1, 3]


def test_a_newer_database_is_left_alone(sink, path, make_record):
    sink(make_record(1))
    sink.close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version=2")
    with pytest.raises(DarkcallError, match="version 2, and this darkcall knows 1: upgrade"):
        sink(make_record(2))
    assert any("it has version 2" in line for _, line in _guard._waiting)
    assert numbers(path) == [1]


def test_somebody_elses_table_is_left_alone(sink, path, make_record):
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE records (name TEXT)")
    with pytest.raises(DarkcallError, match="its table records is somebody else's"):
        sink(make_record())
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (0,)


def test_an_existing_database_keeps_its_own_tables(sink, path, make_record):
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE carts (name TEXT)")
    sink(make_record(1))
    assert numbers(path) == [1]


def test_several_processes_write_one_database(start_script, path):
    script = """
outlet = Outlet(SqliteSink(sys.argv[1]))
sys.stdin.readline()
for number in range(300):
    outlet.offer(a_record(number))
    if not number % 10:
        time.sleep(0.001)
print(outlet.flush(20), *[outlet.stats().written], flush=True)
outlet.close(time.monotonic() + 5)
"""
    processes = [start_script(script, path) for _ in range(3)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdout.readline().split() == ["True", "300"]
        assert process.wait(20) == 0
    assert sorted(numbers(path)) == sorted([*range(300)] * 3)


def test_a_kill_loses_nothing_that_was_flushed(start_script, tmp_path):
    script = """
outlet = Outlet(SqliteSink(sys.argv[1]))
number = 0
while True:
    for _ in range(20):
        outlet.offer(a_record(number))
        number += 1
    outlet.flush(5)
    print(number, flush=True)
"""
    for attempt in range(3):
        path = tmp_path / f"records{attempt}.db"
        process = start_script(script, path)
        for _ in range(5):
            flushed = int(process.stdout.readline())
        process.kill()
        process.wait()
        found = numbers(path)
        assert len(found) >= flushed
        assert found == list(range(len(found)))
        with contextlib.closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_disk_is_survived(run_script, path):
    printed = run_script(
        """
import resource
outlet = Outlet(SqliteSink(sys.argv[1]))
outlet.offer(a_record(0))
print(outlet.flush(5))
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
limit(100_000)
for number in range(1, 30):
    outlet.offer(a_record(number, reason="x" * 10_000))
    outlet.flush(5)
limit(resource.RLIM_INFINITY)
outlet.offer(a_record(99))
print(outlet.flush(5))
stats = outlet.stats()
print(stats.written, stats.failed, stats.waiting)
print(outlet.close(time.monotonic() + 5))
""",
        path,
    )
    assert [printed[0], printed[1], printed[-1]] == ["True"] * 3
    written, failed, waiting = map(int, printed[2:5])
    assert (written + failed, waiting) == (31, 0)
    assert failed > 0
    assert len(numbers(path)) == written
    assert numbers(path)[-1] == 99


def test_parent_and_child_write_after_a_fork(run_script, path):
    printed = run_script(
        """
sink = SqliteSink(sys.argv[1])
sink(a_record(0))
read, write = os.pipe()
child = os.fork()
if not child:
    sink(a_record(1))
    os.read(read, 1)
    # The parent has closed the database: a child that had no locks of its own would
    # write into a log that is gone.
    sink(a_record(2))
    sink.close()
    os._exit(0)
time.sleep(0.2)
sink(a_record(3))
sink.close()
os.write(write, b"x")
print(os.waitpid(child, 0)[1])
sink(a_record(4))
""",
        path,
    )
    assert printed == ["0"]
    assert sorted(numbers(path)) == [0, 1, 2, 3, 4]


def test_forks_in_the_middle_of_writing_harm_nothing(run_script, path):
    printed = run_script(
        """
outlet = Outlet(SqliteSink(sys.argv[1]))
done = threading.Event()
offered = []
def offer():
    while not done.is_set():
        outlet.offer(a_record(len(offered)))
        offered.append(1)
        time.sleep(0.0005)
thread = threading.Thread(target=offer)
thread.start()
failures = 0
for number in range(20):
    child = os.fork()
    if not child:
        outlet.after_fork()
        outlet.offer(a_record(1_000_000 + number))
        ok = outlet.flush(10) and outlet.stats().written == 1
        os._exit(0 if ok else 1)
    failures += os.waitpid(child, 0)[1] != 0
done.set()
thread.join()
print(failures, outlet.flush(10), len(offered) == outlet.stats().written, len(offered))
outlet.close(time.monotonic() + 5)
""",
        path,
    )
    assert printed[:3] == ["0", "True", "True"]
    found = numbers(path)
    assert len(found) == int(printed[3]) + 20
    assert sorted(found)[-20:] == list(range(1_000_000, 1_000_020))
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_child_of_a_write_that_does_not_end_writes_nothing(run_script, path):
    printed = run_script(
        """
from darkcall import _guard
from darkcall._errors import DarkcallError
from darkcall import _forks
_forks.FORK_WAITS_SECONDS = 0.1
sink = SqliteSink(sys.argv[1])
sink(a_record(0))
with sink._gate.inside:
    child = os.fork()
    if not child:
        try:
            sink(a_record(1))
        except DarkcallError as error:
            told = any("was forked while its parent wrote" in line for _, line in _guard._waiting)
            os._exit(3 if told else 4)
        os._exit(5)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
sink(a_record(2))
""",
        path,
    )
    assert printed == ["3"]
    assert numbers(path) == [0, 2]


def test_a_child_that_was_forked_behind_our_back_writes_nothing(sink, path, make_record):
    sink(make_record(0))
    sink._pid -= 1
    with pytest.raises(DarkcallError, match="forked while its parent wrote"):
        sink(make_record(1))
    assert numbers(path) == [0]
    sink._pid += 1


def test_what_a_fork_does_is_undone_on_both_sides(sink, path, make_record):
    sink(make_record(1))
    _forks._before()
    assert [file.name for file in path.parent.iterdir()] == ["records.db"]
    _forks._after_in_parent()
    sink(make_record(2))
    _forks._before()
    _forks._after_in_child()
    sink(make_record(3))
    assert numbers(path) == [1, 2, 3]


def test_a_fork_does_not_wait_for_ever(sink, monkeypatch):
    monkeypatch.setattr(_forks, "FORK_WAITS_SECONDS", 0.01)
    with sink._gate.inside:
        _forks._before()
        _forks._after_in_parent()
    assert not sink._gate.inside.locked()


def test_a_fork_remembers_no_sink_that_is_gone(tmp_path):
    before = len(_forks._gates)
    sink = SqliteSink(tmp_path / "records.db")
    gate = sink._gate
    assert len(_forks._gates) == before + 1
    del sink
    gate.close()
    del gate
    assert len(_forks._gates) == before


@pytest.mark.parametrize("path", [":memory:", "file:a?mode=memory", "", None, b"a.db"])
def test_what_is_no_file_is_refused(path):
    with pytest.raises(ConfigurationError, match=r"path=.* must be"):
        SqliteSink(path)


def test_a_sink_opens_nothing_until_it_writes(path):
    SqliteSink(path).close()
    assert not path.parent.exists()
    assert SqliteSink(pathlib.Path("a.db"))._path.is_absolute()
