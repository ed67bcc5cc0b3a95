"""Real engines behind agents: a cut cable, a container as the agent, and what it costs. The rest of what an engine is asked
goes through an agent in tests/contracts."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import Unreachable
from pipeline.fleet.host import Host
from runners.agents.program import program
from runners.agents.record import agents_of
from runners.reach import Reach
from tests.parts.agents import Door, Keys
from tests.parts.fleet import host_of
from tests.parts.laboratory import Laboratory
from tests.parts.needed import own_network
from tests.parts.roads import DialledHost

pytestmark = pytest.mark.live
QUIET = 0.5  # seconds


@pytest.fixture
def dialled(lab: Laboratory) -> Iterator[DialledHost]:
    made = DialledHost(lab, lab.hosts[0], quiet=QUIET)
    yield made
    made.reach.close()
    made.close()


@pytest.fixture
def cable(lab: Laboratory, dialled: DialledHost) -> Iterator["Cable"]:
    made = Cable(lab, lab.hosts[0].name)
    yield made
    made.whole()


class Cable:
    """The host's link in the main namespace."""

    def __init__(self, lab: Laboratory, host: str) -> None:
        self._link = next(machine.link for machine in own_network(lab).machines if machine.name == host)

    def cut(self) -> None:
        subprocess.run(["ip", "link", "set", self._link, "down"], check=True)

    def whole(self) -> None:
        subprocess.run(["ip", "link", "set", self._link, "up"], check=True)


def test_cut_cable_is_noticed_at_both_ends_and_heals_by_itself(dialled: DialledHost, cable: Cable):
    assert dialled.reach.client(dialled.host).ping()
    cable.cut()
    dialled.door.away("web-9")
    dialled.agent.said("no sign of life")

    with pytest.raises(Unreachable, match=r"its agent is away since .*no sign of life"):
        dialled.reach.client(dialled.host)

    cable.whole()
    dialled.door.connected("web-9", 40)
    assert dialled.reach.client(dialled.host).ping()


def test_agent_opens_no_port_and_lives_in_15_megabytes(dialled: DialledHost):
    for _ in range(20):
        dialled.reach.client(dialled.host).containers(all=True)
    pid = dialled.agent.process.pid
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    own = next(
        int(row.split()[1]) for row in rows if row.startswith("Pss:")
    )  # libraries that others use too: a share
    links = [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()]
    sockets = {link[8:-1] for link in links if link.startswith("socket:")}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    listening = [row for row in rows if row[3] == "0A" and row[9] in sockets]

    assert own < 15 * 1024
    assert listening == []


def test_agent_runs_as_a_container_too(lab: Laboratory, tmp_path: Path):
    """With the engine's socket, its own folder and the host's network."""
    on, gateway = lab.hosts[0], lab.registry.partition(":")[0]
    keys = Keys(tmp_path / "keys", gateway)
    door, reach = Door(keys, Path(agents_of(str(tmp_path))), gateway), Reach(agents_of(str(tmp_path)))
    (tmp_path / "agent.py").write_text(program())
    settings = {
        **keys.agent("web-9"),
        "SHIPWAY_AGENT_CONTROLLERS": door.place,
        "SHIPWAY_AGENT_ENGINE": "/var/run/docker.sock",
        "SHIPWAY_AGENT_FENCES": f"{tmp_path}/fences",
    }
    client = reach.client(host_of(on))
    client.pull(*lab.images["python"].rsplit(":", 1))
    host_config = client.create_host_config(
        network_mode="host", binds=[f"{tmp_path}:{tmp_path}", f"{on.keys['socket']}:/var/run/docker.sock"]
    )
    container = client.create_container(
        lab.images["python"],
        ["python3", "-I", "-S", f"{tmp_path}/agent.py"],
        environment=settings,
        host_config=host_config,
    )
    try:
        client.start(container)
        door.connected("web-9", 20)

        assert reach.client(Host("web-9", "agent:web-9", on.address)).ping()
    finally:
        client.remove_container(container, force=True)
        reach.close()
        door.close()
