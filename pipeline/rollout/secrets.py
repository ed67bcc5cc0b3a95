"""Which secrets a release, a test or a build gets: what shipway.yml says, and what Shipway keeps for that place and stage.

shipway.yml wins, since it names the place itself. `store:` there says that one must be kept. What is given is never
printed: it is hidden in logs before anybody has it.
"""

from dataclasses import replace

from pipeline.errors import NotFound
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.release import Release
from pipeline.secret import Secret
from pipeline.settings import Settings
from pipeline.stored_secret import Scope, Use, how_to_set


def secrets_of(
    service: str, environment: str, stage: Use, ports: Ports, trusted: bool = True
) -> dict[str, Secret]:
    """Kept ones. `trusted`: the code that gets them is of people who may push."""
    found = ports.secrets.values(service, environment, stage, trusted)
    hide(found, ports)
    return found


def run_secrets(place: Environment, ports: Ports) -> dict[str, Secret]:
    """Of a release that is made now. Raises `NotFound` for one that shipway.yml wants from the store."""
    stored = secrets_of(place.service, place.name, Use.RUN, ports)
    for name in place.stored:
        if name not in stored:
            command = how_to_set(name, Scope(place.service, place.name))
            raise NotFound(
                f"shipway.yml takes the secret {name} of {place.service}/{place.name} from the store, and none is kept "
                f"there. Set it with `{command}`, then try again."
            )
    return {**stored, **place.secrets}


def outdated(release: Release, place: Environment, ports: Ports) -> tuple[str, ...]:
    """Names of secrets that a release made now would get otherwise: changed, come or gone since this one was made."""
    stored = ports.secrets.values(place.service, place.name, Use.RUN)
    now, then = {**stored, **place.secrets}, release.spec.secrets
    return tuple(sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name)))


def running_with_old(name: str, scope: Scope, ports: Ports) -> list[Release]:
    """Live releases within the scope that have another value of it than a release made now would get."""
    found = []
    for service in ports.settings.services.values():
        for place in service.environments.values():
            live = ports.deployments.environment(service.name, place.name).live
            if live is None or not scope.covers(service.name, place.name, Use.RUN):
                continue
            release = ports.releases.release(service.name, live)
            if name in outdated(release, place, ports):
                found.append(replace(release, environment=place.name))
    return found


def check_scope(scope: Scope, settings: Settings) -> None:
    """A misspelt one would keep a secret that nobody gets. Raises `NotFound`."""
    if scope.service and scope.environment:
        settings.environment(scope.service, scope.environment)
    elif scope.service:
        settings.service(scope.service)
    elif scope.environment:
        known = sorted({name for service in settings.services.values() for name in service.environments})
        if scope.environment not in known:
            raise NotFound(
                f"No service has an environment {scope.environment!r}. There are: {', '.join(known) or 'none'}."
            )


def hide(secrets: dict[str, Secret], ports: Ports) -> None:
    if secrets:
        ports.logs.hide([secret.reveal() for secret in secrets.values()])
