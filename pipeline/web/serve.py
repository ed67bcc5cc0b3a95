"""Runs the ASGI application in uvicorn: one process, bounded heads, and an end within five seconds.

Knows nothing of paths. The listening socket is opened by others, so that it outlives a restart of this process.
"""

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pipeline.web.asgi import Application

log = logging.getLogger("shipway.web")

TICK = 6.0  # seconds between our signs of life
GRACE = 3  # seconds for requests that are under way
LARGEST_HEAD = 64 * 1024  # request line and headers
HEAD_SECONDS = 20.0  # for a head to arrive in full, from the connection or its first byte


def serve(
    app: Application,
    listener: socket.socket,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Until SIGTERM or SIGINT. `beat` is called every few seconds, from the server's own loop."""
    server = Server(app, beat)
    with _signals(server):
        server.run(sockets=[listener])
    if server.told and app.busy:
        log.warning("requests abandoned", extra={"requests": app.busy})
        logging.shutdown()
        os._exit(0)  # their threads would hold the process until they end


class PatientProtocol(HttpToolsProtocol):
    """Ends connections whose head is too long or takes too long; bodies are bounded by the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head = 0
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > LARGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._in_head, self._head = False, 0
        self._patience.cancel()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._in_head = True
        self._patience: asyncio.TimerHandle
        if hasattr(self, "_patience"):
            self._patience.cancel()
        self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)


class Server(uvicorn.Server):
    def __init__(self, app: Application, beat: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=PatientProtocol,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,  # the application's own
                timeout_graceful_shutdown=GRACE,
                timeout_keep_alive=75,  # longer than the fronts that keep connections to us (nginx, load balancers: 60)
            )
        )
        self._app = app
        self._beat = beat
        self._wake: Callable[[], object] = lambda: None
        self.told = False  # to end, by a signal

    def tell(self, number: int, frame: FrameType | None) -> None:
        self.told = True
        self.end()

    def end(self) -> None:
        """From any thread, and from a signal's handler."""
        self.should_exit = True
        self._wake()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own way raises the signal again at the end, and a clean stop would look like a kill."""
        yield

    async def main_loop(self) -> None:
        """uvicorn's own looks ten times a second whether it is to end. Ours is woken."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(ended.set)
        while not await self.on_tick(0):  # 0: a full second, in uvicorn's count
            self._beat()
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), TICK)
        self._wake = lambda: None  # the loop ends soon, and a closed one cannot be called

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.close()
        await super().shutdown(sockets)


@contextmanager
def _signals(server: Server) -> Iterator[None]:
    """From before the server starts until it has ended: a signal is never lost and never kills halfway."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, server.tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
