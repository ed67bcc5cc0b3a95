"""A pool of real machines grows from two to four and shrinks again under load, while the scheduler is killed: no request is
lost, no wish has two machines, and none is left over."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.layout import load
from tests.parts.house import House, ending, free_port
from tests.parts.laboratory import Laboratory
from tests.parts.repository import SampleRepository
from tests.parts.victims import kill

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
POOL = {"provider": "lab", "min": 2, "max": 4, "labels": {"role": "web"}, "region": "hz"}


@pytest.fixture
def open_house(tmp_path: Path, lab: Laboratory, shop: SampleRepository) -> Iterator[House]:
    """One proxy on a host of the file; replicas only on machines of the pool."""
    if lab.mode != "namespaces":
        pytest.skip("a machine of the lab needs a network namespace")
    found = load(lab.state)
    assert found is not None
    command = [sys.executable, "-m", "tests.lab.machines", str(lab.state)]
    with ending(House(tmp_path / "house", lab.first(1), shop.remote)) as made:
        edge = lab.hosts[0].name
        made.config["hosts"][edge]["labels"] = {"role": "edge"}
        made.config["enrolment"] = {"listen": f"0.0.0.0:{free_port()}", "address": found.gateway}
        made.config["pools"] = {"web": POOL | {"command": ["env", f"PYTHONPATH={ROOT}", *command]}}
        made.config["proxies"][f"front-{made.service}"]["hosts"] = [edge]
        made.production.update({"hosts": {"role": "web"}, "replicas": 1})
        try:
            yield made.start()
        finally:
            left = [row["id"] for row in _asked(command, "list", {})["instances"]]
            _asked(command, "terminate", {"instances": left})


def _asked(command: list[str], word: str, sent: dict[str, Any]) -> Any:
    done = subprocess.run(
        [*command, word], input=json.dumps(sent), capture_output=True, text=True, timeout=120, check=True
    )
    return json.loads(done.stdout)


def machines(house: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.get("/pools")["pools"][0]["machines"]
    return found


def leaving(house: House) -> bool:
    return any(machine["state"] == "leaving" for machine in machines(house))


def settled(house: House, number: int, seconds: float = 420) -> None:
    """So many machines, all ready; and the environment, when something is live, on each of them."""

    def done() -> bool:
        found = machines(house)
        if [machine["state"] for machine in found] != ["ready"] * number:
            return False
        place = house.get(house.environment)
        serving = {one["host"] for one in place["hosts"] if one["replicas"]}
        return place["live"] is None or (
            serving == {machine["name"] for machine in found} and place["active_deployment"] is None
        )

    house.until(f"{number} machines serve", done, seconds, lambda: f"{machines(house)}\n{house.log()}")


def test_a_pool_grows_and_shrinks_under_load_while_the_scheduler_is_killed(
    open_house: House, shop: SampleRepository, load_on
):
    settled(open_house, 2)
    shop.commit("v1")
    shop.push()
    run = open_house.post(f"{open_house.environment}/runs", {"ref": "main"})["run"]
    assert open_house.finished_run(run, 240)["status"] == "succeeded", open_house.log()

    with load_on(open_house.fronts) as load:
        open_house.shipway("pools", "want", "web", "4", "--why", "a campaign", "--force")
        open_house.until("a machine is on its way", lambda: len(machines(open_house)) > 2, 60)
        kill(open_house, "scheduler")
        settled(open_house, 4)
        open_house.shipway("pools", "want", "web", "2", "--force")
        open_house.until("a machine leaves", lambda: leaving(open_house), 60)
        kill(open_house, "scheduler")
        settled(open_house, 2)
        counts = load.stop()

    assert counts.failed == 0, counts
    pools = open_house.get("/pools")["pools"][0]
    assert [one["failed"] for one in pools["past"]] == [False, False]
    assert len({one["instance"] for one in pools["machines"] + pools["past"]}) == 4
    listed = _asked(open_house.config["pools"]["web"]["command"], "list", {})["instances"]
    assert sorted(one["id"] for one in listed) == sorted(one["instance"] for one in machines(open_house))
