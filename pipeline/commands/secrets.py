"""`secret set|list|remove|rotate`: on the database itself where the operator's file is, over the API elsewhere.

A value comes from a prompt or from standard input, never from the words of a command: those every user of a machine sees.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

import click

from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.showing import ago, show, table
from pipeline.errors import Refused
from pipeline.stored_secret import Scope, Use

Command = TypeVar("Command", bound=Callable[..., Any])
BY = "local"


@click.group()
def secret() -> None:
    """Secrets that Shipway keeps, sealed: environment variables of builds, tests or replicas."""


def scope_options(command: Command) -> Command:
    """Where and when it is given."""
    for option in (
        click.option(
            "--stage",
            type=click.Choice([use.value for use in Use]),
            default=Use.RUN.value,
            show_default=True,
            help="What it is for. Nothing is given to two of them.",
        ),
        click.option("--environment", default="", help="Only there. Default: all."),
        click.option("--service", default="", help="Only to this one. Default: all."),
    ):
        command = option(command)
    return command


@secret.command("set")
@click.argument("name")
@scope_options
def set_secret(name: str, service: str, environment: str, stage: str) -> None:
    """Keep NAME, or change its value. The value is asked for, or read from standard input: `< file`."""
    if "=" in name:
        raise Refused("Only the name goes here; the value is asked for, or read from standard input.")
    where = {"service": service, "environment": environment, "stage": stage}
    value = _value(name)
    if _remote():
        answer = api(asked()).post("/secrets", {"name": name, "value": value, **where})
    else:
        answer = _put_here(name, Scope(service, environment, Use(stage)), value)
    show(answer, "\n".join([f"{name} is kept for {Scope(service, environment, Use(stage))}.", *_old(answer)]))


@secret.command("list")
def list_secrets() -> None:
    """Names, scopes, age and who set them; never the values."""
    if _remote():
        answer = api(asked()).get("/secrets")
    else:
        with _ports() as ports:
            answer = {"secrets": [_row(one) for one in ports.secrets.secrets()]}
    rows = [
        (
            one["name"],
            one["service"] or "all",
            one["environment"] or "all",
            one["stage"],
            ago(one["set_at"]),
            one["set_by"],
        )
        for one in answer["secrets"]
    ]
    heads = ("name", "service", "environment", "stage", "set", "by")
    show(answer, table(heads, rows, "No secrets are kept. `shipway secret set NAME` keeps one."))


@secret.command()
@click.argument("name")
@scope_options
def remove(name: str, service: str, environment: str, stage: str) -> None:
    """Forget NAME of exactly this scope. Releases that have it keep it."""
    scope = Scope(service, environment, Use(stage))
    if _remote():
        where = {"service": service, "environment": environment, "stage": stage}
        answer = api(asked()).delete(f"/secrets/{name}", **where)
    else:
        with _ports() as ports:
            ports.secrets.remove(name, scope)
            ports.audit.note(BY, "secret.remove", f"secret {name}", str(scope))
            answer = _changed(name, scope, ports)
    show(answer, "\n".join([f"{name} of {scope} is forgotten.", *_old(answer)]))


@secret.command()
@click.option(
    "--lost", is_flag=True, help="The key before is lost for good; what it sealed must be set again."
)
def rotate(lost: bool) -> None:
    """A new sealing key. Everything is sealed anew while Shipway runs; then the old key is forgotten. On its own machine."""
    server = import_module("runners.settings_source").load_settings(asked().config_path()).server
    store = import_module("runners.own_store").store_of(server)
    gathering = import_module("pipeline.commands.gathering")
    try:
        if lost:
            store.migrate()
            store.trust_key()
        gathering.gather(server, store)
        gathering.demand_alone(server, store)
        count = store.rotate()
        store.audit.note(BY, "secret.rotate", "everything", f"{count} rows sealed anew")
    finally:
        store.close()
    show({"sealed_anew": count}, f"{count} rows are sealed with a new key. Back up keys/seal.key anew.")


def _put_here(name: str, scope: Scope, value: str) -> dict[str, Any]:
    kept = import_module("pipeline.rollout.secrets")
    with _ports() as ports:
        kept.check_scope(scope, ports.settings)
        ports.secrets.put(name, scope, import_module("pipeline.secret").Secret(value), BY)
        ports.audit.note(BY, "secret.set", f"secret {name}", str(scope))
        return _changed(name, scope, ports)


def _changed(name: str, scope: Scope, ports: Any) -> dict[str, Any]:
    old = import_module("pipeline.rollout.secrets").running_with_old(name, scope, ports)
    outdated = [{"service": o.service, "environment": o.environment, "release": o.number} for o in old]
    return {"name": name, "outdated": outdated}


def _row(one: Any) -> dict[str, Any]:
    scope = one.scope
    where = {"service": scope.service, "environment": scope.environment, "stage": scope.stage.value}
    return {"name": one.name, **where, "set_at": one.set_at.isoformat(), "set_by": one.set_by}


def _old(answer: Mapping[str, Any]) -> list[str]:
    """What still runs with the value before, and the command that brings the new one."""
    return [
        f"{one['service']}/{one['environment']} runs with the old value until it is deployed: "
        f"`shipway deploy {one['service']} {one['environment']} --release {one['release']}`"
        for one in answer["outdated"]
    ]


def _value(name: str) -> str:
    """Without the newline that `echo` and editors add."""
    if sys.stdin.isatty():
        return str(click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True))
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


def _remote() -> bool:
    """Somebody who names a server means that one."""
    return bool(os.environ.get("SHIPWAY_URL") and os.environ.get("SHIPWAY_TOKEN"))


@contextmanager
def _ports() -> Iterator[Any]:
    """Loaded by name: a remote caller need not wait for the database's packages."""
    settings = import_module("runners.settings_source").load_settings(asked().config_path())
    store = import_module("runners.own_store").store_of(settings.server)
    try:
        store.migrate()
        store.agree()
        yield import_module("pipeline.wiring").build_ports(settings, store)
    finally:
        store.close()
