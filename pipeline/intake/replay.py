"""Flow 1c: decides a kept delivery again, with today's settings, because a person asks for it.

Its proof was checked when it came and is not kept; the person's token stands for it. A replay is a delivery of its own
and starts its runs whatever became of the first one. Never believes a clone address, nor tells anybody but workers.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from pipeline.delivery.run import NewRun
from pipeline.errors import Conflict, RunnerError
from pipeline.fleet.service import Service
from pipeline.intake.decide import built_from, decide_all
from pipeline.intake.inbox import SWEEP, Kept, NewDelivery, Received
from pipeline.intake.missed import runs_of
from pipeline.intake.sight import Move
from pipeline.ports import Ports


def replay(number: int, requested_by: str, ports: Ports) -> Received:
    """Raises `NotFound`, or `Conflict` when it is not kept any more or there is still nothing to start."""
    kept = ports.inbox.delivery(number)
    first = kept.delivery
    services, runs, ignored = _decided(kept, ports)
    if not runs:
        raise Conflict(f"Delivery {number} is decided as before, nothing was started: {ignored}.")
    origin = first.replay_of or number
    again = NewDelivery(
        first.forge,
        f"replay {origin} {len(kept.replays) + 1}",  # no forge's id has a space; two at one moment are one
        first.event,
        first.project,
        {},
        b"",
        tuple(replace(run, requested_by=requested_by) for run in runs),
        services=tuple(service.name for service in services),
        replay_of=origin,
    )
    received = ports.inbox.receive(again)
    with suppress(RunnerError):  # the runs are in the books
        for run in received.fresh:
            ports.queue.wake_run(run, new=True)
    return received


def _decided(kept: Kept, ports: Ports) -> tuple[Sequence[Service], tuple[NewRun, ...], str]:
    first = kept.delivery
    if kept.body is None:
        raise Conflict(
            f"The body of delivery {first.id} is not kept any more (30 days, and the newest 10,000). "
            "Start the branch as it is now: `shipway run start`."
        )
    if first.forge == SWEEP:
        return _look_again(kept.body, ports)
    if first.forge not in ports.forges:
        raise Conflict(f"There is no forge {first.forge!r} any more that could read delivery {first.id}.")
    services = built_from(ports.settings.services.values(), first.forge, first.project)
    if not services:
        return (), (), f"no service is built from project {first.project!r} of {first.forge} any more"
    hook = ports.forges[first.forge].told(kept.headers, kept.body)
    return services, *decide_all(hook, services)


def _look_again(body: bytes, ports: Ports) -> tuple[Sequence[Service], tuple[NewRun, ...], str]:
    """What a look had found; it is of one service."""
    told = json.loads(body)
    service = ports.settings.services.get(told["service"])
    if service is None:
        return (), (), f"there is no service {told['service']!r} any more"
    moves = tuple(Move(service.name, one["ref"], one["after"], one["before"]) for one in told["moves"])
    return (service,), *runs_of(moves, service)
