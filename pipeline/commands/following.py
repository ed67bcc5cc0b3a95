"""Follows a run or a deployment until it is over: a bar on a terminal, one line an event otherwise.

Only watches: Ctrl-C leaves the work alone. The exit code says how it ended.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from pipeline.commands.asked import asked
from pipeline.commands.calling import Api
from pipeline.commands.showing import colour, event, show
from pipeline.errors import RolloutFailed, StageFailed, Stopped, Unreachable

EVERY = 0.5  # seconds
PATIENCE = 60.0  # seconds that the server may be away while we watch
RUN_OVER = frozenset({"succeeded", "failed", "cancelled", "superseded"})
DEPLOYMENT_OVER = frozenset({"succeeded", "failed", "rolled_back", "superseded", "cancelled"})
DONE = frozenset({"done", "skipped", "restored"})


def follow_deployment(api: Api, number: int) -> None:
    """Raises `RolloutFailed` when it did not succeed, `Stopped` when somebody ended it."""
    answer = watch_deployment(api, number)
    show(answer, _verdict(answer))
    judge(answer)


def follow_deployments(api: Api, numbers: list[int]) -> None:
    """One after the other; all have run when the first that did not succeed is raised."""
    answers = [watch_deployment(api, number) for number in numbers]
    show({"deployments": answers}, "\n".join(_verdict(answer) for answer in answers))
    for answer in answers:
        judge(answer)


def judge(answer: Any) -> None:
    """Raises what a deployment that is over stands for, unless it succeeded."""
    number = answer["id"]
    if answer["status"] in ("failed", "rolled_back"):
        raise RolloutFailed(
            f"Deployment {number} is {answer['status']}: {answer['error'] or 'no reason was kept'}"
        )
    if answer["status"] != "succeeded":
        raise Stopped(f"Deployment {number} is {answer['status']}.")


def follow_run(api: Api, number: int) -> None:
    """With the deployment that it leads to. Raises `StageFailed`, `RolloutFailed` or `Stopped`."""
    answer = _watch_run(api, number)
    show(answer, f"Run {number} {colour(answer['status'])}.")
    if answer["status"] == "failed":
        broken = next((stage["name"] for stage in answer["stages"] if stage["status"] == "failed"), "")
        kind = RolloutFailed if broken == "deploy" else StageFailed
        raise kind(
            f"Run {number} failed{f' in {broken}' if broken else ''}: {answer['error']} `shipway logs {number}`"
        )
    if answer["status"] != "succeeded":
        raise Stopped(f"Run {number} is {answer['status']}.")


def _watch_run(api: Api, number: int) -> Any:
    said: dict[str, str] = {}
    for answer in _looks(lambda: api.get(f"/runs/{number}"), f"/runs/{number}"):
        for stage in answer["stages"]:
            if said.get(stage["name"], "pending") != stage["status"]:
                said[stage["name"]] = stage["status"]
                event(f"{stage['name']:<9}{colour(stage['status'])}{_because(stage)}")
        if answer.get("waits") and not said.get("approval"):
            said["approval"] = "wanted"
            event(f"{'approval':<9}wanted: shipway run approve {number}")
        if answer.get("held") and said.get("held") != answer["held"]:
            said["held"] = answer["held"]
            event(f"{'deploy':<9}{answer['held']}")
        if answer["deployment"] and answer["status"] == "running":
            watch_deployment(api, answer["deployment"])
        if answer["status"] in RUN_OVER:
            return answer
    raise AssertionError("looking never ends by itself")


def watch_deployment(api: Api, number: int) -> Any:
    seen = 0
    with _progress(number) as progress:
        for answer in _looks(lambda: api.get(f"/deployments/{number}"), f"/deployments/{number}"):
            for happening in answer["events"]:
                if happening["id"] > seen:
                    seen = happening["id"]
                    host = f"{happening['host']}: " if happening["host"] else ""
                    progress(answer, f"{host}{happening['text']}")
            progress(answer, "")
            if answer["status"] in DEPLOYMENT_OVER:
                return answer
    raise AssertionError("looking never ends by itself")


def _looks(look: Callable[[], Any], what: str) -> Iterator[Any]:
    """Answers, again and again. A server that is being restarted is waited for."""
    lost_at: float | None = None
    while True:
        try:
            yield look()
            lost_at = None
        except Unreachable:
            lost_at = lost_at or time.monotonic()
            if time.monotonic() - lost_at > PATIENCE:
                raise
        time.sleep(EVERY)


@contextmanager
def _progress(number: int) -> Iterator[Callable[[Any, str], None]]:
    """A function that is given each look and each new line."""
    if asked().json or not sys.stdout.isatty():
        yield lambda _, line: event(line) if line else None
        return
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )  # 60 ms, and only on a terminal

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} hosts"),
    )
    with Progress(*columns, TimeElapsedColumn(), transient=True) as bar:
        task = bar.add_task(f"deployment {number}", total=None)

        def told(answer: Any, line: str) -> None:
            if line:
                bar.console.print(line, markup=False, highlight=False)
            done = sum(1 for host in answer["hosts"] if host["phase"] in DONE)
            words = f"{answer['status']}{' · blocked: ' + answer['blocked'] if answer['blocked'] else ''}"
            bar.update(task, total=len(answer["hosts"]), completed=done, description=words)

        yield told


def _verdict(answer: Any) -> str:
    place = f"{answer['service']} {answer['environment']}"
    words = (
        f"Deployment {answer['id']} of release {answer['release']} on {place}: {colour(answer['status'])}."
    )
    if answer["status"] == "rolled_back":
        words += f" Release {answer['previous_release'] or 'none'} serves again."
    return words


def _because(stage: Any) -> str:
    if stage["error"]:
        return f": {stage['error'].splitlines()[0]}"
    why = stage["detail"].get("skipped", "") or stage["detail"].get("summary", "")
    return f" ({why})" if why else ""


def told_to_wait(number: int, noun: str) -> None:
    """For --no-wait."""
    show(
        {noun: number},
        f"{noun.capitalize()} {number} was accepted. `shipway {noun} show {number}` tells how it goes.",
    )


wait_option = click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Stay until it is over and tell by the exit code.",
)
override_option = click.option(
    "--override", is_flag=True, help="Also outside of its windows and during a freeze (role admin)."
)
