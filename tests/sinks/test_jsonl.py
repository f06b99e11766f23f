from __future__ import annotations

import errno
import gzip
import json
import math
import os
import pathlib
import stat
import threading
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from darkcall import _guard
from darkcall._errors import ConfigurationError
from darkcall._storage import MAX_LINE_BYTES
from darkcall.sinks import JsonlSink, _folder
from darkcall.sinks import jsonl as jsonl_module
from darkcall.sinks._line import line_for
from record_schema import validate


def read(directory):
    """All records of a directory, as a reader should read them."""
    records = []
    for path in sorted(pathlib.Path(directory).iterdir()):
        if path.name.endswith(".jsonl"):
            text = path.read_bytes()
        elif path.name.endswith(".jsonl.gz") and not path.with_suffix("").exists():
            text = gzip.decompress(path.read_bytes())
        else:
            continue
        for line in text.split(b"\n"):
            try:
                records.append(json.loads(line))
            except ValueError:
                continue
    return records


def numbers(directory):
    return [int(record["call_id"].removeprefix("call-")) for record in read(directory)]


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "deep" / "records"


def test_a_record_is_a_line(directory, make_record):
    sink = JsonlSink(directory)
    record = make_record(1, "mismatch", signature="ä\u2028\ud800", context={"tenant": "x"})
    sink(record)
    [path] = directory.iterdir()
    [line] = path.read_bytes().splitlines()
    assert json.loads(line) == record.to_dict()
    validate(json.loads(line))
    assert repr(sink) == f"<JsonlSink {str(directory)!r}>"


def test_files_are_their_owners_alone(directory, make_record):
    before = os.umask(0)
    try:
        JsonlSink(directory)(make_record())
    finally:
        os.umask(before)
    [path] = directory.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_file_is_named_after_host_process_and_start(directory, make_record):
    for _ in range(2):
        JsonlSink(directory)(make_record())
    names = sorted(path.name for path in directory.iterdir())
    assert len(names) == 2
    for name in names:
        assert name.startswith(f"darkcall-web_1-{os.getpid()}-")
        assert name.endswith("-000001.jsonl")


def test_files_are_rotated_by_size(directory, make_record):
    sink = JsonlSink(directory, max_bytes=MAX_LINE_BYTES)
    for number in range(1000):
        sink(make_record(number))
    files = sorted(directory.iterdir())
    assert len(files) > 3
    assert all(path.stat().st_size <= MAX_LINE_BYTES for path in files)
    assert numbers(directory) == list(range(1000))


def test_finished_files_are_gzipped_if_asked(directory, make_record):
    sink = JsonlSink(directory, max_bytes=MAX_LINE_BYTES, compress=True)
    for number in range(500):
        sink(make_record(number))
    sink.close()
    sink.close()
    files = list(directory.iterdir())
    assert all(path.suffix == ".gz" for path in files)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    assert numbers(directory) == list(range(500))
    sink(make_record(500))
    assert sorted(numbers(directory)) == list(range(501))


def test_a_file_that_cannot_be_gzipped_stays_as_it_is(directory, make_record):
    sink = JsonlSink(directory, compress=True)
    sink(make_record())
    [path] = directory.iterdir()
    directory.joinpath(f"{path.name}.gz").mkdir()
    sink.close()
    assert sorted(entry.name for entry in directory.iterdir()) == [path.name, f"{path.name}.gz"]
    assert any("compressing a file of JsonlSink" in line for _, line in _guard._waiting)
    assert json.loads(path.read_text())["call_id"] == "call-0"


def test_the_number_of_files_is_bounded_if_asked(directory, make_record):
    directory.mkdir(parents=True)
    other = directory / "notes.txt"
    other.write_text("not ours")
    link = directory / "darkcall-a-1-b-000001.jsonl"
    link.symlink_to(other)
    sink = JsonlSink(directory, max_bytes=MAX_LINE_BYTES, max_files=3)
    for number in range(2000):
        sink(make_record(number))
    assert len(list(directory.iterdir())) == 5
    left = numbers(directory)
    assert left == list(range(2000 - len(left), 2000))
    assert other.read_text() == "not ours"


