"""Reads a backup: its entries, its manifest, the rows of its tables. Everything that comes out was proved to be as written."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.errors import BadConfig, Rejected
from runners.backup.entries import Entry, entries, text_of
from runners.backup.envelope import EnvelopeReader
from runners.backup.key import BackupKey
from runners.backup.making import CONFIG, FORMAT, MANIFEST, NAMED, ROWS, SUMS


@dataclass(frozen=True)
class Manifest:
    made_at: datetime
    shipway: str
    schema: str
    installation: str
    extras: tuple[str, ...]


@dataclass(frozen=True)
class BackupFile:
    path: Path
    key: BackupKey

    @contextmanager
    def entries(self) -> Iterator[Iterator[Entry]]:
        try:
            opened = self.path.open("rb")
        except OSError as error:
            raise BadConfig(
                f"The backup {self.path} cannot be read: {error.strerror}. Name another one."
            ) from error
        with opened:
            yield entries(EnvelopeReader(opened, self.key))

    def manifest(self) -> Manifest:
        with self.entries() as found:
            return read_manifest(next(found))

    def configuration(self) -> dict[str, bytes]:
        """`shipway.yml` and the files beside it that it names, by their paths relative to it."""
        kept: dict[str, bytes] = {}
        with self.entries() as found:
            for entry in found:
                if entry.path == CONFIG:
                    kept["shipway.yml"] = text_of(entry)
                elif entry.path.startswith(NAMED):
                    kept[inside(entry.path.removeprefix(NAMED))] = text_of(entry)
                elif entry.path != MANIFEST:
                    break  # they come first
        return kept

    def tables(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """In the order in which they must be loaded."""
        with self.entries() as found:
            for entry in found:
                if entry.path.startswith(ROWS):
                    yield entry.path.removeprefix(ROWS), lines(entry)
                elif entry.path == SUMS:
                    return

    def sums(self) -> dict[str, list[int | str]]:
        with self.entries() as found:
            for entry in found:
                if entry.path == SUMS:
                    told: dict[str, list[int | str]] = json.loads(text_of(entry))
                    return told
        raise Rejected("The backup has no sums of its tables: it is none of ours.")


def read_manifest(entry: Entry) -> Manifest:
    if entry.path != MANIFEST:
        raise Rejected("The backup does not begin with its manifest: it is none of ours.")
    told: dict[str, Any] = json.loads(text_of(entry))
    if told["format"] != FORMAT:
        raise Rejected(
            f"The backup has format {told['format']}; this Shipway reads {FORMAT}. Take a newer version."
        )
    return Manifest(
        datetime.fromisoformat(told["made_at"]),
        str(told["shipway"]),
        str(told["schema"]),
        str(told["installation"]),
        tuple(told["extras"]),
    )


def inside(path: str) -> str:
    """A relative path that stays where it is put. Raises `Rejected`."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise Rejected(f"The backup has a file {path!r}, which leads elsewhere. Nothing of it is taken.")
    return path


def lines(entry: Entry) -> Iterator[bytes]:
    held = b""
    for piece in entry.pieces:
        *whole, held = (held + piece).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if held:
        raise Rejected(f"{entry.path} ends in the middle of a row.")
