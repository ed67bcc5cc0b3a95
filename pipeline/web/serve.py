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

from pipeline.web.asgi import Application
from pipeline.web.hook_protocol import HookProtocol

log = logging.getLogger("shipway.web")

TICK = 6.0  # seconds between our signs of life
GRACE = 3  # seconds for requests that are under way


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


class Server(uvicorn.Server):
    def __init__(self, app: Application, beat: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=HookProtocol,
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
