"""Flow 10: looks at every pool that scales by itself, and writes down how many machines it should have.

Who makes and empties machines reads that. Asks the hosts' engines what they use; never asks a cloud, and picks nobody.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from pipeline.fleet.host import Host
from pipeline.pools.pool import Machine, Pool, State, Wanted
from pipeline.ports import Ports
from pipeline.scaling.book import group_of_pool
from pipeline.scaling.decide import decide, is_due, notable
from pipeline.scaling.group import ACTS, Decided, Group, Measured, Member, Memory, Sample, Scaled
from pipeline.scaling.measure import Limits, measured
from pipeline.scaling.policy import Measure, Scaling, Target
from pipeline.settings import Settings

ACTOR = "scaling"
WHOLE = Limits(cpus=1.0, memory=100)  # samples of machines are shares already


def scaled_pools(settings: Settings) -> list[Pool]:
    return [pool for pool in settings.pools.values() if pool.scaling is not None]


def scale_pools(ports: Ports) -> Scaled:
    memories, now = ports.scaling.memories(), ports.clock.now()
    every, apart = scaled_pools(ports.settings), ports.settings.server.scaling_every
    pools = [pool for pool in every if is_due(memories.get(group_of_pool(pool.name)), now, apart)]
    after: dict[str, Memory] = {}
    decided: list[Decided] = []
    for pool in pools:
        group = group_of_pool(pool.name)
        after[group], line = _look(
            pool, pool.scaling or Scaling(pool.min, pool.max), memories.get(group), ports
        )
        decided += [line] if line else []
    if after:
        ports.scaling.save(after, decided)
    return Scaled(decided=tuple(decided))


def _look(pool: Pool, policy: Scaling, memory: Memory | None, ports: Ports) -> tuple[Memory, Decided | None]:
    before, name, now = memory or Memory(), group_of_pool(pool.name), ports.clock.now()
    staying = [m for m in ports.pools.machines(pool.name) if m.state is not State.LEAVING]
    samples = _samples(staying, ports)
    group = _group(pool, staying, samples, ports.pools.wanted(pool.name), ports)
    found = _measured(policy, before.samples, samples, group, ports)
    decision = decide(policy, before, group, found, now)
    if decision.verdict in ACTS:
        ports.pools.want(pool.name, decision.want, decision.reason, ACTOR)
    kept = replace(decision.memory, samples=samples)
    if not notable(before, decision):
        return kept, None
    return kept, Decided(name, now, decision.verdict, group.size, decision.want, decision.reason)


def _samples(staying: list[Machine], ports: Ports) -> dict[str, Sample]:
    hosts = [_host(m, ports) for m in staying if m.state is State.READY]
    known = [host for host in hosts if host is not None]
    found = ports.hands.each([partial(ports.loads.machine, host) for host in known])
    pairs = zip(known, found, strict=True)
    return {host.name: sample for host, sample in pairs if isinstance(sample, Sample)}


def _host(machine: Machine, ports: Ports) -> Host | None:
    return ports.settings.hosts.get(machine.name)


def _group(
    pool: Pool, staying: list[Machine], samples: Mapping[str, Sample], wanted: Wanted | None, ports: Ports
) -> Group:
    """One that is on its way is new at each look: it is counted on, and not held to be sick."""
    now = ports.clock.now()
    members = [
        Member(m.name, now, ready=False)
        if m.coming
        else Member(m.name, m.ready_at or m.since, ready=m.name in samples)
        for m in staying
    ]
    size = pool.min if wanted is None else wanted.machines
    return Group(size, tuple(members), 1, wanted.at if wanted else None)


def _measured(
    policy: Scaling, before: Mapping[str, Sample], samples: Mapping[str, Sample], group: Group, ports: Ports
) -> list[Measured]:
    now = ports.clock.now()
    warm = [m.name for m in group.members if m.ready and m.age(now) >= policy.warm_up]
    return [
        _asked(target, len(samples), ports)
        if target.measure is Measure.QUERY
        else measured(target, warm, before, samples, WHOLE)
        for target in policy.targets
    ]


def _asked(target: Target, machines: int, ports: Ports) -> Measured:
    if target.criterion is None:
        return Measured(target, None, "it has no query")
    query = target.criterion.query.replace("{machines}", str(machines))
    reading = ports.metrics.read(target.criterion, query)
    if reading.value is not None and not 0 <= reading.value < float("inf"):
        return Measured(target, None, f"{reading.value:g} is no load")
    return Measured(target, reading.value, reading.error or "Prometheus has no data")
