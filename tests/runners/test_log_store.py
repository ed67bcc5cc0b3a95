"""Logs of runs on a real disk: offsets, bounds, masks, compression, two writers."""

import os
import shutil
import threading
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runners.log_store import FileLogs


@pytest.fixture
def logs(tmp_path):
    return FileLogs(str(tmp_path), limit_bytes=1 << 20)


def whole(logs, run_id=7):
    return logs.read(run_id, 0, 1 << 30)[0].decode()


def test_stages_follow_each_other_and_offsets_go_on(logs):
    logs.append(7, "checkout", "one\n")
    logs.append(7, "build", "two\n")

    first, at = logs.read(7, 0, 6)
    rest, end = logs.read(7, at)

    assert (first, at) == (b"one\ntw", 6)
    assert (rest, end) == (b"o\n", 8)
    assert logs.read(7, end) == (b"", 8)


def test_unknown_run_has_an_empty_log(logs):
    assert logs.read(404) == (b"", 0)


@pytest.mark.parametrize("offset", [0, 1, 4, 5, 9, 12])
def test_offsets_stay_right_after_compression(logs, offset):
    logs.append(7, "checkout", "öne\n")
    logs.append(7, "build", "two\nthree\n")
    before = logs.read(7, offset)

    logs.close(7, "checkout")
    logs.close(7, "build")

    assert logs.read(7, offset) == before


def test_closed_stage_is_compressed(logs, tmp_path):
    logs.append(7, "build", "x" * 100_000)

    logs.close(7, "build")

    (file,) = tmp_path.rglob("*.log*")
    assert file.suffix == ".zst"
    assert file.stat().st_size < 1000


def test_reopened_stage_goes_on_behind_a_marker_without_moving_offsets(logs, tmp_path):
    logs.append(7, "checkout", "a\n")
    logs.append(7, "build", "half\n")
    before = whole(logs)
    another = FileLogs(str(tmp_path))

    another.append(7, "checkout", "b\n")
    another.append(7, "build", "again\n")

    text = whole(logs)
    assert text.startswith(before)
    assert text.endswith("b\n[shipway] The stage goes on after an interruption.\nagain\n")


def test_secret_never_reaches_the_disk_even_split_over_two_calls(logs, tmp_path):
    logs.hide(["hunter2-hunter2"])

    logs.append(7, "build", "password is hunter2-")
    logs.append(7, "build", "hunter2, yes\n")
    logs.close(7, "build")

    assert whole(logs) == "password is ***, yes\n"


def test_too_long_a_stage_keeps_its_beginning_and_its_end(logs, tmp_path):
    logs.hide(["hunter2-hunter2"])
    logs.append(7, "test", "the beginning\n")

    for _ in range(1000):
        logs.append(7, "test", ("x" * 99 + "\n") * 100)
    logs.append(7, "test", "hunter2-hunter2\nthe end\n")
    logs.close(7, "test")

    text = whole(logs)
    assert text.startswith("the beginning\n")
    assert text.endswith("***\nthe end\n")
    assert text.count("MB were cut here") == 1
    assert len(text) <= 1 << 20


def test_a_stage_that_is_resumed_has_no_more_room_than_one_that_is_not(logs, tmp_path):
    for _ in range(4):
        worker = FileLogs(str(tmp_path), limit_bytes=1 << 20)
        for _ in range(200):
            worker.append(7, "test", ("x" * 99 + "\n") * 100)
        worker.close(7, "test")

    text = whole(logs)
    assert len(text) <= 1 << 20
    assert text.count("goes on after an interruption") == 3


def test_a_worker_that_should_be_dead_takes_no_room_beyond_the_limit(logs, tmp_path):
    zombie = FileLogs(str(tmp_path), limit_bytes=1 << 20)
    for worker in (logs, zombie):
        worker.append(7, "test", "begin\n")
    for _ in range(100):
        for worker in (logs, zombie):
            worker.append(7, "test", ("€" * 33 + "\n") * 100)

    logs.close(7, "test")
    zombie.close(7, "test")

    assert len(whole(logs).encode()) <= 1 << 20


def test_two_hundred_megabytes_do_not_fill_the_memory(logs, tmp_path):
    piece = ("x" * 127 + "\n") * 1024

    for _ in range(1600):
        logs.append(7, "test", piece)

    assert len(logs._streams._open[7, "test"]._tail.text) <= 4 * (64 << 10)
    assert sum(f.stat().st_size for f in tmp_path.rglob("*.log")) <= 1 << 20


@pytest.mark.parametrize(
    ("pieces", "kept"),
    [
        (["a\r\nb\r\n"], "a\nb\n"),
        (["a\r", "\nb\n"], "a\nb\n"),
        (["10%\r20%\r100%\nok\n"], "100%\nok\n"),
        (["10%", "\r20%", "\r30%\n"], "10%\n20%\n30%\n"),
        (["half a li", "ne\n"], "half a line\n"),
    ],
)
def test_progress_lines_are_folded(logs, pieces, kept):
    for piece in pieces:
        logs.append(7, "build", piece)
    logs.close(7, "build")

    assert whole(logs) == kept


def test_lines_of_two_writers_come_whole(logs, tmp_path):
    def write(letter):
        mine = FileLogs(str(tmp_path))
        for _ in range(200):
            mine.append(7, "build", letter * 50 + "\n")

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = [line for line in whole(logs).splitlines() if "[shipway]" not in line]
    assert sorted(lines) == ["a" * 50] * 200 + ["b" * 50] * 200


def test_reader_beside_a_closing_writer_sees_every_byte_once(logs, tmp_path):
    reader, seen = FileLogs(str(tmp_path)), []
    done = threading.Event()

    def follow():
        at = 0
        while True:
            last = done.is_set()
            piece, at = reader.read(7, at, 1000)
            seen.append(piece)
            if last and not piece:
                return

    thread = threading.Thread(target=follow)
    thread.start()
    for number in range(60):
        stage = f"stage{number % 3}"
        logs.append(7, stage, f"{number}\n" * 50)
        logs.close(7, stage)
    done.set()
    thread.join()

    assert b"".join(seen).decode() == whole(logs)


def test_a_log_that_was_removed_and_written_anew_has_its_new_length(logs, tmp_path):
    for text in ("long ago\n", "now\n"):
        logs.append(7, "build", text)
        logs.close(7, "build")
        assert logs.read(7) == (text.encode(), len(text))
        shutil.rmtree(tmp_path / "0000")


DEEDS = st.tuples(
    st.sampled_from(["checkout", "build", "test"]),
    st.text("aü€🚀\n", max_size=9),
    st.booleans(),
    st.integers(1, 7),
)


@settings(deadline=None)
@given(st.lists(DEEDS, max_size=12))
def test_a_reader_who_is_behind_finds_the_same_bytes_whatever_was_closed_meanwhile(deeds):
    with TemporaryDirectory() as folder:
        logs, seen = FileLogs(folder), b""
        for stage, text, closed, size in deeds:
            logs.append(7, stage, text)
            seen += logs.read(7, len(seen), size)[0]
            if closed:
                logs.close(7, stage)

        everything, end = logs.read(7)
        rests = [logs.read(7, offset) for offset in range(end + 2)]

    assert everything.startswith(seen)
    assert rests == [(everything[offset:], max(end, offset)) for offset in range(end + 2)]


def test_full_disk_is_told_as_such(logs, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)  # a disk cannot be filled in a unit test
    with pytest.raises(Exception, match="No space left") as caught:
        logs.append(7, "build", "x\n")

    assert type(caught.value).__name__ == "DiskFull"
