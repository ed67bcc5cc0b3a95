"""Backups made, proved and restored, from and into both kinds of database."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from pipeline.delivery.run import RunStatus
from pipeline.errors import Conflict, Rejected
from pipeline.rollout.deployment import Status
from pipeline.secret import Secret
from pipeline.settings import Server
from pipeline.stored_secret import Scope, Use
from runners.backup.checking import check
from runners.backup.key import BackupKey, new_recovery_key
from runners.backup.making import Ground, make
from runners.backup.reading import BackupFile, inside
from runners.backup.restoring import Wish, restore
from runners.store import Store, open_store
from tests.contracts.conftest import empty_postgres
from tests.contracts.samples import PRODUCTION, SHOP, delivery, deployment, lease_run, new_run, release
from tests.parts.empty_store import empty_store
from tests.runners.backup.conftest import CONFIG, NOON

KEY = BackupKey(new_recovery_key())
OLDER = "0015"
LATER = NOON + timedelta(hours=8)


def lived(store: Store) -> None:
    """A release that is live, a run and a deployment under way, a secret, an audit line."""
    store.inbox.receive(delivery())
    first = store.releases.add(release())
    done = store.deployments.create(deployment(first))
    lease = store.leases.take(f"deployment:{done}", "driver", 30)
    assert lease
    store.deployments.save(replace(deployment(first), id=done, status=Status.SUCCEEDED), (), lease)
    second = store.releases.add(release(commit="b" * 40))
    store.deployments.create(deployment(second))
    run = store.runs.add(new_run(environment="test"))
    assert store.runs.begin(run.id, lease_run(store, run.id))
    store.secrets.put("DB_URL", Scope(SHOP, PRODUCTION, Use.RUN), Secret("postgres://hush"), "mia")
    store.audit.note("mia", "look", "ümläut \u2028 line")


def backed_up(store: Store, ground: Ground, tmp_path: Path) -> BackupFile:
    path = tmp_path / "b.backup"
    make(path, KEY, store, ground, NOON)
    return BackupFile(path, KEY)


def fresh(tmp_path: Path, database: str = "", force: bool = False) -> Wish:
    server = Server(data=str(tmp_path / "fresh"), database=database)
    return Wish(server, [(SHOP, PRODUCTION)], force, LATER)


def test_backup_is_proved_by_restoring_it(store: Store, ground: Ground, tmp_path: Path):
    lived(store)
    checked = check(backed_up(store, ground, tmp_path))
    assert checked.rows > 8
    assert checked.sealed >= 4
    assert checked.manifest.made_at == NOON


@pytest.mark.parametrize(("extras", "found"), [(["logs"], b"built\n"), ([], b"")])
def test_logs_in_the_database_are_in_it_only_when_logs_are_wanted(
    store: Store, ground: Ground, tmp_path: Path, extras: list[str], found: bytes
):
    lived(store)
    store.run_logs.append(1, "build", b"built\n", 1 << 20)
    backup = backed_up(store, replace(ground, extras=extras), tmp_path)
    check(backup)
    restore(backup, fresh(tmp_path), lambda _: None)

    books = open_store(f"sqlite:///{tmp_path}/fresh/shipway.db", str(tmp_path / "fresh" / "keys"))
    assert books.run_logs.read(1, 0, 100) == found
    books.close()


def test_nothing_of_it_is_in_the_clear(store: Store, ground: Ground, tmp_path: Path):
    lived(store)
    backup = backed_up(store, ground, tmp_path)
    content = backup.path.read_bytes()
    assert not any(word in content for word in (b"hush", b"shop", b"refs/heads", b"swt_x", b"releases"))
    assert backup.path.stat().st_mode & 0o777 == 0o600


def test_restored_books_say_what_was_good_and_end_what_was_under_way(
    store: Store, ground: Ground, tmp_path: Path
):
    lived(store)
    said: list[str] = []
    restore(backed_up(store, ground, tmp_path), fresh(tmp_path), said.append)

    books = open_store(f"sqlite:///{tmp_path}/fresh/shipway.db", str(tmp_path / "fresh" / "keys"))
    assert books.deployments.environment(SHOP, PRODUCTION).live == 1
    assert [d.status for d in books.deployments.deployments()] == [Status.CANCELLED, Status.SUCCEEDED]
    assert "2026-03-01 12:00" in books.deployments.deployments()[0].error
    assert {run.status for run in books.runs.runs()} == {RunStatus.CANCELLED}
    assert books.secrets.values(SHOP, PRODUCTION, Use.RUN) == {"DB_URL": Secret("postgres://hush")}
    assert books.releases.release(SHOP, 1).spec.secrets["DB_URL"].reveal() == "postgres://hush"
    assert "ümläut \u2028 line" in [line["target"] for line in books.audit.entries()]
    assert books.installation.name() == store.installation.name()
    assert [entry.environment for entry in books.recovery.awaited()] == [PRODUCTION]
    assert books.recovery.waits(SHOP, PRODUCTION)
    books.close()
    assert (tmp_path / "fresh" / "logs/0000/1/0001-build.log").read_bytes() == b"built\n" * 1000
    assert (tmp_path / "fresh" / "repositories/shop.git/HEAD").exists()
    assert any("1 deployments, 2 runs" in line for line in said)


def test_no_number_of_before_comes_twice(store: Store, ground: Ground, tmp_path: Path):
    lived(store)
    backup = backed_up(store, ground, tmp_path)
    given = store.releases.add(release()), store.runs.add(new_run()).id
    number = store.deployments.create(deployment(given[0]))

    restore(backup, fresh(tmp_path), lambda _: None)

    books = open_store(f"sqlite:///{tmp_path}/fresh/shipway.db", str(tmp_path / "fresh" / "keys"))
    again = books.releases.add(release())
    assert again.number > given[0].number
    assert books.runs.add(new_run()).id > given[1]
    assert books.deployments.create(deployment(again)) > number
    books.close()


@pytest.mark.live
def test_books_go_from_one_database_into_the_other_and_back(
    postgres: str,
    ground: Ground,
    data: Path,
    tmp_path: Path,
):
    shared = empty_postgres(postgres)
    first = empty_store(tmp_path / "first")
    lived(first)
    (data / "keys" / "seal.key").write_bytes((tmp_path / "first" / "keys" / "seal.key").read_bytes())
    backup = backed_up(first, ground, tmp_path)
    restore(backup, fresh(tmp_path, shared), lambda _: None)

    second = open_store(shared, str(tmp_path / "fresh" / "keys"))
    assert second.deployments.environment(SHOP, PRODUCTION).live == 1
    assert second.releases.add(release(commit="c" * 40)).number > 2
    again = _of(second, ground, tmp_path)
    shutil.move(tmp_path / "fresh", tmp_path / "before")
    restore(again, fresh(tmp_path), lambda _: None)

    third = open_store(f"sqlite:///{tmp_path}/fresh/shipway.db", str(tmp_path / "fresh" / "keys"))
    assert [r.number for r in third.releases.releases(SHOP)] == [
        r.number for r in second.releases.releases(SHOP)
    ]
    for store in (first, second, third):
        store.close()


def _of(store: Store, ground: Ground, tmp_path: Path) -> BackupFile:
    path = tmp_path / "again.backup"
    make(path, KEY, store, replace(ground, data=tmp_path / "fresh"), NOON)
    return BackupFile(path, KEY)


def test_a_living_shipway_is_not_overwritten_unless_forced_and_then_moved_aside(
    store: Store, ground: Ground, tmp_path: Path
):
    lived(store)
    backup = backed_up(store, ground, tmp_path)
    restore(backup, fresh(tmp_path), lambda _: None)
    before = (tmp_path / "fresh" / "shipway.db").read_bytes()

    with pytest.raises(Conflict, match="--force"):
        restore(backup, fresh(tmp_path), lambda _: None)
    assert (tmp_path / "fresh" / "shipway.db").read_bytes() == before

    restore(backup, fresh(tmp_path, force=True), lambda _: None)
    (aside,) = (tmp_path / "fresh").glob("before-restore-*")
    assert (aside / "shipway.db").read_bytes() == before
    assert (aside / "keys" / "seal.key").exists()


def test_a_damaged_backup_changes_nothing(store: Store, ground: Ground, tmp_path: Path):
    lived(store)
    backup = backed_up(store, ground, tmp_path)
    content = bytearray(backup.path.read_bytes())
    content[-40] ^= 1
    backup.path.write_bytes(content)

    with pytest.raises(Rejected):
        restore(backup, fresh(tmp_path), lambda _: None)

    assert list((tmp_path / "fresh").iterdir()) == []


def test_configuration_and_the_files_it_names_are_in_it(store: Store, ground: Ground, tmp_path: Path):
    files = backed_up(store, ground, tmp_path).configuration()
    assert files == {"shipway.yml": CONFIG.encode(), "secrets/hook": b"hush"}


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "", "a\0b"])
def test_no_path_leads_out(path: str):
    with pytest.raises(Rejected, match="leads elsewhere"):
        inside(path)


def test_backup_of_an_older_schema_is_restored_and_brought_up_to_date(tmp_path: Path):
    today = empty_store(tmp_path / "today")
    lived(today)
    rows = today.dump(lambda s: {name: list(lines) for name, lines in s.tables()})
    old = open_store(f"sqlite:///{tmp_path}/old/shipway.db", str(tmp_path / "old" / "keys"))
    old.load(OLDER, lambda: iter(()))
    known = inspect(create_engine(f"sqlite:///{tmp_path}/old/shipway.db"))
    then = {name: {str(col["name"]) for col in known.get_columns(name)} for name in known.get_table_names()}

    loaded = old.load(
        OLDER, lambda: ((name, as_then(lines, then[name])) for name, lines in rows.items() if name in then)
    )
    old.migrate()

    assert loaded["runs"][0] == 2
    assert len(rows) > len(loaded)
    assert old.recovery.awaited() == []
    for store in (today, old):
        store.close()


def as_then(lines: list[bytes], known: set[str]) -> Iterator[bytes]:
    """The lines of a table that had only these columns."""
    head, *rows = (json.loads(line) for line in lines)
    kept = [at for at, (name, _) in enumerate(head["columns"]) if name in known]
    yield json.dumps(head | {"columns": [head["columns"][at] for at in kept]}).encode() + b"\n"
    for row in rows:
        yield json.dumps([row[at] for at in kept]).encode() + b"\n"


def test_backup_of_a_newer_schema_is_refused(tmp_path: Path):
    target = open_store(f"sqlite:///{tmp_path}/x.db", str(tmp_path / "keys"))
    with pytest.raises(Rejected, match="newer Shipway"):
        target.load("9999", lambda: iter(()))
    target.close()


def test_keys_of_another_database_are_noticed(store: Store, ground: Ground, data: Path, tmp_path: Path):
    lived(store)
    open_store(f"sqlite:///{tmp_path}/y.db", str(tmp_path / "other")).close()
    shutil.copy(tmp_path / "other" / "seal.key", data / "keys" / "seal.key")
    backup = backed_up(store, ground, tmp_path)
    with pytest.raises(Rejected, match="sealed with another key"):
        check(backup)


def test_database_in_use_is_never_loaded_over(store: Store):
    store.installation.name()
    with pytest.raises(Rejected, match="in use"):
        store.load("0016", lambda: iter(()))
    assert (
        store._database.read(lambda tx: tx.execute(text("SELECT count(*) FROM installation")).scalar()) == 1
    )
