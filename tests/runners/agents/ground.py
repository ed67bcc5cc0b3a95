"""What the tests of the agent stand on: a door, and agents with engines of their own."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.agents import AgentProcess, Door, Engine, Keys, echo

QUIET = 1.0  # seconds; silence is noticed within two and a half times that


@dataclass
class Ground:
    folder: Path
    keys: Keys
    door: Door
    agents: list[AgentProcess] = field(default_factory=list)
    engines: list[Engine] = field(default_factory=list)

    def engine(self, answer: Callable[[socket.socket], None] = echo, name: str = "engine") -> Engine:
        self.engines.append(Engine(self.folder / f"{name}.sock", answer))
        return self.engines[-1]

    def agent(
        self, engine: Path, name: str = "web-9", folder: str = "", quiet: float = QUIET
    ) -> AgentProcess:
        keys = self.keys.agent(name)
        place = self.folder / (folder or name)
        self.agents.append(AgentProcess(place, self.door.place, keys, engine, quiet=quiet))
        return self.agents[-1]

    def connected(self, answer: Callable[[socket.socket], None] = echo, quiet: float = QUIET) -> Path:
        """The socket here of one whose engine answers so."""
        self.agent(self.engine(answer).path, quiet=quiet)
        return self.door.connected()


@contextmanager
def ground(folder: Path, quiet: float = QUIET) -> Iterator[Ground]:
    keys = Keys(folder / "keys")
    made = Ground(folder, keys, Door(keys, folder / "agents", quiet=quiet))
    try:
        yield made
    finally:
        for agent in made.agents:
            agent.stop(kill=True)
        made.door.close()
        for engine in made.engines:
            engine.close()
