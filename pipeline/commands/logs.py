"""`logs [-f] RUN`: the log of a run, byte for byte. Following resumes by itself after a cut; Ctrl-C leaves the run alone."""

import http.client
import sys
import time
from collections.abc import Iterator

import click

from pipeline.commands import completing
from pipeline.commands.asked import asked
from pipeline.commands.calling import Api, api
from pipeline.errors import Unreachable

PATIENCE = 60.0  # seconds without an answer
AGAIN = 0.5


@click.command()
@click.argument("number", type=int, metavar="RUN", shell_complete=completing.runs)
@click.option("-f", "--follow", is_flag=True, help="Stay until the run is over.")
def logs(number: int, follow: bool) -> None:
    """The log of RUN."""
    server = api(asked())
    path = f"/runs/{number}/log"
    if follow:
        _follow(server, path)
        return
    with server.opened("GET", path, headers={"Accept": "text/plain"}) as response:
        for piece in iter(lambda: response.read(1 << 16), b""):
            _write(piece)


def _follow(server: Api, path: str) -> None:
    last, heard_at = "", time.monotonic()
    while True:
        try:
            for name, identity, data in _events(server, path, last):
                heard_at = time.monotonic()
                if name == "end":
                    return
                _write(data.encode())
                last = identity or last
        except (Unreachable, OSError, http.client.HTTPException):
            if time.monotonic() - heard_at > PATIENCE:
                raise
        time.sleep(AGAIN)


def _events(server: Api, path: str, last: str) -> Iterator[tuple[str, str, str]]:
    """(event, id, data) of a stream of server-sent events."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
    with server.opened("GET", path, {"follow": 1}, headers=headers) as response:
        name, identity, data = "message", "", list[str]()
        for raw in response:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                if data or name != "message":
                    yield name, identity, "\n".join(data)
                name, identity, data = "message", "", []
            elif field == "event":
                name = value
            elif field == "id":
                identity = value
            elif field == "data":
                data.append(value)


def _write(piece: bytes) -> None:
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
