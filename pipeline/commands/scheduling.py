"""`schedule`: the scheduler's process."""

import threading
from collections.abc import Callable

import click

from pipeline.commands.asked import asked
from pipeline.commands.parts import beat_option, log_format_option, open_books
from pipeline.notices.tell import tell as tell_people
from pipeline.ports import Ports
from pipeline.reporting import Reporting
from pipeline.reports.compose import reports_of
from pipeline.reports.tell import tell as tell_forges
from pipeline.scheduler import Watch, stop_on_signal
from pipeline.scheduler import schedule as run_scheduler
from pipeline.wiring import build_desk, build_notice_desk, build_ports, listened, tidying, watching
from runners.doorbell import Doorbell
from runners.log_lines import set_up
from runners.machine import Presence
from runners.process import Beat
from runners.redis_child import redis_url
from runners.settings_source import load_settings
from runners.store import Store


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
    stopping = stop_on_signal()
    try:
        keep_up = _reporting(store, ports, stopping)
        watch = Watch(watching(store, ports))
        with Presence(store, settings.server):
            run_scheduler(ports, stopping, Beat(beat), tidying(store, ports), keep_up, watch)
    finally:
        store.close()


def _reporting(store: Store, ports: Ports, stopping: threading.Event) -> Callable[[], None]:
    """Nothing, when the file names nobody who is told anything."""
    url = redis_url(ports.settings.server.redis, ports.settings.server.data)
    begun: list[Callable[[], None]] = []
    if reports_of(ports.settings):
        bell = Doorbell(url, stopping)
        begun.append(Reporting(tell_forges, build_desk(store, ports), bell.wait, stopping).keep_up)
    if listened(ports.settings):
        bell = Doorbell(url, stopping)
        begun.append(Reporting(tell_people, build_notice_desk(store, ports), bell.wait, stopping).keep_up)

    def keep_up() -> None:
        for keep in begun:
            keep()

    return keep_up
