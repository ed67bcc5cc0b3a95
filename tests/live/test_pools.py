"""A pool of real machines grows from two to four and shrinks again under load, while the scheduler is killed: no request is
lost, no wish has two machines, and none is left over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.house import House
from tests.parts.lab_pool import gone, instances, is_leaving, machines, pooled, settled
from tests.parts.laboratory import Laboratory
from tests.parts.repository import SampleRepository
from tests.parts.victims import kill

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


@pytest.fixture
def open_house(tmp_path: Path, lab: Laboratory, shop: SampleRepository) -> Iterator[House]:
    with pooled(tmp_path / "house", lab, shop, min=2, max=4) as house:
        yield house.start()


def test_a_pool_grows_and_shrinks_under_load_while_the_scheduler_is_killed(
    open_house: House, shop: SampleRepository, load_on
):
    open_house.shipway("pools", "want", "web", "2", "--force")  # both at once
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
        open_house.until("a machine leaves", lambda: is_leaving(open_house), 60)
        kill(open_house, "scheduler")
        settled(open_house, 2)
        counts = load.stop()

    assert counts.failed == 0, counts
    past, present = gone(open_house), machines(open_house)
    assert [one["failed"] for one in past] == [False, False]
    assert len({one["instance"] for one in present + past}) == 4
    assert instances(open_house) == {one["instance"] for one in present}
