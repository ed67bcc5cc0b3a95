"""What the door does besides where other machines work on the same database: tells them which cables end here, and lets them
in at a port of its own. Where this machine is all there is, nothing."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.commands.listening import listening_socket
from pipeline.enrolment.doorway import Doorway, place_of
from pipeline.fleet.agent import AgentSeen
from pipeline.settings import Settings
from runners.agents.hub import Hub
from runners.agents.register import Register
from runners.authority import CONTROLLERS, Authority
from runners.door.listener import Door
from runners.door.peers import door_for_peers
from runners.peers import door_here
from runners.store import Store


class Alone:
    """This machine is all there is."""

    def told(self, name: str, seen: AgentSeen) -> None:
        """Nobody needs to know."""

    @contextmanager
    def serving(self, hub: Hub, failed: Callable[[], None]) -> Iterator[None]:
        yield

    def close(self) -> None:
        """Nothing was opened."""


class AmongOthers:
    """Opened before the first agent is taken in. Raises `Conflict` when the port is another program's."""

    def __init__(self, settings: Settings, doorway: Doorway, store: Store) -> None:
        here = door_here(settings.server, doorway)
        self._controllers = Authority(CONTROLLERS, store.authorities)
        self._register = Register(store.cables, here)
        self._listener: socket.socket | None = None
        if here.place:
            where = _everywhere(doorway) if doorway.peer_address else here.place
            self._listener = listening_socket(where, "enrolment.peers.port")
        self.told = self._register.told

    @contextmanager
    def serving(self, hub: Hub, failed: Callable[[], None]) -> Iterator[None]:
        """`failed`: called when nobody is let in any more, so that the process ends and is started again."""
        self._register.start(hub.superseded)
        if self._listener is None:
            yield
            return
        door = door_for_peers(self._listener, self._controllers, hub)
        thread = threading.Thread(target=_serve, args=(door, failed), name="peers", daemon=True)
        thread.start()
        try:
            yield
        finally:
            door.end()
            thread.join()

    def close(self) -> None:
        """After the hub, whose last words are told."""
        self._register.close()
        if self._listener is not None:
            self._listener.close()


def peer_side(settings: Settings, store: Store) -> Alone | AmongOthers:
    if settings.enrolment is None or not store.shared or not settings.server.redis:
        return Alone()
    return AmongOthers(settings, settings.enrolment, store)


def _everywhere(doorway: Doorway) -> str:
    """An address that the file names may be known outside of this machine alone, as a container's is."""
    every = "::" if ":" in doorway.peer_address else "0.0.0.0"  # noqa: S104 (with certificates of ours alone)
    return place_of(every, doorway.peer_port)


def _serve(door: Door, failed: Callable[[], None]) -> None:
    try:
        door.serve()
    finally:
        failed()
