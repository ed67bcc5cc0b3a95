"""The way back while a host's engine starts again: what it brought back has to answer before that is the end."""

import pytest

from pipeline.fleet.proxy import ProxyKind
from pipeline.rollout.deployment import Status
from runners.stand_ins.things import Quality
from tests.rollout.stage import Stage


def gone_back(stage: Stage, at: str) -> tuple[bool, Status]:
    """Was every replica well when a way back ended, in which web-1 restarted at this moment?"""
    stage.live(Quality.SLOW)
    number = stage.deploy(stage.release(Quality.BAD_BAKE))
    rebooted: list[str] = []

    def hook(where: str) -> None:
        back = stage.books.deployments.deployment(number).status is Status.ROLLING_BACK
        if back and not rebooted and where == at:
            rebooted.append(where)
            stage.world.reboot("web-1")

    stage.hook = hook
    over = stage.run(number)
    assert rebooted
    return all(stage.world.well(c) for c in stage.world.containers.values()), over.status


@pytest.mark.parametrize("kind", list(ProxyKind))
@pytest.mark.parametrize("at", ["after switch on web-1", "after prune on web-2", "after retire 2.0 on web-1"])
def test_it_has_not_gone_back_before_a_host_that_restarted_answers(kind: ProxyKind, at: str):
    stage = Stage(hosts=2, proxy=kind)

    assert gone_back(stage, at) == (True, Status.ROLLED_BACK)
