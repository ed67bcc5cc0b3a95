"""The calls about entrances: how their regions are, what would be changed, and the changes: apply, park, unpark."""

from collections.abc import Callable
from datetime import timedelta

from pipeline.caller import Caller
from pipeline.entrances.apply import apply, entrance_of, plan_of
from pipeline.entrances.entrance import Change, Entrance, Region, Standing
from pipeline.entrances.park import park, unpark
from pipeline.entrances.plan import Plan, guard, lines
from pipeline.entrances.whereabouts import with_addresses
from pipeline.errors import BadConfig, Conflict, RunnerError
from pipeline.ports import Ports
from pipeline.web.answers import Answer
from pipeline.web.auth import Role
from pipeline.web.bodies import Sent
from pipeline.web.calls import Call
from pipeline.web.entrances_answers import (
    ApplyBody,
    EntranceAnswer,
    EntranceChangeAnswer,
    EntrancePlanAnswer,
    EntrancePlanQuery,
    EntrancesAnswer,
    ParkBody,
    ParkedAnswer,
    RegionAnswer,
    RegionState,
    UnparkBody,
)


def list_entrances(ports: Ports, caller: Caller) -> EntrancesAnswer:
    return EntrancesAnswer(entrances=[_entrance(one, ports) for one in ports.settings.entrances.values()])


def show_entrance(ports: Ports, caller: Caller, entrance: str) -> EntranceAnswer:
    return _entrance(entrance_of(entrance, ports), ports)


def plan_entrance(
    ports: Ports, caller: Caller, entrance: str, query: EntrancePlanQuery
) -> EntrancePlanAnswer:
    made = plan_of(entrance_of(entrance, ports), ports, query.adopt)
    try:
        guard(made, query.force)
    except Conflict as refused:
        return _plan(made, str(refused))
    return _plan(made)


def apply_entrance(ports: Ports, caller: Caller, entrance: str, body: ApplyBody) -> EntrancePlanAnswer:
    return _plan(apply(entrance_of(entrance, ports), caller.signature, body.force, body.adopt, ports))


def park_region(ports: Ports, caller: Caller, region: str, body: ParkBody) -> ParkedAnswer:
    return ParkedAnswer(entrances=list(park(region, body.entrance, caller.signature, body.reason, ports)))


def unpark_region(ports: Ports, caller: Caller, region: str, body: UnparkBody) -> ParkedAnswer:
    return ParkedAnswer(entrances=list(unpark(region, body.entrance, caller.signature, ports)))


def _plan(made: Plan, refused: str = "") -> EntrancePlanAnswer:
    return EntrancePlanAnswer(
        entrance=made.entrance, steps=list(lines(made)), changes=len(made.steps), refused=refused
    )


def _entrance(entrance: Entrance, ports: Ports) -> EntranceAnswer:
    standings = ports.entrances.standings(entrance.name)
    regions = _whole(entrance, ports).regions.values()
    return EntranceAnswer(
        name=entrance.name,
        domain=entrance.domain,
        provider=entrance.provider.value,
        ttl=entrance.ttl,
        regions=[_region(one, standings.get(one.name, Standing(one.name))) for one in regions],
        changes=[_change(one, entrance) for one in ports.entrances.changes(entrance.name)],
    )


def _whole(entrance: Entrance, ports: Ports) -> Entrance:
    """What is known of addresses: a cloud that does not answer must not hide how the regions are."""
    try:
        return with_addresses(entrance, ports)
    except (RunnerError, BadConfig):
        return entrance


def _region(region: Region, standing: Standing) -> RegionAnswer:
    return RegionAnswer(
        name=region.name,
        address=region.address,
        line=region.line,
        share=region.share,
        state=_state(region, standing),
        why=standing.reason if standing.parked else standing.why,
        by=standing.parked_by if standing.parked else "",
        bad=standing.bad,
        good=standing.good,
        seen_at=standing.seen_at,
        since=standing.parked_at if standing.parked else standing.changed_at,
    )


def _state(region: Region, standing: Standing) -> RegionState:
    if standing.parked:
        return RegionState.PARKED
    if standing.out:
        return RegionState.OUT
    if not region.share:
        return RegionState.IDLE
    return RegionState.SERVING


def _change(change: Change, entrance: Entrance) -> EntranceChangeAnswer:
    """A resolver that asked just before the last server knew may say the old until the TTL is over."""
    ttl = timedelta(seconds=entrance.ttl)
    return EntranceChangeAnswer(
        id=change.id,
        what=change.what,
        by=change.by,
        at=change.at,
        settled_at=change.settled_at,
        known_until=change.settled_at + ttl if change.settled_at else None,
    )


def _change_of(
    path: str,
    summary: str,
    handler: Callable[..., Answer],
    answer: type[Answer],
    body: type[Sent],
    action: str,
) -> Call:
    """It moves the users of every service behind the entrance: only for admins without scopes."""
    return Call(
        "POST",
        path,
        Role.ADMIN,
        summary,
        handler,
        answer,
        body=body,
        errors=(400, 404, 409, 413, 415, 502, 503),
        unbound=True,
        action=action,
    )


CALLS = (
    Call(
        "GET",
        "/entrances",
        Role.VIEWER,
        "List entrances, and how their regions are",
        list_entrances,
        EntrancesAnswer,
    ),
    Call(
        "GET",
        "/entrances/<entrance>",
        Role.VIEWER,
        "Show one entrance: its regions and its last changes",
        show_entrance,
        EntranceAnswer,
        errors=(404,),
    ),
    Call(
        "GET",
        "/entrances/<entrance>/plan",
        Role.VIEWER,
        "Show what `apply` would change at the provider; changes nothing",
        plan_entrance,
        EntrancePlanAnswer,
        query=EntrancePlanQuery,
        errors=(400, 404, 502, 503),
    ),
    _change_of(
        "/entrances/<entrance>/apply",
        "Make the provider answer as shipway.yml says",
        apply_entrance,
        EntrancePlanAnswer,
        ApplyBody,
        "entrance.apply",
    ),
    _change_of(
        "/regions/<region>/park",
        "Give a region no answers until it is unparked",
        park_region,
        ParkedAnswer,
        ParkBody,
        "region.park",
    ),
    _change_of(
        "/regions/<region>/unpark",
        "Give a parked region its share again",
        unpark_region,
        ParkedAnswer,
        UnparkBody,
        "region.unpark",
    ),
)
