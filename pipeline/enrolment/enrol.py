"""Flow: a host gets certificates, arrives when its engine is ready, and comes again for new ones.

Everything is written down before anything is handed out, so that a lost answer is asked for again with the same token
and key, and gives the same host. Only one that arrived is used: nothing is placed on a machine that still installs.
"""

from dataclasses import dataclass, replace

from pipeline.enrolment.decide import (
    NEW_LINE,
    Admitted,
    Known,
    admit,
    check_certificate,
    check_request,
    settled,
)
from pipeline.enrolment.desk import EnrolmentDesk
from pipeline.enrolment.invitation import HostCertificate, Invitation, Newcomer, Via
from pipeline.errors import Forbidden, NotFound
from pipeline.fleet.host import Host
from pipeline.fleet.joined import OURS, Joined


@dataclass(frozen=True)
class Papers:
    """What a host gets: PEM texts, and what it is. `server` is empty where an agent calls us."""

    host: str
    via: Via
    address: str
    client: str
    server: str
    hosts: str
    controllers: str


def enrol(token: str, request: str, newcomer: Newcomer, desk: EnrolmentDesk) -> Papers:
    """Raises `Refused` (not a good request), `Forbidden` (not a good token) or `Conflict` (the name is another one's)."""
    read, invitation, now = desk.signer.read(request), desk.invitations.find(token), desk.clock.now()
    known = _known(desk)
    admitted = admit(invitation, read, newcomer, known, now)
    bound = desk.invitations.bind(token, read.fingerprint, admitted.name)
    if bound.key != read.fingerprint:
        raise Forbidden(f"This token was used by another machine ({bound.host}) a moment ago.")
    if (
        known.holders.get(bound.host, bound.key) != bound.key
    ):  # one that was invited by this name and never arrived
        desk.certificates.revoke(bound.host, "a newer invitation", now)
    papers = _papers(bound.host, bound.via, admitted.address, request, desk)
    desk.note(f"host:{bound.host}", "host.enrol", f"host {bound.host}", _told(bound, newcomer))
    return papers


def arrive(serial: str, token: str, newcomer: Newcomer, desk: EnrolmentDesk) -> Joined:
    """Its engine is ready: from now on it is one of the hosts. By its certificate, and the token that it was enrolled with.
    Raises `Unreachable` with what its engine did not do; it may come again."""
    certificate, invitation = _good(serial, desk), desk.invitations.find(token)
    if invitation is None or (invitation.key, invitation.host) != (certificate.key, certificate.host):
        raise Forbidden("This token is not the one that this machine was enrolled with.")
    admitted = settled(invitation, certificate, newcomer, _known(desk))
    joined = _joined(admitted, invitation, newcomer, desk)
    joined = replace(joined, engine_version=desk.knock(joined.host))
    desk.roster.add(joined)
    desk.note(f"host:{joined.name}", "host.join", f"host {joined.name}", _told(invitation, newcomer))
    return joined


def renew(serial: str, request: str, desk: EnrolmentDesk) -> Papers:
    """By the certificate that it has. Raises `Forbidden` when that is none of ours, ended or was revoked."""
    certificate = _good(serial, desk)
    check_request(desk.signer.read(request))
    joined = desk.roster.joined().get(certificate.host)
    if joined is None:
        raise Forbidden(f"{certificate.host} left this fleet. {NEW_LINE}")
    via = Via.AGENT if joined.host.engine.startswith("agent:") else Via.TLS
    return _papers(joined.name, via, joined.host.address, request, desk)


def host_of(serial: str, desk: EnrolmentDesk) -> str:
    """The host that a client certificate is good for, at this moment. Raises `Forbidden`."""
    return _good(serial, desk).host


def revoke(host: str, by: str, desk: EnrolmentDesk) -> int:
    """Its certificates are refused from now on, and it is used no more. How many were good."""
    if host not in desk.roster.joined():
        raise NotFound(
            f"No host {host!r} joined; those of shipway.yml are taken out there. `shipway hosts` lists all."
        )
    count = desk.certificates.revoke(host, by, desk.clock.now())
    desk.roster.remove(host)
    return count


def _good(serial: str, desk: EnrolmentDesk) -> HostCertificate:
    return check_certificate(desk.certificates.find(serial) if serial else None, desk.clock.now())


def _known(desk: EnrolmentDesk) -> Known:
    return Known(desk.roster.joined(), desk.certificates.holders(), desk.of_file())


def _papers(host: str, via: Via, address: str, request: str, desk: EnrolmentDesk) -> Papers:
    """A client certificate for the door; for an engine that we call, a server's for the address that we chose."""
    client, client_pem = desk.signer.sign(request, host, (), "client")
    given: list[HostCertificate] = [client]
    server_pem = ""
    if via is Via.TLS:
        server, server_pem = desk.signer.sign(request, host, (address,), "server")
        given.append(server)
    for certificate in given:
        desk.certificates.add(certificate)
    return Papers(host, via, address, client_pem, server_pem, desk.signer.hosts, desk.signer.controllers)


def _joined(admitted: Admitted, invitation: Invitation, newcomer: Newcomer, desk: EnrolmentDesk) -> Joined:
    host = Host(
        name=admitted.name,
        engine=admitted.engine,
        address=admitted.address,
        region=invitation.region or newcomer.region,
        instance=invitation.instance or newcomer.instance,
        labels=dict(invitation.labels),
        tls=OURS if invitation.via is Via.TLS else None,
    )
    return Joined(
        host,
        desk.clock.now(),
        pool=invitation.pool,
        provider=invitation.provider or newcomer.provider,
        size=newcomer.size,
    )


def _told(invitation: Invitation, newcomer: Newcomer) -> str:
    facts = (
        ("from", newcomer.peer),
        ("invited by", invitation.by),
        ("key", invitation.key[:16]),
        ("instance", newcomer.instance),
    )
    return ", ".join(f"{name} {value}" for name, value in facts if value)
