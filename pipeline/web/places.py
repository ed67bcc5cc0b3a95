"""The calls that say where services run: hosts are drained and resumed, services move."""

from collections.abc import Iterable

from pipeline.caller import Caller
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.moving import Moves, drain, move, resume, users
from pipeline.web.auth import Role, demand_everything, demand_within
from pipeline.web.bodies import DrainBody, MoveBody, NothingBody
from pipeline.web.calls import Call
from pipeline.web.fleet_answers import MovesAnswer
from pipeline.web.runs import requested_by, wake


def drain_host(ports: Ports, caller: Caller, host: str, body: DrainBody) -> MovesAnswer:
    _demand_all(caller, users(host, ports))
    return _accepted(ports, drain(host, requested_by(caller), body.reason, body.force, ports))


def resume_host(ports: Ports, caller: Caller, host: str, body: NothingBody) -> MovesAnswer:
    _demand_all(caller, users(host, ports))
    return _accepted(ports, resume(host, requested_by(caller), ports))


def move_service(ports: Ports, caller: Caller, service: str, body: MoveBody) -> MovesAnswer:
    """Onto a host that the file does not select for the environment only by a token that is bound to nothing."""
    demand_within(caller, service, body.environment)
    chosen = [e for e in ports.service(service).environments.values() if body.environment in ("", e.name)]
    _demand_all(caller, chosen)
    if any(all(host.name != body.target for host in e.hosts) for e in chosen):
        demand_everything(caller)
    way = body.origin, body.target, body.environment
    return _accepted(ports, move(service, *way, requested_by(caller), ports))


def _demand_all(caller: Caller, environments: Iterable[Environment]) -> None:
    """A host is everybody's who runs on it: a bound token must reach them all."""
    found = list(environments)
    if not found:
        demand_everything(caller)
    for environment in found:
        demand_within(caller, environment.service, environment.name)


def _accepted(ports: Ports, moves: Moves) -> MovesAnswer:
    for number in moves.deployments:
        wake(ports.queue.wake_deployment, number)
    return MovesAnswer(deployments=list(moves.deployments), waiting=list(moves.waiting))


REFUSALS = (400, 404, 409, 413, 415)

CALLS = (
    Call(
        "POST",
        "/hosts/<host>/drain",
        Role.DEPLOYER,
        "Place nothing on a host any more, and let what is there leave",
        drain_host,
        MovesAnswer,
        202,
        body=DrainBody,
        errors=REFUSALS,
        action="host.drain",
    ),
    Call(
        "POST",
        "/hosts/<host>/resume",
        Role.DEPLOYER,
        "Take a drained host back in",
        resume_host,
        MovesAnswer,
        202,
        body=NothingBody,
        errors=REFUSALS,
        action="host.resume",
    ),
    Call(
        "POST",
        "/services/<service>/move",
        Role.DEPLOYER,
        "Move a service from one host to another",
        move_service,
        MovesAnswer,
        202,
        body=MoveBody,
        errors=REFUSALS,
        action="service.move",
    ),
)
