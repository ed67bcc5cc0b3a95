"""The schema that migrations make is the one the queries expect, on both databases, and an empty database gets the same at
once."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pipeline.errors import Rejected, ShipwayError
from runners.store import Store, open_store
from runners.store.database import Database
from runners.store.migrate import configuration, migrate
from runners.store.tables import metadata
from tests.contracts.conftest import POSTGRES, books, books_url, empty_postgres, postgres  # noqa: F401 fixtures
from tests.runners.store.schema import schema

# a child, since this process has Alembic loaded long since
LOADED = """
import sys
from runners.store import open_store
store = open_store(sys.argv[1], sys.argv[2])
store.migrate()
store.migrate()
store.close()
print(sum(name.startswith("alembic") for name in sys.modules))
"""


@pytest.fixture(params=["sqlite", POSTGRES])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Database]:
    """Databases without a schema, by name."""
    if request.param == "sqlite":
        return lambda name: Database(f"sqlite:///{tmp_path}/{name}.db")
    address = request.getfixturevalue("postgres")
    return lambda _: Database(empty_postgres(address))


def step_by_step(database: Database, revision: str = "head") -> None:
    database.write(lambda tx: command.upgrade(configuration(tx), revision))


def test_migrations_make_exactly_the_tables_that_are_queried(empty: Callable[[str], Database]):
    database = empty("steps")
    step_by_step(database)

    differences = database.read(lambda tx: compare_metadata(MigrationContext.configure(tx), metadata))

    database.close()
    assert differences == []


def test_an_empty_database_gets_at_once_what_migrations_make_step_by_step(empty: Callable[[str], Database]):
    """Differs? Then `tables`, `*_tables` or `triggers` do not say what the newest migration does."""
    at_once, steps = empty("at_once"), empty("steps")
    migrate(at_once)
    step_by_step(steps)

    found, expected = at_once.read(schema), steps.read(schema)

    at_once.close()
    steps.close()
    assert found == expected
    assert len(found["triggers"]) > 10


def test_an_older_database_is_brought_to_the_same_schema(empty: Callable[[str], Database]):
    older, steps = empty("older"), empty("steps")
    step_by_step(older, "0020")
    step_by_step(steps)

    migrate(older)

    found, expected = older.read(schema), steps.read(schema)
    older.close()
    steps.close()
    assert found == expected


def test_all_who_begin_at_once_on_an_empty_database_find_its_schema(empty: Callable[[str], Database]):
    first = empty("shared")
    databases = [first, *(Database(first.url.render_as_string(hide_password=False)) for _ in range(5))]

    with ThreadPoolExecutor(len(databases)) as pool:
        list(pool.map(migrate, databases))

    assert len(first.read(schema)["version"]) == 1
    for database in databases:
        database.close()


def test_alembic_is_loaded_only_for_steps(tmp_path: Path):
    words = [sys.executable, "-c", LOADED, f"sqlite:///{tmp_path}/x.db", str(tmp_path / "keys")]

    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "0"


def test_a_database_with_tables_of_somebody_else_is_not_called_empty(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path}/x.db")
    database.write(lambda tx: tx.execute(text("CREATE TABLE audit (id INTEGER)")))

    with pytest.raises(ShipwayError):
        migrate(database)
    assert database.read(lambda tx: tx.execute(text("SELECT count(*) FROM sqlite_master")).scalar()) == 1
    database.close()


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
