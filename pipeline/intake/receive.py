"""Flow 1: a webhook's raw bytes to queued runs, durable when this returns. Nothing in the body is believed unproved.

The clone address never comes from here, only what moved. Several services may share a repository: each one counts
only if its own secret proves the delivery.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from pipeline.errors import BadSignature, Conflict, NotFound, RunnerError, TooLarge
from pipeline.fleet.service import Service
from pipeline.intake.decide import built_from, decide_all, moves_of, needless_of
from pipeline.intake.inbox import NewDelivery, Received
from pipeline.intake.kept import kept_body, kept_headers
from pipeline.intake.push import Hook
from pipeline.ports import Forge, Ports

LARGEST = 25 * 1024 * 1024
LARGEST_OF_NO_PROJECT = 1024 * 1024  # as many proofs are tried as there are services


def receive(forge_name: str, headers: Mapping[str, str], body: bytes, ports: Ports) -> Received:
    """Raises `NotFound`, `BadSignature`, `Conflict`, `TooLarge` or `Refused`; anything authentic is kept, also when ignored."""
    delivery = proved(forge_name, headers, body, ports)
    received = settled(ports.inbox.receive(delivery), delivery)
    with suppress(RunnerError):  # the runs are in the books: when the queue is down, the scheduler wakes them
        for run in received.fresh:
            ports.queue.wake_run(run, new=True)
    return received


def proved(forge_name: str, headers: Mapping[str, str], body: bytes, ports: Ports) -> NewDelivery:
    """Before it is written: that it is authentic, and what it asks for. Waits for nothing."""
    forge = ports.forges.get(forge_name)
    if forge is None:
        raise NotFound(
            f"There is no forge {forge_name!r}. Webhooks go to /hooks/ and one of {', '.join(ports.forges)}."
        )
    if len(body) > LARGEST:
        raise TooLarge("The webhook's body is larger than 25 MiB.")
    project = forge.project(headers, body)
    if not project and len(body) > LARGEST_OF_NO_PROJECT:
        raise TooLarge("The webhook is of no project, and larger than 1 MiB.")
    services = _services(forge_name, project, ports)
    hook, believed = _prove(forge, headers, body, services, ports)
    return _delivery(hook, headers, body, believed)


def settled(received: Received, delivery: NewDelivery) -> Received:
    """After it is written: what its sender may know."""
    if received.changed:
        raise Conflict(
            f"{delivery.forge} sent delivery {delivery.key} before, and it told of something else (delivery {received.id} "
            "here). Nothing was done: an id belongs to one delivery. If this is a real push, push again."
        )
    targets = tuple(f"{run.service}/{run.place}" for run in delivery.runs)
    known = not received.duplicate and len(targets) == len(received.runs)
    return replace(received, targets=targets if known else ())


def _delivery(hook: Hook, headers: Mapping[str, str], body: bytes, believed: list[Service]) -> NewDelivery:
    """As it is kept: decided, and without what proved it."""
    runs, ignored = decide_all(hook, believed)
    kept = kept_headers(headers) | ({"content-type": "application/json"} if hook.masked else {})
    authors = [push.author for push in hook.pushes] + [request.author for request in hook.requests]
    author = authors[0] if authors else ""
    return NewDelivery(
        hook.forge,
        hook.key,
        hook.event,
        hook.project,
        kept,
        kept_body(hook.masked or body, believed),
        runs,
        ignored,
        tuple(service.name for service in believed),
        moves_of(hook, believed),
        actor=f"{hook.forge}:{author or 'webhook'}",
        action=f"webhook {hook.event}",
        needless=needless_of(hook, believed),
    )


def _services(forge_name: str, project: str, ports: Ports) -> list[Service]:
    found = built_from(ports.settings.services.values(), forge_name, project)
    if not found and not project:
        raise NotFound(
            f"No service here has a repository with `forge: {forge_name}`. Name it in shipway.yml."
        )
    if not found:
        raise NotFound(
            f"No service here is built from project {project[:200]!r} of {forge_name}. "
            "Name it under `repository` of a service in shipway.yml."
        )
    return found


def _prove(
    forge: Forge, headers: Mapping[str, str], body: bytes, services: list[Service], ports: Ports
) -> tuple[Hook, list[Service]]:
    """What it says, and the services whose secret fits. Raises the first `BadSignature` when none does."""
    now = ports.clock.now()
    hook: Hook | None = None
    proved: list[Service] = []
    refusals: list[BadSignature] = []
    for service in services:
        try:
            hook = forge.read(headers, body, service.repository, now)
            proved.append(service)
        except BadSignature as refusal:
            refusals.append(refusal)
    if hook is None:
        raise refusals[0]
    return hook, proved
