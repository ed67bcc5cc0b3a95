"""The schema that migrations make is the one the queries expect, on both databases."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pipeline.errors import Rejected
from runners.store import Store, open_store
from runners.store.database import Database
from runners.store.tables import metadata
from tests.contracts.conftest import books, books_url, postgres  # noqa: F401 fixtures


def test_migrations_make_exactly_the_tables_that_are_queried(books_url: str):  # noqa: F811
    database = Database(books_url)

    differences = database.read(lambda tx: compare_metadata(MigrationContext.configure(tx), metadata))

    database.close()
    assert differences == []


def test_migrating_twice_changes_nothing(books: Store):  # noqa: F811
    books.audit.note("mia", "look", "shop")

    books.migrate()

    assert len(books.audit.entries()) == 1


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'eve'", "DELETE FROM audit"])
def test_the_database_itself_keeps_the_audit(books: Store, books_url: str, change: str):  # noqa: F811
    books.audit.note("mia", "look", "shop")
    database = Database(books_url)

    with pytest.raises(Rejected, match="append-only"):
        database.write(lambda tx: tx.execute(text(change)))

    database.close()
    assert books.audit.entries()[0]["actor"] == "mia"


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO runs (service, environment, status, created_at) VALUES ('s', 'e', 'running', :now)",
        "INSERT INTO deployments (service, environment, release, status, created_at) "
        "VALUES ('s', 'e', 1, 'rolling', :now)",
    ],
)
def test_the_database_itself_allows_one_at_a_time(books_url: str, change: str):  # noqa: F811
    database = Database(books_url)

    def twice(tx: Connection) -> None:
        now = "2026-01-01T00:00:00+00:00"
        tx.execute(text(change), {"now": now})
        with pytest.raises(DBAPIError):
            tx.execute(text(change), {"now": now})
        raise Rejected("leave it")

    with pytest.raises(Rejected, match="leave it"):
        database.write(twice)
    database.close()


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path):
    store = open_store(f"sqlite:///{tmp_path}/x.db", str(tmp_path / "keys"))
    store.migrate()
    store._database.write(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = '9999'")))

    with pytest.raises(Rejected, match="written by a newer Shipway"):
        store.migrate()
    store.close()
