"""`/metrics`: Prometheus figures of this process and of the books. Its own registry; nothing global is touched."""

import logging
from collections.abc import Callable, Iterable, Iterator

from flask import Flask, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from pipeline.delivery.run import RunStatus
from pipeline.errors import ShipwayError
from pipeline.ports import Ports
from pipeline.rollout.deployment import Status

log = logging.getLogger("shipway.web")

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Figures:
    """What the HTTP side counts by itself, and what it reads from the books when it is asked."""

    def __init__(self, ports: Ports) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(BooksCollector(ports))
        self._lines: dict[tuple[str, str, str], Histogram] = {}  # finding one costs more than counting
        self._requests = Histogram(
            "shipway_http_request_seconds",
            "Time from a request's head to its answer's head",
            ("method", "route", "status"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._deliveries = Counter(
            "shipway_deliveries",
            "Webhooks by what became of them, since this process started",
            ("forge", "outcome"),
            registry=self.registry,
        )
        self.streams = Gauge(
            "shipway_http_streams",
            "Followers of logs and histories that are connected",
            registry=self.registry,
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        line = method, route, str(status)
        if line not in self._lines:
            self._lines[line] = self._requests.labels(*line)
        self._lines[line].observe(seconds)

    def delivery(self, forge: str, outcome: str) -> None:
        self._deliveries.labels(forge, outcome).inc()


class BooksCollector(Collector):
    """Counts by status, queue depth and workers, read at scrape time. A part that is down is left out and said."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("shipway_up", "1 when this part answers", labels=("part",))
        ports = self._ports
        yield from _read(
            up,
            "database",
            lambda: [
                _by_status("shipway_runs", "Runs in the books", RunStatus, ports.runs.counts()),
                _by_status(
                    "shipway_deployments", "Deployments in the books", Status, ports.deployments.counts()
                ),
            ],
        )
        yield from _read(
            up,
            "queue",
            lambda: [
                _single("shipway_queue_depth", "Ids that wait for a worker", ports.queue.depth()),
                _single("shipway_workers", "Workers that live", ports.queue.workers()),
            ],
        )
        yield up

    def describe(self) -> Iterable[Metric]:
        """Nothing is read at registration."""
        return []


def mount(app: Flask, figures: Figures) -> None:
    @app.get("/metrics", endpoint="GET /metrics")
    def metrics() -> Response:
        return Response(generate_latest(figures.registry), content_type=CONTENT_TYPE_LATEST)


def _read(up: GaugeMetricFamily, part: str, reading: Callable[[], list[Metric]]) -> list[Metric]:
    try:
        found = reading()
    except ShipwayError as error:
        log.warning("part is down", extra={"part": part, "error": str(error)})
        up.add_metric((part,), 0)
        return []
    up.add_metric((part,), 1)
    return found


def _by_status(name: str, text: str, statuses: Iterable[str], counts: dict[str, int]) -> Metric:
    """Every status has a line, also at 0: a graph must not begin with the first failure."""
    family = GaugeMetricFamily(name, text, labels=("status",))
    for status in statuses:
        family.add_metric((str(status),), counts.get(str(status), 0))
    return family


def _single(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
