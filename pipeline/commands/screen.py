"""How wide and how lively the terminal is, and texts that fit into it. Knows nothing of what is shown."""

import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from pipeline.commands.asked import asked

STYLE = re.compile(r"\x1b\[[0-9;]*m")
NARROW = 100  # columns; below, remarks stand on a line of their own


def colours() -> bool | None:
    """None: click takes them away where no terminal is. https://no-color.org, https://force-color.org"""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def lively() -> bool:
    """Somebody looks at a terminal that can be drawn on again."""
    return not asked().json and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def size() -> tuple[int, int]:
    """Columns and lines."""
    try:
        found = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):  # no terminal
        return 100, 24
    return found.columns or 80, found.lines or 24


def wide(text: str) -> int:
    """Columns that a styled text takes."""
    return len(STYLE.sub("", text))


def fit(text: str, width: int) -> str:
    """Cut with … or filled up. `text` is not styled yet."""
    return (text if len(text) <= width else text[: max(0, width - 1)] + "…").ljust(width)


def cut(text: str, width: int) -> str:
    """A styled line that loses its end: it must not wrap, or the picture would jump."""
    if wide(text) <= width:
        return text
    found, room = "", width - 1
    for piece in re.split(f"({STYLE.pattern})", text):
        found += piece if STYLE.fullmatch(piece) else piece[:room]
        room -= 0 if STYLE.fullmatch(piece) else min(room, len(piece))
    return found + "…"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Styled cells, lined up; nothing invisible at a line's end."""
    widths = [max(wide(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    lines = []
    for row in rows:
        last = max((i for i, cell in enumerate(row) if wide(cell)), default=0)
        padded = [cell + " " * (widths[i] - wide(cell)) for i, cell in enumerate(row[:last])]
        lines.append("  ".join([*padded, row[last]]))
    return lines


def folded(text: str, width: int, indent: str) -> list[str]:
    """Lines of at most `width` columns, each after `indent`. Long words are broken."""
    lines, line, room = list[str](), "", max(10, width - len(indent))
    for word in text.split():
        while len(word) > room:
            lines, line, word = [*lines, *([line] if line else []), word[:room]], "", word[room:]
        if line and len(line) + 1 + len(word) > room:
            lines, line = [*lines, line], word
        else:
            line = f"{line} {word}" if line else word
    return [indent + each for each in [*lines, line] if each]


def gauge(done: float, width: int, colour: str, failed: bool = False) -> str:
    """A bar of which `done` (0 to 1) is full."""
    full = max(0, min(width, round(done * width)))
    style = "red" if failed else colour
    return click.style("━" * full, fg=style) + click.style("─" * (width - full), dim=True)


def span(seconds: float) -> str:
    """42s, 3m 05s, 2h 10m, 4d 3h."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def age(moment: str | None, now: datetime) -> str:
    """The largest unit alone: 42s, 3m, 2h, 4d."""
    if not moment:
        return "–"
    return span((now - datetime.fromisoformat(moment)).total_seconds()).partition(" ")[0]


def left(moment: str | None, now: datetime) -> str:
    """`12s left`; empty without a clock, or when it has run out."""
    if not moment:
        return ""
    seconds = (datetime.fromisoformat(moment) - now).total_seconds()
    return f"{span(seconds)} left" if seconds > 0 else ""


def utc() -> datetime:
    return datetime.now(UTC)
