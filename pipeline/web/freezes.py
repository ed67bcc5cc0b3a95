"""The calls about freezes: set, list, lift. Those of shipway.yml are listed too, and lifted there."""

from pipeline.caller import Caller
from pipeline.errors import Refused
from pipeline.fleet.window import Freeze, read_moment
from pipeline.ports import Ports
from pipeline.rollout.secrets import check_scope
from pipeline.stored_secret import Scope
from pipeline.web.answers import Answer, Utc
from pipeline.web.auth import Role, demand_everything, demand_within, within
from pipeline.web.bodies import FreezeBody
from pipeline.web.calls import Call

OF_THE_FILE = "shipway.yml"


class FreezeAnswer(Answer):
    """Empty `service`: all that have the environment. `id` null: of shipway.yml."""

    id: int | None
    service: str
    environment: str
    since: Utc
    until: Utc
    why: str
    by: str


class FreezesAnswer(Answer):
    timezone: str
    freezes: list[FreezeAnswer]


def list_freezes(ports: Ports, caller: Caller) -> FreezesAnswer:
    found = [*_of_file(ports), *(_answer(one) for one in ports.freezes.freezes())]
    mine = [one for one in found if not one.service or within(caller, one.service, one.environment)]
    return FreezesAnswer(
        timezone=ports.settings.server.timezone, freezes=sorted(mine, key=lambda one: one.since)
    )


def set_freeze(ports: Ports, caller: Caller, body: FreezeBody) -> FreezeAnswer:
    _demand_reach(caller, body.service, body.environment)
    check_scope(Scope(body.service, body.environment), ports.settings)
    zone, now = ports.settings.server.timezone, ports.clock.now()
    try:
        since = read_moment(body.since, zone, now) if body.since else now
        until = read_moment(body.until, zone, now)
    except ValueError as error:
        raise Refused(f"Nothing is frozen: {error}.") from None
    if until <= max(now, since):
        raise Refused(f"Nothing is frozen: {body.until!r} is over already, or not after the beginning.")
    freeze = Freeze(since, until, body.why, 0, body.service, body.environment, caller.signature)
    return _answer(ports.freezes.add(freeze))


def lift_freeze(ports: Ports, caller: Caller, freeze: int) -> FreezeAnswer:
    found = ports.freezes.freeze(freeze)
    _demand_reach(caller, found.service, found.environment)
    return _answer(ports.freezes.lift(freeze, caller.signature))


def _demand_reach(caller: Caller, service: str, environment: str) -> None:
    if service:
        demand_within(caller, service, environment)
    else:
        demand_everything(caller)


def _of_file(ports: Ports) -> list[FreezeAnswer]:
    now = ports.clock.now()
    return [
        FreezeAnswer(
            id=None,
            service=service.name,
            environment=place.name,
            since=freeze.since,
            until=freeze.until,
            why=freeze.why,
            by=OF_THE_FILE,
        )
        for service in ports.settings.services.values()
        for place in service.environments.values()
        for freeze in place.freezes
        if freeze.until > now
    ]


def _answer(freeze: Freeze) -> FreezeAnswer:
    return FreezeAnswer(
        id=freeze.id,
        service=freeze.service,
        environment=freeze.environment,
        since=freeze.since,
        until=freeze.until,
        why=freeze.why,
        by=freeze.by,
    )


CALLS = (
    Call(
        "GET",
        "/freezes",
        Role.VIEWER,
        "List the freezes that hold deployments back, or will",
        list_freezes,
        FreezesAnswer,
    ),
    Call(
        "POST",
        "/freezes",
        Role.ADMIN,
        "Let no deployment of an environment begin until then",
        set_freeze,
        FreezeAnswer,
        201,
        body=FreezeBody,
        errors=(400, 404, 413, 415),
        action="freeze.set",
    ),
    Call(
        "DELETE",
        "/freezes/<id:freeze>",
        Role.ADMIN,
        "Lift a freeze that somebody set",
        lift_freeze,
        FreezeAnswer,
        errors=(404, 409),
        action="freeze.lift",
    ),
)
