"""`schedule`: the scheduler's process."""

import click

from pipeline.commands.asked import asked
from pipeline.commands.parts import beat_option, log_format_option, open_books
from pipeline.scheduler import schedule as run_scheduler
from pipeline.scheduler import stop_on_signal
from pipeline.wiring import build_ports, tidying
from runners.log_lines import set_up
from runners.process import Beat
from runners.settings_source import load_settings


@click.command()
@log_format_option
@beat_option
def schedule(log_format: str, beat: str) -> None:
    """Run the scheduler alone: it wakes what is due and finds pushes whose webhook was lost.

    Any number may run; one leads. It needs server.redis and server.database.
    """
    set_up(log_format)
    settings = load_settings(asked().config_path())
    store = open_books(settings)
    ports = build_ports(settings, store)
    try:
        run_scheduler(ports, stop_on_signal(), Beat(beat), tidying(store, ports))
    finally:
        store.close()
