"""The books that every contract test runs over, one after the other, each fresh and empty."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine

from runners.stand_ins.books import MemoryDeployments, MemoryFleet, MemoryLeases, MemoryReleases, MemoryRoutes
from runners.stand_ins.scaling import MemoryScaling
from runners.stand_ins.time import VirtualClock
from runners.store import Store, open_store
from tests.parts.empty_store import empty_database
from tests.runners.store.cluster import running_cluster

NUMBERS = count(1)
POSTGRES = pytest.param("postgres", marks=pytest.mark.live)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with running_cluster() as address:
        template = open_store(address.replace("/postgres?", "/template1?"), str(_keys_beside(address)))
        template.migrate()
        template.close()
        yield address


@pytest.fixture(params=["sqlite", POSTGRES])
def books_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address of an empty database with today's schema."""
    return _fresh(request, tmp_path)


@pytest.fixture
def books(books_url: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(books_url, str(tmp_path / "keys"))
    yield store
    store.close()


@pytest.fixture(params=["sqlite", POSTGRES, "memory"])
def any_books(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[object]:
    """The stand-ins that the tests of the rollout trust keep the same contract; they have no runs."""
    if request.param == "memory":
        yield _in_memory()
        return
    store = open_store(_fresh(request, tmp_path), str(tmp_path / "keys"))
    yield store
    store.close()


def _fresh(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "sqlite":
        empty_database(folder)
        return f"sqlite:///{folder}/shipway.db"
    address: str = request.getfixturevalue("postgres")
    return _made(address, "template1")


def empty_postgres(address: str) -> str:
    """A database without a schema."""
    return _made(address, "template0")


def _made(address: str, template: str) -> str:
    name = f"books{next(NUMBERS)}"
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    engine.dispose()
    return address.replace("/postgres?", f"/{name}?")


def _in_memory() -> SimpleNamespace:
    clock = VirtualClock()
    leases = MemoryLeases(clock)
    return SimpleNamespace(
        leases=leases,
        releases=MemoryReleases(),
        routes=MemoryRoutes(leases),
        fleet=MemoryFleet(clock),
        deployments=MemoryDeployments(leases, clock),
        scaling=MemoryScaling(),
    )


def _keys_beside(address: str) -> Path:
    return Path(address.rpartition("=")[2]) / "keys"
