"""`runs` and `run start|show|cancel|retry`: trips of commits through the pipeline, by the API."""

import posixpath
import shutil
from typing import Any
from urllib.parse import quote

import click

from pipeline.commands import completing
from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.following import (
    follow_run,
    override_option,
    overriding,
    reason_option,
    told_to_wait,
    wait_option,
)
from pipeline.commands.showing import ago, colour, first_line, place_of, short, show, table, took

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled", "superseded")


@click.command()
@click.option("--service", default="", shell_complete=completing.services)
@click.option("--environment", default="", shell_complete=completing.environments)
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
@click.argument("service", shell_complete=completing.services)
@click.argument("environment", shell_complete=completing.environments)
@click.argument("ref")
@wait_option
def start(service: str, environment: str, ref: str, wait: bool) -> None:
    """Build REF (a branch, tag or commit) of SERVICE for ENVIRONMENT, as if it had been pushed."""
    server = api(asked())
    number = server.post(f"/services/{service}/environments/{environment}/runs", {"ref": ref})["run"]
    follow_run(server, number) if wait else told_to_wait(number, "run")


@run.command("show")
@click.argument("number", type=int, shell_complete=completing.runs)
def show_run(number: int) -> None:
    """One run, stage by stage."""
    answer = api(asked()).get(f"/runs/{number}")
    rows = [(stage["name"], stage["status"], took(stage), _note(stage)) for stage in answer["stages"]]
    head = f"Run {number} of {answer['service']} for {place_of(answer)}: {colour(answer['status'])}"
    commit = f"{answer['ref']} at {short(answer['commit'])}, asked by {answer['requested_by']} {ago(answer['created_at'])}"
    commit += ", from a fork" if answer.get("fork") else ""
    lines = [head, commit, "", table(("stage", "status", "took", "note"), rows, "")]
    lines += _tests(answer.get("tests") or {})
    if answer.get("waits"):
        lines += ["", f"It waits for an approval: shipway run approve {number}"]
    if answer.get("held"):
        lines += ["", f"It {answer['held']}. Now: shipway run approve {number} --override (role admin)"]
    if answer.get("overridden_by"):
        why = f": {answer['override_reason']}" if answer.get("override_reason") else "."
        lines += ["", f"Windows and freezes were overridden by {answer['overridden_by']}{why}"]
    lines += ["", answer["error"]] if answer["error"] else []
    lines += [f"Release {answer['release']}, deployment {answer['deployment']}."] if answer["release"] else []
    show(answer, "\n".join(lines))


@run.command()
@click.argument("number", type=int, shell_complete=completing.runs)
@click.argument("path", default="")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), help="Default: its own name, here. -: print it."
)
def artifacts(number: int, path: str, output: str | None) -> None:
    """List the files that the tests of run NUMBER left, or fetch the one at PATH."""
    server = api(asked())
    if not path:
        answer = server.get(f"/runs/{number}/artifacts")
        rows = [(found["path"], found["size"]) for found in answer["artifacts"]]
        show(
            answer,
            table(("path", "bytes"), rows, f"The tests of run {number} left nothing (test.artifacts)."),
        )
        return
    target = output or posixpath.basename(path)
    with (
        server.opened("GET", f"/runs/{number}/artifacts/{quote(path)}") as response,
        click.open_file(target, "wb") as file,
    ):
        shutil.copyfileobj(response, file)
    if target != "-":
        click.echo(f"Wrote {target}.", err=True)


@run.command()
@click.argument("number", type=int, shell_complete=completing.runs)
@override_option
@reason_option
@wait_option
def approve(number: int, override: bool, reason: str, wait: bool) -> None:
    """Let a run that waits for an approval deploy what it built."""
    server = api(asked())
    server.post(f"/runs/{number}/approve", overriding(override, reason))
    follow_run(server, number) if wait else told_to_wait(number, "run")


@run.command()
@click.argument("number", type=int, shell_complete=completing.runs)
def cancel(number: int) -> None:
    """End a run. One that already deploys is aborted with `shipway abort`."""
    answer = api(asked()).post(f"/runs/{number}/cancel")
    show(answer, f"Run {number} is {answer['status']}; it ends within seconds.")


@run.command()
@click.argument("number", type=int, shell_complete=completing.runs)
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
    under_way = "approval" if run.get("waits") else "window" if run.get("held") else under_way
    return (*place, run["status"], under_way, run["requested_by"], ago(run["created_at"]))


def _note(stage: Any) -> str:
    detail = stage["detail"]
    tried = f"attempt {stage['attempts']}: " if stage.get("attempts", 1) > 1 else ""
    return first_line(tried + (stage["error"] or detail.get("skipped", "") or detail.get("summary", "")))


def _tests(tests: Any) -> list[str]:
    """Each command when there are several, and the first failing cases."""
    commands, cases = tests.get("commands", []), tests.get("cases", [])
    rows = [(c["name"] or "test", _verdict(c), f"{c['seconds']:.1f} s") for c in commands]
    lines = ["", table(("command", "result", "took"), rows, "")] if len(commands) > 1 else []
    if cases:
        lines += ["", "Failing cases:"]
        lines += [first_line(f"  {case['name']}  {case['message']}", 110) for case in cases]
    return lines


def _verdict(command: Any) -> str:
    verdict = f"exit code {command['exit_code']}" if command["exit_code"] else "ok"
    return f"{verdict}, attempt {command['attempts']}" if command["attempts"] > 1 else verdict
