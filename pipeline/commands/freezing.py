"""`freeze set|list|lift`: hold the deployments of an environment back, by the API."""

from datetime import datetime

import click

from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.showing import show, table


@click.group()
def freeze() -> None:
    """Hold deployments back for a while; pushes are built, tested and published meanwhile."""


@freeze.command("set")
@click.argument("environment")
@click.option("--service", default="", help="Only of this one. Default: all that have the environment.")
@click.option("--until", required=True, help="18:00, 2h, 3d or 2026-12-24T18:00, in the server's time zone.")
@click.option("--from", "since", default="", help="Written likewise. Default: now.")
@click.option("--why", default="", help="For people who wait.")
def set_freeze(environment: str, service: str, until: str, since: str, why: str) -> None:
    """Let no deployment of ENVIRONMENT begin until then. What is under way is finished; going back is never held."""
    body = {"environment": environment, "service": service, "until": until, "since": since, "why": why}
    answer = api(asked()).post("/freezes", body)
    place = f"{service or 'every service'} on {environment}"
    show(
        answer,
        f"Freeze {answer['id']}: {place} takes no deployment until {_said(answer['until'])}. "
        f"`shipway freeze lift {answer['id']}` ends it.",
    )


@freeze.command()
@click.argument("number", type=int)
def lift(number: int) -> None:
    """End freeze NUMBER now; runs that waited for it deploy within seconds."""
    answer = api(asked()).delete(f"/freezes/{number}")
    show(answer, f"Freeze {number} of {answer['environment']} is lifted.")


@freeze.command("list")
def list_freezes() -> None:
    """Those that hold now or will, of people and of shipway.yml."""
    answer = api(asked()).get("/freezes")
    rows = [
        (
            one["id"] or "",
            one["service"] or "all",
            one["environment"],
            _said(one["since"]),
            _said(one["until"]),
            one["by"],
            one["why"],
        )
        for one in answer["freezes"]
    ]
    heads = ("freeze", "service", "environment", "from", "until", "by", "why")
    show(answer, table(heads, rows, "Nothing is frozen."))


def _said(moment: str) -> str:
    """In the zone of who reads it."""
    return f"{datetime.fromisoformat(moment).astimezone():%a %Y-%m-%d %H:%M %Z}"
