"""No secret gets out of real processes: deliveries good and bad on real engines, then a search in all that they leave."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import redis

from runners.redis_child import redis_url
from tests.parts.canaries import Canaries, cells_of, files_below
from tests.parts.house import House, ending
from tests.parts.laboratory import Laboratory
from tests.parts.pushes import pushed
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live

LOUD = """
test: {command: "env", timeout: 2m}
run: {port: 8000, memory: 128m, stop_timeout: 10s, before_deploy: "env"}
health: {path: /healthz, interval: 200ms, deadline: 20s}
"""
REFUSING = LOUD.replace('before_deploy: "env"', "before_deploy: \"sh -c 'env; exit 3'\"")


class Onlooker:
    """Reads the words of every process again and again, as any user of the machine may."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Onlooker":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self.seen.update(of_processes("cmdline"))


def of_processes(what: str, *pids: int) -> Iterator[bytes]:
    for folder in [Path(f"/proc/{pid}") for pid in pids] or Path("/proc").glob("[0-9]*"):
        try:
            yield (folder / what).read_bytes()
        except OSError:
            continue  # it is over


def in_redis(folder: Path) -> Iterator[bytes]:
    client = redis.Redis.from_url(redis_url("", str(folder / "data")))
    for key in client.scan_iter():
        yield key
        yield client.dump(key) or b""
    client.close()


def of_images(engine: str, service: str) -> Iterator[bytes]:
    """Settings and history of every image of this service."""
    client = docker.APIClient(base_url=engine, version="auto")
    for image in client.images(all=True):
        if service in json.dumps(image):
            yield json.dumps([client.inspect_image(image["Id"]), client.history(image["Id"])]).encode()
    client.close()


def from_api(house: House) -> Iterator[bytes]:
    paths = ["/secrets", "/audit", "/runs", "/deployments", "/deliveries", "/services", house.environment]
    paths += [f"/releases?service={house.service}"]
    paths += [f"/runs/{run['id']}/log" for run in house.get("/runs")["runs"]]
    paths += [f"/deployments/{one['id']}" for one in house.get("/deployments")["deployments"]]
    for path in paths:
        status, answer = house.call("GET", f"/api/v1{path}")
        assert status == 200, (path, answer)
        yield answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()


def everything(house: House, watched: Onlooker) -> dict[str, list[bytes]]:
    engines = {host.engine for host in house.lab.hosts} | {house.lab.builder}
    return {
        "files": [*files_below(house.folder / "data"), (house.folder / "up.log").read_bytes()],
        "database": list(cells_of(house.folder / "data" / "shipway.db")),
        "redis": list(in_redis(house.folder)),
        "words of processes": list(watched.seen),
        "images": [text for engine in engines for text in of_images(engine, house.service)],
        "api": list(from_api(house)),
    }


def keep(house: House, canary: Canaries, **where: Any) -> None:
    for stage in ("build", "test", "run"):
        value = canary(f"kept-{stage}")
        house.post("/secrets", {"name": f"KEPT_{stage.upper()}", "value": value, "stage": stage, **where})


@pytest.fixture
def tested() -> bool:
    return True


@pytest.fixture
def house(tmp_path: Path, lab: Laboratory, shop: SampleRepository) -> Iterator[House]:
    """On one host: all of them are told and asked the same."""
    with ending(House(tmp_path / "house", lab.first(1), shop.remote)) as made:
        yield made


def test_nothing_of_a_secret_lies_where_others_look(
    house: House, shop: SampleRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = Canaries()
    monkeypatch.setenv("CANARY_WRITTEN", canary("written"))  # of the processes that the house starts
    house.secret = canary.plain("hook")
    house.config["registry"]["auth"] = {
        "kind": "basic",
        "username": "robot",
        "password": canary.plain("registry"),
    }
    repository = house.config["services"][house.service]["repository"]
    repository |= {"secret": house.secret, "token": canary.plain("token")}
    house.production["secrets"] = {"WRITTEN": "${CANARY_WRITTEN}", "KEPT_RUN": "store:"}

    with Onlooker() as watched:
        house.start()
        missing = pushed(house, shop, "v0")
        keep(house, canary, service=house.service)
        good = pushed(house, shop, "v1", **{".shipway.yml": LOUD})
        rotated = house.shipway("secret", "rotate")
        bad = pushed(house, shop, "v2", bad="crash", **{".shipway.yml": LOUD})
        refused = pushed(house, shop, "v3", **{".shipway.yml": REFUSING})
        house.post("/secrets", {"name": "KEPT_RUN", "value": canary("changed"), "service": house.service})
        outdated = house.get(house.environment)["outdated_secrets"]
        renewed = house.finished_deployment(
            house.post(f"{house.environment}/deployments", {"release": good["release"]})["deployment"]
        )
        found = everything(house, watched)
        found["environment of redis"] = list(of_processes("environ", house.pid("redis")))

    assert [run["status"] for run in (missing, good, bad, refused)] == [
        "failed",
        "succeeded",
        "failed",
        "failed",
    ]
    assert "shipway secret set KEPT_RUN" in missing["error"]
    assert "rows are sealed with a new key" in rotated
    assert "WRITTEN=***" in refused["error"]
    assert (outdated, renewed["status"]) == (["KEPT_RUN"], "succeeded")
    assert renewed["release"] > refused["release"]
    assert values_in(house) == {"WRITTEN": canary("written"), "KEPT_RUN": canary("changed")}
    assert all(found.values())
    assert {place: canary.found(texts) for place, texts in found.items()} == {place: set() for place in found}


def values_in(house: House) -> dict[str, str]:
    """Of our secrets, in the one generation of replicas that runs."""
    seen = []
    for host in house.lab.hosts:
        client = docker.APIClient(base_url=host.engine, version="auto")
        for container in house.lab.containers(host.engine, service=house.service):
            env = dict(
                word.split("=", 1) for word in client.inspect_container(container["Id"])["Config"]["Env"]
            )
            seen.append({name: env[name] for name in ("WRITTEN", "KEPT_RUN", "KEPT_TEST") if name in env})
        client.close()
    assert seen
    assert all(one == seen[0] for one in seen)
    return seen[0]
