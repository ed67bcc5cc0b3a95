"""`deployments`, `deployment show|follow|retry`, `follow`, and what can be asked of one under way: pause, resume, promote,
approve, abort."""

from typing import Any

import click

from pipeline.commands import completing
from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.following import (
    follow_deployment,
    follow_run,
    override_option,
    overriding,
    reason_option,
    told_to_wait,
    wait_option,
)
from pipeline.commands.showing import ago, colour, first_line, show, table


@click.command()
@click.option("--service", default="", shell_complete=completing.services)
@click.option("--environment", default="", shell_complete=completing.environments)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
def deployments(service: str, environment: str, limit: int) -> None:
    """The latest deployments."""
    answer = api(asked()).get("/deployments", service=service, environment=environment, limit=limit)
    heads = (
        "deployment",
        "service",
        "environment",
        "release",
        "reason",
        "status",
        "asked by",
        "when",
        "error",
    )
    show(answer, table(heads, [_row(one) for one in answer["deployments"]], "No deployments yet."))


@click.group()
def deployment() -> None:
    """Show or follow one deployment."""


@deployment.command("show")
@click.argument("number", type=int, shell_complete=completing.deployments)
def show_deployment(number: int) -> None:
    """One deployment, host by host, with all that happened."""
    answer = api(asked()).get(f"/deployments/{number}")
    hosts = [(host["host"], host["phase"], first_line(host["error"], 90)) for host in answer["hosts"]]
    place = f"{answer['service']} on {answer['environment']}"
    lines = [
        f"Deployment {number} ({answer['reason']}) of release {answer['release']} of {place}: {colour(answer['status'])}",
        f"before: release {answer['previous_release'] or 'none'}, asked by {answer['requested_by']}",
        *([f"blocked: {answer['blocked']}"] if answer["blocked"] else []),
        *([answer["error"]] if answer["error"] else []),
        "",
        table(("host", "phase", "error"), hosts, "No hosts."),
        "",
        *(f"{e['at'][11:19]}  {e['host'] + ': ' if e['host'] else ''}{e['text']}" for e in answer["events"]),
    ]
    show(answer, "\n".join(lines))


@deployment.command()
@click.argument("number", type=int, shell_complete=completing.deployments)
@override_option
@reason_option
@wait_option
def retry(number: int, override: bool, reason: str, wait: bool) -> None:
    """Try one again: only hosts that do not have its release, or are not well with it, are touched."""
    server = api(asked())
    again = server.post(f"/deployments/{number}/retry", overriding(override, reason))["deployment"]
    follow_deployment(server, again) if wait else told_to_wait(again, "deployment")


@click.command()
@click.argument("number", type=int, metavar="NUMBER", shell_complete=completing.deployments)
@click.option("--run", "is_run", is_flag=True, help="NUMBER is a run's, not a deployment's.")
def follow(number: int, is_run: bool) -> None:
    """Stay with a deployment (or a run) until it is over; the exit code tells how it ended."""
    server = api(asked())
    follow_run(server, number) if is_run else follow_deployment(server, number)


deployment.add_command(follow)


def _asking(name: str, text: str, done: str) -> click.Command:
    @click.command(name, help=text)
    @click.argument("number", type=int, metavar="DEPLOYMENT", shell_complete=completing.deployments)
    def command(number: int) -> None:
        answer = api(asked()).post(f"/deployments/{number}/{name}")
        show(answer, f"Deployment {number} {done}")

    return command


pause = _asking(
    "pause", "Hold a deployment where it is; what serves goes on serving.", "holds after the step it is in."
)
resume = _asking("resume", "Let a held deployment go on.", "goes on.")
approve = _asking(
    "approve", "Let a deployment that waits go on with its next batch.", "goes on with its next batch."
)
abort = _asking("abort", "End a deployment; every host goes back.", "ends and goes back.")


@click.command()
@click.argument("what", metavar="DEPLOYMENT|SERVICE", shell_complete=completing.services)
@click.option(
    "--from",
    "origin",
    shell_complete=completing.environments,
    help="The environment whose live release is taken.",
)
@click.option(
    "--to", "environment", shell_complete=completing.environments, help="The environment that gets it."
)
@override_option
@reason_option
@wait_option
def promote(
    what: str, origin: str | None, environment: str | None, override: bool, reason: str, wait: bool
) -> None:
    """Take a canary to all hosts; or bring what is live on one environment onto another, the very image, without a build."""
    server = api(asked())
    if origin and environment:
        body = {"from": origin, **overriding(override, reason)}
        answer = server.post(f"/services/{what}/environments/{environment}/deployments", body)
        number = answer["deployment"]
        follow_deployment(server, number) if wait else told_to_wait(number, "deployment")
        return
    if origin or environment or not what.isdigit():
        raise click.UsageError("Give the number of a deployment, or a service with --from and --to.")
    answer = server.post(f"/deployments/{what}/promote")
    show(answer, f"Deployment {what} goes on to all hosts.")


def _row(one: Any) -> tuple[object, ...]:
    place = (one["id"], one["service"], one["environment"], one["release"], one["reason"])
    return (*place, one["status"], one["requested_by"], ago(one["created_at"]), first_line(one["error"], 50))
