"""Gathers how environments stand: from the books at once, from engines and proxies as far as they have answered."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.delivery.run import Run, RunStatus, Stage, StageStatus
from pipeline.errors import NotFound
from pipeline.ports import Ports
from pipeline.rollout.deployment import Deployment, HostPhase, HostRecord, Status
from pipeline.rollout.whereabouts import running_on
from pipeline.web.fleet_answers import EnvironmentAnswer, EnvironmentSummary, ServiceAnswer
from pipeline.web.pages.standing import Failure, Live, Motion, Standing, replicas_of
from pipeline.web.pages.visit import Visit

LATEST = 4  # runs and deployments of an environment that are looked at
DONE = {HostPhase.DONE, HostPhase.SKIPPED, HostPhase.RESTORED}
REST = {HostPhase.WAITING, *DONE}
BAD_ENDS = {Status.FAILED, Status.ROLLED_BACK}


def standings(visit: Visit, services: Sequence[ServiceAnswer]) -> list[Standing]:
    """Of environments that `visit` was answered with, so that they are within its reader's rights."""
    places = [(service.name, environment) for service in services for environment in service.environments]
    looks = visit.pulse.looks([(name, e.name) for name, e in places if e.live is not None], visit.patience)
    return [_standing(visit.ports, name, e, looks.get((name, e.name))) for name, e in places]


def _standing(
    ports: Ports, service: str, environment: EnvironmentSummary, seen: EnvironmentAnswer | None
) -> Standing:
    name = environment.name
    runs = ports.runs.runs(service, "", LATEST, name)
    deployments = ports.deployments.deployments(service, name, LATEST)
    place = ports.settings.environment(service, name)
    wanted = sum(running_on(place, ports.deployments.environment(service, name)).values())
    motion = _motion(runs, deployments)
    return Standing(
        service,
        name,
        environment.domain,
        _live(ports, service, environment.live, deployments),
        replicas_of(wanted, seen, environment.live),
        motion,
        None if motion else _failure(runs, deployments),
    )


def _live(ports: Ports, service: str, number: int | None, deployments: Sequence[Deployment]) -> Live | None:
    if number is None:
        return None
    release = ports.releases.release(service, number)
    good = [d.finished_at for d in deployments if d.release.number == number and d.status is Status.SUCCEEDED]
    return Live(number, release.commit, title_of(ports, release.run), good[0] if good else release.created_at)


def title_of(ports: Ports, run: int | None) -> str:
    """The first line of the commit that was built; empty where no run made it."""
    try:
        return "" if run is None else ports.runs.run(run).message.strip().partition("\n")[0]
    except NotFound:
        return ""


def _motion(runs: Sequence[Run], deployments: Sequence[Deployment]) -> Motion | None:
    """A deployment rather than the run that waits for it; what is at work rather than what is queued."""
    open_deployments = [d for d in deployments if not d.over]
    if open_deployments:
        return deployment_motion(open_deployments[-1], runs)
    running = [run for run in runs if run.status is RunStatus.RUNNING]
    queued = [run for run in runs if run.status is RunStatus.QUEUED]
    return run_motion((running or queued)[0]) if running or queued else None


def run_motion(run: Run) -> Motion:
    over = [stage for stage in run.stages if stage.finished_at is not None]
    state = "awaiting approval" if run.waits else run.status.value
    return Motion(
        f"/runs/{run.id}",
        "run",
        run.id,
        state,
        _stage_at_work(run.stages),
        "",
        len(over),
        len(run.stages),
        run.started_at or run.created_at,
        title=run.message.strip().partition("\n")[0],
    )


def deployment_motion(deployment: Deployment, runs: Sequence[Run] = ()) -> Motion:
    records = [deployment.record(plan.host) for plan in deployment.hosts]
    at_work = next((record for record in records if record.phase not in REST), HostRecord(""))
    titles = {run.id: run.message.strip().partition("\n")[0] for run in runs}
    return Motion(
        f"/deployments/{deployment.id}",
        "deployment",
        deployment.id,
        deployment.status.value,
        at_work.phase.value if at_work.host else "",
        at_work.host,
        sum(record.phase in DONE for record in records),
        len(records),
        deployment.started_at or deployment.created_at,
        deployment.release.number,
        titles.get(deployment.run or 0, ""),
        deployment.blocked,
    )


def _stage_at_work(stages: Sequence[Stage]) -> str:
    return next((stage.name.value for stage in stages if stage.status is StageStatus.RUNNING), "")


def _failure(runs: Sequence[Run], deployments: Sequence[Deployment]) -> Failure | None:
    """Of the newest of both kinds, when it ended badly. Superseded and cancelled ones say nothing."""
    told = [run for run in runs if run.status in (RunStatus.FAILED, RunStatus.SUCCEEDED)]
    ended = [d for d in deployments if d.status in BAD_ENDS or d.status is Status.SUCCEEDED]
    run, deployment = next(iter(told), None), next(iter(ended), None)
    if deployment is not None and (run is None or _at(deployment.finished_at) >= _at(run.finished_at)):
        bad = deployment.status in BAD_ENDS
        path = f"/deployments/{deployment.id}"
        state, at = deployment.status.value, deployment.finished_at
        return Failure(path, "deployment", deployment.id, state, deployment.error, at) if bad else None
    if run is None or run.status is RunStatus.SUCCEEDED:
        return None
    return Failure(f"/runs/{run.id}", "run", run.id, run.status.value, run.error, run.finished_at)


def _at(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
