"""A prune at every moment of a rollout, also of one whose driver is killed, takes nothing that it needs."""

from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from pipeline.ports import Ports
from pipeline.retention.prune import make_room, prune
from pipeline.rollout.deployment import Status
from pipeline.rollout.rollback import rollback
from runners.stand_ins.shelf import WorldShelf
from runners.stand_ins.things import Quality
from tests.retention.test_prune import Runs
from tests.rollout.mortal import Crash
from tests.rollout.stage import POLICY, PRODUCTION, SHOP, Stage

KEEP = 2
GOOD, BACK = Status.SUCCEEDED, Status.ROLLED_BACK


def pruning_at_every_point(stage: Stage, crash_every: int = 0) -> None:
    """The prune's own leases and books are not points: it would never end."""
    runs: Any = Runs()
    shelves = [WorldShelf(stage.world, host) for host in stage.names]
    books = stage.books
    ports: Ports = replace(
        stage.ports, runs=runs, shelves=shelves, leases=books.leases, deployments=books.deployments
    )
    points = count(1)

    def hook(_: str) -> None:
        prune("somebody", ports)
        make_room(stage.names[0], "somebody", ports)
        if crash_every and next(points) % crash_every == 0:
            raise Crash

    stage.hook = hook


@pytest.mark.parametrize("crash_every", [0, 13])
@pytest.mark.parametrize(
    ("quality", "end"),
    [(Quality.GOOD, GOOD), (Quality.BAD_HEALTH, BACK), (Quality.BAD_LATE, BACK), (Quality.BAD_START, BACK)],
)
def test_a_prune_at_every_moment_takes_nothing_that_a_rollout_needs(
    quality: Quality, end: Status, crash_every: int
) -> None:
    stage = Stage(hosts=2, policy=replace(POLICY, keep=KEEP))
    for _ in range(3):
        stage.live()
    release = stage.release(quality)
    number = stage.deploy(release)

    pruning_at_every_point(stage, crash_every)
    found = stage.run(number)

    assert found.status is end, found.error
    kept = {release.image, "r/shop@sha256:3"} if end is GOOD else {"r/shop@sha256:3", "r/shop@sha256:2"}
    for host in stage.names:
        assert kept <= stage.world.images[host]
        assert "r/shop@sha256:1" not in stage.world.images[host]


def test_every_release_that_is_kept_can_be_gone_back_to_without_a_registry() -> None:
    stage = Stage(hosts=2, policy=replace(POLICY, keep=3))
    for _ in range(5):
        stage.live()
    pruning_at_every_point(stage)
    stage.world.registry_up = False

    ends = [stage.run(rollback(SHOP, PRODUCTION, to, "ann", stage.ports)).status for to in (4, 3, 5)]

    assert ends == [GOOD] * 3
