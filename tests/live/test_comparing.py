"""Releases that say they are well and treat their users badly, under load: taken back by what the proxies counted."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.load.session import Load
from tests.parts.house import House, ending
from tests.parts.laboratory import Laboratory
from tests.parts.pushes import live_release, pushed, versions
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live
LoadOn = Callable[[Sequence[str]], Load]
# without smoke requests, which would hold such a release at its gate
BLIND = "run: {port: 8000, stop_timeout: 10s}\nhealth: {path: /healthz, interval: 200ms, rise: 2, fall: 3, deadline: 20s}\n"
KINDS = pytest.mark.parametrize("proxy", ["haproxy", "nginx"])


@KINDS
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (
            "500",
            r", bake: \d+ of \d+ requests to release 2 ended in 5xx \([\d.]+ %\), 0 % of \d+ with release 1",
        ),
        (
            "cuts",
            r", bake: \d+ of \d+ requests to release 2 ended in 5xx \(100 %\), 0 % of \d+ with release 1",
        ),
        (
            "slow:0.8",
            r", bake: release 2 took [89]\d\d ms on average over \d+ requests, release 1 took \d+ ms on",
        ),
    ],
)
def test_release_that_is_well_and_treats_users_badly_goes_back_by_itself(
    proxy: str,
    bad: str,
    reason: str,
    tmp_path: Path,
    lab: Laboratory,
    shop: SampleRepository,
    load_on: LoadOn,
) -> None:
    with ending(House(tmp_path / "house", lab.first(2), shop.remote, proxy=proxy)) as house:
        house.production["rollout"] |= {"bake": "3s", "compare": {}}
        house.start()
        first = pushed(house, shop, "v1", **{".shipway.yml": BLIND})
        assert first["status"] == "succeeded", first

        with load_on(house.fronts) as load:
            run = pushed(house, shop, "v2", bad=bad)
            counts = load.stop()

        deployment = house.get(f"/deployments/{run['deployment']}")
        assert deployment["status"] == "rolled_back", deployment
        assert re.search(reason, deployment["error"]), deployment["error"]
        assert run["error"] == deployment["error"]
        assert len({event["host"] for event in deployment["events"] if event["kind"] == "switching"}) == 1
        assert counts.versions["v1"] > counts.sent / 2, counts
        assert live_release(house) == first["release"]
        assert versions(house) == {"v1"}


@KINDS
def test_good_release_shows_its_figures_in_its_history(
    proxy: str, tmp_path: Path, lab: Laboratory, shop: SampleRepository, load_on: LoadOn
) -> None:
    with ending(House(tmp_path / "house", lab.first(2), shop.remote, proxy=proxy)) as house:
        house.production["rollout"] |= {"bake": "3s", "compare": {}}
        house.start()
        assert pushed(house, shop, "v1")["status"] == "succeeded"

        with load_on(house.fronts) as load:
            run = pushed(house, shop, "v2")
            counts = load.stop()

        told = [
            e["text"] for e in house.get(f"/deployments/{run['deployment']}")["events"] if e["kind"] == "done"
        ]
        figures = (
            r"\d+ requests, 0 % ended in 5xx, \d+ ms on average \(release 1: \d+ requests, 0 % ended in 5xx"
        )
        assert run["status"] == "succeeded", run
        assert counts.failed == 0, counts
        assert len(told) == len(house.lab.hosts)
        assert all(re.search(figures, text) for text in told), told
