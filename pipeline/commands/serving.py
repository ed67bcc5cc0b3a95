"""`serve`: the server's process. uvicorn outside, the application inside, a sign of life from the event loop itself."""

import asyncio
import socket

import click
import uvicorn

from pipeline.commands.asked import asked
from pipeline.commands.listening import listening_socket, socket_of
from pipeline.commands.parts import beat_option, log_format_option, open_books
from pipeline.ports import Ports
from pipeline.web.app import create_app
from pipeline.web.asgi import Application, create_asgi
from pipeline.wiring import build_ports
from runners.log_lines import set_up
from runners.process import Beat
from runners.settings_source import load_settings

GRACE = 4  # seconds for requests under way when we are asked to end


@click.command()
@log_format_option
@beat_option
@click.option("--fd", type=int, default=-1, hidden=True, help="A listening socket that was opened before.")
def serve(log_format: str, beat: str, fd: int) -> None:
    """Run the web part alone: webhooks, API, pages.

    For several machines. It needs server.redis and server.database, which all machines share.
    """
    set_up(log_format)
    settings = load_settings(asked().config_path())
    store = open_books(settings)
    listener = socket_of(fd) if fd >= 0 else listening_socket(settings.server.listen)
    try:
        serve_web(build_ports(settings, store), listener, Beat(beat))
    finally:
        store.close()


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
