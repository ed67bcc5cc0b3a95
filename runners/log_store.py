"""The logs of runs: append-only files, masked before a byte is written, bounded, compressed when closed.

A run has a folder of segments in the order in which they were opened, `0001-checkout.log`, `0002-build.log`, …; the
log is their concatenation. A stage that is reopened (another worker resumed the run) gets a segment of its own when
something else was written in between, so a byte offset stays right for ever, compressed or not. Of a stage that prints
too much the beginning and the end are kept. Workers append, the server reads: nothing is shared but the files.
"""

import errno
import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import zstandard

from pipeline.errors import DiskFull, RunnerError
from runners.stage_streams import StageStreams

LIMIT = 20 << 20  # bytes of a stage
RESUMED = "[shipway] The stage goes on after an interruption.\n"
LEVEL = 3


@dataclass(frozen=True, order=True)
class Segment:
    """One file of a run's folder. `size` is that of the text, compressed or not."""

    number: int
    stage: str
    closed: bool
    path: Path
    size: int


class FileLogs:
    """Folders by run id under `directory`. May be used by several threads and processes at once. `bring` makes a folder
    whole that moved away."""

    def __init__(
        self, directory: str, limit_bytes: int = LIMIT, bring: Callable[[Path], None] = lambda _: None
    ) -> None:
        self._bring = bring
        self._directory = Path(directory).absolute()
        self._limit = limit_bytes
        self._streams = StageStreams(limit_bytes)
        self._guard = threading.RLock()

    def hide(self, secrets: Sequence[str]) -> None:
        with self._guard:
            self._streams.hide(secrets)

    def masked(self, text: str) -> str:
        with self._guard:
            return self._streams.masked(text)

    def append(self, run_id: int, stage: str, text: str) -> None:
        with self._guard, _told():
            key = (run_id, stage)
            fresh = key not in self._streams
            if fresh:
                spent = _spent(_segments(self._folder(run_id)), stage)
                spent += len(RESUMED) if spent else 0
                self._streams.begin(key, spent)
            self._write(run_id, stage, self._streams.feed(key, text), fresh)

    def close(self, run_id: int, stage: str) -> None:
        with self._guard, _told():
            last = self._streams.end((run_id, stage))
            if last is not None:
                self._write(run_id, stage, last, False)
            if not self._folder(run_id).exists():
                return
            with self._alone(run_id) as folder:
                for segment in _segments(folder):
                    if segment.stage == stage and not segment.closed:
                        _compress(segment)

    def settle(self) -> None:
        """It was written at once."""

    def read(self, run_id: int, offset: int = 0, limit: int = 1 << 20) -> tuple[bytes, int]:
        found, at = b"", 0
        for segment in self._segments(run_id):
            begin = max(0, offset - at)
            if begin < segment.size and len(found) < limit:
                found += _piece(segment, begin, limit - len(found))
            at += segment.size
            if len(found) >= limit:
                break
        return found, offset + len(found)

    def size(self, run_id: int) -> int:
        return sum(segment.size for segment in self._segments(run_id))

    def parts(self, run_id: int) -> list[tuple[str, int]]:
        return [(segment.stage, segment.size) for segment in self._segments(run_id)]

    def _write(self, run_id: int, stage: str, text: str, fresh: bool) -> None:
        """`fresh`: this process has not written to the stage since it was last closed."""
        if not text:
            return
        with self._alone(run_id) as folder:
            segments = _segments(folder)
            last = segments[-1] if segments else None
            seen_before = any(segment.stage == stage for segment in segments)
            marker = RESUMED if fresh and seen_before else ""
            if last and last.stage == stage and not last.closed:
                path = last.path
            else:
                path = folder / f"{(last.number if last else 0) + 1:04d}-{stage}.log"
            data = f"{marker}{text}".encode("utf-8", "replace")
            if len(data) > (left := max(0, self._limit - _spent(segments, stage))):
                data = (
                    data[:left].decode("utf-8", "ignore").encode()
                )  # two workers at once, one of them a zombie
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                _write_all(handle, data)
            finally:
                os.close(handle)

    def _segments(self, run_id: int) -> list[Segment]:
        """For readers: what moved away comes back first."""
        folder = self._folder(run_id)
        self._bring(folder)
        return _segments(folder)

    def _folder(self, run_id: int) -> Path:
        """A thousand runs a folder, so that no folder grows without end."""
        return self._directory / f"{run_id // 1000:04d}" / str(run_id)

    @contextmanager
    def _alone(self, run_id: int) -> Iterator[Path]:
        """A worker that should be dead may still write: its lines come whole, in some order."""
        folder = self._folder(run_id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield folder
        finally:
            os.close(handle)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else RunnerError
        raise kind(
            f"The log {error.filename or ''} cannot be written on this machine: {error.strerror}."
        ) from error


def _segments(folder: Path) -> list[Segment]:
    """In order. While one is being compressed both files are there for a moment: the finished one counts."""
    found: dict[int, Segment] = {}
    try:
        for name in sorted(entry.name for entry in os.scandir(folder)):
            number, _, rest = name.partition("-")
            stage, _, kind = rest.partition(".")
            if number.isdigit() and kind in ("log", "log.zst"):
                path = folder / name
                size = _size(path, kind == "log.zst")
                found[int(number)] = Segment(int(number), stage, kind == "log.zst", path, size)
    except FileNotFoundError:  # no log yet, or compressed between our listing and our look
        return _segments(folder) if folder.exists() else []
    return [found[number] for number in sorted(found)]


def _size(path: Path, packed: bool) -> int:
    seen = path.stat()
    return _unpacked(path, seen.st_mtime_ns) if packed else seen.st_size


@lru_cache(maxsize=4096)
def _unpacked(path: Path, written: int) -> int:
    """`written` tells a file from an older one of the same name: run numbers come again when a database was lost."""
    with path.open("rb") as file:
        return max(0, zstandard.frame_content_size(file.read(32)))


def _spent(segments: Sequence[Segment], stage: str) -> int:
    return sum(segment.size for segment in segments if segment.stage == stage)


def _piece(segment: Segment, begin: int, limit: int) -> bytes:
    want = min(limit, segment.size - begin)
    try:
        with segment.path.open("rb") as file:
            if not segment.closed:
                file.seek(begin)
                return file.read(want)
            with zstandard.ZstdDecompressor().stream_reader(file) as reader:
                reader.seek(begin)
                return reader.read(want)
    except FileNotFoundError:
        packed = segment.path.with_name(f"{segment.path.name}.zst")
        return _piece(Segment(segment.number, segment.stage, True, packed, segment.size), begin, limit)


def _compress(segment: Segment) -> None:
    packed = segment.path.with_name(f"{segment.path.name}.zst")
    fresh = packed.with_name(f".{packed.name}")
    with segment.path.open("rb") as source, fresh.open("wb") as target:
        zstandard.ZstdCompressor(level=LEVEL).copy_stream(source, target, size=segment.size)
    shutil.copymode(segment.path, fresh)
    fresh.replace(packed)
    segment.path.unlink()


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
