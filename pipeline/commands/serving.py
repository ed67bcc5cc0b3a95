"""`serve`: the server's process. What it serves and how it ends is `pipeline.web`'s."""

import gc
from threading import Thread

import click

from pipeline.commands.asked import asked
from pipeline.commands.listening import listening_socket, socket_of
from pipeline.commands.parts import beat_option, log_format_option, open_books
from pipeline.web.app import create_app
from pipeline.web.asgi import create_asgi
from pipeline.web.serve import serve as run_server
from pipeline.web.warming import warm
from pipeline.wiring import build_ports
from runners.log_lines import set_up
from runners.machine import Presence
from runners.process import Beat
from runners.settings_source import load_settings

GARBAGE = 20_000  # objects between two looks for cycles; a webhook makes 300 and leaves none


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
    ports = build_ports(settings, store)
    gc.freeze()  # what is here stays; looking at it again and again costs webhooks 3 %
    gc.set_threshold(GARBAGE)
    try:
        with Presence(store, settings.server):
            app = create_asgi(create_app(ports), ports)
            Thread(target=warm, args=(ports,), name="warming", daemon=True).start()
            run_server(app, listener, Beat(beat).touch)
    finally:
        store.close()
