"""Makes a backup: one encrypted file with all rows, the keys, the configuration and what else was asked for.

Nothing is held in memory whole, nothing is stopped, and nothing in the clear is written anywhere.

    manifest.json · config/… · files/keys/… · database/<table>… · database.json (their sums) · files/…
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO

from pipeline import __version__
from pipeline.errors import Conflict
from runners.backup.entries import EntryWriter
from runners.backup.envelope import EnvelopeWriter
from runners.backup.key import BackupKey
from runners.store import Store
from runners.store.dump import Snapshot, Sum

MANIFEST, SUMS, CONFIG, NAMED, FILES, ROWS = (
    "manifest.json",
    "database.json",
    "config/shipway.yml",
    "config/named/",
    "files/",
    "database/",
)
FORMAT = 1
PIECE = 256 << 10
NAMED_FILE = re.compile(r"(?:\bfile:|\b(?:ca|cert|key|known_hosts|file):\s+)[\"']?([^\s\"',}\]]+)")
TRIES = 3
PRIVATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
KEYS = "keys"
ALWAYS = ("repositories",)
OPTIONAL = {"log_pieces": "logs", "run_files": "artifacts", "run_file_pieces": "artifacts"}  # rows of extras


@dataclass(frozen=True)
class Ground:
    """What belongs to this Shipway on this machine. `extras`: folders of `data` that are wanted too."""

    data: Path
    config: Path | None
    extras: Sequence[str] = ()


def make(target: Path, key: BackupKey, store: Store, ground: Ground, now: datetime) -> int:
    """Its size. The file has its name when it is whole and on the disk. Raises `Conflict` while the keys are changed."""
    draft = target.with_name(f".{target.name}.part")
    draft.unlink(missing_ok=True)
    installation = store.installation.name()
    with os.fdopen(os.open(draft, PRIVATE, 0o600), "wb") as file:
        for _ in range(TRIES):
            seal = _seal(ground)
            written = store.dump(lambda snapshot: _begun(file, key, ground, snapshot, now, installation))
            if _seal(ground) == seal:
                break
        else:
            raise Conflict(
                "The sealing key is changed at this moment: `shipway secret rotate` is at work. Try again."
            )
        written.end(ground)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)
    return target.stat().st_size


def named_files(config: Path) -> list[Path]:
    """Files beside the configuration that it names: secrets, certificates. What lies elsewhere is not taken."""
    folder = config.parent.resolve()
    found = NAMED_FILE.findall(config.read_text("utf-8"))
    paths = {(folder / text).resolve() for text in found if "$" not in text}
    return sorted(path for path in paths if path.is_relative_to(folder) and path.is_file())


class Written:
    """What was begun: the rows are in it, the large folders follow."""

    def __init__(self, file: IO[bytes], key: BackupKey, now: datetime) -> None:
        header = {"made_at": now.isoformat(timespec="seconds"), "shipway": __version__}
        self._envelope = EnvelopeWriter(file, key, header)
        self.entries = EntryWriter(self._envelope)

    def rows(self, snapshot: Snapshot, extras: Sequence[str]) -> None:
        """Of all tables; of extras that are not wanted only the line that names the columns."""
        sums = {}
        for name, lines in snapshot.tables():
            total = Sum()
            wanted = name not in OPTIONAL or OPTIONAL[name] in extras
            self.entries.add(f"{ROWS}{name}", _summed(lines if wanted else islice(lines, 1), total))
            sums[name] = total.told()
        self.entries.add_json(SUMS, sums)

    def end(self, ground: Ground) -> None:
        for folder in (*ALWAYS, *ground.extras):
            self.folder(ground.data, folder)
        self.entries.finish()
        self._envelope.finish()

    def folder(self, data: Path, name: str) -> None:
        for path in _files(data / name):
            self.file(f"{FILES}{path.relative_to(data).as_posix()}", path)

    def file(self, name: str, path: Path) -> None:
        try:
            opened = path.open("rb")
        except FileNotFoundError:
            return  # removed since it was listed
        with opened:
            mode = os.fstat(opened.fileno()).st_mode & 0o777
            self.entries.add(name, iter(lambda: opened.read(PIECE), b""), mode)


def _begun(
    file: IO[bytes], key: BackupKey, ground: Ground, snapshot: Snapshot, now: datetime, installation: str
) -> Written:
    """From the beginning, also when the database made us try again."""
    file.seek(0)
    file.truncate()
    written = Written(file, key, now)
    manifest = {
        "format": FORMAT,
        "made_at": now.isoformat(),
        "shipway": __version__,
        "schema": snapshot.revision,
        "installation": installation,
        "extras": list(ground.extras),
    }
    written.entries.add_json(MANIFEST, manifest)
    if ground.config is not None:
        written.file(CONFIG, ground.config)
        for path in named_files(ground.config):
            inner = path.relative_to(ground.config.parent.resolve()).as_posix()
            written.file(f"{NAMED}{inner}", path)
    written.folder(ground.data, KEYS)
    written.rows(snapshot, ground.extras)
    return written


def _summed(lines: Iterator[bytes], total: Sum) -> Iterator[bytes]:
    """Lines in larger pieces, so that a small row is no piece of its own."""
    held = bytearray()
    for line in lines:
        total.add(line)
        held += line
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _files(folder: Path) -> Iterator[Path]:
    """Plain files, in order. Links and sockets are not followed."""
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _files(entry)
        elif entry.is_file():
            yield entry


def _seal(ground: Ground) -> bytes:
    path = ground.data / KEYS / "seal.key"
    return path.read_bytes() if path.exists() else b""
