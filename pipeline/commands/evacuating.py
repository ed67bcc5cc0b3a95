"""`evacuate`: empties a host or a region, and stays until the last replica has left."""

import time
from collections.abc import Mapping
from typing import Any

import click

from pipeline.commands import completing
from pipeline.commands.asked import asked
from pipeline.commands.calling import Api, api
from pipeline.commands.following import wait_option
from pipeline.commands.showing import event, show, table
from pipeline.errors import RolloutFailed, Unreachable

EVERY = 1.0  # seconds
PATIENCE = 120.0  # seconds that the server may be away meanwhile
STUCK = ("failed", "rolled_back", "cancelled")


@click.command()
@click.argument("where", metavar="HOST|REGION", shell_complete=completing.hosts)
@click.option("--plan", is_flag=True, help="Only say what would be done. Changes nothing.")
@click.option("--reason", default="", help="For people who ask why.")
@click.option("--force", is_flag=True, help="Also below the fewest hosts of an environment; never to none.")
@wait_option
def evacuate(where: str, plan: bool, reason: str, force: bool, wait: bool) -> None:
    """Move everything off a host, or off all hosts of a region, without a failed request.

    What was begun goes on when this command ends or the server dies; typed again, it stays with what is left.
    `shipway hosts resume HOST` takes a host back in.
    """
    server = api(asked())
    body = {"where": where, "plan": plan, "reason": reason, "force": force}
    answer = server.post("/evacuations", body)
    if plan:
        show(answer, _planned(where, answer))
        if any(leave["refusal"] for leave in answer["leaves"]):
            click.get_current_context().exit(6)
        return
    for line in (*answer["remarks"], *(f"{place} follows by itself." for place in answer["waiting"])):
        event(line)
    if wait:
        answer = _stay(where, server)
    show(
        answer,
        f"{where} is empty." if wait else f"{where} is being evacuated; the same command stays with it.",
    )


def _planned(where: str, answer: Mapping[str, Any]) -> str:
    rows = [
        (
            f"{one['service']}/{one['environment']}",
            _places(one["before"]),
            _places(one["after"]),
            one["refusal"] or "can",
        )
        for one in answer["leaves"]
    ]
    told = table(("environment", "now", "then", "can it"), rows, f"Nothing of Shipway's runs on {where}.")
    return "\n".join([f"Hosts: {', '.join(answer['hosts'])}", told, *answer["remarks"]])


def _places(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{host} ×{count}" for host, count in sorted(counts.items()))


def _stay(where: str, server: Api) -> Any:
    told, lost_at = "", None
    while True:
        try:
            answer = server.get(f"/evacuations/{where}")
            lost_at = None
        except Unreachable:
            lost_at = lost_at or time.monotonic()
            if time.monotonic() - lost_at > PATIENCE:
                raise
            time.sleep(EVERY)
            continue
        left = [one for one in answer["remaining"] if one["replicas"]]
        line = ", ".join(f"{one['service']}/{one['environment']} ×{one['replicas']}" for one in left)
        if line != told:
            event(f"Still on {where}: {line}." if line else f"Nothing is left on {where}.")
            told = line
        if not left:
            return answer
        _refuse_stuck(where, left)
        time.sleep(EVERY)


def _refuse_stuck(where: str, left: list[Mapping[str, Any]]) -> None:
    """Only when nothing else is under way."""
    stuck = [one for one in left if one["status"] in STUCK]
    if len(stuck) == len(left):
        first = stuck[0]
        raise RolloutFailed(
            f"{first['service']}/{first['environment']} does not leave {where}: deployment {first['deployment']} is "
            f"{first['status']}: {first['error']} It is tried again every ten minutes; `shipway deployment show "
            f"{first['deployment']}` tells each step."
        )
