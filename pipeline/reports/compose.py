"""RULE: what a forge should show of a run or a deployment, from the books as they stand. Pure; knows no forge.

A run is five commit statuses, all of them pending from the first moment on: a forge that sees only what is over would
call the commit good between two stages. A deployment is an entry in the environment's list; one that was taken back is
followed by an entry of the release that is live again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pipeline.delivery.run import Run, RunStatus, Stage, StageStatus
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.intake.job import JOB
from pipeline.reports.report import Comment, CommitStatus, EnvironmentStatus, Message, Report, State
from pipeline.rollout.deployment import Deployment, Reason, Status
from pipeline.rollout.release import Release
from pipeline.settings import Settings

LONGEST_PAUSE = 60.0  # seconds; a forge that is back is told within it
GIVE_UP_AFTER = timedelta(days=3)
STAGES = {
    StageStatus.PENDING: State.PENDING,
    StageStatus.RUNNING: State.RUNNING,
    StageStatus.SUCCEEDED: State.SUCCEEDED,
    StageStatus.FAILED: State.FAILED,
    StageStatus.SKIPPED: State.SKIPPED,
    StageStatus.CANCELLED: State.CANCELLED,
}
WORDS = {
    StageStatus.PENDING: "Waits for its turn",
    StageStatus.RUNNING: "Under way",
    StageStatus.SUCCEEDED: "Done",
    StageStatus.FAILED: "Failed",
    StageStatus.SKIPPED: "Skipped",
    StageStatus.CANCELLED: "Not reached",
}
DEPLOYMENTS = {
    Status.SUCCEEDED: State.SUCCEEDED,
    Status.FAILED: State.FAILED,
    Status.ROLLED_BACK: State.FAILED,
    Status.SUPERSEDED: State.CANCELLED,
    Status.CANCELLED: State.CANCELLED,
}
NEVER = frozenset({Status.SUPERSEDED, Status.CANCELLED})  # may have been before it began
MARKS = {
    State.PENDING: "·",
    State.RUNNING: "⏳",
    State.SUCCEEDED: "✅",
    State.FAILED: "❌",
    State.CANCELLED: "⏹️",
    State.SKIPPED: "⏭️",
}


def of_run(run: Run, deployment: Deployment | None, settings: Settings) -> dict[str, Report]:
    """Key -> report, in the order to be told: what is not over comes first, so that at no moment all seems over."""
    prefix = _prefix(settings.service(run.service), settings)
    link = f"{settings.server.url.rstrip('/')}/runs/{run.id}"
    found: list[tuple[str, Report]] = []
    for stage in run.stages:
        context = f"{prefix}/{stage.name}"
        text = _words(stage, run, deployment)
        ref = "" if run.kind == "commit" else run.ref
        status = CommitStatus(run.commit, ref, context, STAGES[stage.status], text, link)
        found.append((f"status:{context}", status))
    found.sort(key=lambda pair: pair[1].state not in (State.PENDING, State.RUNNING))  # type: ignore[union-attr]
    if run.kind != "tag" and run.status is not RunStatus.SUPERSEDED and run.status is not RunStatus.QUEUED:
        found.append(("comment", _comment(run, deployment, link)))
    return dict(found)


def of_deployment(deployment: Deployment, runs: Mapping[int, Run], settings: Settings) -> dict[str, Report]:
    """Key -> report. Empty while it has not begun, or when nobody knows the commit. `runs`: those that made the
    releases, as far as they are known."""
    release, previous = deployment.release, deployment.previous
    never_began = deployment.started_at is None and deployment.status in NEVER
    if deployment.status is Status.PENDING or never_began or not release.commit:
        return {}
    if deployment.requested_by.startswith(f"api:{JOB}"):
        return {}  # the forge lists its own job's deployment
    environment = settings.environment(deployment.service, deployment.environment)
    state = DEPLOYMENTS.get(deployment.status, State.RUNNING)
    found: dict[str, Report] = {"deployment": _entry(release, environment, state, runs, settings)}
    if deployment.status is Status.ROLLED_BACK and previous is not None and previous.commit:
        found["restored"] = _entry(previous, environment, State.SUCCEEDED, runs, settings)
    return found


def reports_of(settings: Settings) -> frozenset[str]:
    """Services whose forge may be told anything, as far as the file says."""
    return frozenset(name for name, service in settings.services.items() if wants(service.repository))


def wants(repository: Repository) -> bool:
    return bool(repository.reports and repository.token)


def pause(message: Message) -> float:
    """Seconds until it is tried again: longer each time, and not the same for all."""
    spread = 0.75 + (message.number * 37 % 100) / 200
    return min(LONGEST_PAUSE, 2.0 ** min(message.tries, 10)) * spread


def is_hopeless(message: Message, now: datetime) -> bool:
    return message.since is not None and now - message.since > GIVE_UP_AFTER


def _prefix(service: Service, settings: Settings) -> str:
    """Services of one project must not overwrite each other's."""
    own = service.repository
    beside = [
        s
        for s in settings.services.values()
        if (s.repository.forge, s.repository.project) == (own.forge, own.project)
    ]
    return f"shipway/{service.name}" if len(beside) > 1 else "shipway"


def _words(stage: Stage, run: Run, deployment: Deployment | None) -> str:
    detail = stage.detail.get("skipped") or stage.detail.get("summary") or ""
    text = _first_line(stage.error or detail) or WORDS[stage.status]
    if stage.status is StageStatus.CANCELLED and run.error and run.status is not RunStatus.FAILED:
        text = _first_line(run.error)
    if stage.name == "deploy" and deployment is not None and deployment.status is Status.ROLLED_BACK:
        return f"Rolled back{_to(deployment.previous)}: {text}"
    return text


def _entry(
    release: Release, environment: Environment, state: State, runs: Mapping[int, Run], settings: Settings
) -> EnvironmentStatus:
    made_by = runs.get(release.run or 0)
    tag = made_by is not None and made_by.kind == "tag"
    address = f"http://{environment.domain}" if environment.domain else ""
    name = environment.name
    return EnvironmentStatus(release.commit, release.ref, tag, name, state, address)


def _comment(run: Run, deployment: Deployment | None, link: str) -> Comment:
    lines = [f"**{run.service}** on **{run.environment}**: {_verdict(run, deployment)}", ""]
    if run.over:  # before, each stage would be an edit
        lines += ["| stage | | |", "|---|---|---|"]
        lines += [_row(stage, _words(stage, run, deployment)) for stage in run.stages]
        lines.append("")
    lines += [f"Commit {run.commit[:10]} · [run {run.id}]({link})"]
    return Comment(run.commit, f"shipway:{run.service}/{run.environment}", "\n".join(lines))


def _row(stage: Stage, words: str) -> str:
    text = _inert(words).replace("|", "\\|")
    return f"| {stage.name} | {MARKS[STAGES[stage.status]]} {stage.status} | {text} |"


def _verdict(run: Run, deployment: Deployment | None) -> str:
    if deployment is not None and deployment.status is Status.ROLLED_BACK:
        return f"rolled back{_to(deployment.previous)}"
    if deployment is not None and deployment.status is Status.SUCCEEDED:
        by_hand = " by hand" if deployment.reason is Reason.MANUAL else ""
        return f"release {deployment.release.number} is live{by_hand}"
    return str(run.status)


def _to(previous: Release | None) -> str:
    return f" to release {previous.number}" if previous is not None else ""


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def _inert(text: str) -> str:
    """What a build says may not call people, nor draw: `@` and `<` lose their meaning."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("@", "@\u200b")
