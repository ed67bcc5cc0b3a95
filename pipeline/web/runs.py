"""The calls about runs: list, look, read or follow the log, start, cancel, retry."""

import logging
from collections.abc import Callable, Iterator
from functools import partial

from flask import Response, request

from pipeline.caller import Caller
from pipeline.delivery.run import NewRun, Run
from pipeline.errors import Forbidden, RunnerError
from pipeline.ports import Ports
from pipeline.web.answers import ArtifactAnswer, ArtifactsAnswer, RunAccepted, RunAnswer, RunsAnswer
from pipeline.web.auth import Role, caller_of, demand, demand_within, within
from pipeline.web.bodies import LogQuery, NothingBody, OverrideBody, RunBody, RunsQuery
from pipeline.web.calls import Call
from pipeline.web.log_text import log_text
from pipeline.web.paging import page
from pipeline.web.problems import BadRequest, Busy
from pipeline.web.run_views import run_view
from pipeline.web.stream import Feed, Handover, LogFeed, follow

log = logging.getLogger("shipway.web")


def list_runs(ports: Ports, caller: Caller, query: RunsQuery) -> RunsAnswer:
    if query.service:
        demand_within(caller, query.service, query.environment)
    status = query.status.value if query.status else ""
    runs, following = page(
        lambda limit, before: ports.runs.runs(query.service, status, limit, query.environment, before),
        lambda run: run.id,
        lambda run: within(caller, run.service, run.environment),
        query.limit,
        query.cursor,
    )
    return RunsAnswer(runs=[run_view(run) for run in runs], next=following)


def show_run(ports: Ports, caller: Caller, run: int) -> RunAnswer:
    return run_view(_reachable(ports, caller, run))


def start_run(ports: Ports, caller: Caller, service: str, environment: str, body: RunBody) -> RunAccepted:
    target = ports.settings.environment(service, environment)
    kind, ref, commit = ports.source.resolve(ports.service(service).repository, body.ref)
    if caller.commit and commit != caller.commit:
        raise Forbidden(
            f"{caller.name} runs for the commit {caller.commit}; {body.ref} is {commit}. Send that commit."
        )
    run = ports.runs.add(NewRun(service, target.name, kind, ref, commit, requested_by(caller)))
    wake(ports.queue.wake_run, run.id)
    return RunAccepted(run=run.id, status=run.status)


def cancel_run(ports: Ports, caller: Caller, run: int, body: NothingBody) -> RunAccepted:
    _reachable(ports, caller, run)
    return RunAccepted(run=run, status=ports.runs.cancel(run).status)


def approve_run(ports: Ports, caller: Caller, run: int, body: OverrideBody) -> RunAccepted:
    _reachable(ports, caller, run)
    override = overriding(caller, body.override)
    approved = ports.runs.approve(run, requested_by(caller), override, body.reason or "")
    wake(ports.queue.wake_run, run)
    return RunAccepted(run=run, status=approved.status)


def retry_run(ports: Ports, caller: Caller, run: int, body: NothingBody) -> RunAccepted:
    _reachable(ports, caller, run)
    new = ports.runs.retry(run, requested_by(caller))
    wake(ports.queue.wake_run, new.id)
    return RunAccepted(run=new.id, status=new.status)


def show_log(ports: Ports, caller: Caller, run: int, query: LogQuery) -> Response:
    _reachable(ports, caller, run)
    if query.follow or wants_events():
        return stream(LogFeed(run, ports), resume_at(query.offset), ports)
    return log_text(ports, run, query.offset)


def list_artifacts(ports: Ports, caller: Caller, run: int) -> ArtifactsAnswer:
    _reachable(ports, caller, run)
    found = ports.artifacts.listed(run)
    return ArtifactsAnswer(artifacts=[ArtifactAnswer(path=a.path, size=a.size) for a in found])