def test_a_file_that_is_being_written_is_not_removed(directory, make_record):
    idle = JsonlSink(directory, max_files=1)
    idle(make_record(1))
    busy = JsonlSink(directory, max_bytes=MAX_LINE_BYTES, max_files=1)
    for number in range(500):
        busy(make_record(number))
    assert len(list(directory.iterdir())) == 2
    idle(make_record(2))
    assert numbers(directory).count(2) == 1


def test_a_directory_that_vanishes_is_made_again(directory, make_record):
    sink = JsonlSink(directory)
    for number in range(3):
        sink(make_record(number))
        for path in directory.iterdir():
            path.unlink()
        if number == 1:
            directory.rmdir()
    sink(make_record(3))
    assert numbers(directory) == [3]
    sink(make_record(4))
    assert numbers(directory) == [3, 4]


def test_a_file_system_that_counts_no_links_is_no_reason_for_new_files(
    directory, make_record, monkeypatch
):
    sink = JsonlSink(directory)
    fstat = os.fstat

    def without_links(descriptor):
        return os.stat_result([*fstat(descriptor)[:3], 0, *fstat(descriptor)[4:]])

    monkeypatch.setattr(jsonl_module.os, "fstat", without_links)
    sink(make_record(1))
    sink(make_record(2))
    assert numbers(directory) == [1, 2]
    assert len(list(directory.iterdir())) == 1


def test_what_stands_in_the_way_is_told_and_gone_round_when_it_is_gone(directory, make_record):
    directory.parent.mkdir()
    directory.write_text("in the way")
    sink = JsonlSink(directory)
    for _ in range(2):
        with pytest.raises(FileExistsError):
            sink(make_record())
    directory.unlink()
    sink(make_record(7))
    assert numbers(directory) == [7]


def test_a_planted_link_is_not_followed(directory, make_record, tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl_module.secrets, "token_hex", lambda _: "guessed")
    directory.mkdir(parents=True)
    target = tmp_path / "target"
    name = f"darkcall-web_1-{os.getpid()}-guessed-000001.jsonl"
    (directory / name).symlink_to(target)
    sink = JsonlSink(directory)
    with pytest.raises(FileExistsError):
        sink(make_record(1))
    sink(make_record(2))
    assert not target.exists()


class HalfFullDisk:
    """A disk that takes some bytes of a write, and then none until there is room."""

    def __init__(self, error=errno.ENOSPC):
        self.room = None
        self.error = error
        self.write = os.write

    def __call__(self, descriptor, data):
        if self.room == 0:
            raise OSError(self.error, "secret")
        if self.room is None:
            return self.write(descriptor, data)
        written = self.write(descriptor, data[: self.room])
        self.room -= written
        return written


@settings(max_examples=40)
@example(room=1, torn_again=1)
@given(room=st.integers(0, 400), torn_again=st.integers(0, 5))
def test_a_full_disk_breaks_no_line_but_its_own(tmp_path_factory, make_record, room, torn_again):
    directory = tmp_path_factory.mktemp("records")
    sink = JsonlSink(directory)
    disk = HalfFullDisk()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl_module.os, "write", disk)
        sink(make_record(1))
        disk.room = room
        failed = 0
        for number in (2, 3):
            try:
                sink(make_record(number))
            except OSError:
                failed += 1
            disk.room = torn_again
        disk.room = None
        sink(make_record(4))
        sink(make_record(5))
    sink.close()
    found = numbers(directory)
    # A line whose newline alone is missing is whole once the next begins.
    assert set(found) >= {1, 4, 5}
    assert len(found) >= 5 - failed
    assert found == sorted(found)
    assert len(list(directory.iterdir())) == 1


