"""Where the lines of a run's log begin, so that any of them is found without reading what lies before it.

Lines are counted from 0 here. What was written never changes: an index only grows, with the log.
"""

import re
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from threading import Lock

from pipeline.ports import Ports

STEP = 500  # lines of a block
BLOCK = re.compile(rb"(?:[^\n]*+\n){500}")
PIECE = 8 << 20  # bytes; a compressed log is unpacked from its beginning for each
REMEMBERED = 200  # runs


@dataclass(frozen=True)
class Part:
    """What a stage wrote in one go, as lines `begin` to `end`, that one not included."""

    stage: str
    begin: int
    end: int


@dataclass(frozen=True)
class LogIndex:
    """`offsets[k]` is the byte at which line `k * STEP` begins. `lines` counts a last one without an end too."""

    offsets: tuple[int, ...] = (0,)
    lines: int = 0
    size: int = 0
    bounds: tuple[tuple[int, int], ...] = ()  # byte, line: where parts begin
    parts: tuple[Part, ...] = ()

    def of_stage(self, stage: str) -> list[tuple[int, int]]:
        """The lines of one stage; of all when it is empty."""
        if not stage:
            return [(0, self.lines)] if self.lines else []
        return [
            (part.begin, part.end) for part in self.parts if part.stage == stage and part.end > part.begin
        ]


@dataclass
class LogIndexes:
    """Of the logs that were looked at last. Two who ask for the same new one at once both make it."""

    ports: Ports = field(repr=False)
    _known: "OrderedDict[int, LogIndex]" = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def index(self, run: int) -> LogIndex:
        parts = self.ports.logs.parts(run)
        size = sum(length for _, length in parts)
        with self._lock:
            known = self._known.get(run, LogIndex())
        if size != known.size or len(parts) != len(known.parts):
            known = self._grown(run, known if size >= known.size else LogIndex(), parts, size)
        with self._lock:
            self._known[run] = known
            self._known.move_to_end(run)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return known

    def lines(self, run: int, begin: int, end: int) -> list[bytes]:
        """Lines `begin` to `end`, that one not included, as far as they are there."""
        index = self.index(run)
        first, last = begin // STEP, -(-end // STEP)
        if first >= len(index.offsets) or begin >= min(end, index.lines):
            return []
        start = index.offsets[first]
        stop = index.offsets[last] if last < len(index.offsets) else index.size
        data, _ = self.ports.logs.read(run, start, stop - start)
        return data.split(b"\n")[begin - first * STEP : min(end, index.lines) - first * STEP]

    def pieces(self, run: int) -> Iterator[bytes]:
        """All of it, in whole lines but for the very last one."""
        rest, at, size = b"", 0, self.index(run).size
        while at < size:
            data, at = self.ports.logs.read(run, at, min(PIECE, size - at))
            if not data:
                break
            rest += data
            cut = rest.rfind(b"\n") + 1
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
        if rest:
            yield rest

    def _grown(self, run: int, index: LogIndex, parts: list[tuple[str, int]], size: int) -> LogIndex:
        offsets, lines = self._counted(run, index.offsets, size)
        begins = [0, *accumulate(length for _, length in parts)]
        known, bounds = dict(index.bounds), {}
        for byte in begins[:-1]:
            bounds[byte] = known[byte] if byte in known else self._line_at(run, offsets, byte)
        ends = [*(bounds[byte] for byte in begins[1:-1]), lines]
        told = tuple(
            Part(stage, bounds[byte], end)
            for (stage, _), byte, end in zip(parts, begins[:-1], ends, strict=True)
        )
        return LogIndex(offsets, lines, size, tuple(bounds.items()), told)

    def _counted(self, run: int, offsets: tuple[int, ...], size: int) -> tuple[tuple[int, ...], int]:
        """Goes on at the beginning of the last block. Its own loop: a search would try again at every byte."""
        found, rest, at = list(offsets), b"", offsets[-1]
        while at < size:
            data, at = self.ports.logs.read(run, at, min(PIECE, size - at))
            if not data:
                break
            rest, begin = rest + data, 0
            base = at - len(rest)
            while match := BLOCK.match(rest, begin):
                begin = match.end()
                found.append(base + begin)
            rest = rest[begin:]
        unfinished = bool(rest) and not rest.endswith(b"\n")
        return tuple(found), (len(found) - 1) * STEP + rest.count(b"\n") + unfinished

    def _line_at(self, run: int, offsets: tuple[int, ...], byte: int) -> int:
        block = bisect_right(offsets, byte) - 1
        data, _ = self.ports.logs.read(run, offsets[block], byte - offsets[block])
        return block * STEP + data.count(b"\n")
