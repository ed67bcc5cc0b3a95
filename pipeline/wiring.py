"""Builds the one bag of ports from the settings: the only file that knows both halves.

Decides nothing but which adapter stands behind which port. Opens no connection: each is made when it is first needed.
"""

import logging
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module

from pipeline.enrolment.desk import EnrolmentDesk
from pipeline.enrolment.machines import MachineInvites
from pipeline.errors import BadConfig
from pipeline.gitlab_runner.desk import Coordinator, RunnerDesk
from pipeline.notices.desk import NoticeDesk
from pipeline.pools.cloud import NoInvites
from pipeline.ports import Ports
from pipeline.reports.desk import Desk
from pipeline.roster import Roster
from pipeline.settings import Settings
from pipeline.settings_file import all_secrets
from pipeline.standing import live
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
from runners.kept import KeptOfRuns, kept_of_runs
from runners.kept_leases import KeptLeases
from runners.load import EngineLoads
from runners.notices import Messengers
from runners.notices.hooks import GitLabHooks
from runners.notify import LogNotices
from runners.outside import FromHere
from runners.own_certificate import KeyedRoster
from runners.own_store import store_of
from runners.peers import reach_of
from runners.probe import ReplicaProbe
from runners.prometheus import PrometheusMetrics
from runners.proxies import ProxyContainers
from runners.reach import Reach
from runners.redis_child import redis_url
from runners.remote_folders import AllHere, RemoteFolders, remote_of
from runners.reporters import Reporters
from runners.shelves import shelves_of
from runners.sign_in import providers_of
from runners.source import GitSource
from runners.standing import Standing
from runners.store import Store
from runners.traces import OtlpTraces

log = logging.getLogger("shipway.scheduler")


@dataclass(frozen=True)
class _Ground:
    """What several adapters of one process share."""

    settings: Settings  # with the hosts that joined
    store: Store
    reach: Reach
    installation: Callable[[], str]
    remote: RemoteFolders | AllHere
    kept: KeptOfRuns
    roster: Roster
    desk: EnrolmentDesk | None


def build_ports(settings: Settings, store: Store | None = None) -> Ports:
    """For one process: clients are never shared over a fork."""
    ground = _ground(settings, store or store_of(settings.server))
    return _with_regions(_with_hosts(_with_people(_ports(ground), ground), ground), ground)


def _ground(file: Settings, store: Store) -> _Ground:
    remote = remote_of(file)
    kept = kept_of_runs(file.server.data, store, remote.bring)
    kept.logs.hide(all_secrets(file))
    own, reach = own_certificate(file.server, store), reach_of(file.server, store)
    roster = KeyedRoster(store.roster, own, lambda: standing.forget())
    standing = Standing(file, roster)
    return _Ground(
        settings=live(file, standing),
        store=store,
        reach=reach,
        installation=_installation(file, store),
        remote=remote,
        kept=kept,
        roster=roster,
        desk=enrolment_desk(file, store, reach, own, roster),
    )


def _installation(settings: Settings, store: Store) -> Callable[[], str]:
    """The name that labels what is ours; asked for when it is first needed."""
    name = settings.server.installation
    return (lambda: name) if name else store.installation.name


def _ports(ground: _Ground) -> Ports:
    """What brings a push to its hosts."""
    settings, store, server = ground.settings, ground.store, ground.settings.server
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
        tokens=with_jobs(store.tokens, settings),
        audit=store.audit,
        logs=ground.kept.logs,
        queue=RedisQueue(redis_url(server.redis, server.data)),
        source=GitSource(server.data, os.environ),
        builder=_builder(ground),
        engines=DockerEngines(ground.reach, ground.installation),
        proxies=ProxyContainers(ground.reach, settings.registry, ground.installation),
        balancers=Balancers(settings.load_balancers),
        probe=ReplicaProbe(ground.reach),
        metrics=PrometheusMetrics(),
        hands=ThreadHands(),
        clock=SharedClock(store.now) if store.shared else SystemClock(),
        notices=LogNotices(),
    )


def _builder(ground: _Ground) -> EngineBuilder:
    settings, artifacts = ground.settings, ground.kept.artifacts
    return EngineBuilder(
        settings.builder,
        settings.registry,
        ground.reach,
        artifacts=artifacts,
        installation=ground.installation,
    )


def _with_people(ports: Ports, ground: _Ground) -> Ports:
    """Who may do what and when, what is told and counted, and what is kept of runs."""
    store, kept = ground.store, ground.kept
    shelves = shelves_of(ground.settings, ground.reach, ground.installation, ground.remote.let_go)
    return replace(
        ports,
        secrets=store.secrets,
        users=store.users,
        sessions=store.sessions,
        providers=providers_of(ground.settings.server),
        freezes=store.freezes,
        schedules=store.schedules,
        told=store.notices,
        figures=store.figures,
        pulse=store.pulse,
        shelves=(*shelves, *kept.shelves),
        artifacts=kept.artifacts,
    )


def _with_hosts(ports: Ports, ground: _Ground) -> Ports:
    """How hosts come, are looked at and go, by a person or by load."""
    settings, store, reach = ground.settings, ground.store, ground.reach
    return replace(
        ports,
        roster=ground.roster,
        agents=reach.agents,
        enrolment=ground.desk,
        invites=MachineInvites(ground.desk) if ground.desk else NoInvites(),
        checks=HostChecks(reach, settings.registry),
        pools=store.pools,
        clouds=Clouds(settings.pools, ground.installation),
        scaling=store.scaling,
        loads=EngineLoads(reach),
    )


def _with_regions(ports: Ports, ground: _Ground) -> Ports:
    """Entrances of several regions, and what brings a lost control plane back."""
    store = ground.store
    return replace(
        ports,
        entrances=store.entrances,
        dns=Providers(ground.settings.entrances),
        outside=FromHere(),
        addresses=CloudAddresses(ground.settings.load_balancers),
        backups=store.backups,
        recovery=store.recovery,
        census=EngineCensus(ground.reach, ground.installation),
    )


def build_desk(store: Store, ports: Ports) -> Desk:
    """What the flow that tells forges needs."""
    return Desk(
        settings=ports.settings,
        outbox=store.outbox,
        runs=store.runs,
        deployments=store.deployments,
        leases=KeptLeases(store.leases),
        reporters=Reporters(all_secrets(ports.settings)),
        hands=ports.hands,
        clock=ports.clock,
    )


def build_runner_desk(store: Store, ports: Ports, unwanted: Callable[[], bool] = lambda: False) -> RunnerDesk:
    """What the flows that look after GitLab runners need. `unwanted`: does anybody want them to end?"""
    server = ports.settings.server
    installation = _installation(ports.settings, store)
    return RunnerDesk(
        settings=ports.settings,
        coordinator=_coordinator(),
        engines=RunnerContainers(reach_of(server, store), ports.settings.registry, installation),
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
        leases=KeptLeases(store.leases),
        logs=ports.logs,
        messenger=Messengers(all_secrets(ports.settings)),
        traces=OtlpTraces(traces) if (traces := ports.settings.server.traces).endpoint else None,
        hooks=GitLabHooks(ports.settings, time.monotonic),
        hands=ports.hands,
        clock=ports.clock,
    )
