"""Fetches files out of a finished container, bounded: the container decides what it packs, not we.

Only regular files come; links are never followed, and names are made plain before they are compared. Never writes to
this machine's disk.
"""

import posixpath
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

import docker.errors

from runners.builder.talking import Api

WILD = re.compile(r"[*?\[]")


class TooMuch(Exception):
    """Which bound was reached."""


class Unreadable(Exception):
    """The container's archive is none."""


@dataclass(frozen=True)
class Bounds:
    largest: int  # bytes of one file; larger ones are passed over
    most: int  # files
    everything: int  # bytes of the folder they lie in


@dataclass(frozen=True)
class Found:
    name: str  # absolute, in the container
    size: int
    opened: IO[bytes]  # until the next one is asked for


def find_files(api: Api, container: str, pattern: str, bounds: Bounds) -> Iterator[Found]:
    """Nothing when there is no such folder. `pattern` is relative to the container's working folder; a folder means all
    that is below it. Raises `TooMuch` or `Unreadable`, after what came before."""
    pattern = posixpath.normpath(posixpath.join(working_folder(api, container), pattern))
    parts = pattern.split("/")
    fixed = next((n for n, part in enumerate(parts) if WILD.search(part)), len(parts))
    top = "/".join(parts[:fixed]) or "/"
    try:
        pieces, _ = api.get_archive(container, top)
    except docker.errors.NotFound:
        return
    try:
        yield from _matching(pieces, posixpath.dirname(top) if top != "/" else "", regex(pattern), bounds)
    except tarfile.TarError as error:
        raise Unreadable(str(error)) from error
    finally:
        pieces.close()


def working_folder(api: Api, container: str) -> str:
    return str(api.inspect_container(container)["Config"].get("WorkingDir") or "/")


def regex(pattern: str) -> re.Pattern[str]:
    """`*` stays in its folder, `**/` goes through any number of them; what is below a match matches too."""
    out = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.compile(f"{out.rstrip('/')}(?:/.*)?", re.DOTALL)


def _matching(
    pieces: Iterator[bytes], above: str, wanted: re.Pattern[str], bounds: Bounds
) -> Iterator[Found]:
    count = 0
    with tarfile.open(fileobj=cast(Any, _Bounded(pieces, bounds.everything)), mode="r|") as archive:
        for member in archive:
            name = posixpath.normpath("/" + f"{above}/{member.name}".strip("/"))
            opened = archive.extractfile(member) if member.isfile() else None
            if opened is None or not wanted.fullmatch(name) or member.size > bounds.largest:
                continue
            count += 1
            if count > bounds.most:
                raise TooMuch(f"there are more than {bounds.most} of them")
            yield Found(name, member.size, opened)


class _Bounded:
    """The archive as a file that can only be read forward, and not without end."""

    def __init__(self, pieces: Iterator[bytes], most: int) -> None:
        self._pieces = iter(pieces)
        self._held = b""
        self._most = self._left = most

    def read(self, size: int) -> bytes:
        while len(self._held) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._left -= len(piece)
            if self._left < 0:
                raise TooMuch(f"their folder holds more than {self._most >> 20} MiB")
            self._held += piece
        out, self._held = self._held[:size], self._held[size:]
        return out
