"""A store of its own for each test, and the desk over it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.enrolment.desk import EnrolmentDesk
from runners.store import Store, open_store
from tests.enrolment.ground import Hands, desk_on


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(f"sqlite:///{tmp_path}/shipway.db", str(tmp_path / "keys"))
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def desk(store: Store, hands: Hands, tmp_path: Path) -> EnrolmentDesk:
    return desk_on(store, hands, tmp_path)
