"""The books that every contract test runs over, one after the other, each fresh and empty."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from runners.store import Store, open_store
from tests.runners.store.cluster import running_cluster

NUMBERS = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with running_cluster() as address:
        template = open_store(address.replace("/postgres?", "/template1?"), str(_keys_beside(address)))
        template.migrate()
        template.close()
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def books_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address of an empty database with today's schema."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/shipway.db"
        store = open_store(url, str(tmp_path / "keys"))
        store.migrate()
        store.close()
        return url
    address: str = request.getfixturevalue("postgres")
    name = f"books{next(NUMBERS)}"
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template1")
    engine.dispose()
    return address.replace("/postgres?", f"/{name}?")


@pytest.fixture
def books(books_url: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(books_url, str(tmp_path / "keys"))
    yield store
    store.close()


def _keys_beside(address: str) -> Path:
    return Path(address.rpartition("=")[2]) / "keys"
