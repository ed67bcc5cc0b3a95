"""How commands print: a table for people, JSON for programs, a line for each event. Decides no content."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from pipeline.commands.asked import asked

COLOURS = {
    "succeeded": "green",
    "ok": "green",
    "well": "green",
    "moving": "cyan",
    "sick": "red",
    "held": "yellow",
    "back": "yellow",
    "running": "cyan",
    "rolling": "cyan",
    "failed": "red",
    "rolled_back": "red",
    "rolling_back": "yellow",
    "warn": "yellow",
    "bad": "red",
    "paused": "yellow",
    "awaiting_promotion": "yellow",
}


def show(answer: Any, text: str) -> None:
    """The answer itself with --json, else the text."""
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False) if asked().json else text)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> str:
    if not rows:
        return empty
    cells = [[str("–" if value in (None, "") else value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(heads), *cells]) for i in range(len(heads))]
    lines = [_line(heads, widths, plain=True), *(_line(row, widths) for row in cells)]
    return "\n".join(lines)


def colour(word: str, text: str = "") -> str:
    """click takes the colour away when the output is no terminal."""
    return click.style(text or word, fg=COLOURS[word]) if word in COLOURS else text or word


def event(text: str) -> None:
    """One line of progress; with --json progress goes beside the answer."""
    click.echo(text, err=asked().json)
    (sys.stderr if asked().json else sys.stdout).flush()


def ago(moment: str | None, now: datetime | None = None) -> str:
    """`2026-01-01T00:00:00Z` as `5m ago`."""
    if not moment:
        return "–"
    seconds = int(((now or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{max(0, seconds)}s ago"


def took(thing: Mapping[str, Any]) -> str:
    begin, end = thing.get("started_at"), thing.get("finished_at")
    if not begin or not end:
        return ""
    return f"{(datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds():.1f} s"


def short(commit: str) -> str:
    return commit[:10]


def place_of(run: Mapping[str, Any]) -> str:
    """Where a run goes; one of a merge request goes to no environment."""
    number = run.get("merge_request")
    return f"merge request {number}" if number else str(run["environment"])


def first_line(text: str, width: int = 60) -> str:
    line = text.splitlines()[0] if text else ""
    return line if len(line) <= width else line[: width - 1] + "…"


def _line(cells: Sequence[str], widths: Sequence[int], plain: bool = False) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    styled = padded if plain else [colour(cell, text) for cell, text in zip(cells, padded, strict=True)]
    return "  ".join(styled).rstrip()
