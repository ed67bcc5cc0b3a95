"""`scaling`: what scales by itself, between which bounds, what was measured, and what was decided and why; by the API."""

from typing import Any

import click

from pipeline.commands import completing
from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.showing import ago, show, table

HEADS = ("service", "environment", "replicas", "from", "to", "state", "measured", "why")
LINES = ("when", "what", "replicas", "why", "deployment")
UNITS = {"cpu": " %", "memory": " %", "requests": " a second"}


@click.command()
@click.argument("service", default="", shell_complete=completing.services)
@click.argument("environment", default="", shell_complete=completing.environments)
@click.option("--limit", type=click.IntRange(1, 200), default=10, show_default=True, help="Decisions shown.")
def scaling(service: str, environment: str, limit: int) -> None:
    """What scales by itself; of one SERVICE or ENVIRONMENT also its latest decisions. docs/scaling.md says how to set it up."""
    answer = api(asked()).get("/scaling", service=service, environment=environment, limit=limit)
    rows = [_row(one) for one in answer["groups"]]
    lines = [table(HEADS, rows, "Nothing scales by itself; docs/scaling.md says how to begin.")]
    for one in answer["groups"] if service else ():
        told = [_line(decision) for decision in one["decisions"]]
        lines += [
            "",
            f"{one['service']}/{one['environment']}",
            table(LINES, told, "Nothing was decided yet."),
        ]
    show(answer, "\n".join(lines))


def _row(one: Any) -> tuple[object, ...]:
    return (
        f"pool {one['pool']}" if one.get("pool") else one["service"],
        one["environment"],
        one["replicas"],
        one["min"],
        one["max"],
        one["verdict"] or "not looked at yet",
        ", ".join(_measured(figure) for figure in one["measured"]),
        one["reason"] or one["period"],
    )


def _measured(figure: Any) -> str:
    """`cpu 83 % of 60 %`."""
    unit, value = UNITS.get(figure["measure"], ""), figure["value"]
    now = "unknown" if value is None else f"{value:.3g}{unit}"
    return f"{figure['measure']} {now}, wanted {figure['target']:g}{unit}"


def _line(one: Any) -> tuple[object, ...]:
    sizes = f"{one['before']} → {one['after']}" if one["before"] != one["after"] else one["before"]
    return ago(one["at"]), one["verdict"], sizes, one["reason"], one["deployment"] or ""
