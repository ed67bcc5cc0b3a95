"""Random stories of one run at a forge that comes and goes: in the end it shows what the books say, and never went back."""

import random

import pytest

from pipeline.delivery.run import StageName, StageStatus
from pipeline.rollout.deployment import Status
from tests.contracts.samples import settle
from tests.forge.gitlab import Outage
from tests.reports.conftest import House, desk_of

FAULTS = (0, 0, 503, 500, 429, 409)
ENDS = {Status.SUCCEEDED: "success", Status.FAILED: "failed", Status.ROLLED_BACK: "failed"}


def weather(house: House, chance: random.Random) -> None:
    """A fault for all calls, for one or for the next few; and now and then another process takes over."""
    house.gitlab.outage = Outage(
        chance.choice(FAULTS),
        chance.choice(["", "/statuses/", "/deployments", "/merge_requests"]),
        chance.choice([None, 1, 3]),
    )
    if chance.random() < 0.2:
        house.desk = desk_of(house.store, house.desk.settings, house.clock)
    for _ in range(chance.randrange(3)):
        house.clock.sleep(min(chance.uniform(0.5, 90), house.tell()))


@pytest.mark.parametrize("seed", range(12))
def test_the_forge_ends_where_the_books_do_and_takes_nothing_back(house: House, seed: int):
    chance = random.Random(seed)  # noqa: S311 (a story, no secret)
    house.project.open_request("main", house.commit, "release")
    run, lease = house.run()
    for name in list(StageName)[:-1]:
        for status in (StageStatus.RUNNING, StageStatus.SUCCEEDED):
            house.stage(run, lease, name, status)
            weather(house, chance)
    number = house.deployed(run, lease)
    weather(house, chance)
    settle(house.store, number, Status.ROLLING)
    weather(house, chance)
    end = chance.choice(list(ENDS))
    settle(house.store, number, end)
    weather(house, chance)

    house.gitlab.outage = Outage()
    for _ in range(3):
        house.clock.sleep(90)
        house.tell()

    assert house.shown() == dict.fromkeys(house.shown(), "success") | {"shipway/deploy": ENDS[end]}
    assert len(house.project.statuses) == 5, "a state that was over was opened again"
    assert house.project.deployed() == [("production", house.commit, ENDS[end])]
    assert len(house.project.notes) == 1
    assert house.store.outbox.waiting(house.clock.now()) == []
