from dataclasses import dataclass, field, replace

import pytest

from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.proxy import Proxy, SiteSeen
from pipeline.rollout.deployment import Status
from pipeline.rollout.observed import HostSeen
from pipeline.rollout.release import ReplicaPlan
from pipeline.rollout.survey import survey
from runners.stand_ins.fleet import WorldEngines, WorldProxies
from tests.rollout.stage import Stage


@dataclass
class AskedProxies(WorldProxies):
    asked: list[str] = field(default_factory=list)

    def seen(self, proxy: Proxy, host: Host) -> SiteSeen:
        self.asked.append(host.name)
        return super().seen(proxy, host)


@dataclass
class SlowPulls(WorldEngines):
    """Notes what it is asked. The first pull takes its time, the others come beside it."""

    seconds: float = 0.0
    said: list[str] = field(default_factory=list)

    def look(self, host: Host, service: str, environment: str) -> HostSeen:
        self.said.append(f"look {host.name}")
        return super().look(host, service, environment)

    def pull(self, host: Host, image: str, access: RegistryAccess) -> None:
        if "pull" not in self.said:
            self.world.clock.sleep(self.seconds)
        self.said.append("pull")
        super().pull(host, image, access)

    def start(self, host: Host, plan: ReplicaPlan) -> None:
        self.said.append("start")
        super().start(host, plan)


def test_a_host_that_does_not_answer_is_not_waited_for_twice_in_one_look():
    stage = Stage(hosts=2)
    stage.live()
    deployment = stage.books.deployments.deployment(stage.deploy(stage.release()))
    proxies = AskedProxies(stage.world)
    stage.world.up["web-1"] = False

    observed = survey(deployment, replace(stage.ports, proxies=proxies))

    away, there = (observed.sites[site] for site in stage.sites)
    assert proxies.asked == ["web-2"]
    assert (away.running, away.error) == (False, observed.hosts["web-1"].error)
    assert there.running


@pytest.mark.parametrize(("seconds", "looks"), [(0.5, 0), (3.0, 1)])
def test_a_host_is_looked_at_again_before_it_starts_what_took_long_to_come(seconds, looks):
    stage = Stage(hosts=2)
    stage.live()
    number = stage.deploy(stage.release())
    engines = SlowPulls(stage.world, seconds=seconds)
    stage.ports = replace(stage.ports, engines=engines)

    assert stage.run(number).status is Status.SUCCEEDED

    said = engines.said
    last_pull = max(at for at, word in enumerate(said) if word == "pull")
    first_start = said.index("start")
    assert said[last_pull:first_start].count("look web-1") == looks
