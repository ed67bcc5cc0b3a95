"""Long answers of the engine: a stream of JSON objects that can be ended at any moment, by a person or by the clock.

The connection is cut under the reader, which is what makes the engine give up its work too. Never interprets what is
said.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from requests import Response
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from pipeline.errors import ShipwayError, StageFailed, Stopped

Api: TypeAlias = Any  # docker.APIClient, of which the published types know only a part
GLANCE = 0.25  # seconds between two questions whether to stop
PIECE = 64 << 10


class Guard:
    """Asks `stop` and looks at the clock while somebody else waits for the engine; then ends what it was given.
    `blame`: the kind of error that being `late` is."""

    def __init__(
        self,
        stop: Callable[[], bool],
        seconds: float,
        late: str,
        blame: type[ShipwayError] = StageFailed,
    ) -> None:
        self._stop = stop
        self._until = time.monotonic() + seconds
        self._late = blame(late)
        self._done = threading.Event()
        self._ends: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._verdict: ShipwayError | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Guard":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def check(self) -> None:
        """Raises `Stopped`, or what is to `blame` when the time is up."""
        if self._verdict is None:
            self._judge()
        if self._verdict is not None:
            raise self._verdict

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Inside, `end` is called once when it is time to stop."""
        with self._lock:
            self._ends.append(end)
        try:
            if self._verdict is not None:
                end()
            yield
        finally:
            with self._lock:
                self._ends.remove(end)

    def _judge(self) -> None:
        if self._stop():
            self._verdict = Stopped("Stopped on request.")
        elif time.monotonic() >= self._until:
            self._verdict = self._late

    def _watch(self) -> None:
        while not self._done.wait(GLANCE):
            self._judge()
            if self._verdict is not None:
                with self._lock:
                    ends = list(self._ends)
                for end in ends:
                    end()
                return


def converse(
    api: Api,
    path: str,
    guard: Guard,
    params: dict[str, str],
    headers: dict[str, str] | None = None,
    body: Iterator[bytes] | None = None,
) -> Iterator[dict[str, Any]]:
    """POST, and every object of the answer as it comes. Raises what `guard` says when it ended the connection."""
    try:
        response = api._post(
            api._url(path), params=params, headers=headers or {}, data=_asked(body, guard), stream=True
        )
        try:
            api._raise_for_status(response)
            yield from _objects(api, response, guard)
        finally:
            response.close()
    except (RequestException, HTTPError, OSError, ValueError):
        guard.check()  # we cut it ourselves: that is the true reason
        raise
    guard.check()


def _objects(api: Api, response: Response, guard: Guard) -> Iterator[dict[str, Any]]:
    wire = plain_socket(api._get_raw_response_socket(response))
    wire.settimeout(None)  # a build may be silent for long; the guard has the clock

    def cut() -> None:
        try:
            wire.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # already closed by the engine

    rest = b""
    with guard.ending(cut):
        for piece in response.raw.stream(PIECE, decode_content=False):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.strip():
                    yield json.loads(line)
    if rest.strip():
        yield json.loads(rest)


def plain_socket(found: Any) -> socket.socket:
    """The SDK hands out a socket or a SocketIO around one, depending on the transport."""
    inner = getattr(found, "_sock", found)
    assert isinstance(inner, socket.socket)  # noqa: S101 (the SDK's promise; anything else is a bug of ours)
    return inner


def _asked(body: Iterator[bytes] | None, guard: Guard) -> Iterator[bytes] | None:
    if body is None:
        return None

    def pieces() -> Iterator[bytes]:
        for piece in body:
            guard.check()
            yield piece

    return pieces()
