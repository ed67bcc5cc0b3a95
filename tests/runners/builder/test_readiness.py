"""When a container beside the tests counts as ready, told by what an engine says of it, look by look."""

import pytest

from pipeline.delivery.report import ServiceContainer
from pipeline.errors import StageFailed
from runners.builder.readiness import Beside, of_service, wait_until_ready
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


def waited(engine, onlooker="onlooker", **service):
    """(log, ports that were looked at)"""
    said, asked = [], []

    def onlook(port):
        asked.append(port)
        return onlooker

    with Guard(lambda: False, 60, "late") as guard:
        beside = Beside("web", "web", ServiceContainer("web:1", **service), onlook)
        wait_until_ready(engine, beside, guard, said.append)
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

    with pytest.raises(
        StageFailed,
        match=r"web beside the tests ended with exit code 9 .* Its last lines: no licence\.",
    ):
        waited(engine, onlooker="" if looks[:2] == [UP, DEAD] else "onlooker")


def test_port_that_is_asked_for_goes_before_all_else():
    engine = Engine(web=[UP], onlooker=[UP, {"Running": False, "ExitCode": 0}])

    assert waited(engine, health="6379") == ("", [6379])


def test_port_that_is_asked_for_and_never_listened_on_fails_the_tests_with_the_last_lines():
    engine = Engine(web=[UP], onlooker=[UP])

    with pytest.raises(StageFailed) as caught:
        waited(engine, health="6379", deadline=0.1)

    assert str(caught.value) == (
        "The container web beside the tests does not listen on 6379 after 0.1 s. Its last lines: no licence. "
        "Mend it, or raise test.services.web.deadline."
    )


def test_check_that_never_says_yes_fails_the_tests_with_what_it_said():
    sick = {**UP, "Health": {"Status": "starting", "Log": [{"Output": "Could not\nconnect"}]}}

    with pytest.raises(StageFailed, match=r"by `ping` after 0\.1 s\. The check said: Could not connect\."):
        waited(Engine(web=[sick]), health="ping", deadline=0.1)


def test_check_of_the_repository_becomes_the_containers_own():
    made = of_service(ServiceContainer("db:1", {"A": "1"}, "serve --all", "ping"))

    assert (made["environment"], made["command"]) == ({"A": "1"}, ["serve", "--all"])
    assert made["healthcheck"]["test"] == ["CMD-SHELL", "ping"]


def test_container_without_wishes_is_made_as_its_image_says():
    assert of_service(ServiceContainer("db:1")) == {"environment": {}}
