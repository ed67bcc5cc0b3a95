"""`pools`, `pools want` and `hosts plan`: machines that clouds make, by the API."""

from collections.abc import Mapping
from typing import Any

import click

from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.showing import ago, show, table

HEADS = ("pool", "machine", "state", "instance", "address", "since", "remark")
STEPS = ("pool", "does", "what", "why")


@click.group(invoke_without_command=True)
@click.pass_context
def pools(context: click.Context) -> None:
    """Pools of machines that a cloud makes and deletes; or `want` another number of one."""
    if context.invoked_subcommand:
        return
    answer = api(asked()).get("/pools")
    rows = [_row(pool, machine) for pool in answer["pools"] for machine in pool["machines"]]
    lines = [_head(pool) for pool in answer["pools"]]
    lines += (
        ["", table(HEADS, rows, "No machines.")] if lines else ["No pools. docs/hosts-pools.md tells how."]
    )
    lines += _failed(answer["pools"])
    lines += answer["strangers"]
    show(answer, "\n".join(lines))


@pools.command()
@click.argument("pool")
@click.argument("machines", type=click.IntRange(0, 1000))
@click.option("--why", default="", help="For people who ask why.")
@click.option("--force", is_flag=True, help="Also by more than 30 % of the pool at once.")
def want(pool: str, machines: int, why: str, force: bool) -> None:
    """From now on POOL should have so many MACHINES. The scheduler sees to it. Role admin."""
    answer = api(asked()).post(f"/pools/{pool}/want", {"machines": machines, "why": why, "force": force})
    show(
        answer,
        f"Pool {pool} has {len(answer['machines'])} machines, and {machines} are wanted. `shipway pools` shows how.",
    )


@click.command("plan")
@click.option("--force", is_flag=True, help="Let a change of more than 30 % of a pool happen at once.")
def plan_hosts(force: bool) -> None:
    """What pools need now, step by step, and what is held back. The scheduler carries it out. Role admin."""
    answer = api(asked()).post("/pools/plan", {"force": force}, patience=120.0)
    rows = [
        (plan["pool"], step["does"], step["machine"] or step["instance"], step["why"])
        for plan in answer["plans"]
        for step in plan["steps"]
    ]
    lines = [table(STEPS, rows, "Nothing to do: every pool is as it should be.")]
    lines += [f"{plan['pool']}: {plan['held']}." for plan in answer["plans"] if plan["held"]]
    lines += answer["strangers"]
    lines += [f"Forced: {', '.join(answer['forced'])}."] if answer["forced"] else []
    show(answer, "\n".join(lines))
    if any(plan["refused"] for plan in answer["plans"]):
        click.get_current_context().exit(1)


def _head(pool: Mapping[str, Any]) -> str:
    wanted = pool["min"] if pool["wanted"] is None else pool["wanted"]
    said = (
        f", by {pool['wanted_by']}{': ' if pool['wanted_why'] else ''}{pool['wanted_why']}"
        if pool["wanted_by"]
        else ""
    )
    there = sum(machine["state"] != "leaving" for machine in pool["machines"])
    where = " ".join(word for word in (pool["provider"], pool["region"], pool["type"]) if word)
    return (
        f"{pool['name']} ({where}): {there} of {wanted} wanted{said}; {pool['min']} to {pool['max']} allowed"
    )


def _row(pool: Mapping[str, Any], machine: Mapping[str, Any]) -> tuple[str, ...]:
    remark = machine["error"] or (machine["why"] if machine["state"] == "leaving" else "")
    place = machine["instance"], machine["address"]
    return (pool["name"], machine["name"], machine["state"], *place, ago(machine["since"]), remark)


def _failed(pools: list[Mapping[str, Any]]) -> list[str]:
    return [
        f"{machine['name']} failed {ago(machine['since'])}: {machine['error'] or machine['why']}"
        for pool in pools
        for machine in pool["past"][:1]
        if machine["failed"]
    ]
