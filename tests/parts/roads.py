"""Ways to the engine of one host of the lab: plain tcp, its unix socket, TLS, ssh, the agent of a host that dials out, and
such a one over the machine that it dialled, as another machine of the control plane goes (`peer`)."""

import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pipeline.errors import RunnerError
from pipeline.fleet.host import Host
from runners.agents.record import agents_of
from runners.reach import Reach
from tests.parts.agents import AgentProcess, Door, Keys
from tests.parts.fleet import host_of
from tests.parts.laboratory import LabHost, Laboratory
from tests.parts.needed import needed
from tests.parts.peers import OtherMachine, PeerDoor


class Road:
    """`host` by this way, and `lost`: one that never answers, by the same way. `close` ends what it needed."""

    def __init__(self, lab: Laboratory, way: str) -> None:
        self.dialled: DialledHost | None = None
        self.over: PeerDoor | None = None
        if way in ("agent", "peer"):
            self.dialled = DialledHost(lab, lab.hosts[0])
            self.host, self.reach = self.dialled.host, self.dialled.reach
            if way == "peer":
                self.over = PeerDoor(self.dialled.folder, self.dialled.door.hub)
                peers = OtherMachine(self.over).peers
                self.reach = Reach(agents_of(str(self.dialled.folder / "other")), peers)
            self.lost = replace(self.host, name="lost", engine="agent:lost")
            return
        self.reach = Reach()
        found = {"tls": lab.tls, "ssh": lab.ssh}.get(way, lab.hosts[0])
        self.host = host_of(needed(found, way))
        address = self.host.address
        engines = {
            "unix": (f"unix://{lab.hosts[0].keys['socket']}", "unix:///nowhere/docker.sock"),
            "ssh": (self.host.engine, f"ssh://root@{address}:2399"),
        }
        here, nowhere = engines.get(way, (self.host.engine, f"tcp://{address}:2399"))
        self.host = replace(self.host, engine=here)
        self.lost = replace(self.host, name="lost", engine=nowhere)

    def close(self) -> None:
        with suppress(RunnerError):
            self.reach.close()
        if self.over:
            self.over.close()
        if self.dialled:
            self.dialled.close()


class DialledHost:
    """A host of the lab whose engine is reached by an agent in its own network: it dials a door on the lab's gateway."""

    def __init__(self, lab: Laboratory, on: LabHost, name: str = "web-9", quiet: float = 10.0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="shipway-agent-"))
        gateway = lab.registry.partition(":")[0]
        keys = Keys(self.folder / "keys", gateway)
        data = str(self.folder / "data")
        self.door = Door(keys, Path(agents_of(data)), gateway, quiet)
        engine = Path(on.keys["socket"])
        self.agent = AgentProcess(
            self.folder / name, self.door.place, keys.agent(name), engine, _inside(lab, on), quiet
        )
        self.door.connected(name)
        self.host = Host(name, f"agent:{name}", on.address)
        self.reach = Reach(agents_of(data))

    def close(self) -> None:
        self.agent.stop()
        self.door.close()
        shutil.rmtree(self.folder)


def _inside(lab: Laboratory, on: LabHost) -> list[str]:
    """Words that put a program into that host's network; a shared lab has one for all."""
    if lab.mode != "namespaces":
        return []
    return ["nsenter", f"--net=/run/netns/shipway-{lab.state.name.removeprefix('shipway-lab-')}-{on.name}"]
