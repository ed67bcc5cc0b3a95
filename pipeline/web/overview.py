"""The call that tells everything at once: of each environment what is live, how it is, what moves and what failed last.

The books alone are a few reads; with `look` every engine is asked too, side by side. Decides nothing: how an
environment is, `rollout.condition` says. The dashboard's overview is made of the same answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pipeline.caller import Caller
from pipeline.delivery.run import Run, RunStatus, StageStatus
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.condition import Condition, Seat, condition, ends, seat
from pipeline.rollout.deployment import Deployment, EnvironmentState, Status
from pipeline.rollout.holding import hold_now
from pipeline.rollout.observed import HostSeen
from pipeline.rollout.release import Release
from pipeline.rollout.whereabouts import running_on
from pipeline.web.auth import Role, demand_within, within
from pipeline.web.bodies import OverviewQuery
from pipeline.web.calls import Call
from pipeline.web.overview_answers import (
    LastFailure,
    MovingDeployment,
    MovingRun,
    OverviewAnswer,
    OverviewPlace,
    SeatAnswer,
)
from pipeline.web.titles import first_line, title_of

NEWEST = 4  # runs and deployments of an environment that are looked at
MOST_RUNS = 200
ORDER = {one: at for at, one in enumerate(Condition)}

BAD_ENDS = frozenset({Status.FAILED, Status.ROLLED_BACK})

Looks = Mapping[tuple[str, str, str], HostSeen]  # by host, service, environment


@dataclass(frozen=True)
class Known:
    """What the books say of one environment; newest first. `run`: the one under way."""

    place: Environment
    state: EnvironmentState
    live: Release | None
    deployments: Sequence[Deployment]
    runs: Sequence[Run]
    run: Run | None

    @property
    def active(self) -> Deployment | None:
        """The one at work; a newer one waits behind it."""
        return next((one for one in reversed(self.deployments) if not one.over), None)

    @property
    def last(self) -> Deployment | None:
        return next((one for one in self.deployments if one.over), None)


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
    known = [_known(place, state, runs, ports) for place, state in zip(places, states, strict=True)]
    found = [_place(one, looks, ports) for one in known]
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


def _known(place: Environment, state: EnvironmentState, under_way: Sequence[Run], ports: Ports) -> Known:
    service, name = place.service, place.name
    return Known(
        place,
        state,
        None if state.live is None else ports.releases.release(service, state.live),
        ports.deployments.deployments(service, name, NEWEST),
        ports.runs.runs(service, "", NEWEST, name),
        next((run for run in under_way if (run.service, run.environment) == (service, name)), None),
    )


def _place(known: Known, looks: Looks, ports: Ports) -> OverviewPlace:
    place, live = known.place, known.live
    wanted = running_on(place, known.state)
    seats = [
        seat(host, count, looks.get((host, place.service, place.name)), known.state.live)
        for host, count in wanted.items()
    ]
    word, why = _condition(known, seats)
    return OverviewPlace(
        service=place.service,
        environment=place.name,
        condition=word,
        why=why,
        live=known.state.live,
        commit=live.commit if live else "",
        ref=live.ref if live else "",
        title=title_of(ports, live.run) if live else "",
        since=_since(known.deployments, live),
        wanted=sum(wanted.values()),
        healthy=_healthy(seats),
        seats=[SeatAnswer(host=s.host, wanted=s.wanted, healthy=s.healthy, error=s.error) for s in seats],
        deployment=_moving(known.active, ports),
        run=_run(known.run, place, ports),
        failure=_failure(known),
    )


def _condition(known: Known, seats: Sequence[Seat]) -> tuple[Condition, str]:
    run = known.run
    word, why = condition(known.state.live, seats, known.active, known.last, run is not None)
    if word is Condition.MOVING and run is not None and (run.waits or run.held):
        return Condition.HELD, why
    return word, why


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


def _moving(active: Deployment | None, ports: Ports) -> MovingDeployment | None:
    if active is None:
        return None
    return MovingDeployment(
        id=active.id,
        release=active.release.number,
        status=active.status,
        settled=active.settled,
        blocked=active.blocked,
        phases={plan.host: active.record(plan.host).phase for plan in active.hosts},
        since=active.started_at or active.created_at,
        until=ends(active),
        title=title_of(ports, active.run),
    )


def _run(run: Run | None, place: Environment, ports: Ports) -> MovingRun | None:
    if run is None:
        return None
    hold = hold_now(place, ports) if run.held else None
    return MovingRun(
        id=run.id,
        status=run.status,
        stage=next((s.name for s in run.stages if s.status is StageStatus.RUNNING), None),
        done=sum(stage.finished_at is not None for stage in run.stages),
        total=len(run.stages),
        waits=run.waits,
        held=run.held,
        since=run.started_at or run.created_at,
        until=hold.until if hold else None,
        title=first_line(run.message),
    )


def _failure(known: Known) -> LastFailure | None:
    """Of the newest run and the newest deployment the later one, when it ended badly. What was superseded or cancelled
    says nothing."""
    told = (run for run in known.runs if run.status in (RunStatus.FAILED, RunStatus.SUCCEEDED))
    ended = (d for d in known.deployments if d.status in BAD_ENDS or d.status is Status.SUCCEEDED)
    run, deployment = next(told, None), next(ended, None)
    if deployment is not None and (run is None or _at(deployment.finished_at) >= _at(run.finished_at)):
        return _failed("deployment", deployment) if deployment.status in BAD_ENDS else None
    return _failed("run", run) if run is not None and run.status is RunStatus.FAILED else None


def _failed(kind: str, one: Run | Deployment) -> LastFailure:
    return LastFailure(kind=kind, id=one.id, status=one.status.value, error=one.error, at=one.finished_at)


def _at(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


CALLS = (
    Call(
        "GET",
        "/overview",
        Role.VIEWER,
        "Show every environment: what is live, how it is, what moves, what failed last",
        show_overview,
        OverviewAnswer,
        query=OverviewQuery,
        errors=(400, 404),
    ),
)
