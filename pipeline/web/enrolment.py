"""The calls about hosts that join: invited, looked at, protected, taken out; their certificates revoked."""

from datetime import timedelta

from pipeline.caller import Caller
from pipeline.enrolment.checklist import checklist
from pipeline.enrolment.desk import EnrolmentDesk
from pipeline.enrolment.enrol import revoke
from pipeline.enrolment.invite import invite, line, user_data
from pipeline.errors import Conflict, NotFound
from pipeline.fleet.check import CheckState
from pipeline.ports import Ports
from pipeline.rollout.moving import users
from pipeline.rollout.whereabouts import running_on
from pipeline.web.answers import Answer, Utc
from pipeline.web.auth import Role, demand_everything, within
from pipeline.web.bodies import InvitationBody, NothingBody, ProtectBody, RemoveBody
from pipeline.web.calls import Call


class InvitationAnswer(Answer):
    """`line` is to be pasted as root, `user_data` is for a cloud: both hold the token, which is not shown again."""

    token: str
    expires_at: Utc
    line: str
    user_data: str


class CheckAnswer(Answer):
    name: str
    state: CheckState
    text: str
    mend: str


class ChecklistAnswer(Answer):
    host: str
    checks: list[CheckAnswer]


class HostGone(Answer):
    """`certificates`: so many were good until now."""

    host: str
    certificates: int


class HostProtected(Answer):
    host: str
    protected: bool


def invite_host(ports: Ports, caller: Caller, body: InvitationBody) -> InvitationAnswer:
    desk, life = _desk(ports), body.minutes * 60.0
    until = desk.clock.now() + timedelta(seconds=life)
    token = invite(desk, body.labels, body.region, body.name, ttl=life, via=body.via, by=caller.signature)
    return InvitationAnswer(
        token=token, expires_at=until, line=line(desk, token), user_data=user_data(desk, token)
    )


def check_host(ports: Ports, caller: Caller, host: str) -> ChecklistAnswer:
    """A bound token looks at the hosts of its environments."""
    if not any(within(caller, environment.service, environment.name) for environment in users(host, ports)):
        demand_everything(caller)
    found = [
        CheckAnswer(name=check.name, state=check.state, text=check.text, mend=check.mend)
        for check in checklist(host, ports)
    ]
    return ChecklistAnswer(host=host, checks=found)


def revoke_host(ports: Ports, caller: Caller, host: str, body: NothingBody) -> HostGone:
    """At once, whatever runs there: for a machine that is not ours any more."""
    return HostGone(host=host, certificates=revoke(host, caller.signature, _desk(ports)))


def remove_host(ports: Ports, caller: Caller, host: str, body: RemoveBody) -> HostGone:
    desk = _desk(ports)
    if not body.force and host in desk.roster.joined():
        _refuse_while_used(ports, host)
    return HostGone(host=host, certificates=revoke(host, caller.signature, desk))


def protect_host(ports: Ports, caller: Caller, host: str, body: ProtectBody) -> HostProtected:
    ports.roster.protect(host, body.protected)
    return HostProtected(host=host, protected=body.protected)


def _refuse_while_used(ports: Ports, host: str) -> None:
    for environment in users(host, ports):
        state = ports.deployments.environment(environment.service, environment.name)
        if running_on(environment, state).get(host):
            raise Conflict(
                f"{environment.service}/{environment.name} runs on {host}. `shipway hosts drain {host}` lets it leave first; "
                f"`shipway hosts remove {host} --force` takes the host out all the same."
            )


def _desk(ports: Ports) -> EnrolmentDesk:
    if ports.enrolment is None:
        raise NotFound(
            "Nobody may join: shipway.yml has no `enrolment`. docs/hosts.md tells how it is written."
        )
    return ports.enrolment


REFUSALS = (400, 404, 409, 413, 415)

CALLS = (
    Call(
        "POST",
        "/hosts/invitations",
        Role.ADMIN,
        "Invite a host: the line that makes a machine one of ours",
        invite_host,
        InvitationAnswer,
        201,
        body=InvitationBody,
        errors=REFUSALS,
        unbound=True,
        action="host.invite",
    ),
    Call(
        "GET",
        "/hosts/<host>/checklist",
        Role.VIEWER,
        "Look whether a host is ready to serve: seven things, now",
        check_host,
        ChecklistAnswer,
        errors=(404,),
    ),
    Call(
        "POST",
        "/hosts/<host>/revoke",
        Role.ADMIN,
        "Refuse the certificates of a host that joined, and use it no more",
        revoke_host,
        HostGone,
        body=NothingBody,
        errors=REFUSALS,
        unbound=True,
        action="host.revoke",
    ),
    Call(
        "POST",
        "/hosts/<host>/remove",
        Role.ADMIN,
        "Take out a host that joined and runs nothing any more",
        remove_host,
        HostGone,
        body=RemoveBody,
        errors=REFUSALS,
        unbound=True,
        action="host.remove",
    ),
    Call(
        "POST",
        "/hosts/<host>/protect",
        Role.DEPLOYER,
        "Keep a host that joined from being picked when a pool shrinks, or no more",
        protect_host,
        HostProtected,
        body=ProtectBody,
        errors=REFUSALS,
        unbound=True,
        action="host.protect",
    ),
)
