"""The real door hands an agent on to the hub: the program dials it with a certificate of our own authority."""

import socket
import threading
from pathlib import Path

import pytest

from pipeline.errors import Forbidden
from runners.agents.hub import Hub
from runners.authority import HOSTS, Authority, Usage, key_pem, new_key, pem
from runners.door.identity import DoorIdentity
from runners.door.listener import Door
from runners.door.message import Answered, Asked
from tests.enrolment.ground import Kept
from tests.parts.agents import AgentProcess, Engine, call, echo, until


class House:
    """A door on this machine that lets in the host of one certificate."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.agents = folder, folder / "agents"
        self.authority = Authority(HOSTS, Kept())
        self.hub = Hub(str(self.agents))
        self.listener = socket.create_server(("127.0.0.1", 0))
        identity = DoorIdentity(self.authority, ("127.0.0.1",))
        self.good: set[str] = set()
        self.door = Door(self.listener, identity, lambda _: Answered(404, b""), self.host_of, self.hub.take)
        self.hub.start()
        self.thread = threading.Thread(target=self.door.serve)
        self.thread.start()

    def host_of(self, asked: Asked) -> str:
        if asked.serial not in self.good:
            raise Forbidden("This certificate was revoked.")
        return "web-9"

    def agent(self, known: bool = True) -> AgentProcess:
        key = new_key()
        made = self.authority.issue(key.public_key(), "web-9", [], Usage.CLIENT)
        if known:
            self.good.add(f"{made.serial_number:x}")
        texts = {"ca": self.authority.pem, "cert": pem(made), "key": key_pem(key)}
        for name, text in texts.items():
            (self.folder / f"{name}.pem").write_text(text)
        settings = {f"SHIPWAY_AGENT_{name.upper()}": str(self.folder / f"{name}.pem") for name in texts}
        place = f"127.0.0.1:{self.listener.getsockname()[1]}"
        return AgentProcess(self.folder / "web-9", place, settings, self.folder / "engine.sock")

    def close(self) -> None:
        self.door.end()
        self.thread.join()
        self.listener.close()
        self.hub.close()


@pytest.fixture
def house(tmp_path: Path):
    made, engine = House(tmp_path), Engine(tmp_path / "engine.sock", echo)
    yield made
    made.close()
    engine.close()


def test_agent_with_a_good_certificate_is_handed_on(house: House):
    agent = house.agent()
    path = house.agents / "web-9.sock"
    until(path.exists, 20, agent.log.read_text())
    with call(path) as line:
        line.sendall(b"hello")
        said = line.recv(5)
    agent.stop()

    assert said == b"hello"


def test_agent_with_a_revoked_certificate_is_told_so(house: House):
    agent = house.agent(known=False)
    agent.said("This certificate was revoked.", 20)
    agent.stop()

    assert not (house.agents / "web-9.sock").exists()