def show_artifact(ports: Ports, caller: Caller, run: int, path: str) -> Response:
    """Never as what it says it is: tests write what they like, and a browser must not run it under our name."""
    _reachable(ports, caller, run)
    response = Response(ports.artifacts.content(run, path), mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = "attachment"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def requested_by(caller: Caller) -> str:
    return caller.requester


def overriding(caller: Caller, wanted: bool) -> bool:
    """Whether windows and freezes do not matter. Raises `Forbidden` for who may not say so."""
    if wanted:
        demand(caller, Role.ADMIN)
    return wanted


def wake(waking: Callable[[int], None], number: int) -> None:
    """The row is written; a queue that is down only makes it wait for the dispatcher's next look."""
    try:
        waking(number)
    except RunnerError as error:
        log.warning("queue not woken", extra={"number": number, "error": str(error)})


def wants_events() -> bool:
    return request.accept_mimetypes.best == "text/event-stream"


def resume_at(position: int) -> int:
    """Where a follower wants to go on: a reconnecting one says it in a header."""
    last = request.headers.get("Last-Event-ID", "").strip()
    if not last:
        return position
    if not (last.isascii() and last.isdigit() and len(last) <= 18):
        raise BadRequest("The header Last-Event-ID must be the id of an event of this stream: a number.")
    return int(last)


def stream(feed: Feed, position: int, ports: Ports, welcome: Callable[[], bool] | None = None) -> Response:
    """Answers headers here; the frames come from the server around us when it offers to, else from this thread.
    `welcome` raises when the follower may not be here any more; by default when its token is not good."""
    handover = request.environ.get("asgi.scope", {}).get("shipway.handover")
    frames: Iterator[bytes] = iter(())
    if isinstance(handover, Handover):
        if not handover.room:
            raise Busy("Too many streams are open on this server. Close some, or come again in a moment.")
        handover.feed, handover.position = feed, position
        handover.welcome = welcome or partial(_still_known, request.headers.get("Authorization", ""), ports)
    else:
        frames = follow(feed, position, ports.clock.sleep)
    response = Response(frames, mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _still_known(authorization: str, ports: Ports) -> bool:
    return bool(caller_of(authorization, ports))


def _reachable(ports: Ports, caller: Caller, number: int) -> Run:
    run = ports.runs.run(number)
    demand_within(caller, run.service, run.environment)
    return run


CALLS = (
    Call(
        "GET",
        "/runs",
        Role.VIEWER,
        "List runs, newest first",
        list_runs,
        RunsAnswer,
        query=RunsQuery,
        errors=(400,),
    ),
    Call("GET", "/runs/<id:run>", Role.VIEWER, "Show a run", show_run, RunAnswer, errors=(404,)),
    Call(
        "GET",
        "/runs/<id:run>/log",
        Role.VIEWER,
        "Read or follow the log of a run",
        show_log,
        None,
        query=LogQuery,
        errors=(400, 404, 416, 503),
        media=("text/plain", "text/event-stream"),
    ),
    Call(
        "GET",
        "/runs/<id:run>/artifacts",
        Role.VIEWER,
        "List the files that the tests of a run left",
        list_artifacts,
        ArtifactsAnswer,
        errors=(404,),
    ),
    Call(
        "GET",
        "/runs/<id:run>/artifacts/<path:path>",
        Role.VIEWER,
        "Fetch one of them",
        show_artifact,
        None,
        errors=(404,),
        media=("application/octet-stream",),
    ),
    Call(
        "POST",
        "/services/<service>/environments/<environment>/runs",
        Role.DEPLOYER,
        "Build, test, publish and deploy a branch, tag or commit",
        start_run,
        RunAccepted,
        202,
        body=RunBody,
        errors=(400, 404, 413, 415, 502, 503),
        action="run.start",
    ),
    Call(
        "POST",
        "/runs/<id:run>/approve",
        Role.DEPLOYER,
        "Let a run that waits for an approval deploy",
        approve_run,
        RunAccepted,
        202,
        body=OverrideBody,
        errors=(400, 404, 409, 413, 415),
        action="run.approve",
    ),
    Call(
        "POST",
        "/runs/<id:run>/cancel",
        Role.DEPLOYER,
        "Cancel a run",
        cancel_run,
        RunAccepted,
        202,
        body=NothingBody,
        errors=(400, 404, 409, 413, 415),
        action="run.cancel",
    ),
    Call(
        "POST",
        "/runs/<id:run>/retry",
        Role.DEPLOYER,
        "Run the same commit again",
        retry_run,
        RunAccepted,
        202,
        body=NothingBody,
        errors=(400, 404, 409, 413, 415),
        action="run.retry",
    ),
)
