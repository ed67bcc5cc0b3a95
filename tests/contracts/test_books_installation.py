"""What tells two Shipways apart: an id that is made once for a database."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runners.store import Store, open_store


def test_an_installation_has_one_name_for_ever(books: Store, books_url: str, tmp_path: Path):
    name = books.installation.name()

    later = open_store(books_url, str(tmp_path / "keys"))
    again = later.installation.name()
    later.close()
    assert re.fullmatch("[0-9a-f]{16}", name)
    assert again == name


def test_processes_that_ask_first_at_once_get_the_same(books_url: str, tmp_path: Path):
    stores = [open_store(books_url, str(tmp_path / "keys")) for _ in range(8)]

    with ThreadPoolExecutor(8) as threads:
        names = set(threads.map(lambda store: store.installation.name(), stores))

    for store in stores:
        store.close()
    assert len(names) == 1


def test_databases_have_names_of_their_own(books: Store, tmp_path: Path):
    other = open_store(f"sqlite:///{tmp_path}/other.db", str(tmp_path / "keys"))
    other.migrate()

    assert other.installation.name() != books.installation.name()
    other.close()
