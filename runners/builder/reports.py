"""Fetches JUnit reports out of a finished test container, bounded: the container decides what it packs, not we.

Never writes to this machine's disk and never fails a test run: what cannot be read is said in the log.
"""

import posixpath
import re
import tarfile
from collections.abc import Callable, Iterator
from typing import Any, cast

import docker.errors

from runners.builder.talking import Api
from runners.junit import NotJUnit, Totals, totals_of

LARGEST = 8 << 20  # bytes of one report
MOST = 500  # reports
ALL = 64 << 20  # bytes of the folder they lie in
WILD = re.compile(r"[*?\[]")


def summary_of(api: Api, container: str, pattern: str, log: Callable[[str], None]) -> str:
    """ "12 passed, 1 failed", or empty."""
    folder = api.inspect_container(container)["Config"].get("WorkingDir") or "/"
    totals, found = Totals(), 0
    try:
        for name, content in _files(api, container, posixpath.normpath(posixpath.join(folder, pattern))):
            found += 1
            try:
                totals = totals + totals_of(content)
            except NotJUnit as error:
                log(f"[shipway] {name} is not read: {error}.\n")
    except docker.errors.NotFound:
        found = 0
    except (tarfile.TarError, _TooMuch) as error:
        log(f"[shipway] The reports cannot be read: {error}.\n")
    if not found:
        log(f"[shipway] No report matches {pattern} in the test container.\n")
    return str(totals) if found else ""


def _files(api: Api, container: str, pattern: str) -> Iterator[tuple[str, bytes]]:
    """The folder above the first wildcard is fetched, and what matches in it is read."""
    parts = pattern.split("/")
    fixed = next((n for n, part in enumerate(parts) if WILD.search(part)), len(parts) - 1)
    top = "/".join(parts[:fixed]) or "/"
    wanted = _regex(pattern)
    pieces, _ = api.get_archive(container, top)
    above = posixpath.dirname(top)
    count = 0
    with tarfile.open(fileobj=cast(Any, _Bounded(pieces)), mode="r|") as archive:
        for member in archive:
            name = (
                posixpath.normpath(posixpath.join(above, member.name))
                if top != "/"
                else f"/{member.name.strip('/')}"
            )
            if not member.isfile() or not wanted.fullmatch(name) or member.size > LARGEST:
                continue
            count += 1
            if count > MOST:
                raise _TooMuch(f"there are more than {MOST} of them")
            opened = archive.extractfile(member)
            yield name, opened.read() if opened else b""


def _regex(pattern: str) -> re.Pattern[str]:
    """`*` stays in its folder, `**/` goes through any number of them."""
    out = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.compile(out)


class _TooMuch(Exception):
    pass


class _Bounded:
    """The archive as a file that can only be read forward, and not without end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = b""
        self._left = ALL

    def read(self, size: int) -> bytes:
        while len(self._held) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._left -= len(piece)
            if self._left < 0:
                raise _TooMuch(f"their folder holds more than {ALL >> 20} MiB")
            self._held += piece
        out, self._held = self._held[:size], self._held[size:]
        return out
