"""`status --watch`: the overview again and again, until Ctrl-C. Only looks.

The books are asked every second, the engines beside that by a thread of their own: a host that does not answer takes
seconds, and nobody must wait for it to see what moves.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from pipeline.commands.asked import asked
from pipeline.commands.calling import Api
from pipeline.commands.overview import ORDER, overview, plain
from pipeline.commands.screen import lively, size, utc
from pipeline.errors import ShipwayError, Unreachable

EVERY = 1.0  # seconds between two looks into the books
LOOK_EVERY = 3.0  # and between two looks at the engines
CALM = frozenset({"well", "back", "held"})  # the books' words, which an engine's silence outranks

Draw = Callable[[list[Any], str], None]


def watch(server: Api, service: str) -> None:
    """Until Ctrl-C, which is how it should end."""
    over, seen = threading.Event(), list[Any]()
    looks = threading.Thread(target=_looks, args=(server, service, over, seen), daemon=True)
    try:
        with _drawing() as draw:
            places, lost_at = server.get("/overview", service=service)["places"], 0.0
            looks.start()
            while True:
                draw(merged(places, seen), _lost(server, lost_at))
                time.sleep(EVERY)
                try:
                    places, lost_at = server.get("/overview", service=service)["places"], 0.0
                except Unreachable:
                    lost_at = lost_at or time.monotonic()
    except KeyboardInterrupt:
        return
    finally:
        over.set()


def merged(books: list[Any], seen: list[Any]) -> list[Any]:
    """What the books say now, with what the engines said last about the same release."""
    looked = {(p["service"], p["environment"], p["live"]): p for p in seen}
    found = []
    for place in books:
        look = looked.get((place["service"], place["environment"], place["live"]))
        if look is not None:
            place = place | {"healthy": look["healthy"], "seats": look["seats"]}
            if look["condition"] == "sick" and place["condition"] in CALM:
                place |= {"condition": "sick", "why": look["why"]}
        found.append(place)
    return sorted(found, key=lambda place: ORDER[place["condition"]])


def _looks(server: Api, service: str, over: threading.Event, seen: list[Any]) -> None:
    while not over.is_set():
        try:
            seen[:] = server.get("/overview", service=service, look=1)["places"]
        except ShipwayError:
            seen.clear()  # the books' call says that nobody answers
        over.wait(LOOK_EVERY)


def _lost(server: Api, lost_at: float) -> str:
    if not lost_at:
        return ""
    return f"Shipway at {server.url} does not answer for {time.monotonic() - lost_at:.0f} s; still trying"


@contextmanager
def _drawing() -> Iterator[Draw]:
    if not lively():
        yield _changes()
        return
    from rich.live import Live  # 60 ms, and only on a terminal
    from rich.text import Text

    last = [""]
    with Live(screen=True, auto_refresh=False) as live:

        def draw(places: list[Any], lost: str) -> None:
            width, height = size()
            lines = overview(places, width, height - 2, utc())
            foot = click.style(lost, fg="red", bold=True) if lost else click.style(_foot(), dim=True)
            last[0] = "\n".join(lines)
            room = "\n" * max(1, height - len(lines) - 1)
            live.update(Text.from_ansi(last[0] + room + foot, no_wrap=True), refresh=True)

        try:
            yield draw
        finally:
            live.stop()
            click.echo(last[0])


def _foot() -> str:
    return f"{time.strftime('%H:%M:%S')} · each second · Ctrl-C leaves"


def _changes() -> Draw:
    """A line when an environment changes; with --json a document a line."""
    known = dict[tuple[str, str], object]()

    def draw(places: list[Any], lost: str) -> None:
        for place in places:
            key = place["service"], place["environment"]
            said = {name: value for name, value in place.items() if name not in ("seats", "since")}
            if known.get(key) != said:
                known[key] = said
                line = " ".join(str(cell) for cell in plain([place], utc())[0] if cell not in (None, ""))
                click.echo(json.dumps(place, ensure_ascii=False) if asked().json else line)
        if lost:
            click.echo(lost, err=True)
        sys.stdout.flush()

    return draw
