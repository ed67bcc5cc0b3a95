"""kill -9 at each stage and phase: the work is taken up by another worker within 15 seconds and ends as it should."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.test_journey import pushed, signed, version
from tests.parts.house import House
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live
TAKEN_UP_WITHIN = 15.0  # seconds


def descendants(pid: int) -> Iterator[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for child in children.read_text().split() if children.exists() else ():
        yield int(child)
        yield from descendants(int(child))


def kill_part(house: House, words: str) -> int:
    """kill -9 every process of that part of this Shipway; how many there were."""
    assert house.process
    killed = 0
    for pid in list(descendants(house.process.pid)):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            if words in command:
                os.kill(pid, signal.SIGKILL)
                killed += 1
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended by itself in between
    return killed


def begin(house: House, shop: SampleRepository, name: str, bad: str = "", **files: str) -> int:
    commit = shop.commit(name, bad, **files)
    shop.push()
    status, answer = house.call("POST", "/hooks/git", *signed(house, commit))
    assert status == 202, answer
    return int(answer["runs"][0])


def wait_for(house: House, path: str, reached: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
    last: dict[str, Any] = {}

    def look() -> bool:
        last.update(house.get(path))
        return reached(last)

    house.until(f"{path} is at {what}", look, 60, lambda: f"{last}\n{house.log()}")
    return last


def deployment_of(house: House, run: int) -> int:
    found = wait_for(
        house, f"/runs/{run}", lambda r: r["deployment"] is not None or r["status"] == "failed", "deploy"
    )
    assert found["deployment"] is not None, found
    return int(found["deployment"])


def test_a_deploy_worker_killed_in_each_phase_is_replaced_and_the_release_still_arrives(
    house: House, shop: SampleRepository
) -> None:
    house.start()
    assert pushed(house, shop, "v0")["status"] == "succeeded"

    for number, phase in enumerate(("starting", "checking", "switching|draining|baking", "done"), start=1):
        run = begin(house, shop, f"v{number}")
        deployment = deployment_of(house, run)
        wanted = set(phase.split("|"))
        path = f"/deployments/{deployment}"
        wait_for(house, path, lambda d, wanted=wanted: bool(wanted & {h["phase"] for h in d["hosts"]}), phase)
        assert kill_part(house, "--queue deploy")
        killed_at = time.monotonic()
        seen = len(house.get(path)["events"])

        wait_for(
            house,
            path,
            lambda d, seen=seen: len(d["events"]) > seen or d["status"] == "succeeded",
            "taken up again",
        )

        assert time.monotonic() - killed_at < TAKEN_UP_WITHIN, phase
        assert house.finished_run(run)["status"] == "succeeded", phase
        assert {version(front) for front in house.fronts} == {f"v{number}"}


def test_a_deploy_worker_killed_while_it_goes_back_is_replaced_and_all_hosts_are_back(
    house: House, shop: SampleRepository
) -> None:
    house.production["rollout"]["bake"] = "6s"
    house.start()
    assert pushed(house, shop, "v0")["status"] == "succeeded"
    run = begin(house, shop, "v1", bad="dies:4")
    path = f"/deployments/{deployment_of(house, run)}"

    wait_for(house, path, lambda d: d["status"] in {"rolling_back", "rolled_back"}, "rolling_back")
    kill_part(house, "--queue deploy")

    assert house.finished_deployment(int(path.rsplit("/", 1)[1]))["status"] == "rolled_back"
    assert house.finished_run(run)["status"] == "failed"
    assert {version(front) for front in house.fronts for _ in range(4)} == {"v0"}


@pytest.mark.parametrize("stage", ["checkout", "build", "test", "publish"])
def test_a_builder_killed_in_each_stage_is_replaced_and_the_run_ends(
    stage: str, house: House, shop: SampleRepository
) -> None:
    slow = {"test_slow.py": "import time\ndef test_slow():\n    time.sleep(3)\n"}
    house.start()
    run = begin(house, shop, "v1", **slow)
    reached = ("running", "succeeded")

    wait_for(
        house,
        f"/runs/{run}",
        lambda r: any(s["name"] == stage and s["status"] in reached for s in r["stages"]),
        stage,
    )
    kill_part(house, "--queue deliver")

    assert house.finished_run(run)["status"] == "succeeded"
    assert not left_behind(house, run)


def left_behind(house: House, run: int) -> str:
    """Containers and networks of the run that are still on the builder."""
    words = ["docker", "-H", house.lab.builder, "ps", "-aq", "--filter", f"label=shipway.run={run}"]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=20).stdout.strip()


def test_everything_killed_and_redis_emptied_in_the_middle_of_a_rollout_still_ends_well(
    house: House, shop: SampleRepository
) -> None:
    house.start()
    assert pushed(house, shop, "v0")["status"] == "succeeded"
    run = begin(house, shop, "v1")
    path = f"/deployments/{deployment_of(house, run)}"
    wait_for(house, path, lambda d: d["status"] == "rolling", "rolling")

    house.kill()
    for left in (house.folder / "data").rglob("*.aof"):
        left.unlink()
    house.start()

    assert house.finished_run(run)["status"] == "succeeded"
    assert {version(front) for front in house.fronts for _ in range(4)} == {"v1"}
