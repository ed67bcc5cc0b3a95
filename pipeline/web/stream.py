"""Server-sent events: what a follower gets next, and how it is framed. Knows neither WSGI nor ASGI.

A feed is asked again and again from a position. A run's log counts in bytes, a deployment's history in event ids;
both stand in `id:`, so that a follower who was cut off resumes by `Last-Event-ID` and misses nothing.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.errors import ShipwayError
from pipeline.ports import Ports
from pipeline.web.views import event_view

CHUNK = 256 * 1024  # of a log, an event
POLL = 0.25  # seconds between two looks at a feed that had nothing new
QUIET = 15.0  # seconds after which a comment keeps proxies from closing the connection

OPENING = b"retry: 1000\n\n"
KEEP_ALIVE = b": still here\n\n"
CLOSING = b": the server is stopping; come again with Last-Event-ID\n\n"


@dataclass(frozen=True)
class Step:
    """`over`: nothing will follow. `more`: something does already."""

    frames: bytes
    position: int
    over: bool = False
    more: bool = False


class Feed(Protocol):
    """Something that grows until it is over."""

    @property
    def key(self) -> str:
        """Equal keys are the same thing: its followers share one reading."""

    def grown(self, position: int) -> bool:
        """A quick look whether something lies behind it; does not tell whether it is over."""

    def poll(self, position: int) -> Step: ...


@dataclass(frozen=True)
class LogFeed:
    run: int
    ports: Ports = field(repr=False)

    @property
    def key(self) -> str:
        return f"log:{self.run}"

    def grown(self, position: int) -> bool:
        return self.ports.logs.size(self.run) > position

    def poll(self, position: int) -> Step:
        run = self.ports.runs.run(
            self.run
        )  # before the log is read: what is written before the end is not missed
        position, data = self._whole(position)
        ready = complete(data) or (data if run.over else b"")
        if ready:
            position += len(ready)
            frames = frame(ready.decode("utf-8", "replace"), position)
            return Step(frames, position, more=run.over or len(data) >= CHUNK)
        if run.over:
            return Step(frame(json.dumps({"status": run.status}), position, "end"), position, over=True)
        return Step(b"", position)

    def _whole(self, position: int) -> tuple[int, bytes]:
        """What lies there; from its beginning when `position` is in the middle of a character."""
        data, _ = self.ports.logs.read(self.run, position, CHUNK)
        if data and 0x80 <= data[0] < 0xC0:
            before, _ = self.ports.logs.read(self.run, max(0, position - 3), min(3, position))
            head = before[len(complete(before)) :]
            return position - len(head), head + data
        return position, data


@dataclass(frozen=True)
class HistoryFeed:
    deployment: int
    ports: Ports = field(repr=False)

    @property
    def key(self) -> str:
        return f"history:{self.deployment}"

    def grown(self, position: int) -> bool:
        return True  # that is the question which `poll` asks

    def poll(self, position: int) -> Step:
        deployment = self.ports.deployments.deployment(self.deployment)
        news = self.ports.deployments.happenings(self.deployment, position)
        if news:
            frames = b"".join(frame(event_view(n, h).model_dump_json(), n) for n, h in news)
            return Step(frames, news[-1][0], more=deployment.over)
        if deployment.over:
            return Step(
                frame(json.dumps({"status": deployment.status}), position, "end"), position, over=True
            )
        return Step(b"", position)


@dataclass
class Handover:
    """How Flask hands an answered stream to the server around it, so that a follower costs no thread."""

    room: bool = True
    feed: Feed | None = None
    position: int = 0
    welcome: Callable[[], bool] = lambda: True


def frame(text: str, position: int, event: str = "") -> bytes:
    """One event. A lone carriage return would end a line here, and what follows it would be lost."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    head = f"event: {event}\n" if event else ""
    return (f"id: {position}\n{head}" + "".join(f"data: {line}\n" for line in lines) + "\n").encode()


def trouble(error: ShipwayError) -> bytes:
    """For whoever looks at the bytes: the status was sent long ago. The client comes again and is answered properly."""
    return f": {' '.join(str(error).split())}\n\n".encode()


def complete(data: bytes) -> bytes:
    """Without a character (or the first half of a line's end) that has not arrived in full."""
    if data.endswith(b"\r"):
        return data[:-1]
    for back in range(1, min(len(data), 4) + 1):
        byte = data[-back]
        if byte < 0x80:
            return data
        if byte >= 0xC0:
            length = 2 + (byte >= 0xE0) + (byte >= 0xF0)
            return data if back >= length else data[:-back]
    return data


def follow(feed: Feed, position: int, sleep: Callable[[float], None]) -> Iterator[bytes]:
    """For a plain WSGI server: a thread a follower."""
    yield OPENING
    quiet = 0.0
    while True:
        step = feed.poll(position)
        position = step.position
        if step.frames:
            quiet = 0.0
            yield step.frames
        if step.over:
            return
        if not step.frames:
            sleep(POLL)
            quiet += POLL
        if quiet >= QUIET:
            quiet = 0.0
            yield KEEP_ALIVE
