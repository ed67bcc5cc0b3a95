"""Releases that say they are well and treat their users badly, under load: taken back by what the proxies counted.

One Shipway for each kind of proxy; each test pushes the next version onto what the one before it left live.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.house import House, ending
from tests.parts.laboratory import Laboratory
from tests.parts.lasting import LoadOn
from tests.parts.pushes import live_release, pushed, versions
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live
# without smoke requests, which would hold such a release at its gate
BLIND = "run: {port: 8000, stop_timeout: 10s}\nhealth: {path: /healthz, interval: 200ms, rise: 2, fall: 3, deadline: 20s}\n"
Ground = tuple[House, SampleRepository]


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def ground(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, lab: Laboratory
) -> Iterator[Ground]:
    """Up on two hosts with v1 live, and its repository."""
    folder: Path = tmp_path_factory.mktemp("comparing")
    shop = SampleRepository(folder / "shop", folder / "shop.git").create()
    with ending(House(folder / "house", lab.first(2), shop.remote, proxy=request.param)) as house:
        house.production["rollout"] |= {"bake": "3s", "compare": {}}
        house.start()
        first = pushed(house, shop, "v1", **{".shipway.yml": BLIND})
        assert first["status"] == "succeeded", first
        yield house, shop


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (
            "500",
            r", bake: \d+ of \d+ requests to release NEW ended in 5xx \([\d.]+ %\), 0 % of \d+ with release OLD",
        ),
        (
            "cuts",
            r", bake: \d+ of \d+ requests to release NEW ended in 5xx \(100 %\), 0 % of \d+ with release OLD",
        ),
        (
            "slow:0.8",
            r", bake: release NEW took [89]\d\d ms on average over \d+ requests, release OLD took \d+ ms on",
        ),
    ],
)
def test_release_that_is_well_and_treats_users_badly_goes_back_by_itself(
    bad: str, reason: str, ground: Ground, load_on: LoadOn
) -> None:
    house, shop = ground
    live, (before,) = live_release(house), versions(house)
    with load_on(house.fronts) as load:
        run = pushed(house, shop, f"bad-{bad[:2]}", bad=bad)
        counts = load.stop()

    deployment = house.get(f"/deployments/{run['deployment']}")
    assert deployment["status"] == "rolled_back", deployment
    reason = reason.replace("NEW", str(run["release"])).replace("OLD", str(live))
    assert re.search(reason, deployment["error"]), deployment["error"]
    assert run["error"] == deployment["error"]
    assert len({event["host"] for event in deployment["events"] if event["kind"] == "switching"}) == 1
    assert counts.versions[before] > counts.sent / 2, counts
    assert live_release(house) == live
    assert versions(house) == {before}


def test_good_release_shows_its_figures_in_its_history(ground: Ground, load_on: LoadOn) -> None:
    house, shop = ground
    live = live_release(house)
    with load_on(house.fronts) as load:
        run = pushed(house, shop, "good")
        counts = load.stop()

    told = [
        e["text"] for e in house.get(f"/deployments/{run['deployment']}")["events"] if e["kind"] == "done"
    ]
    figures = r"\d+ requests, 0 % ended in 5xx, \d+ ms on average "
    figures += rf"\(release {live}: \d+ requests, 0 % ended in 5xx"
    assert run["status"] == "succeeded", run
    assert counts.failed == 0, counts
    assert len(told) == len(house.lab.hosts)
    assert all(re.search(figures, text) for text in told), told
