"""What `doctor` says of proxies and load balancers."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from pipeline.errors import ConfigRefused
from pipeline.fleet.balancer import BalancerKind, LoadBalancer, Member, MemberState, Target
from pipeline.fleet.host import Host
from pipeline.fleet.proxy import Proxy, ProxyKind, Route, Site, SiteSeen, SiteWanted
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.settings import Settings
from runners.examining.fronts import _site, look_at_balancer

SITE = Site("front", "web-1")
FRONT = Proxy("front", ProxyKind.HAPROXY, "haproxy:3.2")
WEB = {
    name: Host(name, "unix:///x", f"10.0.0.{n}", instance=f"i-{n}")
    for n, name in enumerate(("web-1", "web-2"))
}
WANTED = SiteWanted(SITE, 7, (Route(SITE, "shop", "production", "", ()),))
SEEN = SiteSeen(SITE, True, 7)


@dataclass
class Containers:
    seen_is: SiteSeen
    refuses: str = ""

    def seen(self, proxy: Proxy, host: Host) -> SiteSeen:
        return self.seen_is

    def check(self, proxy: Proxy, host: Host, wanted: SiteWanted) -> None:
        if self.refuses:
            raise ConfigRefused(self.refuses)


@pytest.mark.parametrize(
    ("containers", "level", "said"),
    [
        (Containers(SEEN), "ok", "serves generation 7, 1 routes, and would load again"),
        (Containers(SiteSeen(SITE, False)), "bad", "it does not run"),
        (Containers(SiteSeen(SITE, True, error="no answer")), "bad", "cannot be read: no answer"),
        (Containers(SiteSeen(SITE, True, 6)), "warn", "it serves generation 6, our books have 7"),
        (Containers(SEEN, "line 3: unknown keyword"), "bad", "line 3: unknown keyword"),
    ],
)
def test_a_proxy_is_told_by_what_it_serves(containers: Any, level: str, said: str):
    (finding,) = _site(containers, FRONT, WEB["web-1"], WANTED)

    assert (finding.level, said in finding.text) == (level, True)
    assert bool(finding.mend) == (level != "ok")


@dataclass
class Cloud:
    found: dict[Target, Member] = field(default_factory=dict)

    def members(self) -> dict[Target, Member]:
        return self.found


def settings() -> Settings:
    entry = LoadBalancer("entry", BalancerKind.ALIYUN_SLB, port=80)
    place = Environment("shop", "production", tuple(WEB.values()), proxy=FRONT, load_balancer="entry")
    shop = Service("shop", Repository("https://x/y.git"), environments={"production": place})
    return Settings(
        hosts=WEB, proxies={"front": FRONT}, load_balancers={"entry": entry}, services={"shop": shop}
    )


def member(number: int, state: MemberState = MemberState.SERVING, ours: bool = True) -> dict[Target, Member]:
    target = Target(f"i-{number}", 80)
    return {target: Member(target, state, ours, reason="abnormal")}


@pytest.mark.parametrize(
    ("found", "levels", "said"),
    [
        (member(0) | member(1), ["ok"], "2 members, 2 of ours"),
        (member(0), ["ok", "warn"], "web-2 (i-1:80) is no member"),
        (member(0) | member(1, ours=False), ["ok", "warn"], "web-2 (i-1:80) does not carry our mark"),
        (member(0) | member(1, MemberState.FAILING), ["ok", "bad"], "fails its health check: abnormal"),
    ],
)
def test_a_load_balancer_is_told_by_its_members(found: Any, levels: list[str], said: str):
    balancers: Any = {"entry": Cloud(found)}

    told = look_at_balancer("entry", settings(), balancers)

    assert [str(finding.level) for finding in told] == levels
    assert said in told[-1].text
