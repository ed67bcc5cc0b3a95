from dataclasses import dataclass, field, replace

from pipeline.fleet.host import Host
from pipeline.fleet.proxy import Proxy, SiteSeen
from pipeline.rollout.survey import survey
from runners.stand_ins.fleet import WorldProxies
from tests.rollout.stage import Stage


@dataclass
class AskedProxies(WorldProxies):
    asked: list[str] = field(default_factory=list)

    def seen(self, proxy: Proxy, host: Host) -> SiteSeen:
        self.asked.append(host.name)
        return super().seen(proxy, host)


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
