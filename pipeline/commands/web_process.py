"""The server's process: uvicorn outside, the application inside, a sign of life from the event loop itself."""

import asyncio
import socket

import uvicorn

from pipeline.ports import Ports
from pipeline.web.app import create_app
from pipeline.web.asgi import Application, create_asgi
from runners.process import Beat

GRACE = 4  # seconds for requests under way when we are asked to end


class WebServer(uvicorn.Server):
    """Followers of logs never hang up by themselves: they are told to come again before we wait for anybody."""

    def __init__(self, config: uvicorn.Config, application: Application) -> None:
        super().__init__(config)
        self._application = application

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._application.close()
        await super().shutdown(sockets)


def serve_web(ports: Ports, listener: socket.socket, beat: Beat) -> None:
    """Until SIGTERM or SIGINT."""
    application = create_asgi(create_app(ports), ports)
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=75,
    )
    asyncio.run(_life(WebServer(config, application), listener, beat))


async def _life(server: WebServer, listener: socket.socket, beat: Beat) -> None:
    beating = asyncio.create_task(_beats(beat))
    try:
        await server.serve(sockets=[listener])
    finally:
        beating.cancel()


async def _beats(beat: Beat) -> None:
    while True:
        beat.touch()
        await asyncio.sleep(1.0)
