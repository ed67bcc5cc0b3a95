"""`figures`: how often a service is released, how fast, how often it goes wrong and for how long, by the API."""

from typing import Any

import click

from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.showing import show, table

HEADS = (
    "service",
    "environment",
    "deployments",
    "a day",
    "lead time",
    "failures",
    "failure rate",
    "time to restore",
)
UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


@click.command()
@click.argument("service", default="")
@click.option("--days", type=click.IntRange(1, 365), default=30, show_default=True, help="How far back.")
def figures(service: str, days: int) -> None:
    """The four DORA metrics of SERVICE, or of all; of one also how long its stages take. docs/figures.md defines them."""
    server = api(asked())
    names = [service] if service else [one["name"] for one in server.get("/services")["services"]]
    answers = [server.get(f"/services/{name}/figures", days=days) for name in names]
    rows = [_row(one["service"], place) for one in answers for place in one["environments"]]
    lines = [table(HEADS, rows, f"Nothing was deployed in the last {days} days.")]
    if service and answers[0]["stages"]:
        stages = [_stage(one) for one in answers[0]["stages"]]
        lines += ["", table(("stage", "median", "p95", "runs"), stages, "")]
    show({"figures": answers}, "\n".join(lines))


def _row(service: str, place: Any) -> tuple[object, ...]:
    rate = place["failure_rate"]
    return (
        service,
        place["environment"],
        place["deployments"],
        f"{place['deployments_per_day']:g}",
        _spread(place["lead_seconds"]),
        place["failures"],
        "" if rate is None else f"{rate:.0%}",
        _spread(place["restore_seconds"]),
    )


def _stage(one: Any) -> tuple[object, ...]:
    spread = one["seconds"]
    return one["stage"], duration(spread["median"]), duration(spread["p95"]), spread["count"]


def _spread(spread: Any) -> str:
    if not spread["count"]:
        return ""
    return f"{duration(spread['median'])} (p95 {duration(spread['p95'])})"


def duration(seconds: float) -> str:
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
