"""Puts together how machines of one control plane reach each other's doors: certificates by our authority for controllers,
which no host has, and the address of this machine for the others."""

import socket
import ssl
from collections.abc import Callable
from functools import cache
from urllib.parse import urlsplit

from pipeline.enrolment.doorway import Doorway, place_of
from pipeline.errors import Unreachable
from pipeline.fleet.agent import DoorHere
from pipeline.settings import Server
from runners.agents.peers import Peers
from runners.agents.record import agents_of
from runners.authority import CONTROLLERS, Authority
from runners.enrolment import own_certificate
from runners.machine import this_machine
from runners.own_certificate import OwnCertificate
from runners.reach import Reach
from runners.store import Store

REDIS = 6379


def reach_of(server: Server, store: Store) -> Reach:
    """For every engine, whichever machine of the control plane its agent dialled. Opens nothing yet."""
    return Reach(agents_of(server.data), peers_of(server, store, own_certificate(server, store)))


def peers_of(server: Server, store: Store, own: OwnCertificate) -> Peers | None:
    """None where one machine is all there is. Opens nothing yet."""
    if not store.shared or not server.redis:
        return None
    controllers = Authority(CONTROLLERS, store.authorities)
    return Peers(store.cables, cache(lambda: this_machine(server).id), caller_context(controllers, own))


def caller_context(controllers: Authority, own: OwnCertificate) -> Callable[[], ssl.SSLContext]:
    """Shows this machine's own certificate, which is read each time, and believes a door that the same authority signed."""

    def made() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks names and needs a certificate
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(cadata=controllers.pem)
        context.load_cert_chain(own.files().cert)
        return context

    return made


def door_here(server: Server, doorway: Doorway) -> DoorHere:
    machine = this_machine(server)
    address = doorway.peer_address or own_address(server.redis)
    return DoorHere(machine.id, machine.name, place_of(address, doorway.peer_port) if address else "")


def own_address(redis: str) -> str:
    """Of this machine, as Redis sees it; nothing is sent. Empty when Redis is called on this very machine, by an address that is
    nobody else's: then there is no other one. Raises `Unreachable`."""
    url = urlsplit(redis)
    if not url.hostname:
        return ""
    try:
        found = socket.getaddrinfo(url.hostname, url.port or REDIS, type=socket.SOCK_DGRAM)[0]
        with socket.socket(found[0], socket.SOCK_DGRAM) as line:
            line.connect(found[4])
            address = str(line.getsockname()[0])
    except OSError as error:
        raise Unreachable(
            f"This machine's own address is not known, for there is no way to Redis at {url.hostname}: {error}. "
            "Set enrolment.peers.address, or look at this machine's network."
        ) from error
    return "" if address.startswith("127.") or address == "::1" else address
