"""RULE: a run that is over, as spans, from the rows that there are anyway: queue, stages, and each host's phases. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from pipeline.delivery.run import Run, RunStatus, Stage, StageName, StageStatus
from pipeline.rollout.deployment import Deployment, Happening, HostPhase
from pipeline.traces.trace import Span

MOST = 1000  # spans; a run on a thousand hosts is cut
PHASES = frozenset(HostPhase)
ENDS = frozenset({HostPhase.DONE, HostPhase.SKIPPED, HostPhase.FAILED, HostPhase.RESTORED})
RESULTS = {  # https://opentelemetry.io/docs/specs/semconv/registry/attributes/cicd/
    RunStatus.SUCCEEDED: "success",
    RunStatus.FAILED: "failure",
    RunStatus.CANCELLED: "cancellation",
    RunStatus.SUPERSEDED: "skip",
}
ROOT = "run"
DEPLOY = f"stage {StageName.DEPLOY}"


def spans_of(run: Run, deployment: Deployment | None, happenings: Sequence[Happening]) -> list[Span]:
    """The run's own first. Empty: it never began, or is not over."""
    if run.started_at is None or run.finished_at is None:
        return []
    found = [_root(run, run.finished_at), *_queue(run, run.started_at)]
    found += [_stage(run, stage, run.finished_at) for stage in run.stages if stage.started_at is not None]
    if deployment is not None:
        found += _hosts(happenings, deployment.finished_at or run.finished_at)
    return found[:MOST]


def _root(run: Run, end: datetime) -> Span:
    attributes: dict[str, str | int] = {
        "cicd.pipeline.name": f"{run.service}/{run.environment}" if run.environment else run.service,
        "cicd.pipeline.run.id": str(run.id),
        "cicd.pipeline.result": RESULTS[run.status],
        "vcs.ref.head.name": run.ref,
        "vcs.ref.head.revision": run.commit,
        "shipway.service": run.service,
        "shipway.environment": run.environment,
        "shipway.requested_by": run.requested_by,
    }
    if run.release is not None:
        attributes["shipway.release"] = run.release
    if run.deployment is not None:
        attributes["shipway.deployment"] = run.deployment
    name = f"run {run.service} {run.place}"
    return Span(ROOT, "", name, run.created_at, end, attributes, run.status is RunStatus.FAILED, run.error)


def _queue(run: Run, begin: datetime) -> Iterator[Span]:
    yield Span("queue", ROOT, "queue", run.created_at, begin)


def _stage(run: Run, stage: Stage, run_end: datetime) -> Span:
    begin = stage.started_at or run.created_at
    attributes: dict[str, str | int] = {
        "cicd.pipeline.task.name": stage.name,
        "shipway.status": stage.status,
        "shipway.attempts": stage.attempts,
    }
    failed = stage.status is StageStatus.FAILED
    end = max(begin, stage.finished_at or run_end)
    return Span(f"stage {stage.name}", ROOT, stage.name, begin, end, attributes, failed, stage.error)


def _hosts(happenings: Sequence[Happening], end: datetime) -> Iterator[Span]:
    """A span for each host, and in it one for each phase until the next."""
    for host in dict.fromkeys(line.host for line in happenings if line.host and line.kind in PHASES):
        lines = [line for line in happenings if line.host == host and line.kind in PHASES]
        yield from _host(host, lines, end)


def _host(host: str, lines: Sequence[Happening], end: datetime) -> Iterator[Span]:
    failures = [line.text for line in lines if line.kind == HostPhase.FAILED]
    last = lines[-1].at if lines[-1].kind in ENDS else max(lines[-1].at, end)
    key = f"host {host}"
    named: dict[str, str | int] = {"host.name": host}
    yield Span(key, DEPLOY, host, lines[0].at, last, named, bool(failures), "; ".join(failures))
    for at, line in enumerate(lines):
        following = lines[at + 1].at if at + 1 < len(lines) else last
        span = Span(f"{key} {at}", key, line.kind, line.at, max(line.at, following), named)
        failed = line.kind == HostPhase.FAILED
        yield replace(span, failed=failed, error=line.text) if failed else span
