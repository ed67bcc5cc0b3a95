"""This machine among those that share a database: its id, and signs of life while one of its processes runs."""

import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from pipeline import __version__
from pipeline.errors import ShipwayError
from pipeline.settings import Server
from runners.store import Store
from runners.store.machines import Machine

FILE = "machine.id"
EVERY = 20.0  # seconds


def this_machine(server: Server) -> Machine:
    """Its id lies in the data folder, which one machine has for itself; made once."""
    path = Path(server.data) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        known = path.read_text(encoding="utf-8").strip()
    else:
        known = secrets.token_hex(8)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{known}\n")
    return Machine(known, socket.gethostname(), __version__, own_redis=not server.redis)


class Presence:
    """`with Presence(store, server): …`. Says nothing where one machine is all there is."""

    def __init__(self, store: Store, server: Server, every: float = EVERY) -> None:
        self._machines = store.machines
        self._machine = this_machine(server) if store.shared else None
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._stay, name="presence", daemon=True)

    def __enter__(self) -> "Presence":
        if self._machine is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._machine is not None:
            self._thread.join(self._every)
            self._quietly(lambda machine: self._machines.leave(machine.id))

    def _stay(self) -> None:
        while True:
            self._quietly(self._machines.note)
            if self._over.wait(self._every):
                return

    def _quietly(self, tell: Callable[[Machine], None]) -> None:
        """A database that is away is told the next time; whoever works with it says so."""
        if self._machine is not None:
            with suppress(ShipwayError):
                tell(self._machine)
