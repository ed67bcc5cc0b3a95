"""A new sealing key: everything opens at any moment, and at the end the old key opens nothing."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import Conflict, Rejected
from pipeline.secret import Secret
from pipeline.stored_secret import Scope, Use
from runners.store import Store, open_store, rotation
from runners.store.database import Database
from runners.store.seal import Seal
from tests.contracts.conftest import books_url, postgres  # noqa: F401 fixtures
from tests.contracts.samples import begun, deployment, release


class Cut(BaseException):
    """The process ends here."""


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "seal.key"


@pytest.fixture
def store(books_url: str, tmp_path: Path) -> Iterator[Store]:  # noqa: F811
    found = open_store(books_url, str(tmp_path / "keys"))
    run_id, lease = begun(found)
    found.runs.hand_over(run_id, release(), deployment(release(), previous=release()), lease)
    for number in range(5):
        found.secrets.put(f"KEY{number}", Scope("shop"), Secret(f"hush{number}"), "ada")
    yield found
    found.close()


def opened(store: Store) -> bool:
    values = store.secrets.values("shop", "production", Use.RUN)
    live = store.deployments.deployment(1)
    return (
        {name: value.reveal() for name, value in values.items()} == {f"KEY{n}": f"hush{n}" for n in range(5)}
        and store.releases.release("shop", 1).spec.secrets["DB_URL"].reveal() == "postgres://hush"
        and live.previous is not None
        and live.previous.spec.secrets["DB_URL"].reveal() == "postgres://hush"
    )


def test_after_a_rotation_the_old_key_opens_nothing(store: Store, books_url: str, keys: Path, tmp_path: Path):  # noqa: F811
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "seal.key").write_bytes(keys.read_bytes())

    count = store.rotate()

    stale = open_store(books_url, str(tmp_path / "old"))
    assert count == 7
    assert len(keys.read_bytes().split()) == 1
    assert keys.stat().st_mode & 0o777 == 0o600
    assert opened(store)
    for read in (
        lambda: stale.secrets.values("shop", "production", Use.RUN),
        lambda: stale.releases.release("shop", 1),
        lambda: stale.deployments.deployment(1),
    ):
        with pytest.raises(Rejected, match="another key"):
            read()
    stale.close()


@pytest.mark.parametrize("moment", range(8))
def test_a_rotation_that_is_cut_anywhere_is_ended_by_the_next(
    store: Store,
    books_url: str,  # noqa: F811
    keys: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: int,
):
    # no port stands before the key file and the database: each write of either is where a process may end
    left = iter([False] * moment + [True])

    def cutting(real):
        def write(*args, **more):
            if next(left, False):
                raise Cut
            return real(*args, **more)

        return write

    monkeypatch.setattr(rotation, "STEP", 2)
    for owner, name in ((Seal, "renew"), (Seal, "forget"), (Database, "write")):
        monkeypatch.setattr(owner, name, cutting(getattr(owner, name)))
    with pytest.raises(Cut):
        store.rotate()

    other = open_store(books_url, str(tmp_path / "keys"))
    assert opened(store)
    assert opened(other)
    other.rotate()

    assert opened(store)
    assert len(keys.read_bytes().split()) == 1
    other.close()


def test_another_process_seals_with_the_new_key_at_once(
    store: Store,
    books_url: str,  # noqa: F811
    tmp_path: Path,
):
    other = open_store(books_url, str(tmp_path / "keys"))
    assert opened(other)

    store.rotate()
    other.secrets.put("LATE", Scope("blog"), Secret("late"), "bob")

    assert store.secrets.values("blog", "test", Use.RUN)["LATE"].reveal() == "late"
    assert opened(other)
    other.close()


def test_two_at_once_are_one(store: Store, tmp_path: Path):
    with Seal(str(tmp_path / "keys")).alone(), pytest.raises(Conflict, match="changing the keys"):
        store.rotate()

    assert opened(store)
    assert store.rotate() == 7


def test_a_text_that_only_looks_sealed_is_left_alone(store: Store):
    foreign = "gAAAA" + "x" * 95
    store.releases.add(release(commit=foreign))

    store.rotate()

    assert store.releases.release("shop", 2).commit == foreign


def test_a_write_that_sealed_with_the_old_key_is_done_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # the moment between sealing and the end of the transaction has no port
    other, real = Seal(str(tmp_path / "keys")), Seal.shut

    def shut(seal: Seal, clear: str) -> str:
        sealed = real(seal, clear)
        other.renew()
        return sealed

    with monkeypatch.context() as patch:
        patch.setattr(Seal, "shut", shut)
        store.secrets.put("LATE", Scope("blog"), Secret("late"), "bob")
    other.forget()

    assert store.secrets.values("blog", "test", Use.RUN)["LATE"].reveal() == "late"


def test_fifty_rotations_under_writers_lose_nothing(store: Store, books_url: str, tmp_path: Path):  # noqa: F811
    other = open_store(books_url, str(tmp_path / "keys"))
    over, written = threading.Event(), []

    def write() -> None:
        while not over.is_set():
            name = f"W{len(written) % 40}"
            other.secrets.put(name, Scope("blog"), Secret(f"value of {name}"), "bob")
            written.append(other.releases.add(release()).number if len(written) < 60 else 1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(50):
            store.rotate()
    finally:
        over.set()
        writer.join()

    found = store.secrets.values("blog", "test", Use.RUN)
    assert opened(store)
    assert {name: value.reveal() for name, value in found.items()} == {n: f"value of {n}" for n in found}
    assert len(found) == min(40, len(written))
    assert all(store.releases.release("shop", number).spec.secrets for number in written)
    other.close()
