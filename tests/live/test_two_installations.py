"""Two Shipways that name the same service, environment and hosts: neither touches what the other runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.test_journey import pushed
from tests.parts.house import House
from tests.parts.laboratory import Laboratory
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live


@pytest.fixture
def second(tmp_path: Path, lab: Laboratory, shop: SampleRepository, house: House) -> Iterator[House]:
    """Like the first in everything but its database."""
    made = House(tmp_path / "second", lab, shop.remote, service=house.service, listen=house.listen)
    yield made
    if made.process:
        made.stop()


def containers(house: House) -> dict[str, str]:
    """Id and start of everything that Shipway made for this service, proxies too, by name."""
    found: dict[str, Any] = {}
    for host in house.lab.hosts:
        for label in ({"service": house.service}, {"proxy": f"front-{house.service}"}):
            found |= {str(c["Names"][0]): c["Id"] for c in house.lab.containers(host.engine, **label)}
    return found


def test_a_second_shipway_is_stopped_before_it_touches_anything_and_may_take_over(
    house: House, second: House, shop: SampleRepository
) -> None:
    house.start()
    assert pushed(house, shop, "v1")["status"] == "succeeded"
    before = containers(house)
    labels = house.lab.containers(house.lab.hosts[0].engine, service=house.service)[0]["Labels"]
    first = labels["shipway.installation"]
    second.start()

    refused = pushed(second, shop, "v2")

    assert refused["status"] == "failed"
    assert f"another Shipway (installation {first}) runs {house.service}/production there" in refused["error"]
    assert containers(house) == before

    house.stop()  # its database is lost, say
    second.stop()
    second.config["server"]["installation"] = first
    second.start()
    assert pushed(second, shop, "v3")["status"] == "succeeded"
    assert containers(house).items() & before.items() == {
        (name, made) for name, made in before.items() if "proxy" in name
    }
