"""Our own data folder as a shelf: work trees of runs, clones of repositories, logs, artifacts. Of this machine alone.

Never looks into a log, and takes a clone's lock before it removes the clone.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import Rejected
from pipeline.retention.thing import Kind, Thing, Verdict

WHERE = "data folder"


class FolderShelf:
    """`mirrors`: the file names of the clones that services need. `let_go`: what of a folder lies elsewhere goes too."""

    disk = ""

    def __init__(
        self, data: str, mirrors: Iterable[str], let_go: Callable[[Path], None] = lambda _: None
    ) -> None:
        self._let_go = let_go
        self._data = Path(data).absolute()
        self._mirrors = frozenset(mirrors)

    def things(self) -> list[Thing]:
        return [
            *self._trees(),
            *self._clones(),
            *self._of_runs(Kind.LOG, "logs"),
            *self._of_runs(Kind.ARTIFACT, "artifacts"),
        ]

    def remove(self, goer: Verdict) -> None:
        path = Path(goer.thing.name)
        try:
            if goer.thing.kind is Kind.MIRROR:
                _remove_clone(path)
            else:
                self._let_go(path)
                _remove(path)
        except OSError as error:
            raise Rejected(
                f"{path} could not be removed: {error.strerror}. Look at who owns it, and remove it by hand."
            ) from error

    def _trees(self) -> Iterator[Thing]:
        for path in sorted(self._data.glob("git/trees/run-*")):
            number = path.name.removeprefix("run-")
            if number.isdigit():
                yield _thing(Kind.TREE, path, f"of run {number}", _touched(path), run=int(number))

    def _clones(self) -> Iterator[Thing]:
        for path in sorted(self._data.glob("git/mirrors/*.git")):
            used = path.name in self._mirrors
            yield _thing(Kind.MIRROR, path, path.name, _touched(path.with_suffix(".lock")), used=used)

    def _of_runs(self, kind: Kind, folder: str) -> Iterator[Thing]:
        for path in sorted(self._data.glob(f"{folder}/*/[0-9]*")):
            if path.is_dir() and path.name.isdigit():
                yield _thing(kind, path, f"of run {path.name}", _newest(path), run=int(path.name))


def _thing(kind: Kind, path: Path, label: str, at: float, run: int = 0, used: bool = False) -> Thing:
    moment = datetime.fromtimestamp(at, UTC) if at else None
    return Thing(kind, WHERE, str(path), label, _size(path), moment, run=run, used=used)


def _size(path: Path) -> int:
    return sum(_stat(Path(folder) / file)[0] for folder, _, files in os.walk(path) for file in files)


def _touched(path: Path) -> float:
    return _stat(path)[1]


def _newest(path: Path) -> float:
    return max([_touched(path), *(_touched(file) for file in path.iterdir())])


def _stat(path: Path) -> tuple[int, float]:
    """(bytes on the disk, changed); zeros when it went since it was listed."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return 0, 0.0
    return found.st_blocks * 512, found.st_mtime


def _remove(path: Path) -> None:
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return


def _remove_clone(path: Path) -> None:
    """The lock file stays: whoever waits for it must find the same one."""
    handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(path)
    except BlockingIOError as busy:
        raise Rejected(f"{path.name} is being fetched or read by a run; left.") from busy
    finally:
        os.close(handle)
