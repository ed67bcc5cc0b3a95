"""`/metrics`: Prometheus figures of this process and of the books. Its own registry; nothing global is touched."""

import logging
from datetime import datetime, timedelta

from flask import Flask, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from pipeline.delivery.run import StageName
from pipeline.errors import ShipwayError
from pipeline.figures.pulse import EndedDeployment, EndedRun
from pipeline.ports import Ports
from pipeline.rollout.deployment import FINAL
from pipeline.web.books_metrics import BooksCollector
from pipeline.web.sighting import Sighting

log = logging.getLogger("shipway.web")

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LONG = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
OVERLAP = timedelta(seconds=60)  # a row may be committed later than another that ended after it


class Figures:
    """What the HTTP side counts by itself, and what it reads from the books when it is asked."""

    def __init__(self, ports: Ports) -> None:
        self.registry = CollectorRegistry()
        self.sighting = Sighting(ports)
        self.registry.register(BooksCollector(ports, self.sighting))
        self.ended = Ended(ports, self.registry)
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

    def scraped(self) -> bytes:
        self.ended.count()
        return generate_latest(self.registry)


class Ended:
    """Counts what ended since this process started, at each scrape. Every web process counts all of it: look at one, or
    take the maximum, never the sum."""

    def __init__(self, ports: Ports, registry: CollectorRegistry) -> None:
        self._ports = ports
        self._since: datetime | None = None
        self._known: dict[tuple[str, int], datetime] = {}
        place = ("service", "environment")
        self._stages = Histogram(
            "shipway_stage_seconds", "Stages that ended", ("stage", "status"), buckets=LONG, registry=registry
        )
        self._deployments = Counter(
            "shipway_deployments_ended", "Deployments that ended", (*place, "outcome"), registry=registry
        )
        self._rollbacks = Histogram(
            "shipway_rollback_seconds",
            "From a failure's notice to the old release alone again",
            place,
            buckets=LONG,
            registry=registry,
        )

    def count(self) -> None:
        """The first look only marks where the counting begins."""
        now, pulse = self._ports.clock.now(), self._ports.pulse
        since = self._since or now
        try:
            runs = pulse.ended_runs(since - OVERLAP)
            deployments = pulse.ended_deployments(since - OVERLAP)
        except ShipwayError as error:
            log.warning("not counted, at the next scrape", extra={"error": str(error)})
            return
        first, self._since = self._since is None, now
        if first:
            self._show_all()
        for run in runs:
            if self._is_new("run", run) and not first:
                for stage in run.stages:
                    self._stages.labels(stage.stage, stage.status).observe(stage.seconds)
        for deployment in deployments:
            if self._is_new("deployment", deployment) and not first:
                self._count_deployment(deployment)
        self._known = {key: at for key, at in self._known.items() if at > now - 2 * OVERLAP}

    def _is_new(self, kind: str, row: EndedRun | EndedDeployment) -> bool:
        key = (kind, row.id)
        new = key not in self._known
        self._known[key] = row.finished_at
        return new

    def _count_deployment(self, ended: EndedDeployment) -> None:
        service = self._ports.settings.services.get(ended.service)
        if service is None or ended.environment not in service.environments:
            return
        place = ended.service, ended.environment
        self._deployments.labels(*place, ended.status).inc()
        if ended.restored is not None:
            self._rollbacks.labels(*place).observe(ended.restored)

    def _show_all(self) -> None:
        """At 0 from the start: Prometheus sees no increase in a series that begins with 1."""
        for name in StageName:
            for status in ("succeeded", "failed"):
                self._stages.labels(name.value, status)
        for service in self._ports.settings.services.values():
            for environment in service.environments:
                self._rollbacks.labels(service.name, environment)
                for outcome in sorted(FINAL):
                    self._deployments.labels(service.name, environment, outcome.value)


def mount(app: Flask, figures: Figures) -> None:
    @app.get("/metrics", endpoint="GET /metrics")
    def metrics() -> Response:
        return Response(figures.scraped(), content_type=CONTENT_TYPE_LATEST)
