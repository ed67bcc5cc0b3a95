"""One backup from its making to its place: made, proved by a restore, carried there, read back, written down; old ones go."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.errors import BadConfig, Rejected, ShipwayError
from pipeline.recovery.backup import BackupPolicy, Made, is_due, name_at, surplus
from pipeline.recovery.place import Place
from runners.backup.checking import Checked, check
from runners.backup.key import BackupKey, kept_key
from runners.backup.making import KEYS, Ground, make
from runners.backup.reading import BackupFile
from runners.objects import objects_of
from runners.store import Store

PIECE = 1 << 20


@dataclass(frozen=True)
class Rounds:
    """Backups of one installation."""

    store: Store
    ground: Ground
    now: Callable[[], datetime]

    def due(self, policy: BackupPolicy) -> bool:
        return is_due(policy, self.store.backups.newest(1), self.now())

    def run(self, policy: BackupPolicy, place: Place, keep: int) -> tuple[Made, Checked]:
        """Raises what went wrong, after it was written down."""
        begun = self.now()
        name = name_at(begun)
        try:
            checked = self._carried(name, place, self.key(policy), begun)
            made = Made(begun, name, str(place), checked.size)
            self.store.backups.note(made)
            _let_go(place, keep)
        except (ShipwayError, OSError) as error:
            self.store.backups.note(Made(begun, name, str(place), error=str(error)))
            raise
        return made, checked

    def key(self, policy: BackupPolicy) -> BackupKey:
        if policy.passphrase.reveal():
            return BackupKey(policy.passphrase)
        found = kept_key(self.ground.data / KEYS)
        if found is None:
            raise BadConfig(
                "Nothing opens a backup yet: make a recovery key with `shipway backup key` (it is printed once), or set "
                "backup.passphrase in shipway.yml."
            )
        return found

    def _carried(self, name: str, place: Place, key: BackupKey, now: datetime) -> Checked:
        objects = objects_of(place)
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=self.ground.data) as folder:
            path = Path(folder) / name
            size = make(path, key, self.store, self.ground, now)
            checked = check(BackupFile(path, key), Path(folder))
            with path.open("rb") as source:
                objects.put(name, source, size)
                source.seek(0)
                if _digest(objects.get(name)) != _digest(iter(lambda: source.read(PIECE), b"")):
                    raise Rejected(f"{place}/{name} reads otherwise than it was written. Look at that place.")
        return checked


def _let_go(place: Place, keep: int) -> None:
    objects = objects_of(place)
    for name in surplus(objects.names("shipway-"), keep):
        objects.remove(name)


def _digest(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
