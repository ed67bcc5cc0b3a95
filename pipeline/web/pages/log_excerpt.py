"""A piece of a log as a page shows it without a script: some hundred lines, from where, and what lies around. Lines
count from 1 here. Also the search in it, which reads all of a log but holds no more than a piece."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from pipeline.web.pages.log_index import LogIndex, LogIndexes

SHOWN = 500  # lines
WEIGHT = 72_000  # bytes of them, as they stand in a page
FRAME = 70  # bytes around a line
LONGEST = 2000  # characters of a line; the whole of it is in the plain log
MOST_FOUND = 5000  # lines
MOST_SEARCHED = 128 << 20  # bytes
CONTROL = re.compile(
    r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x00-\x08\x0b-\x1f\x7f]"
)
COLOURS = re.compile(rb"\x1b\[[0-9;:]*m")


@dataclass(frozen=True)
class Line:
    number: int
    text: str


@dataclass(frozen=True)
class Excerpt:
    """`older` and `newer` are the first lines of the pieces beside it; None: there is none. `total`: of the stage."""

    lines: tuple[Line, ...] = ()
    total: int = 0
    first: int | None = None
    older: int | None = None
    newer: int | None = None


@dataclass(frozen=True)
class Found:
    """Their numbers, and the first of them whole. `more`: so many were found that the rest was not looked for, or the
    log is too long to be searched whole."""

    lines: tuple[int, ...] = ()
    first: tuple[Line, ...] = ()
    more: bool = False


def excerpt(logs: LogIndexes, run: int, stage: str, begin: int | None) -> Excerpt:
    """From line `begin` on; None: the end."""
    index = logs.index(run)
    ranges = index.of_stage(stage)
    total = sum(end - start for start, end in ranges)
    at = max(0, total - SHOWN) if begin is None else _position(ranges, begin - 1)
    lines = _lines(logs, run, _cut(ranges, at, at + SHOWN))
    kept = _light(lines, from_end=begin is None)
    if not kept:
        return Excerpt(total=total)
    at = _position(ranges, kept[0].number - 1)
    after = at + len(kept)
    return Excerpt(
        tuple(kept),
        total,
        _line(ranges, 0) + 1,
        _line(ranges, max(0, at - SHOWN)) + 1 if at else None,
        _line(ranges, after) + 1 if after < total else None,
    )


def matches(logs: LogIndexes, run: int, wanted: str, stage: str = "") -> Found:
    """Lines that hold the text, whatever its case (of ASCII letters) and its colours."""
    needle, at, seen = wanted.encode().lower(), 0, 0
    numbers: list[int] = []
    first: list[Line] = []
    ranges = logs.index(run).of_stage(stage)
    for piece in logs.pieces(run) if needle else ():
        plain = COLOURS.sub(b"", piece) if b"\x1b" in piece else piece
        for line, begin, end in _hits(plain.lower(), needle):
            if any(start <= at + line < stop for start, stop in ranges):
                numbers.append(at + line + 1)
                if len(first) < SHOWN:
                    first.append(Line(at + line + 1, readable(plain[begin:end])))
        at, seen = at + plain.count(b"\n"), seen + len(piece)
        if len(numbers) >= MOST_FOUND or seen >= MOST_SEARCHED:
            return Found(tuple(numbers[:MOST_FOUND]), tuple(_light(first, from_end=False)), True)
    return Found(tuple(numbers), tuple(_light(first, from_end=False)))


def readable(data: bytes) -> str:
    text = CONTROL.sub("", data.decode("utf-8", "replace"))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def _hits(data: bytes, needle: bytes) -> Iterator[tuple[int, int, int]]:
    """Lines from 0, each once, with where they begin and end."""
    line, counted, at = 0, 0, data.find(needle)
    while at >= 0:
        line, counted = line + data.count(b"\n", counted, at), at
        end = data.find(b"\n", at)
        yield line, data.rfind(b"\n", 0, at) + 1, len(data) if end < 0 else end
        at = data.find(needle, end) if end >= 0 else -1


def _lines(logs: LogIndexes, run: int, ranges: Sequence[tuple[int, int]]) -> list[Line]:
    return [
        Line(begin + n + 1, readable(text))
        for begin, end in ranges
        for n, text in enumerate(logs.lines(run, begin, end))
    ]


def _light(lines: list[Line], from_end: bool) -> list[Line]:
    """So many of them as a page may weigh, one at least."""
    kept: list[Line] = []
    weight = 0
    for line in reversed(lines) if from_end else lines:
        weight += FRAME + len(escape(line.text).encode())
        if kept and weight > WEIGHT:
            break
        kept.append(line)
    return kept[::-1] if from_end else kept


def _cut(ranges: Sequence[tuple[int, int]], begin: int, end: int) -> list[tuple[int, int]]:
    """The lines at positions `begin` to `end` of those that the ranges hold, one after the other."""
    found, at = [], 0
    for start, stop in ranges:
        first, last = max(begin, at), min(end, at + stop - start)
        if first < last:
            found.append((start + first - at, start + last - at))
        at += stop - start
    return found


def _position(ranges: Sequence[tuple[int, int]], line: int) -> int:
    """Where a line stands among those of the ranges; of one that is not there, where it would."""
    return sum(min(end, max(begin, line)) - begin for begin, end in ranges)


def _line(ranges: Sequence[tuple[int, int]], position: int) -> int:
    cut = _cut(ranges, position, position + 1)
    return cut[0][0] if cut else 0


def index_of(index: LogIndex) -> dict[str, object]:
    """For the script: what it needs to find any line by a range of bytes."""
    parts = [{"stage": part.stage, "begin": part.begin, "end": part.end} for part in index.parts]
    return {"offsets": index.offsets, "lines": index.lines, "size": index.size, "parts": parts}
