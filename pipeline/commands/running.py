"""`up`, `serve`, `work`, `schedule`: the processes of Shipway.

`up` looks whether everything can work, writes the supervisor's plan and becomes the supervisor; the others are one
process each, and what the plan starts.
"""

import os
import sys
from pathlib import Path

import click

from pipeline.commands.asked import asked
from pipeline.commands.listening import listening_socket, socket_of
from pipeline.commands.web_process import serve_web
from pipeline.errors import BadConfig
from pipeline.scheduler import schedule as run_scheduler
from pipeline.scheduler import stop_on_signal
from pipeline.settings import Settings
from pipeline.supervisor import ChildPlan, Supervisor, write_plan
from pipeline.wiring import build_ports, build_store, tidying
from pipeline.worker import QUEUES
from pipeline.worker import work as run_worker
from runners.log_lines import FORMATS, set_up
from runners.process import Beat, hold_alone
from runners.redis_child import prepare, program, socket_path, words
from runners.settings_source import load_settings
from runners.store import Store

PYTHON = (sys.executable, "-P")  # -P: the folder that we are started in is no place for code
DEPLOY_WORKERS = 2  # one stuck environment never holds up another

log_format = click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    envvar="SHIPWAY_LOG_FORMAT",
    default="text",
    show_default=True,
    help="One line an event on stderr.",
)
beat_option = click.option("--beat", default="", hidden=True, help="A file to give signs of life in.")


@click.command()
@log_format
def up(log_format: str) -> None:
    """Run everything on this machine: server, workers, scheduler, and a Redis when none is configured.

    A process that dies or freezes is started again. SIGTERM or Ctrl-C ends all of them within 10 seconds, SIGHUP reads
    the configuration again.
    """
    config = asked().config_path()
    settings = load_settings(config)
    data = Path(settings.server.data)
    lock = hold_alone(data)
    (data / "run").mkdir(exist_ok=True)
    listener = listening_socket(settings.server.listen)
    listener.set_inheritable(True)
    token = _first_token(settings)
    plan = data / "run" / "plan.json"
    write_plan(_children(config, settings, listener.fileno()), plan)
    click.echo(f"Shipway at {settings.server.url} · token of this machine in {token}")
    sys.stdout.flush()
    environment = os.environ | {"SHIPWAY_LOG_FORMAT": log_format, "SHIPWAY_SUPERVISED": str(lock.fileno())}
    check = [*_shipway(config), "config", "check"]
    os.execve(sys.executable, [*PYTHON, "-m", "pipeline.supervisor", str(plan), *check], environment)  # noqa: S606


@click.command()
@log_format
@beat_option
@click.option("--fd", type=int, default=-1, hidden=True, help="A listening socket that was opened before.")
def serve(log_format: str, beat: str, fd: int) -> None:
    """Run the web part alone: webhooks, API, pages.

    For several machines. It needs server.redis and server.database, which all machines share.
    """
    set_up(log_format)
    settings = load_settings(asked().config_path())
    store = _ready(settings)
    listener = socket_of(fd) if fd >= 0 else listening_socket(settings.server.listen)
    serve_web(build_ports(settings, store), listener, Beat(beat))


@click.command()
@log_format
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
    _ready(settings).close()  # a worker's own process keeps nothing open that its forks would inherit
    if queue != "all" and concurrency == 1:
        run_worker(queue, config, beat)
        return
    queues = list(QUEUES) if queue == "all" else [queue]
    os.environ["SHIPWAY_LOG_FORMAT"] = log_format
    Supervisor([_worker(config, settings, name, i) for name in queues for i in range(concurrency)]).run()


@click.command()
@log_format
@beat_option
def schedule(log_format: str, beat: str) -> None:
    """Run the scheduler alone: it wakes what is due and finds pushes whose webhook was lost.

    Any number may run; one leads. It needs server.redis and server.database.
    """
    set_up(log_format)
    settings = load_settings(asked().config_path())
    store = _ready(settings)
    ports = build_ports(settings, store)
    run_scheduler(ports, stop_on_signal(), Beat(beat), tidying(store, ports))


def _children(config: str, settings: Settings, listener: int) -> list[ChildPlan]:
    data = settings.server.data
    redis = [] if settings.server.redis else [_redis(data)]
    after = redis[0].ready if redis else ""
    workers = [_worker(config, settings, "deliver", i, after) for i in range(settings.builder.concurrency)]
    workers += [_worker(config, settings, "deploy", i, after) for i in range(DEPLOY_WORKERS)]
    server = _part(config, data, "server", ["serve", "--fd", str(listener)], after, (listener,))
    return [*redis, server, *workers, _part(config, data, "scheduler", ["schedule"], after)]


def _redis(data: str) -> ChildPlan:
    prepare(data)
    return ChildPlan("redis", tuple(words(program(), data)), ready=str(socket_path(data)), last=True)


def _worker(config: str, settings: Settings, queue: str, number: int, after: str = "") -> ChildPlan:
    arguments = ["work", "--queue", queue]
    return _part(config, settings.server.data, f"{queue}-{number + 1}", arguments, after)


def _part(
    config: str, data: str, name: str, arguments: list[str], after: str = "", fds: tuple[int, ...] = ()
) -> ChildPlan:
    beat = f"{data}/run/{name}.beat"
    return ChildPlan(name, (*_shipway(config), *arguments, "--beat", beat), beat=beat, after=after, fds=fds)


def _shipway(config: str) -> tuple[str, ...]:
    return (*PYTHON, "-m", "pipeline.cli", "--config", config)


def _first_token(settings: Settings) -> Path:
    """So that the command on this machine just works. Also the first look at the database: what is wrong with it is
    said here, once, and not by five processes."""
    path = Path(settings.server.data) / "keys" / "local.token"
    store = build_store(settings)
    try:
        store.migrate()
        if path.is_file() and store.tokens.who(path.read_text(encoding="utf-8").strip()):
            return path
        if any(caller.name == "local" for caller in store.tokens.tokens()):
            store.tokens.revoke("local")
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 (a descriptor: the mode must be right from birth)
            file.write(store.tokens.create("local", "admin", ()) + "\n")
    finally:
        store.close()
    return path


def _ready(settings: Settings) -> Store:
    """The books, up to date. Under `up` that was done before this process began."""
    supervised = "SHIPWAY_SUPERVISED" in os.environ
    if not supervised and not settings.server.redis:
        raise BadConfig(
            "server.redis is empty: only `shipway up` brings a Redis of its own. To run the parts alone, set server.redis "
            "and, when they are on several machines, server.database to what they share."
        )
    (Path(settings.server.data) / "run").mkdir(parents=True, exist_ok=True)
    store = build_store(settings)
    if not supervised:
        store.migrate()
    return store