@settings(max_examples=60)
@example(room=0, texts=[0, 0])
@given(
    room=st.none() | st.integers(0, 5_000),
    texts=st.lists(st.sampled_from([0, 300, 20_000, 40_000]), min_size=1, max_size=12),
)
def test_of_a_batch_as_many_are_written_as_it_says(tmp_path_factory, make_record, room, texts):
    directory = tmp_path_factory.mktemp("records")
    sink = JsonlSink(directory)
    disk = HalfFullDisk()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl_module.os, "write", disk)
        disk.room = room
        batch = [make_record(n, control_value="x" * length) for n, length in enumerate(texts)]
        written = sink.write_batch(batch)
        disk.room = None
        sink(make_record(100))
    sink.close()
    found = numbers(directory)
    assert found == sorted(found)
    assert found[-1] == 100
    # A line whose newline alone is missing is whole once the next begins.
    assert len(found) - 1 in {written, written + 1}
    if room is None:
        assert found == [*range(len(texts)), 100]


def test_a_batch_is_few_writes(directory, make_record, monkeypatch):
    sizes = []
    write = os.write

    def counted(descriptor, data):
        sizes.append(len(data))
        return write(descriptor, data)

    monkeypatch.setattr(jsonl_module.os, "write", counted)
    sink = JsonlSink(directory)
    assert sink.write_batch([make_record(n, reason="r" * 500) for n in range(200)]) == 200
    assert numbers(directory) == list(range(200))
    assert max(sizes) <= MAX_LINE_BYTES
    assert len(sizes) == math.ceil(sum(sizes) / MAX_LINE_BYTES)


def test_a_record_that_json_cannot_hold_takes_no_other_with_it(directory, make_record, lines):
    sink = JsonlSink(directory)
    batch = [make_record(1), make_record(2, control_value=float("nan")), make_record(3)]
    assert sink.write_batch(batch) == 2
    assert numbers(directory) == [1, 3]
    _guard.tell()
    assert lines("writing to JsonlSink failed with ValueError")
    assert sink.write_batch(batch[1:2]) == 0


def test_a_batch_that_cannot_be_written_is_told(directory, make_record, lines):
    directory.parent.mkdir()
    directory.write_text("in the way")
    sink = JsonlSink(directory)
    assert sink.write_batch([make_record(1), make_record(2)]) == 0
    _guard.tell()
    assert lines("writing to JsonlSink (File exists) failed with FileExistsError")
    directory.unlink()
    assert sink.write_batch([make_record(3)]) == 1
    assert numbers(directory) == [3]


def test_a_short_write_goes_on_where_it_ended(directory, make_record, monkeypatch):
    write = os.write
    monkeypatch.setattr(jsonl_module.os, "write", lambda fd, data: write(fd, data[:7]))
    sink = JsonlSink(directory)
    sink(make_record(1))
    sink(make_record(2))
    assert numbers(directory) == [1, 2]


def test_a_file_that_cannot_be_written_any_more_is_left(directory, make_record, monkeypatch):
    sink = JsonlSink(directory)
    sink(make_record(1))
    disk = HalfFullDisk(errno.EIO)
    disk.room = 10
    with monkeypatch.context() as patch:
        patch.setattr(jsonl_module.os, "write", disk)
        with pytest.raises(OSError, match="secret"):
            sink(make_record(2))
    sink(make_record(3))
    assert numbers(directory) == [1, 3]
    assert len(list(directory.iterdir())) == 2


@pytest.mark.parametrize("way", ["closed", "replaced"])
def test_a_number_that_the_program_closed_is_neither_written_nor_closed(
    directory, make_record, tmp_path, way
):
    sink = JsonlSink(directory)
    sink(make_record(0))
    number = sink._descriptor
    os.close(number)
    if way == "replaced":
        own = os.open(tmp_path / "own", os.O_CREAT | os.O_RDWR)
        if own != number:
            os.dup2(own, number)
            os.close(own)
    sink(make_record(1))
    if way == "replaced":
        assert os.fstat(number).st_size == 0
        os.close(number)
    sink.close()

    assert [len(file.read_text().splitlines()) for file in directory.iterdir()] == [1, 1]


