"""Flow 4: what people ask of an environment: go back, deploy this release, run more or fewer replicas.

Each leaves a pending deployment and returns its id; a driver takes it up. Going back is always accepted: what is under
way is asked to abort, and the way back comes after it. Never touches a host.
"""

from dataclasses import replace

from pipeline.errors import Conflict, NotFound, Refused
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.deployment import Deployment, EnvironmentState, Reason, Request, Status
from pipeline.rollout.history import rollback_target
from pipeline.rollout.holding import demand_open
from pipeline.rollout.moving import wish_again
from pipeline.rollout.release import Release, RuntimeSpec
from pipeline.rollout.secrets import outdated, run_secrets
from pipeline.rollout.whereabouts import drafted

MOST_REPLICAS = 100  # on each host


def rollback(service: str, environment: str, number: int | None, requested_by: str, ports: Ports) -> int:
    """To release `number`, or to the last good one before the live one."""
    place = ports.settings.environment(service, environment)
    state = ports.deployments.environment(service, environment)
    active = ports.deployments.active(service, environment)
    if number is not None:
        ports.releases.release(service, number)
    target = _target(state, active, ports) if number is None else number
    if active is not None:
        _abort(active, target, ports)
    if target is None:
        raise Conflict(_nothing(state, active))
    release = _made_for(place, ports.releases.release(service, target), ports)
    deployment = drafted(place, release, Reason.ROLLBACK, requested_by, ports)
    if target in ports.deployments.good_releases(service, environment):
        deployment = replace(deployment, policy=deployment.policy.at_once())
    return ports.deployments.create(deployment)


def deploy_release(
    service: str,
    environment: str,
    number: int | None,
    image: str | None,
    requested_by: str,
    ports: Ports,
    override: bool = False,
) -> int:
    """A release that is known by its number, or a new one: the live release's way to run with another image. `override`:
    also outside of its windows."""
    place = ports.settings.environment(service, environment)
    if (number is None) == (not image):
        raise Refused("Say either which release to deploy, or which image: exactly one of the two.")
    demand_open(place, override, ports)
    if number is not None:
        release = _renewed(place, ports.releases.release(service, number), ports)
    else:
        release = _of_image(place, image or "", ports)
    return _create(place, release, Reason.MANUAL, requested_by, ports)


def promote(
    service: str, environment: str, origin: str, requested_by: str, ports: Ports, override: bool = False
) -> int:
    """What is live on `origin`, onto `environment`: the very image, built and tested by nobody again."""
    ports.settings.environment(service, origin)
    if origin == environment:
        raise Refused(f"{service}/{origin} cannot be promoted onto itself: name another environment.")
    active = ports.deployments.active(service, origin)
    if active is not None and not active.settled:
        raise Conflict(
            f"Deployment {active.id} is at work on {service}/{origin} ({active.status}); what it ends with is not known "
            f"yet. Promote when it is over (`shipway follow {active.id}` waits), or deploy a release by its number."
        )
    live = ports.deployments.environment(service, origin).live
    if live is None:
        raise Conflict(f"Nothing is live on {service}/{origin}: there is nothing to promote.")
    return deploy_release(service, environment, live, None, requested_by, ports, override)


def retry(deployment_id: int, requested_by: str, ports: Ports, override: bool = False) -> int:
    """The same release once more. Hosts that have it and are well are left alone, so only failed ones are done. One that
    is held after a failure goes on itself."""
    before = ports.deployments.deployment(deployment_id)
    if before.status is Status.PAUSED and before.failed_at is not None:
        ports.deployments.ask(before.id, Request.RESUME)
        return before.id
    if not before.over:
        raise Conflict(
            f"Deployment {before.id} is still {before.status}; it can be tried again when it is over: "
            f"`shipway follow {before.id}` waits."
        )
    newest = ports.deployments.deployments(before.service, before.environment, 1)
    if newest and newest[0].id != before.id:
        raise Conflict(
            f"Deployment {newest[0].id} came after {before.id}; trying the older one again would undo it. "
            f"To have release {before.release.number} all the same: "
            f"`shipway deploy {before.service} {before.environment} --release {before.release.number}`."
        )
    place = ports.settings.environment(before.service, before.environment)
    if before.reason in (Reason.PUSH, Reason.MANUAL):
        demand_open(place, override, ports)
    if before.reason is Reason.SCALE:
        ports.deployments.set_replicas(before.service, before.environment, before.replicas)
    wish_again(before, ports)
    again = drafted(place, before.release, before.reason, requested_by, ports)
    return ports.deployments.create(replace(again, attributes=before.attributes))


