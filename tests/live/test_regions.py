"""One name over two regions, all of it real but the provider: `shipway up`, two web servers, a name server, and somebody who
resolves and asks again and again. A region dies, comes back, and is parked."""

import json
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.parts.dns.dnspod_cloud import Dnspod
from tests.parts.dns.names import name_server, resolve
from tests.parts.repository import SampleRepository
from tests.parts.two_regions import HZ, NAME, SG, Region, TwoRegions, two_regions
from tests.parts.workshop import Workshop

pytestmark = pytest.mark.live

SLACK = (
    12  # seconds: a look a second, two of them, the tick of the scheduler, and a machine that has more to do
)
BEAT = 0.1


class Client:
    """Resolves anew each time, as one behind a resolver that honours a short TTL. `answers`: when, whom, and was it well."""

    def __init__(self, names: int, port: int) -> None:
        self.answers: list[tuple[float, str, bool]] = []
        self._ended = threading.Event()
        self._names, self._port = names, port
        self._thread = threading.Thread(target=self._ask_on)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def since(self, moment: float) -> list[tuple[str, bool]]:
        return [(address, well) for at, address, well in self.answers if at >= moment]

    def _ask_on(self) -> None:
        while not self._ended.wait(BEAT):
            address = resolve(self._names, NAME)
            if address:
                self.answers.append((time.monotonic(), address, _well(address, self._port)))


def _well(address: str, port: int) -> bool:
    connection = HTTPConnection(address, port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture
def ground() -> Iterator[TwoRegions]:
    with two_regions() as made:
        yield made


@pytest.fixture
def cloud(ground: TwoRegions) -> Dnspod:
    return ground.cloud


@pytest.fixture
def regions(ground: TwoRegions) -> dict[str, Region]:
    return ground.regions


@pytest.fixture
def shipway(tmp_path: Path, shop: SampleRepository, ground: TwoRegions) -> Iterator[Workshop]:
    shop.commit("v1")
    shop.push()
    made = Workshop(tmp_path / "house", shop.remote)
    made.config["entrances"] = ground.keys
    made.start()
    yield made
    if made.process:
        made.kill()


@pytest.fixture
def client(shipway: Workshop, ground: TwoRegions) -> Iterator[Client]:
    shipway.shipway("regions", "apply")
    with name_server(ground.cloud.shares) as names:
        made = Client(names.port, ground.port)
        yield made
        made.stop()


def state_of(shipway: Workshop, region: str) -> str:
    (entrance,) = json.loads(shipway.shipway("regions", "--json"))["entrances"]
    return next(str(one["state"]) for one in entrance["regions"] if one["name"] == region)


def test_a_region_that_dies_goes_out_and_comes_back(
    shipway: Workshop, client: Client, regions: dict[str, Region], cloud: Dnspod
):
    died = time.monotonic()
    regions["hz"].stop()
    shipway.until("hz is out", lambda: cloud.shares(NAME)[HZ] == 0, SLACK, shipway.log)
    out = time.monotonic()
    shipway.until("many are answered", lambda: len(client.since(out + 1)) > 30, 20)
    told = state_of(shipway, "hz")
    regions["hz"].start()
    shipway.until("hz is back", lambda: cloud.shares(NAME)[HZ] > 0, SLACK, shipway.log)
    shipway.until("hz serves", lambda: (HZ, True) in client.since(out), 20)

    assert told == "out"
    assert out - died < SLACK
    assert {address for address, _ in client.since(out + 1)[:30]} == {SG}
    assert all(well for _, well in client.since(out + 1)[:30])


def test_a_parked_region_gets_nobody_and_says_until_when_it_may_be_known(shipway: Workshop, client: Client):
    said = shipway.shipway("regions", "park", "hz", "--reason", "cables")
    parked = time.monotonic() + 1  # the TTL
    shipway.until("many are answered", lambda: len(client.since(parked)) > 30, 20)
    refused = shipway.call("POST", "/api/v1/regions/sg/park", {})
    shipway.shipway("regions", "unpark", "hz")
    shipway.until("hz serves again", lambda: (HZ, True) in client.since(time.monotonic() - 1), 20)

    assert "The last resolver may say the old until" in said
    assert {address for address, _ in client.since(parked)[:30]} == {SG}
    assert refused[0] == 409


def test_when_both_are_gone_nothing_is_changed_and_a_scheduler_that_is_killed_goes_on(
    shipway: Workshop, client: Client, regions: dict[str, Region], cloud: Dnspod
):
    for one in regions.values():
        one.stop()
    shipway.until("it is said", lambda: "the way from here" in shipway.log(500), SLACK, shipway.log)
    both = cloud.shares(NAME)
    regions["sg"].start()
    shipway.kill()
    shipway.start()
    shipway.until("hz is out", lambda: cloud.shares(NAME)[HZ] == 0, 3 * SLACK, shipway.log)

    assert both == {HZ: 60.0, SG: 40.0}
    assert cloud.shares(NAME)[SG] == 40.0
