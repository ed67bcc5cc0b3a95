"""A pool of real machines in a House: its `command` is the lab's, its replicas stand on nothing else, its proxy on a host of
the file. What the lab made for it is gone afterwards."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lab.layout import load
from tests.parts.house import House, ending, free_port
from tests.parts.laboratory import Laboratory
from tests.parts.repository import SampleRepository

ROOT = Path(__file__).parents[2]
Row = dict[str, Any]


@contextmanager
def pooled(folder: Path, lab: Laboratory, shop: SampleRepository, **pool: Any) -> Iterator[House]:
    """Not started yet. `pool`: keys of the pool `web`."""
    if lab.mode != "namespaces":
        pytest.skip("a machine of the lab needs a network namespace")
    found = load(lab.state)
    assert found is not None
    command = [sys.executable, "-m", "tests.lab.machines", str(lab.state)]
    with ending(House(folder, lab.first(1), shop.remote)) as house:
        edge = lab.hosts[0].name
        house.config["hosts"][edge]["labels"] = {"role": "edge"}
        house.config["enrolment"] = {"listen": f"0.0.0.0:{free_port()}", "address": found.gateway}
        keys = {"provider": "lab", "labels": {"role": "web"}, "region": "hz"}
        house.config["pools"] = {"web": keys | {"command": ["env", f"PYTHONPATH={ROOT}", *command]} | pool}
        house.config["proxies"][f"front-{house.service}"]["hosts"] = [edge]
        house.production.update({"hosts": {"role": "web"}, "replicas": 1})
        try:
            yield house
        finally:
            _asked(command, "terminate", {"instances": [row["id"] for row in _listed(command)]})


def machines(house: House) -> list[Row]:
    """Of the pool, as the API has them."""
    return _pool(house)["machines"]


def gone(house: House) -> list[Row]:
    return _pool(house)["past"]


def instances(house: House) -> set[str]:
    """Of all machines that really exist."""
    return {row["id"] for row in _listed(house.config["pools"]["web"]["command"])}


def is_leaving(house: House) -> bool:
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


def _pool(house: House) -> Row:
    found: Row = house.get("/pools")["pools"][0]
    return found


def _listed(command: list[str]) -> list[Row]:
    found: list[Row] = _asked(command, "list", {})["instances"]
    return found


def _asked(command: list[str], word: str, sent: Row) -> Any:
    done = subprocess.run(
        [*command, word], input=json.dumps(sent), capture_output=True, text=True, timeout=120, check=True
    )
    return json.loads(done.stdout)
