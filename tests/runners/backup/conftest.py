"""The books, over both kinds of database, and the ground that a backup is made of."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runners.backup.making import Ground
from runners.store import Store, open_store
from tests.contracts.conftest import books_url, postgres  # noqa: F401 fixtures

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONFIG = "server: {data: ./data}\nservices:\n  shop: {secret: 'file:secrets/hook'}\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name, content in {
        "logs/0000/1/0001-build.log": b"built\n" * 1000,
        "repositories/shop.git/HEAD": b"ref: refs/heads/main\n",
        "keys/local.token": b"swt_x",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "hook").write_text("hush")
    (tmp_path / "shipway.yml").write_text(CONFIG)
    return folder


@pytest.fixture
def store(books_url: str, tmp_path: Path, data: Path) -> Iterator[Store]:  # noqa: F811
    opened = open_store(books_url, str(data / "keys"))
    yield opened
    opened.close()


@pytest.fixture
def ground(data: Path, tmp_path: Path) -> Ground:
    return Ground(data, tmp_path / "shipway.yml", ["logs"])
