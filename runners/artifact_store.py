"""The files that tests left, by run: port `Artifacts`, and where the builder puts them.

A file's name comes from untrusted code, so it is never a path of ours: contents are numbered, and `index.json` says which
number belongs to which name. Workers write, the server reads; nothing is shared but the files.
"""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Protocol

from pipeline.building import Artifact, Artifacts
from pipeline.errors import NotFound

ALL = 256 << 20  # bytes of a run
PIECE = 256 << 10
INDEX = "index.json"


class ArtifactKeeper(Artifacts, Protocol):
    """What the builder wants beside the port."""

    def keep(self, run_id: int, path: str, size: int, source: IO[bytes]) -> bool:
        """False: the run has no room left for it. One that comes again replaces what was."""


class FileArtifacts:
    """Folders by run id under `directory`. `bring` makes a folder whole that moved away."""

    def __init__(
        self, directory: str, most: int = ALL, bring: Callable[[Path], None] = lambda _: None
    ) -> None:
        self._bring = bring
        self._directory = Path(directory).absolute()
        self._most = most

    def listed(self, run_id: int) -> Sequence[Artifact]:
        return [Artifact(path, size) for path, (_, size) in sorted(self._index(run_id).items())]

    def content(self, run_id: int, path: str) -> Iterator[bytes]:
        found = self._index(run_id).get(path)
        if found is None:
            raise NotFound(
                f"Run {run_id} has no artifact {path!r}. `shipway run artifacts {run_id}` lists them."
            )
        self._bring(self._folder(run_id))
        return _pieces(self._folder(run_id) / f"{found[0]:06d}")

    def keep(self, run_id: int, path: str, size: int, source: IO[bytes]) -> bool:
        """False: the run has no room left for it. One that comes again replaces what was."""
        index = self._index(run_id)
        others = sum(known for name, (_, known) in index.items() if name != path)
        if others + size > self._most:
            return False
        folder = self._folder(run_id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        number = 1 + max((taken for taken, _ in index.values()), default=0)
        with (folder / f"{number:06d}").open("wb") as target:
            for piece in iter(lambda: source.read(PIECE), b""):
                target.write(piece)
        fresh = folder / f".{INDEX}"
        fresh.write_text(json.dumps({**index, path: [number, size]}), "utf-8")
        fresh.replace(folder / INDEX)
        if path in index:
            (folder / f"{index[path][0]:06d}").unlink(missing_ok=True)
        return True

    def keep_bytes(self, run_id: int, path: str, content: bytes) -> bool:
        return self.keep(run_id, path, len(content), io.BytesIO(content))

    def _index(self, run_id: int) -> dict[str, tuple[int, int]]:
        try:
            read = json.loads((self._folder(run_id) / INDEX).read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return {str(path): (int(number), int(size)) for path, (number, size) in read.items()}

    def _folder(self, run_id: int) -> Path:
        """A thousand runs a folder, as the logs have it."""
        return self._directory / f"{run_id // 1000:04d}" / str(run_id)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as opened:
        yield from iter(lambda: opened.read(PIECE), b"")
