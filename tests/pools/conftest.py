"""A store that is empty, made once and copied: migrating takes longer than most tests here."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.store import Store, open_store
from tests.pools.ground import Ground


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    store = open_store(f"sqlite:///{folder}/shipway.db", str(folder / "keys"))
    store.migrate()
    store.close()
    return folder


@pytest.fixture
def store(empty: Path, tmp_path: Path) -> Iterator[Store]:
    folder = tmp_path / "books"
    shutil.copytree(empty, folder)
    found = open_store(f"sqlite:///{folder}/shipway.db", str(folder / "keys"))
    yield found
    found.close()


@pytest.fixture
def ground(store: Store) -> Ground:
    return Ground(store)
