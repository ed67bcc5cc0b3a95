"""The other door of a machine: where those of the same control plane ask for the engine of a host whose agent is connected here.

It listens apart, asks for a certificate of the authority for controllers before a word is said and shows one of the same:
what lies on a host opens nothing here, and a crowd at the door for hosts is not in the way. Who comes is one of us.
"""

import logging
import re
import socket
import ssl

from pipeline.errors import NotFound
from runners.agents.hub import Hub
from runners.agents.peers import PROTOCOL, SERVER_NAME
from runners.authority import Authority
from runners.door.identity import DoorIdentity
from runners.door.listener import Door, Guests
from runners.door.message import Answered, Asked

log = logging.getLogger("shipway.door")

GUESTS = Guests(re.compile("/peer/[a-z0-9-]{1,41}"), PROTOCOL)


def door_for_peers(listener: socket.socket, controllers: Authority, hub: Hub) -> Door:
    identity = DoorIdentity(controllers, (SERVER_NAME,), guests=ssl.CERT_REQUIRED)

    def host_of(asked: Asked) -> str:
        name = asked.path.removeprefix("/peer/")
        if name not in hub.connected():
            raise NotFound(f"The agent of {name} is not connected here; the books tell where it went.")
        log.info("engine lent to another machine", extra={"host": name, "peer": asked.peer})
        return name

    return Door(listener, identity, _nothing, host_of, hub.lend, GUESTS)


def _nothing(asked: Asked) -> Answered:
    raise NotFound(f"There is nothing at {asked.path}. Here machines of one control plane ask for engines.")
