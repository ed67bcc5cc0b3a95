"""Flow 1b: looks at a repository and starts what its webhooks did not tell, once, whoever else looks or tells meanwhile.

Where webhooks come, what is missing must be missing at two looks: the webhook may just be on its way. Never touches
what the books learned since it asked them.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from pipeline.errors import RunnerError
from pipeline.fleet.service import Repository, Service
from pipeline.intake.inbox import SWEEP, NewDelivery
from pipeline.intake.missed import bound, compare, runs_of
from pipeline.intake.sight import Move, Sight
from pipeline.ports import Ports

Suspects = frozenset[Move]  # missing at the look before


def look(services: Sequence[Service], suspects: Suspects, ports: Ports) -> Suspects:
    """One look at the repository that these services share. Returns what is missing for the first time. Raises a
    `RunnerError` when it cannot be looked at, and writes that down."""
    sights = {service.name: ports.inbox.sight(service.name) for service in services}
    try:
        refs = _refs(services[0].repository, services, sights, ports)
    except RunnerError as error:
        _tell_trouble(str(error), sights, ports)
        raise
    found = [_settle(service, sights[service.name], refs, suspects, ports) for service in services]
    return frozenset().union(*found)


def _refs(
    repository: Repository, services: Sequence[Service], sights: dict[str, Sight], ports: Ports
) -> dict[str, str]:
    """A repository that lost all it had is a forge in trouble, not so many branches deleted."""
    tags = any(environment.tags for service in services for environment in service.environments.values())
    refs = ports.source.look(repository, tags)
    if not refs and any(commit for sight in sights.values() for commit in sight.heads.values()):
        raise RunnerError(
            f"{repository.address} answers, and has no branch any more. Nothing is believed gone: look at the forge, "
            "or take the service out of shipway.yml."
        )
    return refs


def _settle(
    service: Service, sight: Sight, refs: dict[str, str], suspects: Suspects, ports: Ports
) -> Suspects:
    found = compare(sight, refs, service)
    hooked = bool(service.repository.secret or service.repository.signing)
    certain = tuple(move for move in found.missed if move in suspects or not hooked)
    after = replace(sight, address=service.repository.address, bound=bound(service), trouble="")
    if certain or found.noted or after != sight or not sight.version:
        received = ports.inbox.saw(after, replace(found, missed=certain), _delivery(service, sight, certain))
        with suppress(
            RunnerError
        ):  # the runs are in the books: when the queue is down, the scheduler wakes them
            for run in received.fresh if received else ():
                ports.queue.wake_run(run, new=True)
    return frozenset(found.missed) - frozenset(certain)


def _delivery(service: Service, sight: Sight, missed: tuple[Move, ...]) -> NewDelivery | None:
    """The look as the ledger keeps it: it is replayed as a webhook is. Its key is taken once."""
    if not missed:
        return None
    runs, ignored = runs_of(missed, service)
    moves = [{"ref": move.ref, "before": move.before, "after": move.commit} for move in missed]
    body = json.dumps({"service": service.name, "moves": moves}).encode()
    return NewDelivery(
        SWEEP,
        f"{service.name}:{sight.version}",
        "look",
        service.repository.project or service.name,
        {},
        body,
        runs,
        ignored,
        services=(service.name,),
        actor=SWEEP,
        action="push without a webhook",
    )


def _tell_trouble(reason: str, sights: dict[str, Sight], ports: Ports) -> None:
    """Written when it changes, not at every look."""
    for name, sight in sights.items():
        if sight.trouble != reason:
            ports.inbox.trouble(name, reason)
