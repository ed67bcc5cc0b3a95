"""What `doctor` says of this machine, of its books, and of certificates."""

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.settings import Server
from runners.examining.books import look_at_database
from runners.examining.certificates import judged
from runners.examining.finding import Finding, numbers
from runners.examining.machine import look_at_beats, look_at_data
from runners.own_store import store_of
from runners.store.condition import Condition

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def levels(found: list[Finding]) -> list[str]:
    return [str(finding.level) for finding in found]


def server(folder: Path) -> Server:
    made = Server(data=str(folder))
    store = store_of(made)
    store.migrate()
    store.close()
    return made


def changed(folder: Path, statement: str) -> None:
    line = sqlite3.connect(folder / "shipway.db")
    line.execute(statement)
    line.commit()
    line.close()


def test_books_that_are_up_to_date_and_whole_are_well(tmp_path: Path):
    (finding,) = look_at_database(server(tmp_path))

    assert (finding.level, finding.mend) == ("ok", "")


def test_before_the_first_start_no_books_are_made(tmp_path: Path):
    (finding,) = look_at_database(Server(data=str(tmp_path / "data")))

    assert finding.level == "ok"
    assert not (tmp_path / "data").exists()


def test_older_books_are_brought_up_to_date_by_a_start(tmp_path: Path):
    made = server(tmp_path)
    changed(tmp_path, "UPDATE alembic_version SET version_num = '0001'")

    (finding,) = look_at_database(made)

    assert (finding.level, "`shipway up`" in finding.mend) == ("warn", True)


def test_books_of_a_newer_shipway_are_told(tmp_path: Path):
    made = server(tmp_path)
    changed(tmp_path, "UPDATE alembic_version SET version_num = '9999'")

    (finding,) = look_at_database(made)

    assert (finding.level, "9999" in finding.text) == ("bad", True)


def test_the_newest_version_is_the_one_that_a_migration_ends_with(tmp_path: Path):
    made = server(tmp_path)
    store = store_of(made)

    found = store.condition()

    store.close()
    assert found == Condition(found.newest, found.newest, known=True)


def test_damaged_books_are_told_with_the_way_to_recover_them(tmp_path: Path):
    made = server(tmp_path)
    changed(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")
    file = tmp_path / "shipway.db"
    text = bytearray(file.read_bytes())
    half = len(text) // 2 // 4096 * 4096
    text[half : half + 8192] = os.urandom(8192)
    file.write_bytes(text)

    found = look_at_database(made)

    assert levels(found)[-1] == "bad"
    assert found[-1].mend


def test_processes_that_give_no_sign_are_named(tmp_path: Path):
    (tmp_path / "run").mkdir()
    for name, at in (("server", 100.0), ("scheduler", 10.0), ("horse-77", 1.0)):
        (tmp_path / "run" / f"{name}.beat").touch()
        os.utime(tmp_path / "run" / f"{name}.beat", (at, at))

    alive, silent = look_at_beats(str(tmp_path), now=101.0)

    assert (alive.level, alive.text) == ("ok", "server give signs of life")
    assert (silent.level, silent.text) == ("bad", "scheduler has given no sign of life for 91 s")


def test_where_nothing_runs_there_is_nothing_to_say_of_processes(tmp_path: Path):
    assert look_at_beats(str(tmp_path)) == []


def test_a_folder_below_one_that_is_there_has_room(tmp_path: Path):
    (finding,) = look_at_data(str(tmp_path / "not" / "yet"))

    assert finding.level in ("ok", "warn")


@pytest.mark.parametrize(("days", "level"), [(-1, "bad"), (3, "warn"), (200, "ok")])
def test_a_certificate_that_ends_soon_is_told_with_its_day(days: int, level: str):
    until = NOW + timedelta(days=days, hours=1)

    (finding,) = judged("host web-1", "its certificate", until, "renew it", NOW)

    assert (finding.level, f"{until:%Y-%m-%d}" in finding.text) == (level, True)
    assert bool(finding.mend) == (level != "ok")


@pytest.mark.parametrize(
    ("text", "version"), [("nginx/1.27.4", (1, 27, 4)), ("haproxy:3.2", (3, 2)), ("latest", ())]
)
def test_a_version_is_read_from_whatever_says_it(text: str, version: tuple[int, ...]):
    assert numbers(text) == version
