"""The calls about deployments and releases: list, look, follow, deploy, roll back, steer, scale, plan."""

from functools import partial

from flask import Response

from pipeline.caller import Caller
from pipeline.ports import Ports
from pipeline.rollout.deployment import Deployment, Request
from pipeline.rollout.preview import foreseen
from pipeline.rollout.rollback import deploy_release, promote, retry, rollback, scale
from pipeline.web.answers import (
    DeploymentAccepted,
    DeploymentAnswer,
    DeploymentsAnswer,
    EventsAnswer,
    PlanAnswer,
    RequestAccepted,
    ScaleAccepted,
)
from pipeline.web.auth import Role, demand_within, within
from pipeline.web.bodies import (
    DeploymentBody,
    DeploymentsQuery,
    EventsQuery,
    NothingBody,
    OverrideBody,
    PlanQuery,
    ReleasesQuery,
    RollbackBody,
    ScaleBody,
)
from pipeline.web.calls import Call
from pipeline.web.fleet_answers import ReleaseAnswer, ReleasesAnswer
from pipeline.web.paging import page
from pipeline.web.runs import overriding, requested_by, resume_at, stream, wake, wants_events
from pipeline.web.scaling import note_on
from pipeline.web.stream import HistoryFeed
from pipeline.web.views import deployment_summary, deployment_view, event_view, plan_view, release_view


def list_deployments(ports: Ports, caller: Caller, query: DeploymentsQuery) -> DeploymentsAnswer:
    if query.service:
        demand_within(caller, query.service, query.environment)
    found, following = page(
        lambda limit, before: ports.deployments.deployments(query.service, query.environment, limit, before),
        lambda deployment: deployment.id,
        lambda deployment: within(caller, deployment.service, deployment.environment),
        query.limit,
        query.cursor,
    )
    return DeploymentsAnswer(deployments=[deployment_summary(d) for d in found], next=following)


def show_deployment(ports: Ports, caller: Caller, deployment: int) -> DeploymentAnswer:
    found = _reachable(ports, caller, deployment)
    return deployment_view(found, ports.deployments.happenings(deployment))


def show_events(ports: Ports, caller: Caller, deployment: int, query: EventsQuery) -> EventsAnswer | Response:
    _reachable(ports, caller, deployment)
    if query.follow or wants_events():
        return stream(HistoryFeed(deployment, ports), resume_at(query.after), ports)
    events = ports.deployments.happenings(deployment, query.after)
    return EventsAnswer(events=[event_view(number, happening) for number, happening in events])


def deploy(
    ports: Ports, caller: Caller, service: str, environment: str, body: DeploymentBody
) -> DeploymentAccepted:
    who, override = requested_by(caller), overriding(caller, body.override)
    if body.origin is not None:
        demand_within(caller, service, body.origin)
        return _accepted(ports, promote(service, environment, body.origin, who, ports, override))
    number = deploy_release(service, environment, body.release, body.image, who, ports, override)
    return _accepted(ports, number)


def roll_back(
    ports: Ports, caller: Caller, service: str, environment: str, body: RollbackBody
) -> DeploymentAccepted:
    return _accepted(ports, rollback(service, environment, body.release, requested_by(caller), ports))


def rescale(ports: Ports, caller: Caller, service: str, environment: str, body: ScaleBody) -> ScaleAccepted:
    number = scale(service, environment, body.replicas, requested_by(caller), ports)
    note = note_on(ports.settings.environment(service, environment), body.replicas, ports)
    return ScaleAccepted(deployment=_accepted(ports, number).deployment, note=note)


def steer(wish: Request, ports: Ports, caller: Caller, deployment: int, body: NothingBody) -> RequestAccepted:
    _reachable(ports, caller, deployment)
    ports.deployments.ask(deployment, wish)
    wake(ports.queue.wake_deployment, deployment)
    return RequestAccepted(deployment=deployment, request=wish)


def again(ports: Ports, caller: Caller, deployment: int, body: OverrideBody) -> DeploymentAccepted:
    _reachable(ports, caller, deployment)
    override = overriding(caller, body.override)
    return _accepted(ports, retry(deployment, requested_by(caller), ports, override))


def list_releases(ports: Ports, caller: Caller, query: ReleasesQuery) -> ReleasesAnswer:
    demand_within(caller, query.service)
    ports.service(query.service)
    found, following = page(
        lambda limit, before: ports.releases.releases(query.service, limit, before),
        lambda release: release.number,
        lambda release: within(caller, release.service, release.environment),
        query.limit,
        query.cursor,
    )
    return ReleasesAnswer(releases=[release_view(release) for release in found], next=following)


