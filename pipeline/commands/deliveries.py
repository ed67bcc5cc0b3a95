"""`deliveries list|show|replay`: what told Shipway of pushes, what it said, and once more, by the API."""

from typing import Any

import click

from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.showing import ago, first_line, show, table

OUTCOMES = ("accepted", "ignored")


@click.group(invoke_without_command=True)
@click.pass_context
def deliveries(context: click.Context) -> None:
    """Webhooks and looks at repositories that told of something: list them, show or replay one."""
    if not context.invoked_subcommand:
        context.invoke(list_deliveries)


@deliveries.command("list")
@click.option("--service", default="")
@click.option("--forge", default="", help="Its name, or sweep for looks at repositories.")
@click.option("--outcome", type=click.Choice(OUTCOMES))
@click.option(
    "-q", "--query", default="", help="Part of a forge's id, event, project, reason, ref, commit or author."
)
@click.option("--before", type=click.IntRange(1), help="Only deliveries with a smaller id.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
def list_deliveries(
    service: str, forge: str, outcome: str | None, query: str, before: int | None, limit: int
) -> None:
    """The latest deliveries."""
    wanted = {"service": service, "forge": forge, "outcome": outcome, "q": query, "before": before}
    answer = api(asked()).get("/deliveries", **wanted, limit=limit)
    heads = ("delivery", "forge", "event", "project", "became", "when")
    show(answer, table(heads, [_row(one) for one in answer["deliveries"]], "No deliveries."))


@deliveries.command("show")
@click.argument("number", type=int)
def show_delivery(number: int) -> None:
    """One delivery: its headers, its body, and what was decided."""
    answer = api(asked()).get(f"/deliveries/{number}")
    head = (
        f"Delivery {number} of {answer['project'] or 'no project'}: {answer['event']} from {answer['forge']}"
    )
    lines = [f"{head} {ago(answer['received_at'])}", f"Known by {answer['forge_id']}", _became(answer)]
    lines += [f"A replay of delivery {answer['replay_of']}."] if answer["replay_of"] else []
    lines += [f"Replayed as {_numbers(answer['replays'])}."] if answer["replays"] else []
    lines += ["", *(f"{name}: {value}" for name, value in sorted(answer["headers"].items()))]
    lines += ["", answer["body"] if answer["body"] is not None else "Its body is not kept any more."]
    show(answer, "\n".join(lines))


@deliveries.command()
@click.argument("number", type=int)
def replay(number: int) -> None:
    """Decide delivery NUMBER again with today's settings, and start its runs whatever became of it."""
    answer = api(asked()).post(f"/deliveries/{number}/replay")
    show(answer, f"Delivery {answer['delivery']}: run {_numbers(answer['runs'])} queued.")


def _row(one: Any) -> tuple[object, ...]:
    return (one["id"], one["forge"], one["event"], one["project"], _became(one), ago(one["received_at"]))


def _became(one: Any) -> str:
    if one["ignored"]:
        return first_line(f"ignored: {one['ignored']}", 90)
    return f"run {_numbers(one['runs'])}" if one["runs"] else "accepted"


def _numbers(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
