"""When a container beside the tests counts as ready, told by what an engine says of it, look by look."""

import pytest

from pipeline.errors import StageFailed
from runners.builder.readiness import wait_until_ready
from runners.builder.talking import Guard

UP = {"Running": True}
DEAD = {"Running": False, "ExitCode": 9}


class Engine:
    """Says one state after the other of each container; the last one stays."""

    def __init__(self, **states):
        self.states = {name: list(told) for name, told in states.items()}

    def inspect_container(self, name):
        told = self.states[name]
        state = told.pop(0) if len(told) > 1 else told[0]
        return {"Id": name, "State": state, "Config": {"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}}

    def logs(self, name, tail):
        return b"no licence\n"


def waited(engine, onlooker="onlooker"):
    """(log, ports that were looked at)"""
    said, asked = [], []

    def onlook(port):
        asked.append(port)
        return onlooker

    with Guard(lambda: False, 60, "late") as guard:
        wait_until_ready(engine, "web", "web", onlook, guard, said.append)
    return "".join(said), asked


def test_first_port_is_waited_for():
    engine = Engine(web=[UP], onlooker=[UP, UP, {"Running": False, "ExitCode": 0}])

    assert waited(engine) == ("", [80])
    assert len(engine.states["onlooker"]) == 1


def test_own_health_check_goes_before_the_port():
    engine = Engine(
        web=[{**UP, "Health": {"Status": status}} for status in ("starting", "starting", "healthy")]
    )

    assert waited(engine) == ("", [])


def test_image_that_cannot_look_is_said():
    log, _ = waited(Engine(web=[UP]), onlooker="")

    assert "Nobody can see whether web listens" in log


@pytest.mark.parametrize("looks", [[DEAD], [UP, DEAD], [UP, UP, DEAD]])
def test_container_that_ends_is_the_reason_whenever_it_ends(looks):
    engine = Engine(web=looks, onlooker=[UP])

    with pytest.raises(StageFailed, match="web beside the tests ended with exit code 9"):
        waited(engine, onlooker="" if looks[:2] == [UP, DEAD] else "onlooker")
