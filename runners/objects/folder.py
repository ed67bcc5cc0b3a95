"""Objects as files of a folder: a disk of another machine, mounted here."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from pipeline.errors import NotFound, RunnerError
from pipeline.recovery.place import Place

PIECE = 1 << 20
PRIVATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


class FolderObjects:
    """Implements `pipeline.recovery.objects.Objects`."""

    def __init__(self, place: Place) -> None:
        self._folder = Path(place.bucket)

    def put(self, name: str, source: IO[bytes], size: int) -> None:
        path = self._folder / name
        draft = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            source.seek(0)
            with os.fdopen(os.open(draft, PRIVATE, 0o600), "wb") as target:
                shutil.copyfileobj(source, target, PIECE)
                target.flush()
                os.fsync(target.fileno())
            draft.replace(path)
        except OSError as error:
            raise RunnerError(
                f"{path} cannot be written: {error.strerror}. Look at that folder's disk."
            ) from error

    def get(self, name: str) -> Iterator[bytes]:
        path = self._folder / name
        try:
            opened = path.open("rb")
        except FileNotFoundError as error:
            raise NotFound(f"There is no {path}.") from error
        return _pieces(opened)

    def names(self, prefix: str = "") -> Sequence[str]:
        found = (path for path in self._folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        names = (path.relative_to(self._folder).as_posix() for path in found)
        return sorted(name for name in names if name.startswith(prefix))

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)


def _pieces(opened: IO[bytes]) -> Iterator[bytes]:
    with opened:
        yield from iter(lambda: opened.read(PIECE), b"")
