"""`hosts drain|resume` and `services move`: ask the API, and stay until every deployment that follows is over."""

from typing import Any

import click

from pipeline.commands import completing
from pipeline.commands.asked import asked
from pipeline.commands.calling import Api, api
from pipeline.commands.following import follow_deployments, wait_option
from pipeline.commands.looking import hosts, services
from pipeline.commands.pools import plan_hosts
from pipeline.commands.showing import event, show

__all__ = ["hosts", "services"]

hosts.add_command(plan_hosts)


@hosts.command()
@click.argument("host", shell_complete=completing.hosts)
@click.option("--reason", default="", help="For people who ask why.")
@click.option("--force", is_flag=True, help="Also below the fewest hosts of an environment; never to none.")
@wait_option
def drain(host: str, reason: str, force: bool, wait: bool) -> None:
    """Place nothing on HOST any more; what is there leaves."""
    server = api(asked())
    answer = server.post(f"/hosts/{host}/drain", {"reason": reason, "force": force})
    _stay(server, answer, f"{host} is drained. Nothing of Shipway's is left to leave.", wait)


@hosts.command()
@click.argument("host", shell_complete=completing.hosts)
@wait_option
def resume(host: str, wait: bool) -> None:
    """Take HOST back in; it gets what is live before users reach it."""
    server = api(asked())
    answer = server.post(f"/hosts/{host}/resume")
    _stay(server, answer, f"{host} is back. Nothing needs to be brought there now.", wait)


@services.command()
@click.argument("service", shell_complete=completing.services)
@click.option(
    "--from",
    "origin",
    required=True,
    metavar="HOST",
    shell_complete=completing.hosts,
    help="The host that it leaves.",
)
@click.option(
    "--to",
    "target",
    required=True,
    metavar="HOST",
    shell_complete=completing.hosts,
    help="The host that it comes to.",
)
@click.option(
    "--environment",
    default="",
    shell_complete=completing.environments,
    help="Default: every one that runs there.",
)
@wait_option
def move(service: str, origin: str, target: str, environment: str, wait: bool) -> None:
    """Move SERVICE from one host to another; it stays so."""
    server = api(asked())
    body = {"from": origin, "to": target, "environment": environment}
    _stay(server, server.post(f"/services/{service}/move", body), "Nothing moves.", wait)


def _stay(server: Api, answer: Any, nothing: str, wait: bool) -> None:
    """The exit code is that of the first deployment that did not succeed."""
    for place in answer["waiting"]:
        event(f"{place} follows by itself when what is being deployed there is over.")
    numbers = answer["deployments"]
    if numbers and wait:
        follow_deployments(server, numbers)
        return
    begun = ", ".join(f"deployment {number}" for number in numbers)
    if answer["waiting"] and not begun:
        nothing = "Nothing has begun yet; `shipway deployments` shows when it does."
    show(answer, f"Begun: {begun}. `shipway follow N` stays with one." if begun else nothing)
