"""Who may join, as what, and who may come again: the rules. Pure; each refusal is a sentence for the person at the machine."""

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.enrolment.invitation import HostCertificate, Invitation, Newcomer, SigningRequest, Via
from pipeline.errors import Conflict, Forbidden, Refused
from pipeline.fleet.joined import Joined

NEW_LINE = "Ask for a new line: `shipway hosts invite`."
SHARED = ipaddress.ip_network(
    "100.64.0.0/10"
)  # of carriers and clouds: not private by Python's word, not public either
LONGEST_NAME = 41


@dataclass(frozen=True)
class Known:
    """What stands already. `holders`: whose key each joined host has; `of_file`: names that shipway.yml gives."""

    joined: Mapping[str, Joined]
    holders: Mapping[str, str]
    of_file: Collection[str]


@dataclass(frozen=True)
class Admitted:
    """`engine` and `address` are ours to choose: the certificate is made for `address` alone."""

    name: str
    engine: str
    address: str


def admit(
    invitation: Invitation | None, request: SigningRequest, newcomer: Newcomer, known: Known, now: datetime
) -> Admitted:
    """Raises `Forbidden` for a token that is not good, `Refused` for a request that is not, `Conflict` for a name taken."""
    found = _checked(invitation, request, now)
    if found.instance and newcomer.instance and found.instance != newcomer.instance:
        raise Forbidden(
            f"This token is for the machine {found.instance}, and this one is {newcomer.instance}."
        )
    name = found.host or _name(found, request, newcomer, known)
    _check_taken(name, request.fingerprint, known)
    return _placed(name, found.via, newcomer, known)


def settled(
    invitation: Invitation, certificate: HostCertificate, newcomer: Newcomer, known: Known
) -> Admitted:
    """Of one that has its certificates and arrives. Raises `Refused` or `Conflict`, as `admit` does."""
    _check_taken(certificate.host, certificate.key, known)
    return _placed(certificate.host, invitation.via, newcomer, known)


def _placed(name: str, via: Via, newcomer: Newcomer, known: Known) -> Admitted:
    if via is Via.AGENT:
        return Admitted(name, f"agent:{name}", _own_address(newcomer))
    _check_reachable(name, newcomer.peer, known)
    bare = f"[{newcomer.peer}]" if ":" in newcomer.peer else newcomer.peer
    return Admitted(name, f"tcp://{bare}:2376", newcomer.peer)


def check_request(request: SigningRequest) -> None:
    if request.names:
        raise Refused(
            f"The request asks for the names {', '.join(request.names)[:200]}; names are given here, never asked for. "
            "Make the request without any."
        )


def check_certificate(certificate: HostCertificate | None, now: datetime) -> HostCertificate:
    """Of a host that comes again. Raises `Forbidden`."""
    if certificate is None:
        raise Forbidden("This needs the certificate of a host that joined. " + NEW_LINE)
    if certificate.usage != "client":
        raise Forbidden("An engine's certificate opens nothing here.")
    if certificate.revoked_at is not None:
        raise Forbidden(
            f"The certificate of {certificate.host} was revoked on {certificate.revoked_at:%Y-%m-%d} by "
            f"{certificate.revoked_by}. {NEW_LINE}"
        )
    if certificate.expires_at <= now:
        raise Forbidden(f"The certificate of {certificate.host} ended. {NEW_LINE}")
    return certificate


def _checked(invitation: Invitation | None, request: SigningRequest, now: datetime) -> Invitation:
    if invitation is None:
        raise Forbidden(f"This token is not known here: it is misspelt or old. {NEW_LINE}")
    if invitation.expires_at <= now:
        raise Forbidden(f"This token ended at {invitation.expires_at:%H:%M:%S} UTC. {NEW_LINE}")
    if invitation.key and invitation.key != request.fingerprint:
        raise Forbidden(f"This token was used by another machine ({invitation.host}). {NEW_LINE}")
    check_request(request)
    return invitation


def _name(invitation: Invitation, request: SigningRequest, newcomer: Newcomer, known: Known) -> str:
    """As invited, else as the machine calls itself, made different where that is taken."""
    if invitation.name:
        return invitation.name
    plain = re.sub(r"[^a-z0-9]+", "-", newcomer.hostname.partition(".")[0].lower()).strip("-")
    mark = request.fingerprint[:8]
    if not plain or plain == "localhost":
        return f"host-{mark}"
    plain = plain[:LONGEST_NAME].strip("-")
    taken = plain in known.of_file or known.holders.get(plain, request.fingerprint) != request.fingerprint
    if not taken and (plain not in known.joined or plain in known.holders):
        return plain
    return f"{plain[: LONGEST_NAME - 9].strip('-')}-{mark}"


def _check_taken(name: str, key: str, known: Known) -> None:
    if name in known.of_file:
        raise Conflict(f"shipway.yml has a host {name} already. Invite this one under another name: --name.")
    if name in known.joined and known.holders.get(name) != key:
        raise Conflict(
            f"Another machine joined as {name}. Invite this one under another name (--name), or take the other one out "
            f"first: `shipway hosts remove {name}`."
        )


def _own_address(newcomer: Newcomer) -> str:
    """Behind an agent we cannot see it: its own word, if that is an address of one machine."""
    try:
        own = ipaddress.ip_address(newcomer.address)
    except ValueError:
        return newcomer.peer
    useless = own.is_loopback or own.is_unspecified or own.is_multicast or own.is_link_local
    return newcomer.peer if useless else str(own)


def _check_reachable(name: str, peer: str, known: Known) -> None:
    """An engine is never offered to the world."""
    address = ipaddress.ip_address(peer)
    if not address.is_private and address not in SHARED:
        raise Refused(
            f"We see this machine at {peer}, which is a public address: its engine would be open to the world. "
            "Invite it with `--via agent`, which opens no port."
        )
    for other in known.joined.values():
        if other.name != name and other.host.address == peer and other.host.engine.startswith("tcp:"):
            raise Conflict(
                f"{other.name} has the address {peer}. Take it out if it is gone (`shipway hosts remove {other.name}`); "
                "machines behind one address join with `--via agent`."
            )
