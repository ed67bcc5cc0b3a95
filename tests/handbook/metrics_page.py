"""docs/metrics.md, from the registry of `/metrics`: a metric that is added is on the page when this is run again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from pipeline.ports import NoPulse
from pipeline.recovery.backup import Made
from pipeline.scaling.book import NoScaling
from pipeline.settings import Settings
from pipeline.web.metrics import Figures

HEAD = """# Metrics

Made from the registry by `python -m tests.handbook`; do not edit.

`GET /metrics` answers in Prometheus' text format and wants no token: let only your Prometheus reach it where that matters.
Figures of the books are read when it is asked, so every server tells the same; counters and histograms are of the process that
answers, and begin at 0 when it starts.

| metric | type | labels | |
|---|---|---|---|
"""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SUFFIX = {"counter": "_total"}


def _quiet() -> Any:
    """Books and a queue in which nothing is: the registry is only read for its names."""
    none: dict[Any, int] = {}
    counts, zero = SimpleNamespace(counts=lambda: none), lambda: 0
    return SimpleNamespace(
        runs=counts,
        deployments=counts,
        pulse=NoPulse(),
        scaling=NoScaling(),
        queue=SimpleNamespace(depth=zero, workers=zero),
        settings=Settings(),
        backups=SimpleNamespace(last_good=lambda: Made(NOW, "a backup", "")),
        clock=SimpleNamespace(now=lambda: NOW),
        hands=SimpleNamespace(each=lambda jobs: [job() for job in jobs]),
    )


def metrics_page() -> str:
    registry = Figures(_quiet()).registry
    found = sorted(_metrics(registry), key=lambda pair: pair[0].name)
    return HEAD + "".join(_row(metric, labels) for metric, labels in found)


def _metrics(registry: CollectorRegistry) -> Iterator[tuple[Metric, tuple[str, ...]]]:
    """The names of labels stand on the collector: a metric that was never observed has no sample to show them."""
    for collector in list(registry._collector_to_names):
        for metric in collector.collect():
            told = {name for sample in metric.samples for name in sample.labels} - {"le", "quantile"}
            named = getattr(collector, "_labelnames", ()) or getattr(metric, "_labelnames", ())
            yield metric, tuple(named) or tuple(sorted(told))


def _row(metric: Metric, labels: tuple[str, ...]) -> str:
    named = ", ".join(f"`{label}`" for label in labels)
    name = metric.name + SUFFIX.get(metric.type, "")
    return f"| `{name}` | {metric.type} | {named} | {metric.documentation}. |\n"
