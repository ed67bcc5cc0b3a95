"""Builds the one bag of ports from the settings: the only file that knows both halves.

Decides nothing but which adapter stands behind which port. Opens no connection: each is made when it is first needed.
"""

import logging
import os
import secrets
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module

from pipeline.errors import BadConfig, ShipwayError
from pipeline.gitlab_runner.desk import Coordinator, RunnerDesk
from pipeline.gitlab_runner.watch import watch
from pipeline.notices.desk import NoticeDesk
from pipeline.ports import Ports
from pipeline.reports.compose import reports_of
from pipeline.reports.desk import Desk
from pipeline.retention.prune import Pruned, prune
from pipeline.settings import Settings
from pipeline.settings_file import all_secrets
from pipeline.standing import live
from runners.artifact_store import FileArtifacts
from runners.balancers import Balancers
from runners.builder import EngineBuilder
from runners.clock import SystemClock
from runners.engine import DockerEngines
from runners.forges import Forges
from runners.gitlab_runner.containers import RunnerContainers
from runners.gitlab_runner.hold import hold
from runners.hands import ThreadHands
from runners.job_queue import RedisQueue
from runners.job_tokens import with_jobs
from runners.log_store import FileLogs
from runners.notices import Messengers
from runners.notices.hooks import GitLabHooks
from runners.notify import LogNotices
from runners.own_store import store_of
from runners.probe import ReplicaProbe
from runners.prometheus import PrometheusMetrics
from runners.proxies import ProxyContainers
from runners.reach import Reach
from runners.redis_child import redis_url
from runners.reporters import Reporters
from runners.shelves import shelves_of
from runners.sign_in import providers_of
from runners.source import GitSource
from runners.standing import Standing
from runners.store import Store
from runners.traces import OtlpTraces

log = logging.getLogger("shipway.scheduler")


def build_ports(settings: Settings, store: Store | None = None) -> Ports:
    """For one process: clients are never shared over a fork."""
    server = settings.server
    store = store or store_of(server)
    reach = Reach()
    installation = store.installation.name if not server.installation else lambda: server.installation
    logs, artifacts = FileLogs(f"{server.data}/logs"), FileArtifacts(f"{server.data}/artifacts")
    logs.hide(all_secrets(settings))
    settings = live(settings, Standing(settings, store.roster))
    return Ports(
        settings=settings,
        forges=Forges(),
        inbox=store.inbox,
        leases=store.leases,
        runs=store.runs,
        releases=store.releases,
        deployments=store.deployments,
        routes=store.routes,
        fleet=store.fleet,
        roster=store.roster,
        tokens=with_jobs(store.tokens, settings),
        audit=store.audit,
        secrets=store.secrets,
        users=store.users,
        sessions=store.sessions,
        providers=providers_of(server),
        freezes=store.freezes,
        schedules=store.schedules,
        told=store.notices,
        figures=store.figures,
        pulse=store.pulse,
        logs=logs,
        queue=RedisQueue(redis_url(server.redis, server.data)),
        source=GitSource(server.data, os.environ),
        builder=EngineBuilder(
            settings.builder, settings.registry, reach, artifacts=artifacts, installation=installation
        ),
        engines=DockerEngines(reach, installation),
        proxies=ProxyContainers(reach, settings.registry, installation),
        balancers=Balancers(settings.load_balancers),
        probe=ReplicaProbe(reach),
        metrics=PrometheusMetrics(),
        hands=ThreadHands(),
        clock=SystemClock(),
        notices=LogNotices(),
        shelves=shelves_of(settings, reach, installation),
        artifacts=artifacts,
    )


def build_desk(store: Store, ports: Ports) -> Desk:
    """What the flow that tells forges needs."""
    return Desk(
        settings=ports.settings,
        outbox=store.outbox,
        runs=store.runs,
        deployments=store.deployments,
        leases=store.leases,
        reporters=Reporters(all_secrets(ports.settings)),
        hands=ports.hands,
        clock=ports.clock,
    )


def build_runner_desk(store: Store, ports: Ports, unwanted: Callable[[], bool] = lambda: False) -> RunnerDesk:
    """What the flows that look after GitLab runners need. `unwanted`: does anybody want them to end?"""
    server = ports.settings.server
    installation = store.installation.name if not server.installation else lambda: server.installation
    return RunnerDesk(
        settings=ports.settings,
        coordinator=_coordinator(),
        engines=RunnerContainers(Reach(), ports.settings.registry, installation),
        books=store.gitlab_runners,
        fleet=store.fleet,
        hands=ports.hands,
        hold=partial(hold, store.leases, unwanted),
        now=ports.clock.now,
        nonce=lambda: secrets.token_hex(6),
        installation=installation,
    )


def watching(store: Store, ports: Ports) -> Callable[[], None]:
    """One look at the GitLab runners, once somebody applied any. What goes wrong is tried again at the next one."""
    kept: list[RunnerDesk] = []

    def look() -> None:
        try:
            if not store.gitlab_runners.records():
                return
            kept[:] = kept or [build_runner_desk(store, ports)]
            watch(kept[0])
        except ShipwayError as error:
            log.warning("gitlab runners not looked at, trying again", extra={"error": str(error)})

    return look


def _coordinator() -> Coordinator:
    """Loaded when it is needed: an install without GitLab has no python-gitlab."""
    try:
        made: Coordinator = import_module("runners.gitlab_runner.coordinator").GitLabCoordinator()
    except ModuleNotFoundError as error:
        raise BadConfig(
            f"The Python package {error.name} is not installed. Install it: pip install 'shipway[gitlab]'."
        ) from error
    return made


def build_notice_desk(store: Store, ports: Ports) -> NoticeDesk:
    """What the flow that tells people needs."""
    return NoticeDesk(
        settings=ports.settings,
        book=store.notices,
        runs=store.runs,
        deployments=store.deployments,
        inbox=store.inbox,
        leases=store.leases,
        logs=ports.logs,
        messenger=Messengers(all_secrets(ports.settings)),
        traces=OtlpTraces(traces) if (traces := ports.settings.server.traces).endpoint else None,
        hooks=GitLabHooks(ports.settings, time.monotonic),
        hands=ports.hands,
        clock=ports.clock,
    )


def listened(settings: Settings) -> bool:
    """Is anybody told of what changed: people, or a collector of traces?"""
    return any(rule.to for rule in settings.notices) or bool(settings.server.traces.endpoint)


def tidying(store: Store, ports: Ports) -> Callable[[], None]:
    """What is done once a day: old webhook bodies and old leases go, and what `shipway prune` would remove."""

    def tidy() -> None:
        try:
            store.tidy(ports.clock.now(), bool(reports_of(ports.settings)), listened(ports.settings))
            tell(prune(f"tidy:{os.getpid()}:{secrets.token_hex(3)}", ports))
        except ShipwayError as error:
            log.warning("not tidied, tomorrow again", extra={"error": str(error)})

    return tidy


def tell(pruned: Pruned) -> None:
    """One line for all that went, and one for each thing that did not."""
    removed = pruned.removed
    if removed:
        frees = sum(done.verdict.frees for done in removed)
        log.info("tidied", extra={"removed": len(removed), "megabytes": frees >> 20})
    for trouble in (*pruned.troubles, *(done.error for done in pruned.goers if done.error)):
        log.warning("not tidied", extra={"error": trouble})
