"""What the processes of Shipway have in common: their options, their books, and the words that start each of them."""

import os
import sys
from pathlib import Path

import click

from pipeline.commands.gathering import gather
from pipeline.errors import BadConfig
from pipeline.settings import Settings
from pipeline.supervisor import ChildPlan
from runners.log_lines import FORMATS
from runners.own_store import store_of
from runners.store import Store

PYTHON = (sys.executable, "-P")  # -P: the folder that we are started in is no place for code
PARTS = ("server", "scheduler", "worker", "door")  # of a machine
SUPERVISED = "SHIPWAY_SUPERVISED"  # in the environment of processes whose parent has looked after the rest

log_format_option = click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    envvar="SHIPWAY_LOG_FORMAT",
    default="text",
    show_default=True,
    help="One line an event on stderr.",
)
only_option = click.option(
    "--only",
    default="",
    envvar="SHIPWAY_ONLY",
    metavar="PARTS",
    callback=lambda context, option, value: parts_of(value),
    help="server, scheduler, worker: those of them, with commas. Default: all.",
)
beat_option = click.option("--beat", default="", hidden=True, help="A file to give signs of life in.")


def parts_of(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in PARTS:
            raise BadConfig(f"--only: there is no part {name!r}. Parts: {', '.join(PARTS)}.")
    return names or PARTS


def shipway(config: str) -> tuple[str, ...]:
    """How to call ourselves."""
    return (*PYTHON, "-m", "pipeline.cli", "--config", config)


def part(settings: Settings, name: str, words: tuple[str, ...], after: str = "") -> ChildPlan:
    """A process that is a fork; `words` are a sub-command and its options."""
    beat = f"{settings.server.data}/run/{name}.beat"
    return ChildPlan(name, (*words, "--beat", beat), beat=beat, after=after)


def worker_part(settings: Settings, queue: str, number: int, after: str = "") -> ChildPlan:
    return part(settings, f"{queue}-{number + 1}", ("work", "--queue", queue), after)


def open_books(settings: Settings) -> Store:
    """The books, up to date. Under a supervisor that was done before this process began."""
    supervised = SUPERVISED in os.environ
    if not supervised and not settings.server.redis:
        raise BadConfig(
            "server.redis is empty: only `shipway up` brings a Redis of its own. To run the parts alone, set server.redis "
            "and, when they are on several machines, server.database to what they share."
        )
    (Path(settings.server.data) / "run").mkdir(parents=True, exist_ok=True)
    store = store_of(settings.server)
    if not supervised:
        gather(settings.server, store)
    return store
