"""`work`: worker processes, each on one queue."""

import os

import click

from pipeline.commands.asked import asked
from pipeline.commands.forking import supervise
from pipeline.commands.parts import SUPERVISED, beat_option, log_format_option, open_books, worker_part
from pipeline.worker import QUEUES
from pipeline.worker import work as run_worker
from runners.log_lines import set_up
from runners.settings_source import load_settings


@click.command()
@log_format_option
@beat_option
@click.option(
    "--queue",
    type=click.Choice([*QUEUES, "all"]),
    default="all",
    show_default=True,
    help="Builds, deployments or both.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes for each queue.",
)
def work(log_format: str, beat: str, queue: str, concurrency: int) -> None:
    """Run workers alone: they build, test, publish and deploy.

    For several machines. It needs server.redis and server.database, which all machines share.
    """
    set_up(log_format)
    config = asked().config_path()
    settings = load_settings(config)
    open_books(settings).close()  # a worker keeps nothing open that its forks would inherit
    if queue != "all" and concurrency == 1:
        run_worker(queue, config, beat)
        return
    queues = list(QUEUES) if queue == "all" else [queue]
    os.environ.update({"SHIPWAY_LOG_FORMAT": log_format, SUPERVISED: "work"})
    plans = [worker_part(settings, name, i) for name in queues for i in range(concurrency)]
    supervise(plans, {"work": work}, config, beat)
