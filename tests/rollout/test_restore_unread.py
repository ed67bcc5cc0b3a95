"""The way back while a proxy on a host of its own does not answer."""

from pipeline.rollout.deployment import Status
from tests.rollout.stage import Stage


def test_nothing_is_stopped_that_a_silent_proxy_may_still_send_to():
    stage = Stage(hosts=2, edge=True)
    old = stage.live()
    number = stage.deploy(stage.release())

    def hook(where: str) -> None:
        if where == "after keep c3 on web-1":
            stage.world.up["edge-1"] = False

    stage.hook = hook
    end = stage.clock.now().timestamp() + 300
    half = stage.driver(number, lambda: stage.clock.now().timestamp() >= end)

    assert half.status is Status.ROLLING_BACK
    assert (2, 0) in stage.running("web-1")

    stage.hook = lambda _: None
    stage.world.up["edge-1"] = True
    assert stage.run(number).status is Status.ROLLED_BACK
    stage.check(number, old)
