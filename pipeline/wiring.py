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

from pipeline.enrolment.machines import MachineInvites
from pipeline.errors import BadConfig
from pipeline.gitlab_runner.desk import Coordinator, RunnerDesk
from pipeline.notices.desk import NoticeDesk
from pipeline.pools.cloud import NoInvites
from pipeline.ports import Ports
from pipeline.reports.desk import Desk
from pipeline.settings import Settings
from pipeline.settings_file import all_secrets
from pipeline.standing import live
from runners.agents.record import AgentFolder, agents_of
from runners.balancers import Balancers
from runners.balancers.address import CloudAddresses
from runners.builder import EngineBuilder
from runners.clock import SharedClock, SystemClock
from runners.clouds import Clouds
from runners.dns import Providers
from runners.engine import DockerEngines
from runners.engines.census import EngineCensus
from runners.enrolment import enrolment_desk, own_certificate
from runners.examining.checklist import HostChecks
from runners.forges import Forges
from runners.gitlab_runner.containers import RunnerContainers
from runners.gitlab_runner.hold import hold
from runners.hands import ThreadHands
from runners.job_queue import RedisQueue
from runners.job_tokens import with_jobs
from runners.kept import kept_of_runs
from runners.load import EngineLoads
from runners.notices import Messengers
from runners.notices.hooks import GitLabHooks
from runners.notify import LogNotices
from runners.outside import FromHere
from runners.own_certificate import KeyedRoster
from runners.own_store import store_of
from runners.probe import ReplicaProbe
from runners.prometheus import PrometheusMetrics
from runners.proxies import ProxyContainers
from runners.reach import Reach
from runners.redis_child import redis_url
from runners.remote_folders import remote_of
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
    reach, agents = Reach(agents_of(server.data)), AgentFolder(agents_of(server.data))
    installation = store.installation.name if not server.installation else lambda: server.installation
    remote = remote_of(settings)
    kept = kept_of_runs(server.data, store, remote.bring)
    kept.logs.hide(all_secrets(settings))
    own = own_certificate(server, store)
    roster = KeyedRoster(store.roster, own, lambda: standing.forget())
    standing = Standing(settings, roster)
    desk = enrolment_desk(settings, store, reach, own, roster)
    settings = live(settings, standing)
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
        pools=store.pools,
        clouds=Clouds(settings.pools, installation),
        roster=roster,
        agents=agents,
        enrolment=desk,
        invites=MachineInvites(desk) if desk else NoInvites(),
        checks=HostChecks(reach, settings.registry),
        scaling=store.scaling,
        loads=EngineLoads(reach),
        entrances=store.entrances,
        dns=Providers(settings.entrances),
        outside=FromHere(),
        addresses=CloudAddresses(settings.load_balancers),
        backups=store.backups,
        recovery=store.recovery,
        census=EngineCensus(reach, installation),
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
        logs=kept.logs,
        queue=RedisQueue(redis_url(server.redis, server.data)),
        source=GitSource(server.data, os.environ),
        builder=EngineBuilder(
            settings.builder, settings.registry, reach, artifacts=kept.artifacts, installation=installation
        ),
        engines=DockerEngines(reach, installation),
        proxies=ProxyContainers(reach, settings.registry, installation),
        balancers=Balancers(settings.load_balancers),
        probe=ReplicaProbe(reach),
        metrics=PrometheusMetrics(),
        hands=ThreadHands(),
        clock=SharedClock(store.now) if store.shared else SystemClock(),
        notices=LogNotices(),
        shelves=(*shelves_of(settings, reach, installation, remote.let_go), *kept.shelves),
        artifacts=kept.artifacts,
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
        engines=RunnerContainers(Reach(agents_of(server.data)), ports.settings.registry, installation),
        books=store.gitlab_runners,
        fleet=store.fleet,
        hands=ports.hands,
        hold=partial(hold, store.leases, unwanted),
        now=ports.clock.now,
        nonce=lambda: secrets.token_hex(6),
        installation=installation,
    )


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
