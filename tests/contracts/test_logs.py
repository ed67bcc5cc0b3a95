"""The contract of port `Logs`, over files, over a database that machines share, and over the stand-in."""

import pytest

from runners.log_store import FileLogs
from runners.shared_logs import SharedLogs
from runners.stand_ins.logs import MemoryLogs
from runners.store import open_store
from tests.contracts.conftest import POSTGRES, _fresh

LIMIT = 1 << 20


@pytest.fixture(params=["files", "memory", "sqlite", POSTGRES])
def logs(request, tmp_path):
    if request.param == "files":
        yield FileLogs(str(tmp_path), LIMIT)
    elif request.param == "memory":
        yield MemoryLogs(LIMIT)
    else:
        store = open_store(_fresh(request, tmp_path), str(tmp_path / "keys"))
        yield SharedLogs(store.run_logs, FileLogs(str(tmp_path / "logs"), LIMIT), LIMIT)
        store.close()


def whole(logs, run_id=7):
    logs.settle()
    return logs.read(run_id, 0, 1 << 30)[0].decode()


def test_run_without_a_log_reads_as_nothing(logs):
    assert logs.read(7) == (b"", 0)


def test_log_is_its_stages_one_after_the_other(logs):
    logs.append(7, "checkout", "one\n")
    logs.close(7, "checkout")
    logs.append(7, "build", "two\n")

    assert whole(logs) == "one\ntwo\n"


def test_runs_do_not_mix(logs):
    logs.append(7, "build", "seven\n")
    logs.append(8, "build", "eight\n")

    assert (whole(logs, 7), whole(logs, 8)) == ("seven\n", "eight\n")


@pytest.mark.parametrize("size", [1, 3, 100])
def test_reading_on_from_the_returned_offset_gives_every_byte_once(logs, size):
    logs.append(7, "checkout", "öne\n")
    logs.append(7, "build", "two\n")
    logs.close(7, "checkout")
    logs.settle()

    found, at = b"", 0
    while piece := logs.read(7, at, size)[0]:
        found, at = found + piece, at + len(piece)

    assert found.decode() == "öne\ntwo\n"


def test_size_is_that_of_the_whole_text(logs):
    logs.append(7, "checkout", "öne\n")
    logs.append(7, "build", "two\n")
    logs.close(7, "checkout")
    logs.settle()

    assert (logs.size(7), logs.size(8)) == (9, 0)


def test_parts_are_the_stages_in_order_with_their_bytes(logs):
    logs.append(7, "checkout", "öne\n")
    logs.close(7, "checkout")
    logs.append(7, "build", "two\n")
    logs.append(7, "build", "three\n")
    logs.settle()

    assert (logs.parts(7), logs.parts(8)) == ([("checkout", 5), ("build", 10)], [])


def test_what_was_read_never_changes(logs):
    logs.append(7, "checkout", "one\n")
    logs.append(7, "build", "two\n")
    before = whole(logs)

    logs.append(7, "checkout", "again\n")
    logs.close(7, "build")
    logs.append(7, "build", "again\n")

    assert whole(logs).startswith(before)


@pytest.mark.parametrize("cut", range(1, 11))
def test_secret_is_hidden_wherever_the_stream_is_cut(logs, cut):
    text = "x hunter2!!x y\n"
    logs.hide(["hunter2!!"])

    logs.append(7, "build", text[: cut + 1])
    logs.append(7, "build", text[cut + 1 :])
    logs.close(7, "build")

    assert whole(logs) == "x ***x y\n"


def test_secret_told_later_is_hidden_from_then_on(logs):
    logs.append(7, "build", "begin\n")

    logs.hide(["hunter2!!"])
    logs.append(7, "build", "hunter2!!\n")

    assert whole(logs) == "begin\n***\n"


def test_last_line_without_an_end_is_kept(logs):
    logs.append(7, "build", "no newline")
    logs.close(7, "build")

    assert whole(logs) == "no newline"


def test_too_much_is_cut_with_one_line_that_says_so(logs):
    for _ in range(200):
        logs.append(7, "build", "0123456789\n" * 1000)
    logs.append(7, "build", "the end\n")
    logs.close(7, "build")

    text = whole(logs)
    assert len(text.encode()) <= LIMIT
    assert text.count("were cut here") == 1
    assert text.endswith("the end\n")


def test_what_is_said_after_the_end_of_a_stage_takes_from_the_same_room(logs):
    for _ in range(5):
        for _ in range(200):
            logs.append(7, "build", "0123456789\n" * 1000)
        logs.close(7, "build")

    assert len(whole(logs).encode()) <= LIMIT


def test_closing_what_was_never_opened_is_fine(logs):
    logs.close(7, "build")
    logs.close(7, "build")


def test_text_that_is_no_unicode_is_kept_as_far_as_possible(logs):
    logs.append(7, "build", "a\udcffb\n")
    logs.close(7, "build")

    assert whole(logs) == "a?b\n"
