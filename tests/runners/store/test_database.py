"""Locks, faults and the sentences they end in. SQLite; what is common to both databases is under tests/contracts."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from pipeline.errors import BadConfig, DiskFull, Rejected, Unreachable
from runners.store import open_store
from runners.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/x.db", patience=0.5)
    opened.write(lambda tx: tx.execute(text("CREATE TABLE t (x TEXT)")))
    yield opened
    opened.close()


@pytest.fixture
def locked(database: Database) -> Iterator[sqlite3.Connection]:
    """Somebody else inside a write transaction."""
    other = sqlite3.connect(database.name, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def _insert(database: Database) -> None:
    database.write(lambda tx: tx.execute(text("INSERT INTO t VALUES ('a')")))


def test_a_database_that_stays_locked_is_unreachable_with_a_sentence(database: Database, locked):
    with pytest.raises(
        Unreachable, match=r"x\.db stayed locked or away for 0.5 s .* frozen inside a transaction"
    ):
        _insert(database)


def test_a_writer_goes_on_as_soon_as_the_lock_is_free(database: Database, locked: sqlite3.Connection):
    free = threading.Timer(0.2, lambda: locked.execute("COMMIT"))
    free.start()

    _insert(database)

    free.join()
    assert database.read(lambda tx: tx.execute(text("SELECT count(*) FROM t")).scalar()) == 1


def test_readers_do_not_wait_for_a_writer(database: Database, locked):
    assert database.read(lambda tx: tx.execute(text("SELECT count(*) FROM t")).scalar()) == 0


def test_a_reader_cannot_be_made_to_write_what_others_see(database: Database):
    database.read(lambda tx: tx.execute(text("SELECT 1")))
    _insert(database)

    assert database.read(lambda tx: tx.execute(text("SELECT count(*) FROM t")).scalar()) == 1


def test_nothing_of_work_that_raised_is_kept(database: Database):
    def work(tx) -> None:
        tx.execute(text("INSERT INTO t VALUES ('a')"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write(work)

    assert database.read(lambda tx: tx.execute(text("SELECT count(*) FROM t")).scalar()) == 0


def test_a_full_disk_is_told_from_other_faults(database: Database):
    """A limit on pages stands for the disk: SQLite's error is the same."""

    def fill(tx) -> None:
        tx.execute(text("PRAGMA max_page_count = 3"))
        tx.execute(text("INSERT INTO t VALUES (:x)"), {"x": "x" * 100_000})

    with pytest.raises(DiskFull, match="the disk is full"):
        database.write(fill)


def test_a_wrong_statement_is_refused_with_its_cause(database: Database):
    with pytest.raises(Rejected, match="no such table: nowhere"):
        database.write(lambda tx: tx.execute(text("INSERT INTO nowhere VALUES (1)")))


@pytest.mark.parametrize("pragma", [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
def test_every_connection_is_durable_and_strict(database: Database, pragma: tuple[str, object]):
    name, value = pragma

    assert database.read(lambda tx: tx.execute(text(f"PRAGMA {name}")).scalar()) == value


def test_the_file_is_for_its_owner_only(database: Database):
    assert Path(database.name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "is not a database address"),
        ("mysql://x/y", "mysql is not supported"),
        ("x", "is not a database"),
    ],
)
def test_an_address_that_is_none_is_bad_config(url: str, words: str):
    with pytest.raises(BadConfig, match=words):
        Database(url)


def test_a_password_is_in_no_message():
    database = Database("postgresql+psycopg://me:hush@127.0.0.1:1/x", patience=0.1)

    with pytest.raises(Unreachable) as caught:
        database.read(lambda tx: tx.execute(text("SELECT 1")))

    database.close()
    assert "hush" not in str(caught.value)
    assert "127.0.0.1:1/x" in str(caught.value)


def test_ping_says_within_two_seconds_that_nobody_answers(tmp_path: Path):
    store = open_store("postgresql+psycopg://me:hush@127.0.0.1:1/x", str(tmp_path))

    with pytest.raises(Unreachable):
        store.ping()
    store.close()
