"""Logs in a database that machines share: what one of them writes, as the others see it."""

import time
from pathlib import Path

import pytest

from pipeline.errors import Unreachable
from pipeline.retention.thing import Kind, Verdict
from runners.log_store import RESUMED, FileLogs
from runners.shared_logs import TOGETHER, SharedLogs
from runners.shelves.shared import SharedShelf
from runners.store import Store
from tests.contracts.conftest import books, books_url, postgres  # noqa: F401 fixtures


@pytest.fixture
def machines(books: Store, tmp_path: Path) -> tuple[SharedLogs, SharedLogs]:  # noqa: F811
    one, two = (SharedLogs(books.run_logs, FileLogs(str(tmp_path / name))) for name in ("one", "two"))
    return one, two


def test_what_is_still_held_is_there_within_a_second(machines):
    one, two = machines
    one.append(7, "build", "at once\n")
    one.append(7, "build", "a little later\n")
    begun = time.monotonic()

    while two.size(7) < len("at once\na little later\n"):
        assert time.monotonic() - begun < 1.0
        time.sleep(TOGETHER / 10)

    assert two.read(7) == (b"at once\na little later\n", 23)


def test_a_stage_that_goes_on_elsewhere_says_so_and_no_offset_moves(machines):
    one, two = machines
    one.append(7, "build", "begun\n")
    one.close(7, "build")
    before = two.read(7)[0]

    two.append(7, "build", "goes on\n")
    two.close(7, "build")

    assert one.read(7)[0] == before + f"{RESUMED}goes on\n".encode()
    assert one.parts(7) == [("build", len(before) + len(RESUMED) + 8)]


def test_two_machines_that_write_at_once_lose_nothing_and_move_nothing(machines):
    one, two = machines
    for number in range(20):
        for name, logs in (("one", one), ("two", two)):
            logs.append(7, "build", f"{name} {number}\n")
            logs.settle()

    lines = one.read(7)[0].decode().splitlines()

    assert sorted(line for line in lines if "shipway" not in line) == sorted(
        f"{name} {number}" for name in ("one", "two") for number in range(20)
    )


def test_a_closed_stage_is_one_packed_piece_that_reads_the_same_anywhere(machines, books: Store):  # noqa: F811
    one, two = machines
    text = "".join(f"line {number}\n" for number in range(5000))
    for begin in range(0, len(text), 7000):
        one.append(7, "build", text[begin : begin + 7000])
        one.settle()
    one.close(7, "build")

    kept = books.run_logs.kept()[0]
    assert kept.size < len(text) / 4
    assert two.read(7, 30_000, 100)[0] == text.encode()[30_000:30_100]
    assert two.read(7, 0, 1 << 20)[0] == text.encode()


def test_logs_of_before_are_read_where_they_lie(machines, tmp_path: Path):
    FileLogs(str(tmp_path / "one")).append(7, "build", "old\n")

    one, _ = machines

    assert (one.read(7), one.size(7), one.parts(7)) == ((b"old\n", 4), 4, [("build", 4)])


def test_a_database_that_is_away_gets_it_when_it_is_back(machines, monkeypatch: pytest.MonkeyPatch):
    one, two = machines
    one.append(7, "build", "before\n")
    rows = one._rows
    away = [Unreachable("The database is away.")] * 2
    real = rows.append

    def append(*words: object) -> None:
        if away:
            raise away.pop()
        real(*words)

    monkeypatch.setattr(rows, "append", append)  # the real one, but away twice
    one.append(7, "build", "meanwhile\n")
    begun = time.monotonic()
    while two.size(7) < len("before\nmeanwhile\n"):
        assert time.monotonic() - begun < 5.0
        time.sleep(0.02)

    assert two.read(7)[0] == b"before\nmeanwhile\n"


def test_the_shelf_lists_and_removes_what_a_run_left(machines, books: Store):  # noqa: F811
    one, _ = machines
    one.append(7, "build", "text\n")
    one.close(7, "build")
    shelf = SharedShelf(books.run_logs, books.run_files)
    (thing,) = shelf.things()

    shelf.remove(Verdict(thing, True, "old"))

    assert (thing.kind, thing.run, thing.where) == (Kind.LOG, 7, "database")
    assert list(shelf.things()) == []
    assert one.size(7) == 0
