"""Proves that a backup can be restored: by restoring it into a scratch folder, and comparing.

Every byte is read, all rows are loaded under their own schema and read again, their sums compared with those that were
written down; then the schema is brought up to date, and every sealed secret opened with the keys that lie beside it.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import Rejected
from runners.backup.making import FILES, KEYS
from runners.backup.reading import BackupFile, Manifest, inside, read_manifest
from runners.store import Store, open_store
from runners.store.dump import Snapshot, sums

SEALING = f"{FILES}{KEYS}/"


@dataclass(frozen=True)
class Checked:
    manifest: Manifest
    size: int
    files: int
    tables: int
    rows: int
    sealed: int  # records whose secrets were opened


def check(backup: BackupFile, scratch: Path | None = None) -> Checked:
    """Raises `Rejected`, saying what is wrong. `scratch`: where there is room for the database once more."""
    with tempfile.TemporaryDirectory(prefix="shipway-verify-", dir=scratch) as name:
        folder = Path(name)
        manifest, files = _unpack(backup, folder)
        store = open_store(f"sqlite:///{folder}/shipway.db", str(folder / KEYS))
        try:
            rows = load_checked(backup, manifest, store)
            _compare_again(store, backup)
            store.migrate()
            sealed = store.open_all()
        finally:
            store.close()
    return Checked(manifest, backup.path.stat().st_size, files, len(rows), sum(rows.values()), sealed)


def load_checked(backup: BackupFile, manifest: Manifest, store: Store) -> dict[str, int]:
    """Rows by table. Raises `Rejected` unless every table came in as it was written."""
    loaded = store.load(manifest.schema, backup.tables)
    wanted = backup.sums()
    differing = sorted(name for name in wanted if loaded.get(name) != wanted[name])
    if differing or len(loaded) != len(wanted):
        raise Rejected(
            f"The rows of {', '.join(differing) or 'a table'} are not those that were written down."
        )
    return {name: int(count) for name, (count, _) in loaded.items()}


def _compare_again(store: Store, backup: BackupFile) -> None:
    """Read back from the database they were loaded into."""
    wanted = backup.sums()

    def again(snapshot: Snapshot) -> dict[str, list[int | str]]:
        return sums(snapshot, list(wanted))

    if set(store.tables()) == set(wanted):  # of an older schema, today's tables read otherwise
        found = store.dump(again)
        differing = sorted(name for name in wanted if found.get(name) != wanted[name])
        if differing:
            raise Rejected(
                f"{', '.join(differing)} reads otherwise than it was written. Take an older backup."
            )


def _unpack(backup: BackupFile, folder: Path) -> tuple[Manifest, int]:
    """The keys; everything else is only read, to its last byte."""
    (folder / KEYS).mkdir(mode=0o700)
    count = 0
    with backup.entries() as found:
        manifest = read_manifest(next(found))
        for entry in found:
            count += 1
            if entry.path.startswith(SEALING):
                write(folder / KEYS / inside(entry.path.removeprefix(SEALING)), entry.pieces, entry.mode)
    return manifest, count


def write(path: Path, pieces: Iterator[bytes], mode: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("wb") as file:
        path.chmod(mode & 0o777)
        for piece in pieces:
            file.write(piece)
