"""`schedule`: the scheduler's process."""

import threading
from collections.abc import Callable

import click

from pipeline.commands.asked import asked
from pipeline.commands.parts import beat_option, log_format_option, open_books
from pipeline.entrances.watch import watching as watching_regions
from pipeline.notices.tell import tell as tell_people
from pipeline.ports import Ports
from pipeline.reporting import Reporting
from pipeline.reports.compose import reports_of
from pipeline.reports.tell import tell as tell_forges
from pipeline.rounds import backing_up, listened, pooling, recovering, tidying, watching
from pipeline.scheduler import Watch, stop_on_signal
from pipeline.scheduler import schedule as run_scheduler
from pipeline.wiring import build_desk, build_notice_desk, build_ports
from runners.doorbell import Doorbell
from runners.log_lines import set_up
from runners.machine import Presence
from runners.process import Beat
from runners.redis_child import redis_url
from runners.settings_source import load_settings
from runners.store import Store

POOLS_EVERY = 5.0  # seconds
RECOVERY_EVERY = 2.0  # seconds
BACKUP_EVERY = 30.0


@click.command()
@log_format_option
@beat_option
def schedule(log_format: str, beat: str) -> None:
    """Run the scheduler alone: it wakes what is due and finds pushes whose webhook was lost.

    Any number may run; one leads. It needs server.redis and server.database.
    """
    set_up(log_format)
    config = asked().config_path()
    settings = load_settings(config)
    store = open_books(settings)
    ports = build_ports(settings, store)
    stopping = stop_on_signal()
    try:
        keep_up = _reporting(store, ports, stopping)
        watch = Watch(watching(store, ports))
        watches = [Watch(recovering(ports), RECOVERY_EVERY, "recovery")]
        watches += [Watch(backing_up(config, store, ports), BACKUP_EVERY, "backup")]
        watches += [Watch(pooling(ports), POOLS_EVERY, "pools", prompt=True)] if settings.pools else []
        watches += [
            Watch(
                watching_regions(entrance, ports), entrance.health.interval, f"entrance-{entrance.name}", True
            )
            for entrance in ports.settings.entrances.values()
        ]
        with Presence(store, settings.server):
            run_scheduler(ports, stopping, Beat(beat), tidying(store, ports), keep_up, watch, watches)
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