def test_a_descriptor_that_the_program_took_is_left_to_it_at_the_end(
    directory, make_record, tmp_path
):
    sink = JsonlSink(directory)
    sink(make_record(0))
    own = os.open(tmp_path / "own", os.O_CREAT | os.O_RDWR)
    os.dup2(own, sink._descriptor)
    number = sink._descriptor
    os.close(own)
    sink.close()

    os.fstat(number)
    os.close(number)


def test_a_file_never_stands_in_for_a_standard_stream(directory, make_record, monkeypatch):
    monkeypatch.setattr(_folder, "_LAST_STANDARD_STREAM", 200)
    sink = JsonlSink(directory)
    sink(make_record(0))

    assert sink._descriptor > 200
    assert not os.get_inheritable(sink._descriptor)
    sink.close()
    assert numbers(directory) == [0]


def test_a_disk_that_takes_nothing_is_not_filled_with_empty_files(
    directory, make_record, monkeypatch
):
    sink = JsonlSink(directory)
    disk = HalfFullDisk(errno.EIO)
    disk.room = 0
    with monkeypatch.context() as patch:
        patch.setattr(jsonl_module.os, "write", disk)
        for number in range(3):
            with pytest.raises(OSError, match="secret"):
                sink(make_record(number))
    assert list(directory.iterdir()) == []
    sink(make_record(3))
    assert numbers(directory) == [3]


def test_a_real_limit_is_survived(run_script, directory):
    printed = run_script(
        """
import resource
sink = JsonlSink(sys.argv[1])
outlet = Outlet(sink)
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
limit(1000)
for number in range(20):
    outlet.offer(a_record(number))
    outlet.flush(5)
limit(resource.RLIM_INFINITY)
outlet.offer(a_record(99))
print(outlet.flush(5))
stats = outlet.stats()
print(stats.written, stats.failed, stats.waiting)
""",
        directory,
    )
    assert printed[0] == "True"
    assert int(printed[1]) + int(printed[2]) == 21
    assert int(printed[2]) > 0
    assert 99 in numbers(directory)
    assert len(numbers(directory)) == int(printed[1])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
LONG = st.builds(
    lambda text, times: text * times,
    st.text(st.sampled_from("a\x00\u2028\U0001f600"), min_size=1, max_size=3),
    st.integers(1, 20_000),
)
DIFFERENCE = st.fixed_dictionaries(
    {
        "path": LONG,
        "kind": LONG,
        "control_type": st.none() | LONG,
        "candidate_type": LONG,
        "control": JSON,
    }
)


@settings(max_examples=60)
@given(
    fields=st.fixed_dictionaries(
        {},
        optional={
            "reason": LONG,
            "signature": LONG,
            "stopped": LONG,
            "differences": st.lists(DIFFERENCE, max_size=20),
            "control_raised": st.fixed_dictionaries({"type": LONG, "message": LONG}),
            "candidate_raised": st.fixed_dictionaries({"type": LONG}),
            "context": st.dictionaries(st.text(), LONG),
            "arguments": st.dictionaries(st.text(), LONG),
            "control_value": JSON | LONG,
            "candidate_value": JSON | LONG,
        },
    )
)
def test_a_line_is_never_longer_than_32_kb(make_record, fields):
    record = make_record(**fields)
    line = line_for(record)
    assert len(line) <= MAX_LINE_BYTES
    assert line.count(b"\n") == 1
    data = json.loads(line)
    validate(data)
    truncated = data.pop("truncated", [])
    whole = record.to_dict()
    assert set(truncated) == {name for name in whole if data.get(name) != whole[name]}


def test_a_long_record_loses_its_values_first(make_record):
    record = make_record(
        outcome="mismatch",
        arguments={"a": "x" * 10_000},
        control_value="x" * 20_000,
        candidate_value="x" * 20_000,
    )
    data = json.loads(line_for(record))
    assert data["truncated"] == ["candidate_value"]
    assert data["control_value"] == "x" * 20_000


