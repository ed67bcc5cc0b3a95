"""What a scrape reads from the books and hears of the hosts. A part that is down is left out and said.

Labels are bounded by shipway.yml: services, environments and hosts that it does not name are not shown.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.delivery.run import RunStatus
from pipeline.entrances.entrance import Standing
from pipeline.errors import ShipwayError
from pipeline.figures.pulse import LEASES, Pulse
from pipeline.notices.notice import Fate
from pipeline.pools.pool import State
from pipeline.ports import Ports
from pipeline.rollout.deployment import Status
from pipeline.scaling.book import group_of
from pipeline.scaling.group import HELD
from pipeline.scaling.scale import scaled_environments
from pipeline.web.sighting import Seen, Sighting

log = logging.getLogger("shipway.web")

PLACE = ("service", "environment")


class BooksCollector(Collector):
    """Counts by status, queue depth and workers, read at scrape time. A part that is down is left out and said."""

    def __init__(self, ports: Ports, sighting: Sighting) -> None:
        self._ports = ports
        self._sighting = sighting

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("shipway_up", "1 when this part answers", labels=("part",))
        yield from _read(up, "database", self._books)
        yield from _read(up, "queue", self._queue)
        yield up

    def describe(self) -> Iterable[Metric]:
        """Nothing is read at registration."""
        return []

    def _books(self) -> list[Metric]:
        ports = self._ports
        pulse = ports.pulse.pulse()
        return [
            _by("shipway_runs", "Runs in the books", "status", RunStatus, ports.runs.counts()),
            _by(
                "shipway_deployments",
                "Deployments in the books",
                "status",
                Status,
                ports.deployments.counts(),
            ),
            *_of_pulse(pulse),
            *_of_services(pulse, ports),
            *_of_hosts(pulse, self._sighting.latest(), ports),
            *_of_pools(ports),
            *_of_scaling(ports),
            *_of_entrances(ports),
            *_of_backups(ports),
        ]

    def _queue(self) -> list[Metric]:
        queue = self._ports.queue
        return [
            _single("shipway_queue_depth", "Ids that wait for a worker", queue.depth()),
            _single("shipway_workers", "Workers that live", queue.workers()),
        ]


def _of_pulse(pulse: Pulse) -> Iterator[Metric]:
    yield _single("shipway_queue_age_seconds", "How long the oldest queued run has waited", pulse.queue_age)
    yield _single("shipway_outbox_depth", "Changes that forges are not told of yet", pulse.outbox)
    yield _single("shipway_outbox_age_seconds", "How old the oldest of them is", pulse.outbox_age)
    yield _by("shipway_notices", "Notices in the books", "fate", Fate, pulse.notices)
    yield _by("shipway_leases", "Leases that are held", "kind", LEASES, pulse.leases)
    text = "How long no scheduler has led; 0 while one does"
    yield _single("shipway_scheduler_late_seconds", text, pulse.scheduler_late)


def _of_services(pulse: Pulse, ports: Ports) -> Iterator[Metric]:
    text = "How long a service's repository could not be looked at; 0 while it can"
    trouble = GaugeMetricFamily("shipway_repository_trouble_seconds", text, labels=("service",))
    for name in ports.settings.services:
        trouble.add_metric((name,), pulse.troubles.get(name, 0.0))
    yield trouble


def _of_hosts(pulse: Pulse, seen: Seen | None, ports: Ports) -> Iterator[Metric]:
    """What the hosts said is left out until they were asked once."""
    wanted = GaugeMetricFamily("shipway_replicas_wanted", "Replicas that should run", labels=PLACE)
    ready = GaugeMetricFamily("shipway_replicas_ready", "Replicas of the live release that run", labels=PLACE)
    reachable = GaugeMetricFamily(
        "shipway_host_reachable", "1 when the host's engine answers", labels=("host",)
    )
    places = [(s.name, name) for s in ports.settings.services.values() for name in s.environments]
    for place in places:
        if place in pulse.placed:
            wanted.add_metric(place, pulse.placed[place])
        if seen is not None and place in pulse.live:
            ready.add_metric(place, seen.running.get((*place, pulse.live[place]), 0))
    for host in ports.settings.hosts:
        if seen is not None and host in seen.reachable:
            reachable.add_metric((host,), seen.reachable[host])
    yield from (wanted, ready, reachable)


def _of_pools(ports: Ports) -> Iterator[Metric]:
    labels = ("pool", "state")
    machines = GaugeMetricFamily(
        "shipway_pool_machines", "Machines of a pool that are not gone", labels=labels
    )
    wanted = GaugeMetricFamily("shipway_pool_wanted", "Machines that a pool should have", labels=("pool",))
    for pool in ports.settings.pools.values():
        states = Counter(machine.state for machine in ports.pools.machines(pool.name))
        for state in State:
            if state is not State.GONE:
                machines.add_metric((pool.name, state.value), states[state])
        said = ports.pools.wanted(pool.name)
        wanted.add_metric((pool.name,), pool.clamp(said.machines if said else pool.min))
    yield from (machines, wanted)


def _of_scaling(ports: Ports) -> Iterator[Metric]:
    """Of environments that scale by themselves."""
    memories = ports.scaling.memories()
    sizes = {
        "size": GaugeMetricFamily(
            "shipway_scaling_replicas", "Replicas on each host, as scaling left them", labels=PLACE
        ),
        "low": GaugeMetricFamily("shipway_scaling_min", "Their lower bound now", labels=PLACE),
        "high": GaugeMetricFamily("shipway_scaling_max", "Their upper bound now", labels=PLACE),
    }
    held = GaugeMetricFamily("shipway_scaling_held", "1 while something holds scaling back", labels=PLACE)
    labels = (*PLACE, "measure")
    measured = GaugeMetricFamily("shipway_scaling_measured", "What the average replica has", labels=labels)
    target = GaugeMetricFamily("shipway_scaling_target", "What it should have", labels=labels)
    for environment in scaled_environments(ports.settings):
        place = environment.service, environment.name
        memory = memories.get(group_of(*place))
        if memory is None:
            continue
        for name, family in sizes.items():
            family.add_metric(place, getattr(memory, name))
        held.add_metric(place, memory.verdict in HELD)
        for figure in memory.figures:
            target.add_metric((*place, figure.measure), figure.target)
            if figure.value is not None:
                measured.add_metric((*place, figure.measure), figure.value)
    yield from (*sizes.values(), held, measured, target)


def _of_entrances(ports: Ports) -> Iterator[Metric]:
    labels = ("entrance", "region")
    share = GaugeMetricFamily(
        "shipway_region_share", "Share of the answers that a region gets now", labels=labels
    )
    out = GaugeMetricFamily(
        "shipway_region_out", "1 when a region is out since it looked sick", labels=labels
    )
    parked = GaugeMetricFamily("shipway_region_parked", "1 when a person parked a region", labels=labels)
    for entrance in ports.settings.entrances.values():
        standings = ports.entrances.standings(entrance.name)
        for region in entrance.regions.values():
            standing = standings.get(region.name, Standing(region.name))
            place = entrance.name, region.name
            share.add_metric(place, region.share if standing.serves else 0)
            out.add_metric(place, standing.out)
            parked.add_metric(place, standing.parked)
    yield from (share, out, parked)


def _of_backups(ports: Ports) -> Iterator[Metric]:
    """Nothing before the first: a rule for its absence says so."""
    good = ports.backups.last_good()
    if good is not None:
        age = (ports.clock.now() - good.at).total_seconds()
        yield _single("shipway_backup_age_seconds", "How old the newest backup that came about is", age)


def _read(up: GaugeMetricFamily, part: str, reading: Callable[[], list[Metric]]) -> list[Metric]:
    try:
        found = reading()
    except ShipwayError as error:
        log.warning("part is down", extra={"part": part, "error": str(error)})
        up.add_metric((part,), 0)
        return []
    up.add_metric((part,), 1)
    return found


def _by(name: str, text: str, label: str, values: Iterable[str], counts: Mapping[str, int]) -> Metric:
    """Every value has a line, also at 0: a graph must not begin with the first failure."""
    family = GaugeMetricFamily(name, text, labels=(label,))
    for value in values:
        family.add_metric((str(value),), counts.get(str(value), 0))
    return family


def _single(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
