"""Two machines on one PostgreSQL and one Redis, with real builds and rollouts, while processes and a whole machine are
killed: no push is lost or done twice, no request fails, one scheduler leads. 30 kills with SHIPWAY_SWEEP=full, else 12."""

import os
import random
import re
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.parts.control_plane import Plane, control_plane, killed
from tests.parts.house import House
from tests.parts.laboratory import Laboratory
from tests.parts.lasting import LoadOn
from tests.parts.lasting import shop as shop
from tests.parts.pushes import begun, deployment_of, pushed, reached, signed, versions
from tests.parts.repository import SampleRepository
from tests.parts.workshop import command_of

pytestmark = pytest.mark.live
KILLS = 30 if os.environ.get("SHIPWAY_SWEEP") == "full" else 12
BREATH = 1.2  # seconds between two kills


@pytest.fixture(scope="module")
def plane(lab: Laboratory, shop: SampleRepository) -> Iterator[Plane]:
    folder, hosts = shop.tree.parent, replace(lab, hosts=lab.hosts[:2])
    one, two = (House(folder / name, hosts, shop.remote) for name in ("one", "two"))
    one.production["replicas"] = 1
    with control_plane(folder, one, two) as made:
        assert pushed(made.start().entry, shop, "v0")["status"] == "succeeded"
        yield made


def driver(plane: Plane, deployment: int) -> House:
    """The machine on which it is driven."""
    keys = plane.postgres.query("SELECT key, owner FROM leases").splitlines()
    owner = dict(row.split("|") for row in keys)[f"deployment:{deployment}"]
    command = command_of(int(owner.split(":")[1]))
    return next(house for house in plane.houses if str(house.folder) in command)


def test_a_rollout_goes_on_when_the_machine_of_its_driver_dies(
    plane: Plane, shop: SampleRepository, load_on: LoadOn
) -> None:
    with load_on(plane.one.fronts) as load:
        run = begun(plane.entry, shop, "v1")
        deployment = deployment_of(plane.entry, run)
        reached(plane.entry, deployment, "switching", plane.one.lab.hosts[0].name)
        lost = driver(plane, deployment)
        lost.kill()
        over = plane.entry.finished_run(run)
        counts = load.stop()

    lost.start(60)
    assert (over["status"], over["error"]) == ("succeeded", ""), over
    assert counts.failed == 0, counts
    assert versions(plane.one) == {"v1"}


def told(plane: Plane, commit: str) -> list[int]:
    """A webhook as a forge sends it: again with the same number until somebody took it."""
    answers: list[list[int]] = []

    def taken() -> bool:
        body, headers = signed(plane.entry, commit)
        try:
            status, answer = plane.entry.call("POST", "/hooks/git", body, headers)
        except OSError:
            return False
        if status in (200, 202):
            answers.append([int(run) for run in answer["runs"]])
        return bool(answers)

    plane.entry.until("the webhook is taken", taken, 30)
    return answers[0]


def test_kills_while_pushes_come_lose_nothing(plane: Plane, shop: SampleRepository) -> None:
    dice, runs = random.Random(7), {}  # noqa: S311 the same kills each time
    for number in range(KILLS):
        if number % 3 == 0:
            commit = shop.commit(f"k{number}")
            shop.push()
            runs[commit] = told(plane, commit)
        killed(dice.choice(plane.pids(dice.choice(plane.houses))))
        time.sleep(BREATH)
    for house in plane.houses:
        house.until("the machine is well again", house._ready, 60, house.log)

    overs = {run: plane.entry.finished_run(run) for found in runs.values() for run in found}

    every = plane.entry.get(f"/runs?service={plane.one.service}&limit=100")["runs"]
    assert all(len(found) == 1 for found in runs.values())
    assert {commit: [r["id"] for r in every if r["commit"] == commit] for commit in runs} == runs
    assert {run["status"] for run in overs.values()} <= {"succeeded", "superseded"}, overs
    assert overs[max(overs)]["status"] == "succeeded"
    one_leader_at_a_time(plane)
    for run in overs:
        whole_log(plane, run, overs[run])


def one_leader_at_a_time(plane: Plane) -> None:
    """Each took over under a fence that nobody had before him."""
    logs = "".join(house.log(100_000) for house in plane.houses)
    fences = [int(fence) for fence in re.findall(r"scheduler leads fence=(\d+)", logs)]
    assert len(fences) == len(set(fences))
    assert fences


def whole_log(plane: Plane, run: int, over: dict[str, object]) -> None:
    """The same on both, with something of each stage that came about."""
    texts = [house.call("GET", f"/api/v1/runs/{run}/log")[1] for house in plane.houses]
    assert texts[0] == texts[1]
    stages = over["stages"]
    assert isinstance(stages, list)
    if over["status"] == "succeeded":
        rows = plane.postgres.query("SELECT run, stage, packed FROM log_pieces").splitlines()
        mine = [row.split("|")[1:] for row in rows if row.startswith(f"{run}|")]
        assert {s["name"] for s in stages if s["status"] == "succeeded"} <= {name for name, _ in mine}
        assert {packed for _, packed in mine} == {"t"}
