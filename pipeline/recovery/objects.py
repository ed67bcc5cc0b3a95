"""A place for whole files under names: port of folders, S3 and OSS. The contract of `ports.py` holds."""

from collections.abc import Iterator, Sequence
from typing import IO, Protocol


class Objects(Protocol):
    """Names are relative, with `/` between their parts. A name holds a whole file or none."""

    def put(self, name: str, source: IO[bytes], size: int) -> None:
        """In place of what had the name. `source` is read from its beginning, also when it has to be tried again."""

    def get(self, name: str) -> Iterator[bytes]:
        """Raises `NotFound` before the first piece."""

    def names(self, prefix: str = "") -> Sequence[str]:
        """All that begin so, sorted."""

    def remove(self, name: str) -> None:
        """Absent is fine."""
