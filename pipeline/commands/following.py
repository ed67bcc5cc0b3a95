"""Follows a run or a deployment until it is over: a bar a host on a terminal, one line an event otherwise.

Only watches: Ctrl-C leaves the work alone. The exit code says how it ended.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from pipeline.commands.calling import Api
from pipeline.commands.screen import lively, size, utc
from pipeline.commands.showing import colour, event, show
from pipeline.errors import RolloutFailed, StageFailed, Stopped, Unreachable

EVERY = 0.5  # seconds
PATIENCE = 60.0  # seconds that the server may be away while we watch
RUN_OVER = frozenset({"succeeded", "failed", "cancelled", "superseded"})
DEPLOYMENT_OVER = frozenset({"succeeded", "failed", "rolled_back", "superseded", "cancelled"})


def follow_deployment(api: Api, number: int) -> None:
    """Raises `RolloutFailed` when it did not succeed, `Stopped` when somebody ended it."""
    with _left_alone("Deployment", "follow", "abort", number):
        answer = watch_deployment(api, number)
    show(answer, _verdict(answer))
    judge(answer)


def follow_deployments(api: Api, numbers: list[int]) -> None:
    """One after the other; all have run when the first that did not succeed is raised."""
    with _left_alone("Deployment", "follow", "abort", *numbers):
        answers = [watch_deployment(api, number) for number in numbers]
    show({"deployments": answers}, "\n".join(_verdict(answer) for answer in answers))
    for answer in answers:
        judge(answer)


def judge(answer: Any) -> None:
    """Raises what a deployment that is over stands for, unless it succeeded."""
    number = answer["id"]
    if answer["status"] in ("failed", "rolled_back"):
        why = _sentence(answer["error"] or "no reason was kept")
        raise RolloutFailed(
            f"Deployment {number} is {answer['status']}: {why} `shipway deployment show {number}` tells each step, "
            f"`shipway deployment retry {number}` tries it again."
        )
    if answer["status"] != "succeeded":
        raise Stopped(
            f"Deployment {number} is {answer['status']}. `shipway deployment show {number}` tells why."
        )


def follow_run(api: Api, number: int) -> None:
    """With the deployment that it leads to. Raises `StageFailed`, `RolloutFailed` or `Stopped`."""
    with _left_alone("Run", "follow --run", "run cancel", number):
        answer = _watch_run(api, number)
    show(answer, f"Run {number} {colour(answer['status'])}.")
    if answer["status"] == "failed":
        broken = next((stage["name"] for stage in answer["stages"] if stage["status"] == "failed"), "")
        kind = RolloutFailed if broken == "deploy" else StageFailed
        raise kind(
            f"Run {number} failed{f' in {broken}' if broken else ''}: {_sentence(answer['error'])} "
            f"`shipway logs {number}` has its log, `shipway run retry {number}` tries it again."
        )
    if answer["status"] != "succeeded":
        raise Stopped(f"Run {number} is {answer['status']}. `shipway run show {number}` tells why.")


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
    with _progress() as told:
        for answer in _looks(lambda: api.get(f"/deployments/{number}"), f"/deployments/{number}"):
            for happening in answer["events"]:
                if happening["id"] > seen:
                    seen = happening["id"]
                    host = f"{happening['host']}: " if happening["host"] else ""
                    told(answer, f"{host}{happening['text']}")
            told(answer, "")
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
def _progress() -> Iterator[Callable[[Any, str], None]]:
    """A function that is given each look and each new line."""
    if not lively():
        yield lambda _, line: event(line) if line else None
        return
    from rich.live import Live  # 60 ms, and only on a terminal
    from rich.text import Text

    from pipeline.commands.progress import progress

    with Live(auto_refresh=False, transient=True) as live:

        def told(answer: Any, line: str) -> None:
            if line:
                live.console.print(Text.from_ansi(line))
                return
            lines = progress(answer, *size(), utc())
            live.update(Text.from_ansi("\n".join(lines), no_wrap=True), refresh=True)

        yield told


@contextmanager
def _left_alone(noun: str, back: str, end: str, *numbers: int) -> Iterator[None]:
    """Ctrl-C ends the watching, never the work."""
    try:
        yield
    except KeyboardInterrupt:
        for number in numbers:
            event(
                f"{noun} {number} goes on. Come back: `shipway {back} {number}`. End it: `shipway {end} {number}`."
            )
        raise


def _verdict(answer: Any) -> str:
    place = f"{answer['service']} {answer['environment']}"
    words = (
        f"Deployment {answer['id']} of release {answer['release']} on {place}: {colour(answer['status'])}."
    )
    if answer["status"] == "rolled_back":
        words += f" Release {answer['previous_release'] or 'none'} serves again."
    return words


def _sentence(text: str) -> str:
    """With a full stop, so that what follows is another one."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", "`")) else f"{text}."


def _because(stage: Any) -> str:
    if stage["error"]:
        return f": {stage['error'].splitlines()[0]}"
    why = stage["detail"].get("skipped", "") or stage["detail"].get("summary", "")
    return f" ({why})" if why else ""


def told_to_wait(number: int, noun: str) -> None:
    """For --no-wait."""
    show(
        {noun: number},
        f"{noun.capitalize()} {number} was accepted. `shipway {noun} show {number}` tells how it goes, "
        f"`shipway follow {'--run ' if noun == 'run' else ''}{number}` stays with it.",
    )


wait_option = click.option(
    "--follow/--no-follow",
    "--wait/--no-wait",
    "wait",
    default=True,
    show_default=True,
    help="Stay until it is over and tell by the exit code.",
)
override_option = click.option(
    "--override", is_flag=True, help="Also outside of its windows and during a freeze (role admin)."
)
reason_option = click.option("--reason", default="", help="Why, for people who ask; with --override.")


def overriding(override: bool, reason: str) -> dict[str, object]:
    """What the API is sent for these two options."""
    if reason and not override:
        raise click.UsageError(
            "--reason tells why windows and freezes are overridden: give it with --override."
        )
    return ({"override": True} if override else {}) | ({"reason": reason} if reason else {})
