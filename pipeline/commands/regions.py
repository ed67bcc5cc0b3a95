"""`regions`: how the regions behind one name are; what would be changed; apply, park and unpark. By the API."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from pipeline.commands.asked import asked
from pipeline.commands.calling import Api, api
from pipeline.commands.showing import ago, event, first_line, show, table

EVERY = 1.0  # seconds between two looks whether a change has settled
PATIENCE = 120.0  # seconds for a call in which a provider is told something
wait_option = click.option("--wait/--no-wait", default=True, help="Stay until all of its servers answer so.")
entrance_option = click.option("--entrance", default="", help="Only of this one. Default: all that have it.")


@click.group(invoke_without_command=True)
@click.pass_context
def regions(context: click.Context) -> None:
    """One name over several regions: who serves, and who does not and why."""
    if context.invoked_subcommand is None:
        context.invoke(status)


@regions.command()
def status() -> None:
    """Every region of every entrance."""
    answer = api(asked()).get("/entrances")
    rows = [
        (entrance["name"], entrance["domain"], one["name"], one["address"], _share(one), one["state"],
         ago(one["since"]), first_line(f"{one['by']} {one['why']}".strip()))
        for entrance in answer["entrances"]
        for one in entrance["regions"]
    ]  # fmt: skip
    heads = ("entrance", "name", "region", "address", "share", "state", "since", "why")
    show(
        answer, table(heads, rows, "No entrances. shipway.yml names them under `entrances`; docs/regions.md.")
    )


@regions.command()
@entrance_option
@click.option("--adopt", is_flag=True, help="As if records that are not ours yet were.")
@click.option("--force", is_flag=True, help="As if more may be changed at once.")
def plan(entrance: str, adopt: bool, force: bool) -> None:
    """What `apply` would change at the provider. Changes nothing."""
    server = api(asked())
    flags = {name: "true" for name, given in (("adopt", adopt), ("force", force)) if given}
    plans = [server.get(f"/entrances/{name}/plan", **flags) for name in _names(server, entrance)]
    show(plans, "\n".join(_told(one) for one in plans) or "No entrances.")


@regions.command("apply")
@entrance_option
@click.option(
    "--adopt", is_flag=True, help="Records without our mark that have a region's address become ours."
)
@click.option("--force", is_flag=True, help="Also more than 30 % of the records; never the last region.")
@wait_option
def apply_file(entrance: str, adopt: bool, force: bool, wait: bool) -> None:
    """Make the provider answer as shipway.yml says."""
    server = api(asked())
    names = _names(server, entrance)
    body = {"adopt": adopt, "force": force}
    plans = [server.post(f"/entrances/{name}/apply", body, patience=PATIENCE) for name in names]
    show(plans, "\n".join(_told(one) for one in plans) or "No entrances.")
    _stay(server, [one["entrance"] for one in plans if one["changes"]], wait)


@regions.command()
@click.argument("region")
@entrance_option
@click.option("--reason", default="", help="For people who ask why.")
@wait_option
def park(region: str, entrance: str, reason: str, wait: bool) -> None:
    """Give REGION no answers until it is unparked, as for maintenance."""
    server = api(asked())
    answer = server.post(
        f"/regions/{region}/park", {"entrance": entrance, "reason": reason}, patience=PATIENCE
    )
    show(
        answer,
        f"{region} is parked in {', '.join(answer['entrances'])}. `shipway regions unpark {region}` ends it.",
    )
    _stay(server, answer["entrances"], wait)


@regions.command()
@click.argument("region")
@entrance_option
@wait_option
def unpark(region: str, entrance: str, wait: bool) -> None:
    """Give REGION its share again."""
    server = api(asked())
    answer = server.post(f"/regions/{region}/unpark", {"entrance": entrance}, patience=PATIENCE)
    show(
        answer,
        f"{region} has its share again in {', '.join(answer['entrances'])}, unless its health keeps it out.",
    )
    _stay(server, answer["entrances"], wait)


def _share(region: Mapping[str, Any]) -> str:
    """As it is now."""
    return str(region["share"]) if region["state"] in ("serving", "idle") else f"0 of {region['share']}"


def _names(server: Api, entrance: str) -> Sequence[str]:
    return [entrance] if entrance else [one["name"] for one in server.get("/entrances")["entrances"]]


def _told(made: Mapping[str, Any]) -> str:
    steps = [f"  {step}" for step in made["steps"]]
    count = f"{made['changes']} change{'s' * (made['changes'] > 1)}" if made["changes"] else "as it should be"
    head = f"{made['entrance']}: {count}"
    return "\n".join([head, *steps, *([f"  refused: {made['refused']}"] if made["refused"] else [])])


def _stay(server: Api, names: Sequence[str], wait: bool) -> None:
    """Until each one's last change has settled."""
    for name in names if wait else ():
        while (change := _last(server, name)) and not change["settled_at"]:
            time.sleep(EVERY)
        if change:
            until = datetime.fromisoformat(change["known_until"]).astimezone()
            event(
                f"{name}: every server answers so. The last resolver may say the old until {until:%H:%M:%S %Z}."
            )


def _last(server: Api, name: str) -> Any:
    changes = server.get(f"/entrances/{name}")["changes"]
    return changes[0] if changes else None
