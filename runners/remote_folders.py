"""Folders of runs that moved to a bucket: logs and artifacts that grew old. Read through it, nobody notices.

A folder that moved keeps one small file, `.remote.json`: names, sizes and digests. A file goes there, is read back and
compared, and only then goes here; who reads a folder gets its files back first. The list lies in the bucket too, last of
all, so that a machine whose disk was lost finds what moved.
"""

import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from pipeline.errors import NotFound, Rejected, RunnerError
from pipeline.recovery.objects import Objects
from pipeline.settings import Settings
from runners.objects import objects_of

log = logging.getLogger("shipway.storage")

LIST = ".remote.json"
LOCK = ".lock"
OPEN = ".log"  # a stage that was not closed: somebody may still write
STAYS = "index.json"  # of artifacts: small, and asked for with every run
KINDS = ("logs", "artifacts")
PIECE = 1 << 20

Listed = dict[str, tuple[int, str]]


class AllHere:
    """Nothing ever moves."""

    def bring(self, folder: Path) -> None:
        """It is here."""

    def let_go(self, folder: Path) -> None:
        """It is here alone."""

    def move_older(self, than: float) -> int:
        return 0


def remote_of(settings: Settings) -> "RemoteFolders | AllHere":
    storage = settings.storage
    if storage is None:
        return AllHere()
    return RemoteFolders(Path(settings.server.data), partial(objects_of, storage.place))


class RemoteFolders:
    """Of `data`. `objects` is made when it is first needed."""

    def __init__(self, data: Path, objects: Callable[[], Objects]) -> None:
        self._data = data.absolute()
        self._make = objects
        self._made: Objects | None = None

    @property
    def _objects(self) -> Objects:
        self._made = self._made or self._make()
        return self._made

    def bring(self, folder: Path) -> None:
        """Its files are here when this returns. Raises what the bucket's silence is, or `Rejected` when it spoils one."""
        if not (folder / LIST).exists() and (folder.exists() or not self._find(folder)):
            return
        for name, (size, digest) in _listed(folder).items():
            if not (folder / name).exists():
                self._fetch(folder, name, size, digest)

    def let_go(self, folder: Path) -> None:
        """In the bucket too, before it goes here."""
        for name in (*_listed(folder), LIST) if (folder / LIST).exists() else ():
            self._objects.remove(self._name(folder, name))

    def move_older(self, than: float) -> int:
        """All that nobody wrote to since then (seconds since 1970): how many folders moved. What cannot be moved stays."""
        moved = 0
        for kind in KINDS:
            for folder in sorted(self._data.glob(f"{kind}/*/[0-9]*")):
                try:
                    moved += self._move(folder, than)
                except (RunnerError, OSError) as error:
                    log.warning(
                        "not moved, tomorrow again", extra={"folder": str(folder), "error": str(error)}
                    )
                    if isinstance(error, RunnerError):
                        return moved  # the next one would wait as long
        return moved

    def _move(self, folder: Path, than: float) -> bool:
        files = [path for path in sorted(folder.iterdir()) if _moves(path)]
        newest = max((path.stat().st_mtime for path in files), default=than)
        if newest >= than or any(path.name.endswith(OPEN) for path in files):
            return False
        with _alone(folder):
            listed = _listed(folder)
            for path in files:
                digest = _digest_of(path)
                if listed.get(path.name, (0, ""))[1] != digest:
                    self._carry(folder, path, digest)
                    listed[path.name] = path.stat().st_size, digest
            self._write(folder, listed, newest)
            for path in files:
                path.unlink()
            os.utime(folder, (newest, newest))
        return True

    def _carry(self, folder: Path, path: Path, digest: str) -> None:
        name = self._name(folder, path.name)
        with path.open("rb") as source:
            self._objects.put(name, source, path.stat().st_size)
        there = hashlib.sha256()
        for piece in self._objects.get(name):
            there.update(piece)
        if there.hexdigest() != digest:
            raise Rejected(f"{name} reads otherwise than it was written; it stays here. Look at that bucket.")

    def _write(self, folder: Path, listed: Listed, at: float) -> None:
        draft, path = folder / f"{LIST}.part", folder / LIST
        draft.write_text(json.dumps(listed, sort_keys=True), "utf-8")
        with draft.open("rb") as source:
            self._objects.put(self._name(folder, LIST), source, draft.stat().st_size)
        os.utime(draft, (at, at))
        draft.replace(path)

    def _find(self, folder: Path) -> bool:
        """Of a folder that is not here: did it move before this disk was lost?"""
        try:
            text = b"".join(self._objects.get(self._name(folder, LIST)))
        except NotFound:
            return False
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        (folder / LIST).write_bytes(text)
        return True

    def _fetch(self, folder: Path, name: str, size: int, digest: str) -> None:
        draft = folder / f".{name}.{os.getpid()}.part"
        try:
            with draft.open("wb") as target:
                for piece in self._objects.get(self._name(folder, name)):
                    target.write(piece)
            if draft.stat().st_size != size or _digest_of(draft) != digest:
                raise Rejected(
                    f"{self._name(folder, name)} came back otherwise than it went. Look at that bucket."
                )
            at = (folder / LIST).stat().st_mtime
            os.utime(draft, (at, at))
            draft.replace(folder / name)
        finally:
            draft.unlink(missing_ok=True)

    def _name(self, folder: Path, name: str) -> str:
        return f"{folder.absolute().relative_to(self._data).as_posix()}/{name}"


def _moves(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.name != STAYS


def _listed(folder: Path) -> Listed:
    try:
        read = json.loads((folder / LIST).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return {str(name): (int(size), str(digest)) for name, (size, digest) in read.items()}


def _digest_of(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[IO[bytes]]:
    """The lock of those who write logs."""
    with (folder / LOCK).open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