def scale(
    service: str, environment: str, replicas: int, requested_by: str, ports: Ports, by_itself: bool = False
) -> int:
    """The live release with another number of replicas on each host. `by_itself`: no person asks, so nobody's deployment
    is superseded (`Conflict` instead), and all hosts go together."""
    place = ports.settings.environment(service, environment)
    if not 1 <= replicas <= MOST_REPLICAS:
        raise Refused(f"{replicas} replicas on each host cannot be run: ask for 1 to {MOST_REPLICAS}.")
    state = ports.deployments.environment(service, environment)
    active = ports.deployments.active(service, environment)
    if active is not None and not active.settled:
        raise Conflict(
            f"Deployment {active.id} is at work on {service}/{environment} ({active.status}); "
            "what it ends with is not known yet. Scale when it is over (`shipway follow "
            f"{active.id}` waits), or end it: `shipway abort {active.id}`."
        )
    if state.live is None:
        raise Conflict(f"Nothing is live on {service}/{environment}: deploy a release first, then scale it.")
    before = place.replicas if state.replicas is None else state.replicas
    ports.deployments.set_replicas(service, environment, replicas)
    live = ports.releases.release(service, state.live)
    deployment = drafted(place, live, Reason.SCALE, requested_by, ports)
    deployment = replace(deployment, attributes={"replicas_before": str(before)})
    if not by_itself:
        return ports.deployments.create(deployment)
    try:
        return ports.deployments.create(replace(deployment, policy=deployment.policy.at_once()), alone=True)
    except Conflict:
        ports.deployments.set_replicas(service, environment, before)
        raise


# ------------------------------------------------------------------------------------------------ going back


def _target(state: EnvironmentState, active: Deployment | None, ports: Ports) -> int | None:
    """While a deployment has no verdict yet, the live release is the one to go back to."""
    if active is not None and not active.settled and active.status is not Status.ROLLING_BACK:
        return state.last_good
    good = ports.deployments.good_releases(state.service, state.environment)
    return rollback_target(good, state.live)


def _abort(active: Deployment, target: int | None, ports: Ports) -> None:
    """What is on its way to the same place already is not disturbed."""
    going = active.status is Status.ROLLING_BACK and active.previous is not None
    if active.settled or (going and active.previous is not None and active.previous.number == target):
        return
    try:
        ports.deployments.ask(active.id, Request.ABORT)
    except Conflict:
        return  # it has just ended; ours comes after it in any case


def _nothing(state: EnvironmentState, active: Deployment | None) -> str:
    place = f"{state.service}/{state.environment}"
    live = "nothing is live" if state.live is None else f"release {state.live} is live"
    why = f"There is nothing to go back to on {place}: {live}, and no earlier release has been good there."
    if active is not None:
        return f"{why} Deployment {active.id}, which is under way, was asked to abort."
    deploy = f"shipway deploy {state.service} {state.environment} --release N"
    return f"{why} Push a fix, or deploy a release by its number: `{deploy}`."


# ------------------------------------------------------------------------------------------------ drafts


def _create(place: Environment, release: Release, reason: Reason, requested_by: str, ports: Ports) -> int:
    return ports.deployments.create(drafted(place, release, reason, requested_by, ports))


def _made_for(place: Environment, release: Release, ports: Ports) -> Release:
    """A release of another environment comes as a new one: the same image, with this environment's variables."""
    if release.environment in ("", place.name):
        return release
    others = ports.settings.service(place.service).environments
    origin = others.get(release.environment)
    foreign = {*origin.env, *origin.secrets} if origin else set()
    own = {key: value for key, value in release.spec.env.items() if key not in foreign}
    health = replace(release.spec.health, host=place.domain)
    spec = replace(release.spec, env={**own, **place.env}, secrets=run_secrets(place, ports), health=health)
    again = replace(release, environment=place.name, spec=spec, run=None, created_at=ports.clock.now())
    return ports.releases.add(again)


def _renewed(place: Environment, release: Release, ports: Ports) -> Release:
    """The live release, deployed once more by hand, comes as a new one when its secrets have changed: the same image and
    settings, with the secrets of now. Any other comes as it was made."""
    live = ports.deployments.environment(place.service, place.name).live
    if release.number != live or not outdated(release, place, ports):
        return _made_for(place, release, ports)
    spec = replace(release.spec, secrets=run_secrets(place, ports))
    again = replace(release, environment=place.name, spec=spec, run=None, created_at=ports.clock.now())
    return ports.releases.add(again)


def _of_image(place: Environment, image: str, ports: Ports) -> Release:
    """An image that Shipway did not build, of any repository. It runs as the live release does."""
    image = _exact(image)
    state = ports.deployments.environment(place.service, place.name)
    known = state.live or state.last_good
    spec = RuntimeSpec(env=dict(place.env))
    if known is not None:
        try:
            spec = ports.releases.release(place.service, known).spec
        except NotFound:
            known = None
    now = ports.clock.now()
    return ports.releases.add(
        Release(
            place.service,
            0,
            image,
            spec=replace(spec, secrets=run_secrets(place, ports)),
            environment=place.name,
            created_at=now,
        )
    )


def _exact(image: str) -> str:
    """As engines name what they pulled: a tag before the digest says nothing and is left out, and so is Docker Hub's
    own address."""
    name, _, digest = image.partition("@")
    path, colon, tag = name.rpartition(":")
    repository = path if colon and "/" not in tag else name
    if not digest.startswith("sha256:"):
        raise Refused(
            f"{image!r} does not name an image by its digest; a tag may be another image tomorrow. "
            "Give it as repository@sha256:…."
        )
    for hub in ("docker.io/library/", "docker.io/"):
        repository = repository.removeprefix(hub)
    return f"{repository}@{digest}"
