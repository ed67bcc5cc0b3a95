"""Port `Artifacts` over a database that several machines share. What an installation kept in files before is read there."""

import io
from collections.abc import Iterator, Sequence
from typing import IO

from pipeline.building import Artifact
from pipeline.errors import NotFound
from runners.artifact_store import ALL, FileArtifacts
from runners.store.run_files import SqlRunFiles


class SharedArtifacts:
    """Bounded as `artifact_store` does it."""

    def __init__(self, files: SqlRunFiles, before: FileArtifacts, most: int = ALL) -> None:
        self._files = files
        self._before = before
        self._most = most

    def listed(self, run_id: int) -> Sequence[Artifact]:
        sizes = self._files.sizes(run_id)
        return [Artifact(path, size) for path, size in sizes.items()] or self._before.listed(run_id)

    def content(self, run_id: int, path: str) -> Iterator[bytes]:
        found = self._files.content(run_id, path)
        if found is not None:
            return found
        if self._files.sizes(run_id):
            raise NotFound(
                f"Run {run_id} has no artifact {path!r}. `shipway run artifacts {run_id}` lists them."
            )
        return self._before.content(run_id, path)

    def keep(self, run_id: int, path: str, size: int, source: IO[bytes]) -> bool:
        others = sum(known for name, known in self._files.sizes(run_id).items() if name != path)
        if others + size > self._most:
            return False
        self._files.keep(run_id, path, size, source)
        return True

    def keep_bytes(self, run_id: int, path: str, content: bytes) -> bool:
        return self.keep(run_id, path, len(content), io.BytesIO(content))