def test_a_long_context_is_the_last_whole_field_to_go(make_record):
    data = json.loads(line_for(make_record(reason="r" * 500, context={"page": "x" * 40_000})))
    assert data["truncated"] == ["context"]
    assert data["reason"] == "r" * 500


def test_what_json_cannot_hold_fails(make_record):
    with pytest.raises(ValueError, match="JSON"):
        line_for(make_record(control_value=float("nan")))


def test_another_process_id_means_another_file(directory, make_record, monkeypatch):
    sink = JsonlSink(directory)
    sink(make_record(1))
    monkeypatch.setattr(jsonl_module.os, "getpid", lambda: 1)
    sink(make_record(2))
    assert len(list(directory.iterdir())) == 2


def test_a_child_writes_files_of_its_own(run_script, directory):
    printed = run_script(
        """
sink = JsonlSink(sys.argv[1], compress=True)
sink(a_record(1))
child = os.fork()
if not child:
    sink.close()
    sink(a_record(2))
    os._exit(0)
print(os.waitpid(child, 0)[1])
sink(a_record(3))
""",
        directory,
    )
    assert printed == ["0"]
    assert sorted(numbers(directory)) == [1, 2, 3]
    assert len(list(directory.iterdir())) == 2


def test_two_threads_at_once_harm_no_line(directory, make_record):
    sink = JsonlSink(directory, max_bytes=MAX_LINE_BYTES)

    def write(first):
        for number in range(first, first + 500):
            sink(make_record(number))

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers(directory)) == list(range(1000))


KILLED = """
sink = JsonlSink(sys.argv[1], max_bytes=1 << 20)
outlet = Outlet(sink)
number = 0
while True:
    for _ in range(50):
        outlet.offer(a_record(number, "mismatch", control_value="x" * (number * 997 % 32_000)))
        number += 1
    outlet.flush(5)
    print(number, flush=True)
"""


def test_a_kill_harms_no_line_but_the_one_that_is_being_written(start_script, tmp_path):
    for attempt in range(4):
        directory = tmp_path / f"records{attempt}"
        process = start_script(KILLED, directory)
        for _ in range(3):
            flushed = int(process.stdout.readline())
        time.sleep(0.01 * attempt)
        process.kill()
        process.wait()
        texts = [path.read_bytes() for path in sorted(directory.iterdir())]
        assert all(text.endswith(b"\n") for text in texts[:-1])
        *lines, _cut = b"".join(texts).split(b"\n")
        found = [json.loads(line)["call_id"] for line in lines]
        assert len(found) >= flushed
        assert found == [f"call-{number}" for number in range(len(found))]


def test_a_file_may_go_away_while_others_are_counted(directory, make_record, monkeypatch):
    for number in range(3):
        sink = JsonlSink(directory)
        sink(make_record(number))
        sink.close()

    def vanished(path):
        raise FileNotFoundError

    monkeypatch.setattr(_folder, "is_open", vanished)
    _folder.remove_oldest(directory, keep=1)
    assert len(list(directory.iterdir())) == 3


def test_a_relative_directory_stays_where_it_was(tmp_path, make_record, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sink = JsonlSink("records")
    monkeypatch.chdir("/")
    sink(make_record())
    assert len(list((tmp_path / "records").iterdir())) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"directory": ""}, "directory='' must be a path"),
        ({"directory": b"records"}, "directory=b'records' must be a path"),
        ({"directory": "a\0b"}, "must be a path"),
        ({"directory": None}, "directory=None must be a path"),
        ({"directory": "d", "max_bytes": 100}, "max_bytes=100 must be .* at least 32768"),
        ({"directory": "d", "max_files": 0}, "max_files=0 must be a whole number"),
        ({"directory": "d", "compress": "gzip"}, "compress='gzip' must be True or False"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, said):
    with pytest.raises(ConfigurationError, match=said):
        JsonlSink(**options)