def show_release(ports: Ports, caller: Caller, service: str, release: int) -> ReleaseAnswer:
    found = ports.releases.release(service, release)
    demand_within(caller, service, found.environment)
    return release_view(found)


def show_plan(ports: Ports, caller: Caller, query: PlanQuery) -> PlanAnswer:
    demand_within(caller, query.service, query.environment)
    found = foreseen(query.service, query.environment, query.release, ports)
    return plan_view(query.service, query.environment, query.release, found)


def _reachable(ports: Ports, caller: Caller, number: int) -> Deployment:
    deployment = ports.deployments.deployment(number)
    demand_within(caller, deployment.service, deployment.environment)
    return deployment


def _accepted(ports: Ports, number: int) -> DeploymentAccepted:
    wake(ports.queue.wake_deployment, number)
    return DeploymentAccepted(deployment=number)


ENVIRONMENT = "/services/<service>/environments/<environment>"
REFUSALS = (400, 404, 409, 413, 415)
STEERING = {
    Request.PAUSE: "Hold a deployment where it is",
    Request.RESUME: "Let a paused deployment go on",
    Request.PROMOTE: "Let a deployment that awaits it go on to the rest",
    Request.APPROVE: "Let a deployment that awaits it go on to its next batch",
    Request.ABORT: "Stop a deployment and go back to the last good release",
}

CALLS = (
    Call(
        "GET",
        "/deployments",
        Role.VIEWER,
        "List deployments, newest first",
        list_deployments,
        DeploymentsAnswer,
        query=DeploymentsQuery,
        errors=(400,),
    ),
    Call(
        "GET",
        "/deployments/<id:deployment>",
        Role.VIEWER,
        "Show a deployment and its history",
        show_deployment,
        DeploymentAnswer,
        errors=(404,),
    ),
    Call(
        "GET",
        "/deployments/<id:deployment>/events",
        Role.VIEWER,
        "Read or follow the history of a deployment",
        show_events,
        EventsAnswer,
        query=EventsQuery,
        errors=(400, 404, 503),
        media=("application/json", "text/event-stream"),
    ),
    Call(
        "POST",
        f"{ENVIRONMENT}/deployments",
        Role.DEPLOYER,
        "Deploy a release or an image by digest",
        deploy,
        DeploymentAccepted,
        202,
        body=DeploymentBody,
        errors=REFUSALS,
        action="deploy",
    ),
    Call(
        "POST",
        f"{ENVIRONMENT}/rollback",
        Role.DEPLOYER,
        "Go back to an earlier release",
        roll_back,
        DeploymentAccepted,
        202,
        body=RollbackBody,
        errors=REFUSALS,
        action="rollback",
    ),
    Call(
        "POST",
        f"{ENVIRONMENT}/scale",
        Role.DEPLOYER,
        "Change the number of replicas on each host",
        rescale,
        ScaleAccepted,
        202,
        body=ScaleBody,
        errors=REFUSALS,
        action="scale",
    ),
    *(
        Call(
            "POST",
            f"/deployments/<id:deployment>/{wish.value}",
            Role.DEPLOYER,
            summary,
            partial(steer, wish),
            RequestAccepted,
            202,
            body=NothingBody,
            errors=REFUSALS,
            action=f"deployment.{wish.value}",
        )
        for wish, summary in STEERING.items()
    ),
    Call(
        "POST",
        "/deployments/<id:deployment>/retry",
        Role.DEPLOYER,
        "Try a deployment again, on the hosts that do not have its release",
        again,
        DeploymentAccepted,
        202,
        body=OverrideBody,
        errors=REFUSALS,
        action="deployment.retry",
    ),
    Call(
        "GET",
        "/plan",
        Role.VIEWER,
        "Show every step that a deployment would take; changes nothing",
        show_plan,
        PlanAnswer,
        query=PlanQuery,
        errors=(400, 404, 409),
    ),
    Call(
        "GET",
        "/releases",
        Role.VIEWER,
        "List the releases of a service, newest first",
        list_releases,
        ReleasesAnswer,
        query=ReleasesQuery,
        errors=(400, 404),
    ),
    Call(
        "GET",
        "/services/<service>/releases/<id:release>",
        Role.VIEWER,
        "Show a release",
        show_release,
        ReleaseAnswer,
        errors=(404,),
    ),
)
