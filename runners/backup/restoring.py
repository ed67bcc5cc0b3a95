"""Restores a backup onto this machine. What is there already is moved aside, never removed; nothing is touched before the
whole backup was read and proved. The database gets its place at the very end, so that a restore that was cut is none.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.errors import Conflict, Rejected
from pipeline.settings import Server
from runners.backup.checking import Checked, check, load_checked, write
from runners.backup.making import FILES, KEYS
from runners.backup.reading import BackupFile, inside
from runners.store import open_store

DATABASE = "shipway.db"
PARTS = ("", "-wal", "-shm")  # of a SQLite file
DRAFT = ".restoring"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """`places`: services and environments of the configuration, to be compared with what runs before anything else."""

    server: Server
    places: Sequence[tuple[str, str]]
    force: bool
    now: datetime

    @property
    def data(self) -> Path:
        return Path(self.server.data)


def restore(backup: BackupFile, wish: Wish, say: Say) -> Checked:
    """Nobody else may run on the data folder meanwhile. Raises `Conflict` over a living installation without force, and
    always over a database of PostgreSQL that is in use."""
    say("Reading and proving the whole backup …")
    wish.data.mkdir(parents=True, exist_ok=True)
    checked = check(backup, wish.data)
    say(
        f"It is whole: {checked.rows} rows in {checked.tables} tables, of {checked.manifest.made_at:%Y-%m-%d %H:%M} UTC."
    )
    _refuse_living(wish)
    draft = wish.data / DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    _extract(backup, draft, [KEYS])
    ended = _books(backup, checked, wish, draft)
    say(f"The books are loaded. Under way at that time and ended: {ended[0]} deployments, {ended[1]} runs.")
    _put_in_place(wish, draft, say)
    _extract(backup, wish.data, ["repositories", *checked.manifest.extras])
    shutil.rmtree(draft)
    say("Repositories, logs and artifacts of the backup are where they were; files that were there stayed.")
    return checked


def _refuse_living(wish: Wish) -> None:
    file = wish.data / DATABASE
    if wish.server.database:
        store = open_store(wish.server.database, str(wish.data / KEYS))
        try:
            if store.in_use():
                raise Conflict(
                    "The database in server.database is in use. Create an empty one (`createdb shipway_restored`), name "
                    "it there, and restore again; nothing was changed."
                )
        finally:
            store.close()
    elif file.exists() and file.stat().st_size and not wish.force:
        raise Conflict(
            f"{file} is there: a Shipway lives in {wish.data}. With --force it is moved aside, with its keys, and the backup "
            "takes its place; nothing was changed."
        )


def _books(backup: BackupFile, checked: Checked, wish: Wish, draft: Path) -> tuple[int, int]:
    url = wish.server.database or f"sqlite:///{draft}/{DATABASE}"
    store = open_store(url, str(draft / KEYS))
    try:
        load_checked(backup, checked.manifest, store)
        store.migrate()
        return store.settle(checked.manifest.made_at, wish.places)
    finally:
        store.close()


def _put_in_place(wish: Wish, draft: Path, say: Say) -> None:
    """The keys first: a database without its keys is the worse half."""
    aside = wish.data / f"before-restore-{wish.now:%Y%m%dT%H%M%SZ}"
    old = [KEYS, *(f"{DATABASE}{part}" for part in PARTS)] if not wish.server.database else [KEYS]
    there = [name for name in old if (wish.data / name).exists()]
    if there:
        aside.mkdir(mode=0o700)
        for name in there:
            (wish.data / name).replace(aside / name)
        say(f"What was there is in {aside} now; remove it when all is well.")
    (draft / KEYS).replace(wish.data / KEYS)
    if not wish.server.database:
        if (draft / f"{DATABASE}-wal").exists():
            raise Rejected(f"{draft}/{DATABASE} is open somewhere. End that process, and restore again.")
        (draft / DATABASE).replace(wish.data / DATABASE)
    say("Keys and database are in their places.")


def _extract(backup: BackupFile, target: Path, folders: Sequence[str]) -> None:
    """What is there already stays."""
    wanted = tuple(f"{FILES}{folder}/" for folder in folders)
    with backup.entries() as found:
        for entry in found:
            path = target / inside(entry.path.removeprefix(FILES))
            if entry.path.startswith(wanted) and not path.exists():
                write(path, entry.pieces, entry.mode)
