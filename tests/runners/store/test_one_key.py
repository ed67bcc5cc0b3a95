"""One sealing key for all machines of a database: no second one is ever used, and none is made silently."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import BadConfig
from pipeline.secret import Secret
from pipeline.stored_secret import Scope
from runners.store import Store, open_store
from runners.store.seal import Seal
from tests.contracts.conftest import books, books_url, postgres  # noqa: F401 fixtures


@pytest.fixture
def machine(books_url: str, tmp_path: Path):  # noqa: F811
    """Opens the database as a machine with a data folder of that name does."""
    opened: list[Store] = []

    def open_as(name: str) -> Store:
        opened.append(open_store(books_url, str(tmp_path / name)))
        return opened[-1]

    yield open_as
    for store in opened:
        store.close()


@pytest.fixture
def other(machine: Callable[[str], Store]):
    return machine("other")


def test_a_machine_without_the_key_is_refused_and_keeps_none(books: Store, other: Store, tmp_path: Path):  # noqa: F811
    books.agree()

    with pytest.raises(BadConfig, match=r"other/seal.key on this machine. Copy keys/seal.key"):
        other.agree()

    assert not (tmp_path / "other" / "seal.key").exists()


def test_a_key_that_somebody_put_there_is_never_removed(
    books: Store,  # noqa: F811
    machine: Callable[[str], Store],
    tmp_path: Path,
):
    books.agree()
    Seal(str(tmp_path / "wrong"))
    wrong = (tmp_path / "wrong" / "seal.key").read_bytes()

    with pytest.raises(BadConfig):
        machine("wrong").agree()

    assert (tmp_path / "wrong" / "seal.key").read_bytes() == wrong


def test_a_machine_with_the_copied_key_is_let_in(
    books: Store,  # noqa: F811
    machine: Callable[[str], Store],
    tmp_path: Path,
):
    books.agree()
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "seal.key").write_bytes((tmp_path / "keys" / "seal.key").read_bytes())

    machine("copy").agree()


def test_a_database_from_before_marks_knows_its_key_by_what_it_sealed(books: Store, other: Store):  # noqa: F811
    books.secrets.put("KEY", Scope("shop"), Secret("hush"), "ada")

    with pytest.raises(BadConfig, match="another key"):
        other.agree()
    books.agree()


def test_after_a_rotation_the_new_key_is_the_one(
    books: Store,  # noqa: F811
    machine: Callable[[str], Store],
    tmp_path: Path,
):
    books.agree()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "seal.key").write_bytes((tmp_path / "keys" / "seal.key").read_bytes())

    books.rotate()

    books.agree()
    with pytest.raises(BadConfig, match="another key"):
        machine("old").agree()


def test_a_lost_key_is_given_up_only_when_somebody_says_so(books: Store, other: Store):  # noqa: F811
    books.agree()

    other.trust_key()

    other.agree()
    with pytest.raises(BadConfig, match="another key"):
        books.agree()


def test_the_mark_does_not_show_the_key(books: Store, tmp_path: Path):  # noqa: F811
    books.agree()

    key = (tmp_path / "keys" / "seal.key").read_text().strip()
    assert all(key not in mark and len(mark) == 64 for mark in books._seal.marks())
