"""`runs` and `run start|show|cancel|retry`: trips of commits through the pipeline, by the API."""

from typing import Any

import click

from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.following import follow_run, told_to_wait, wait_option
from pipeline.commands.showing import ago, colour, first_line, place_of, short, show, table, took

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled", "superseded")


@click.command()
@click.option("--service", default="")
@click.option("--environment", default="")
@click.option("--status", type=click.Choice(STATUSES))
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
def runs(service: str, environment: str, status: str | None, limit: int) -> None:
    """The latest runs."""
    answer = api(asked()).get("/runs", service=service, environment=environment, status=status, limit=limit)
    heads = ("run", "service", "environment", "ref", "commit", "status", "stage", "asked by", "when")
    show(answer, table(heads, [_row(run) for run in answer["runs"]], "No runs yet. Push something."))


@click.group()
def run() -> None:
    """Start, show, cancel or retry a run."""


@run.command()
@click.argument("service")
@click.argument("environment")
@click.argument("ref")
@wait_option
def start(service: str, environment: str, ref: str, wait: bool) -> None:
    """Build REF (a branch, tag or commit) of SERVICE for ENVIRONMENT, as if it had been pushed."""
    server = api(asked())
    number = server.post(f"/services/{service}/environments/{environment}/runs", {"ref": ref})["run"]
    follow_run(server, number) if wait else told_to_wait(number, "run")


@run.command("show")
@click.argument("number", type=int)
def show_run(number: int) -> None:
    """One run, stage by stage."""
    answer = api(asked()).get(f"/runs/{number}")
    rows = [
        (
            stage["name"],
            stage["status"],
            took(stage),
            first_line(
                stage["error"] or stage["detail"].get("skipped", "") or stage["detail"].get("summary", "")
            ),
        )
        for stage in answer["stages"]
    ]
    head = f"Run {number} of {answer['service']} for {place_of(answer)}: {colour(answer['status'])}"
    commit = f"{answer['ref']} at {short(answer['commit'])}, asked by {answer['requested_by']} {ago(answer['created_at'])}"
    commit += ", from a fork" if answer.get("fork") else ""
    lines = [head, commit, "", table(("stage", "status", "took", "note"), rows, "")]
    lines += ["", answer["error"]] if answer["error"] else []
    lines += [f"Release {answer['release']}, deployment {answer['deployment']}."] if answer["release"] else []
    show(answer, "\n".join(lines))


@run.command()
@click.argument("number", type=int)
def cancel(number: int) -> None:
    """End a run. One that already deploys is aborted with `shipway abort`."""
    answer = api(asked()).post(f"/runs/{number}/cancel")
    show(answer, f"Run {number} is {answer['status']}; it ends within seconds.")


@run.command()
@click.argument("number", type=int)
@wait_option
def retry(number: int, wait: bool) -> None:
    """A new run of the same commit."""
    server = api(asked())
    new = server.post(f"/runs/{number}/retry")["run"]
    follow_run(server, new) if wait else told_to_wait(new, "run")


def _row(run: Any) -> tuple[object, ...]:
    under_way = next(
        (stage["name"] for stage in run["stages"] if stage["status"] in ("running", "failed")), ""
    )
    place = (run["id"], run["service"], place_of(run), run["ref"], short(run["commit"]))
    return (*place, run["status"], under_way, run["requested_by"], ago(run["created_at"]))
