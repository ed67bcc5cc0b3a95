"""`up`: everything on one machine. Looks whether it can work, writes the supervisor's plan, and becomes the supervisor."""

import os
import socket
import sys
from pathlib import Path
from typing import IO

import click

from pipeline.commands.asked import asked
from pipeline.commands.crew import crew
from pipeline.commands.forking import call
from pipeline.commands.gathering import gather
from pipeline.commands.listening import listening_socket
from pipeline.commands.parts import PARTS, PYTHON, SUPERVISED, log_format_option, only_option, shipway
from pipeline.errors import BadConfig
from pipeline.settings import Settings
from pipeline.supervisor import ChildPlan, write_plan
from runners.machine import this_machine
from runners.own_store import store_of
from runners.process import Beat, Fork, hold_alone
from runners.redis_child import FAREWELL, prepare, program, socket_path, words
from runners.settings_source import load_settings
from runners.store import Store

FIRST_LINK = 24 * 3600.0  # seconds


@click.command()
@log_format_option
@only_option
def up(log_format: str, only: tuple[str, ...]) -> None:
    """Run everything on this machine: server, workers, scheduler, and a Redis when none is configured.

    One of several machines may run some of it: --only server,worker.

    A process that dies or freezes is started again. SIGTERM or Ctrl-C ends all of them within 10 seconds, SIGHUP reads
    the configuration again.
    """
    config = asked().config_path()
    settings = load_settings(config)
    _demand_what_all_share(settings, only)
    data = Path(settings.server.data)
    lock = hold_alone(data)
    (data / "run").mkdir(exist_ok=True)
    listener = listening_socket(settings.server.listen) if "server" in only else None
    redis = [] if settings.server.redis else [_redis(settings.server.data)]
    token, link = _first_entries(settings)
    os.environ.update({"SHIPWAY_LOG_FORMAT": log_format, SUPERVISED: "up"})
    plan = data / "run" / "plan.json"
    write_plan([*redis, _crew(config, settings, only, listener, lock)], plan)
    click.echo(f"Shipway at {settings.server.url} · token of this machine in {token}")
    if link:
        click.echo(f"Nobody can sign in yet. For the first user, good once and for a day: {link}")
    sys.stdout.flush()
    check = [*shipway(config), "config", "check"]
    os.execv(sys.executable, [*PYTHON, "-m", "pipeline.supervisor", str(plan), *check])  # noqa: S606


def _demand_what_all_share(settings: Settings, only: tuple[str, ...]) -> None:
    if only != PARTS and not (settings.server.redis and settings.server.database):
        raise BadConfig(
            "--only leaves parts to other machines, so server.database (PostgreSQL) and server.redis must name what all of "
            "them share; see docs/control-plane.md."
        )


def _crew(
    config: str, settings: Settings, only: tuple[str, ...], listener: socket.socket | None, lock: IO[str]
) -> ChildPlan:
    """Its first life is a fork of this process, which has loaded everything already."""
    beat = Beat(f"{settings.server.data}/run/crew.beat")
    beat.forget()
    words: tuple[str, ...] = ("crew", "--only", ",".join(only), "--beat", beat.path)
    fds: tuple[int, ...] = ()
    if listener is not None:
        listener.set_inheritable(True)
        fds = (listener.fileno(),)
        words = (*words, "--fd", str(listener.fileno()))

    def live() -> int:
        lock.close()
        return call(crew, words[1:], config)

    return ChildPlan("crew", (*shipway(config), *words), beat=beat.path, fds=fds, pid=Fork(live).pid)


def _redis(data: str) -> ChildPlan:
    prepare(data)
    socket_path(data).unlink(missing_ok=True)  # of an earlier life; nobody may take it for this one's
    made, ready = tuple(words(program(), data)), str(socket_path(data))
    return ChildPlan("redis", made, ready=ready, last=True, farewell=FAREWELL, foreign=True)


def _first_entries(settings: Settings) -> tuple[Path, str]:
    """The token's file and, while there are no users, a link that makes the first. Also the first look at the database:
    what is wrong with it is said here, once, and not by five processes."""
    store = store_of(settings.server)
    try:
        gather(settings.server, store)
        token = _first_token(settings, store)
        if store.users.users():
            return token, ""
        ticket = store.sessions.issue("first-user", {}, FIRST_LINK)
        return token, f"{settings.server.url.rstrip('/')}/welcome?ticket={ticket}"
    finally:
        store.close()


def _first_token(settings: Settings, store: Store) -> Path:
    """So that the command on this machine just works."""
    path = Path(settings.server.data) / "keys" / "local.token"
    if path.is_file() and store.tokens.who(path.read_text(encoding="utf-8").strip()):
        return path
    name = f"local-{this_machine(settings.server).id}" if store.shared else "local"
    if any(caller.name == name for caller in store.tokens.tokens()):
        store.tokens.revoke(name)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(store.tokens.create(name, "admin", ()) + "\n")
    return path
