"""Two machines of one control plane in one process: the door for peers of the one, where agents are connected, and what a
process of the other one calls it with. Certificates by one authority for controllers; the books are a dict."""

import socket
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path

from pipeline.fleet.agent import AgentSeen, CableEnd
from runners.agents.hub import Hub
from runners.agents.peers import Peers
from runners.authority import CONTROLLERS, HOSTS, Authority
from runners.door.peers import door_for_peers
from runners.own_certificate import OwnCertificate
from runners.peers import caller_context
from tests.enrolment.ground import Kept

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Books:
    """Implements `runners.agents.peers.Ends`."""

    def __init__(self) -> None:
        self.ends: dict[str, CableEnd] = {}
        self.asked = 0

    def end_of(self, host: str) -> CableEnd | None:
        self.asked += 1
        return self.ends.get(host)


class PeerDoor:
    """`context` for whoever calls it as a machine does."""

    def __init__(self, folder: Path, hub: Hub, address: str = "127.0.0.1") -> None:
        self.controllers = Authority(CONTROLLERS, Kept())
        own = OwnCertificate(folder / "peer-keys", Authority(HOSTS, Kept()), self.controllers)
        self.context = caller_context(self.controllers, own)
        self._listener = socket.create_server((address, 0))
        self.place = f"{address}:{self._listener.getsockname()[1]}"
        self.door = door_for_peers(self._listener, self.controllers, hub)
        self._thread = threading.Thread(target=self.door.serve)
        self._thread.start()

    def end(self, name: str = "web-9", machine: str = "a", **other: object) -> CableEnd:
        known = {
            "name": "ship-1",
            "place": self.place,
            "alive": True,
            "seen": AgentSeen(True, NOW, "10.0.0.9:5"),
        }
        return CableEnd(machine=machine, **{**known, **other})  # type: ignore[arg-type]

    def close(self) -> None:
        self.door.end()
        self._thread.join()
        self._listener.close()


class OtherMachine:
    """A process of the machine `b`, whose books say that web-9 is connected to the machine `a`."""

    def __init__(self, door: PeerDoor, name: str = "web-9", quiet: float = 10.0) -> None:
        self.books = Books()
        self.books.ends[name] = door.end()
        self.peers = Peers(self.books, lambda: "b", self._context, quiet)
        self.context = door.context
        self.calls = 0

    def _context(self) -> ssl.SSLContext:
        self.calls += 1
        return self.context()
