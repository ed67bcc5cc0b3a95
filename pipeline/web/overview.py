"""The call that tells everything at once: of each environment what is live, how it is, and what moves.

The books alone are a few reads; with `look` every engine is asked too, side by side. Decides nothing: how an
environment is, `rollout.condition` says.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from pipeline.caller import Caller
from pipeline.delivery.run import Run, RunStatus, StageStatus
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.condition import Condition, Seat, condition, ends, seat
from pipeline.rollout.deployment import Deployment, EnvironmentState, Status
from pipeline.rollout.observed import HostSeen
from pipeline.rollout.release import Release
from pipeline.rollout.whereabouts import running_on
from pipeline.web.auth import Role, demand_within, within
from pipeline.web.bodies import OverviewQuery
from pipeline.web.calls import Call
from pipeline.web.overview_answers import (
    MovingDeployment,
    MovingRun,
    OverviewAnswer,
    OverviewPlace,
    SeatAnswer,
)

NEWEST = 2  # deployments of an environment that are looked at: each costs a millisecond, every second
MOST_RUNS = 200
ORDER = {one: at for at, one in enumerate(Condition)}

Looks = Mapping[tuple[str, str, str], HostSeen]  # by host, service, environment


def show_overview(ports: Ports, caller: Caller, query: OverviewQuery) -> OverviewAnswer:
    if query.service:
        demand_within(caller, query.service)
        ports.service(query.service)
    places = [
        environment
        for service in ports.settings.services.values()
        for environment in service.environments.values()
        if query.service in ("", service.name) and within(caller, service.name, environment.name)
    ]
    states = [ports.deployments.environment(place.service, place.name) for place in places]
    looks = _looks(places, states, ports) if query.look else {}
    runs = [r for s in (RunStatus.RUNNING, RunStatus.QUEUED) for r in ports.runs.runs("", s, MOST_RUNS)]
    found = [_place(place, state, looks, runs, ports) for place, state in zip(places, states, strict=True)]
    return OverviewAnswer(places=sorted(found, key=lambda one: ORDER[one.condition]))


def _looks(places: Sequence[Environment], states: Sequence[EnvironmentState], ports: Ports) -> Looks:
    hosts = ports.settings.hosts
    keys = [
        (host, place.service, place.name)
        for place, state in zip(places, states, strict=True)
        for host in running_on(place, state)
        if host in hosts
    ]
    seen = ports.hands.each([partial(ports.engines.look, hosts[h], s, e) for h, s, e in keys])
    return {key: look for key, look in zip(keys, seen, strict=True) if isinstance(look, HostSeen)}


def _place(
    place: Environment, state: EnvironmentState, looks: Looks, runs: Sequence[Run], ports: Ports
) -> OverviewPlace:
    service, name = place.service, place.name
    newest = ports.deployments.deployments(service, name, NEWEST)
    active = next((d for d in newest if not d.over), None)
    run = next((r for r in runs if (r.service, r.environment) == (service, name)), None)
    wanted = running_on(place, state)
    seats = [
        seat(host, count, looks.get((host, service, name)), state.live) for host, count in wanted.items()
    ]
    last = next((d for d in newest if d.over), None)
    word, why = condition(state.live, seats, active, last, run is not None)
    if run is not None and run.waits and word is Condition.MOVING:
        word = Condition.HELD
    live = None if state.live is None else ports.releases.release(service, state.live)
    return OverviewPlace(
        service=service,
        environment=name,
        condition=word,
        why=why,
        live=state.live,
        commit=live.commit if live else "",
        ref=live.ref if live else "",
        since=_since(newest, live),
        wanted=sum(wanted.values()),
        healthy=_healthy(seats),
        seats=[SeatAnswer(host=s.host, wanted=s.wanted, healthy=s.healthy, error=s.error) for s in seats],
        deployment=_moving(active),
        run=_run(run),
    )


def _since(newest: Sequence[Deployment], live: Release | None) -> datetime | None:
    """The end of the deployment that brought what is live; when others came since, the release's own age."""
    if live is None:
        return None
    good = (d for d in newest if d.status is Status.SUCCEEDED or d.settled)
    brought = next((d for d in good if d.release.number == live.number), None)
    return (brought.finished_at or brought.created_at) if brought else live.created_at


def _healthy(seats: Sequence[Seat]) -> int | None:
    known = [s.healthy or 0 for s in seats if s.healthy is not None or s.error]
    return sum(known) if known else None


def _moving(active: Deployment | None) -> MovingDeployment | None:
    if active is None:
        return None
    return MovingDeployment(
        id=active.id,
        release=active.release.number,
        status=active.status,
        settled=active.settled,
        blocked=active.blocked,
        phases={plan.host: active.record(plan.host).phase for plan in active.hosts},
        until=ends(active),
    )


def _run(run: Run | None) -> MovingRun | None:
    if run is None:
        return None
    stage = next((s.name for s in run.stages if s.status is StageStatus.RUNNING), None)
    return MovingRun(id=run.id, stage=stage, waits=run.waits)


CALLS = (
    Call(
        "GET",
        "/overview",
        Role.VIEWER,
        "Show every environment: what is live, how it is, what moves",
        show_overview,
        OverviewAnswer,
        query=OverviewQuery,
        errors=(400, 404),
    ),
)
