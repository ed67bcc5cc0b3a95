"""FLOW: one look at every region of an entrance: from outside, and at its load balancer."""

from functools import partial

from pipeline.entrances.entrance import Entrance, Region, Sight
from pipeline.entrances.judge import sight_of
from pipeline.entrances.whereabouts import with_addresses
from pipeline.errors import RunnerError
from pipeline.fleet.balancer import MemberState
from pipeline.ports import Ports


def look(entrance: Entrance, ports: Ports) -> list[Sight]:
    """Side by side: a region that does not answer takes its timeout."""
    regions = with_addresses(entrance, ports).regions.values()
    jobs = [partial(_sight, entrance, region, ports) for region in regions]
    found = []
    for sight in ports.hands.each(jobs):
        if isinstance(sight, Exception):
            raise sight
        found.append(sight)
    return found


def _sight(entrance: Entrance, region: Region, ports: Ports) -> Sight:
    rule, outside = entrance.health, ports.outside
    own = outside.look(rule.url, region.address, rule.timeout)
    others = [outside.ask(probe, region, entrance.domain, rule.timeout) for probe in rule.probes]
    return sight_of(region.name, own, others, _members(region, ports))


def _members(region: Region, ports: Ports) -> str:
    """Nobody serves behind its load balancer: that is sick. Its API not answering says nothing of what it serves."""
    if not region.load_balancer:
        return ""
    try:
        members = ports.balancers[region.load_balancer].members().values()
    except RunnerError:
        return ""
    if any(member.state is MemberState.SERVING for member in members):
        return ""
    return f"no member of load balancer {region.load_balancer} serves ({len(members)} members)"
