"""A control plane of two machines and a host that dialled one of them: what is driven on the other one reaches its engine, and
goes on when the machine that was dialled is killed."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import bare
from tests.lab.layout import Machine
from tests.parts.control_plane import Plane, control_plane
from tests.parts.house import House, free_port
from tests.parts.laboratory import Laboratory
from tests.parts.lasting import LoadOn
from tests.parts.lasting import shop as shop
from tests.parts.needed import own_network
from tests.parts.pushes import Facts, begun, deployment_of, reached, version
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live
SECOND = 5  # last byte of the second machine's address
GUEST = "guest-1"
PATIENCE = 240  # seconds for a build on a busy machine


@pytest.fixture(scope="module")
def doors(lab: Laboratory) -> Iterator[tuple[str, str]]:
    """An address for each machine, both of this one."""
    found = own_network(lab)
    second = str(found.subnet[SECOND])
    words = ["ip", "addr", "replace", f"{second}/24", "dev", found.bridge]
    subprocess.run(words, check=True)
    yield found.gateway, second
    subprocess.run([*words[:2], "del", *words[3:]], check=True)


@pytest.fixture(scope="module")
def plane(lab: Laboratory, shop: SampleRepository, doors: tuple[str, str]) -> Iterator[Plane]:
    """The first machine has no workers: all that is driven is driven on the second one."""
    folder = shop.tree.parent
    one, two = (House(folder / name, lab.first(1), shop.remote) for name in ("one", "two"))
    one.production.update({"replicas": 1, "hosts": {"role": "web"}})
    one.production["rollout"]["deadline"] = "90s"
    with control_plane(folder, one, two) as made:
        port = free_port()
        for house, address in zip((one, two), doors, strict=True):
            peers = {"address": address, "port": free_port()}
            listen = f"{address}:{port}"
            house.config["enrolment"] = {"listen": listen, "address": list(doors), "peers": peers}
        made.start()
        one.stop(20)
        without_workers(one)
        yield made


def without_workers(house: House) -> None:
    os.environ["SHIPWAY_ONLY"] = "server,scheduler,door"
    try:
        house.start(60)
    finally:
        del os.environ["SHIPWAY_ONLY"]


@pytest.fixture(scope="module")
def guest(lab: Laboratory, plane: Plane) -> Iterator[Machine]:
    """It joins by the line, and dials the first of the two addresses."""
    found = own_network(lab)
    machine = bare.machine_of(found, "bare-1")
    bare.add(found, machine)
    words = ("hosts", "invite", "--labels", "role=web", "--via", "agent", "--name", GUEST)
    done = bare.execute(machine, plane.one.shipway(*words).strip())
    assert done.returncode == 0, done.stdout + done.stderr + plane.one.log()
    yield machine
    bare.take(machine)


@pytest.fixture(scope="module")
def first(plane: Plane, guest: Machine, shop: SampleRepository) -> Facts:
    """Version v1 was pushed while the host's agent was at the first machine; its run, which is over."""
    plane.one.until("the first machine has its cable", lambda: connected(plane.one, False), 20)
    plane.two.until("the second one knows where", lambda: connected(plane.two, True), 20)
    return plane.entry.finished_run(begun(plane.entry, shop, "v1"), PATIENCE)


def seen_by(house: House) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in house.get("/hosts")["hosts"] if one["name"] == GUEST)
    return found


def connected(house: House, elsewhere: bool) -> bool:
    said = seen_by(house)["agent"]
    return said.startswith("connected since") and (", at " in said) is elsewhere


def front(plane: Plane, machine: Machine) -> str:
    return f"{machine.address}:{plane.one.listen}"


def test_rollout_is_driven_where_no_cable_ends(plane: Plane, guest: Machine, first: Facts):
    assert first["status"] == "succeeded", first
    assert version(front(plane, guest)) == "v1"
    assert seen_by(plane.two)["reachable"]
    assert not (plane.two.folder / "data" / "agents" / f"{GUEST}.sock").exists()


def test_rollout_goes_on_when_the_machine_that_the_agent_dialled_is_killed(
    plane: Plane, guest: Machine, shop: SampleRepository, first: Facts, load_on: LoadOn
):
    assert connected(plane.two, True), seen_by(plane.two)
    assert version(front(plane, guest)) == "v1"
    with load_on([front(plane, guest)]) as load:
        run = begun(plane.entry, shop, "v2")
        deployment = deployment_of(plane.entry, run, PATIENCE)
        reached(plane.entry, deployment, "switching", GUEST)
        plane.one.kill()
        over = plane.entry.finished_run(run, PATIENCE)
        counts = load.stop()

    assert (over["status"], over["error"]) == ("succeeded", ""), over
    assert counts.failed == 0, counts
    assert version(front(plane, guest)) == "v2"
    plane.two.until("the agent dialled the second machine", lambda: connected(plane.two, False), 30)


def test_agent_that_comes_to_another_machine_leaves_nothing_behind(plane: Plane, guest: Machine):
    """The second machine is killed in turn; the first one is back, and takes the host over."""
    if plane.one.process:  # this test alone
        plane.one.kill()
    plane.two.until("the agent is at the second machine", lambda: connected(plane.two, False), 30)
    without_workers(plane.one)
    plane.one.until("the first machine knows where", lambda: connected(plane.one, True), 60)
    plane.two.kill()
    try:
        plane.one.until("the agent dialled the first machine", lambda: connected(plane.one, False), 60)
        assert seen_by(plane.one)["reachable"]
    finally:
        plane.two.start(90)
    plane.two.until("the second one knows where", lambda: connected(plane.two, True), 20)
    assert seen_by(plane.two)["reachable"]
    assert not (Path(plane.two.folder) / "data" / "agents" / f"{GUEST}.sock").exists()
