"""The call that tells everything at once: of each environment what is live, how it is, what moves and what failed last.

The books alone are a few reads; with `look` every engine is asked too, side by side. Decides nothing: how an
environment is, `rollout.condition` says. The dashboard's overview is made of the same answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pipeline.caller import Caller
from pipeline.delivery.run import Run, RunStatus, RunSummary, StageStatus
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.condition import Condition, Seat, condition, ends, seat
from pipeline.rollout.deployment import Deployment, DeploymentSummary, EnvironmentState, Status
from pipeline.rollout.holding import hold_now
from pipeline.rollout.observed import HostSeen
from pipeline.rollout.release import ReleaseSummary
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
from pipeline.web.titles import first_line, titles_of

NEWEST = 4  # runs and deployments of an environment that are looked at
MOST_RUNS = 200
ORDER = {one: at for at, one in enumerate(Condition)}

BAD_ENDS = frozenset({Status.FAILED, Status.ROLLED_BACK})

Looks = Mapping[tuple[str, str, str], HostSeen]  # by host, service, environment


@dataclass(frozen=True)
class Known:
    """What the books say of one environment; newest first. `active`: the deployment at work, a newer one waits behind it;
    `run`: the one under way; `titles`: by runs."""

    place: Environment
    state: EnvironmentState
    live: ReleaseSummary | None
    deployments: Sequence[DeploymentSummary]
    active: Deployment | None
    runs: Sequence[RunSummary]
    run: Run | None
    titles: Mapping[int | None, str]

    @property
    def last(self) -> DeploymentSummary | None:
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
    known = _known(places, ports)
    looks = _looks(known, ports) if query.look else {}
    found = [_place(one, looks, ports) for one in known]
    return OverviewAnswer(places=sorted(found, key=lambda one: ORDER[one.condition]))


def _looks(known: Sequence[Known], ports: Ports) -> Looks:
    hosts = ports.settings.hosts
    keys = [
        (host, one.place.service, one.place.name)
        for one in known
        for host in running_on(one.place, one.state)
        if host in hosts
    ]
    seen = ports.hands.each([partial(ports.engines.look, hosts[h], s, e) for h, s, e in keys])
    return {key: look for key, look in zip(keys, seen, strict=True) if isinstance(look, HostSeen)}


def _known(environments: Sequence[Environment], ports: Ports) -> list[Known]:
    """Read for all of them together: a query for each took seconds for hundreds."""
    places = [(one.service, one.name) for one in environments]
    states = ports.deployments.environments(places)
    live = ports.releases.summaries(
        [(service, state.live) for (service, _), state in states.items() if state.live is not None]
    )
    under_way = [r for s in (RunStatus.RUNNING, RunStatus.QUEUED) for r in ports.runs.runs("", s, MOST_RUNS)]
    run = {(one.service, one.environment): one for one in reversed(under_way)}
    active = {(one.service, one.environment): one for one in ports.deployments.under_way()}
    runs, deployments = ports.runs.newest(places, NEWEST), ports.deployments.newest(places, NEWEST)
    titles = titles_of([*(r.run for r in live.values()), *(d.run for d in active.values())], ports)
    return [
        Known(
            one,
            states[place],
            live.get((place[0], states[place].live or 0)),
            deployments.get(place, ()),
            active.get(place),
            runs.get(place, ()),
            run.get(place),
            titles,
        )
        for one, place in zip(environments, places, strict=True)
    ]


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
        title=known.titles.get(live.run, "") if live else "",
        since=_since(known.deployments, live),
        wanted=sum(wanted.values()),
        healthy=_healthy(seats),
        seats=[SeatAnswer(host=s.host, wanted=s.wanted, healthy=s.healthy, error=s.error) for s in seats],
        deployment=_moving(known.active, known.titles),
        run=_run(known.run, place, ports),
        failure=_failure(known),
    )


def _condition(known: Known, seats: Sequence[Seat]) -> tuple[Condition, str]:
    run = known.run
    word, why = condition(known.state.live, seats, known.active, known.last, run is not None)
    if word is Condition.MOVING and run is not None and (run.waits or run.held):
        return Condition.HELD, why
    return word, why


def _since(newest: Sequence[DeploymentSummary], live: ReleaseSummary | None) -> datetime | None:
    """The end of the deployment that brought what is live; when others came since, the release's own age."""
    if live is None:
        return None
    brought = next((d for d in newest if d.good and d.release == live.number), None)
    return (brought.finished_at or brought.created_at) if brought else live.created_at


def _healthy(seats: Sequence[Seat]) -> int | None:
    known = [s.healthy or 0 for s in seats if s.healthy is not None or s.error]
    return sum(known) if known else None


def _moving(active: Deployment | None, titles: Mapping[int | None, str]) -> MovingDeployment | None:
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
        title=titles.get(active.run, ""),
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


def _failed(kind: str, one: RunSummary | DeploymentSummary) -> LastFailure:
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
