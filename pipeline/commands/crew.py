"""`crew`, which `up` starts: server, scheduler and workers, supervised, as forks of this process."""

import os

import click

from pipeline.commands.asked import asked
from pipeline.commands.door import door
from pipeline.commands.forking import supervise
from pipeline.commands.parts import beat_option, log_format_option, part, worker_part
from pipeline.commands.scheduling import schedule
from pipeline.commands.serving import serve
from pipeline.commands.working import work
from pipeline.settings import Settings
from pipeline.supervisor import ChildPlan
from runners.log_lines import set_up
from runners.redis_child import socket_path
from runners.settings_source import load_settings

DEPLOY_WORKERS = 2  # one stuck environment never holds up another
COMMANDS = {"serve": serve, "schedule": schedule, "work": work, "door": door}


@click.command(hidden=True)
@log_format_option
@beat_option
@click.option("--fd", type=int, required=True, help="The listening socket.")
def crew(log_format: str, beat: str, fd: int) -> None:
    """Server, scheduler and workers; `shipway up` starts this."""
    set_up(log_format)
    os.environ["SHIPWAY_LOG_FORMAT"] = log_format
    config = asked().config_path()
    supervise(_plans(load_settings(config), fd), COMMANDS, config, beat)


def _plans(settings: Settings, listener: int) -> list[ChildPlan]:
    """The server first: it needs no Redis to take webhooks."""
    after = "" if settings.server.redis else str(socket_path(settings.server.data))
    workers = [worker_part(settings, "deploy", i, after) for i in range(DEPLOY_WORKERS)]
    workers += [worker_part(settings, "deliver", i, after) for i in range(settings.builder.concurrency)]
    server = part(settings, "server", ("serve", "--fd", str(listener)))
    doors = [part(settings, "door", ("door",))] if settings.enrolment else []
    return [server, part(settings, "scheduler", ("schedule",), after), *workers, *doors]
