"""`doctor`: is everything there that Shipway needs, and if not, what to do. Changes nothing, and needs no server.

Each check gives lines: ok, warn (it works, but) or bad, and how to mend it. The exit code is 10 when one is bad.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import click

from pipeline.commands.asked import asked
from pipeline.commands.examination import DEADLINE, Check, documents, examine, report, told
from pipeline.commands.screen import lively, size
from pipeline.commands.showing import show
from pipeline.errors import RunnerError
from pipeline.pools.pool import Pool
from pipeline.reports.compose import reports_of
from pipeline.settings import Server, Settings
from runners.agents.record import agents_of
from runners.balancers import Balancers
from runners.balancers.address import CloudAddresses
from runners.clouds import Clouds
from runners.dns import Providers
from runners.enrolment import own_certificate
from runners.examining.books import look_at_database, look_at_redis
from runners.examining.doors import look_at_doors
from runners.examining.entrances import look_at_entrance, look_at_region
from runners.examining.finding import Finding, Level, ok
from runners.examining.forges import (
    look_at_deliveries,
    look_at_reports,
    look_at_repository,
    look_at_secret,
    look_at_webhook,
)
from runners.examining.fronts import look_at_balancer, look_at_proxy, look_at_site
from runners.examining.machine import (
    look_at_beats,
    look_at_builder,
    look_at_certificates,
    look_at_data,
    look_at_git,
    look_at_host,
    look_at_public_address,
    look_at_scan,
    look_at_server,
)
from runners.examining.pools import installation_of, look_at_pool
from runners.examining.registry import look_at_registry
from runners.machine import this_machine
from runners.outside import FromHere
from runners.own_store import store_of
from runners.peers import peers_of, reach_of
from runners.reach import Reach
from runners.settings_source import load_settings
from runners.store import Store

CLOSING = 3.0  # seconds for the connections to end


@click.command()
@click.option(
    "--deadline",
    type=click.FloatRange(1, 300),
    default=DEADLINE,
    show_default=True,
    help="Seconds for all of it; who has not answered by then is bad.",
)
def doctor(deadline: float) -> None:
    """Look whether everything that is needed is there, and say how to mend what is not.

    Engines, registry, proxies, load balancers, entrances, pools, Redis, database, processes, clocks, disks, certificates,
    repositories and their webhooks, side by side. Needs shipway.yml, no running server.
    """
    path = asked().config_path()
    settings = load_settings(path)
    server = settings.server
    store = store_of(server) if server.database.startswith("postgresql") else None  # a file would be made
    reach = reach_of(server, store) if store else Reach(agents_of(server.data))
    good = Check("This machine", "configuration", lambda: [ok("configuration", f"{path} is good")])
    checks = [good, *_here(settings), *_registry(settings), *_hosts(settings, reach)]
    if store:
        checks += _doors(server, store)
    checks += [*_fronts(settings, reach), *_entrances(settings), *_pools(settings), *_repositories(settings)]
    try:
        examine(checks, deadline, lambda number: told(number, len(checks)))
    finally:
        _close(reach)
        if store:
            store.close()
    show(documents(checks), "\n".join(report(checks, size()[0] if lively() else 0)))
    found = [finding for check in checks for finding in check.found]
    failed = sum(finding.level is Level.BAD for finding in found)
    if failed:
        raise RunnerError(
            f"{failed} of {len(found)} findings are bad. Mend them as said, then `shipway doctor`."
        )


def _here(settings: Settings) -> Iterator[Check]:
    server = settings.server
    looks: dict[str, Callable[[], list[Finding]]] = {
        "data folder": partial(look_at_data, server.data),
        "git": look_at_git,
        "server": partial(look_at_server, server),
        "public address": partial(look_at_public_address, server),
        "processes": partial(look_at_beats, server.data),
        "database": partial(look_at_database, server),
        "redis": partial(look_at_redis, server.redis, server.data),
        "scan": partial(look_at_scan, settings.builder),
    }
    for name, look in looks.items():
        yield Check("This machine", name, look)


def _doors(server: Server, store: Store) -> Iterator[Check]:
    """Of the other machines that share the database."""
    peers = peers_of(server, store, own_certificate(server, store))
    if peers is not None:
        look = partial(look_at_doors, store.cables.living_doors, this_machine(server).id, peers.greet)
        yield Check("This machine", "other machines", look)


def _registry(settings: Settings) -> Iterator[Check]:
    service = next(iter(settings.services), "")
    yield Check("Registry", "registry", partial(look_at_registry, settings.registry, service))


def _hosts(settings: Settings, reach: Reach) -> Iterator[Check]:
    yield Check("Hosts", "builder", partial(look_at_builder, settings.builder, reach))
    for host in settings.hosts.values():
        yield Check("Hosts", f"host {host.name}", partial(look_at_host, host, reach))
        yield Check("Hosts", f"certificates of {host.name}", partial(look_at_certificates, host))


def _fronts(settings: Settings, reach: Reach) -> Iterator[Check]:
    group, balancers = "Proxies and load balancers", Balancers(settings.load_balancers)
    for proxy in settings.proxies.values():
        yield Check(group, f"proxy {proxy.name}", partial(look_at_proxy, proxy, settings, reach))
        for name in proxy.hosts or settings.hosts:
            look = partial(look_at_site, proxy, settings.hosts[name], settings, reach)
            yield Check(group, f"proxy {proxy.name} on {name}", look)
    inner = {name for entry in settings.load_balancers.values() for name in entry.of}
    for name in settings.load_balancers:
        if name not in inner:
            look = partial(look_at_balancer, name, settings, balancers)
            mend = f"correct load_balancers.{name} in shipway.yml, or what its access key may do at the cloud"
            yield Check(group, f"load balancer {name}", look, mend)


def _entrances(settings: Settings) -> Iterator[Check]:
    group, providers, outside = "Entrances", Providers(settings.entrances), FromHere()
    addresses = CloudAddresses(settings.load_balancers)
    for name, entrance in settings.entrances.items():
        look = partial(look_at_entrance, entrance, settings.server, providers, addresses)
        mend = f"correct entrances.{name} in shipway.yml, or the rights of its access key: docs/regions.md"
        yield Check(group, f"entrance {name}", look, mend)
        for region in entrance.regions:
            seen = partial(look_at_region, entrance, region, outside, addresses)
            yield Check(group, f"region {region} of {name}", seen)


def _pools(settings: Settings) -> Iterator[Check]:
    clouds, may_join = (
        Clouds(settings.pools, installation_of(settings.server)),
        settings.enrolment is not None,
    )
    for name, pool in settings.pools.items():
        mend = f"correct pools.{name} in shipway.yml, or the rights of its access key: docs/hosts-pools.md"
        look = partial(_look_at_pool, pool, clouds, may_join)
        yield Check("Pools", f"pool {name}", look, mend)


def _look_at_pool(pool: Pool, clouds: Clouds, may_join: bool) -> list[Finding]:
    """In its own thread: a cloud's SDK takes its time to load."""
    return look_at_pool(pool, clouds[pool.name], may_join, datetime.now(UTC))


def _repositories(settings: Settings) -> Iterator[Check]:
    group, base = "Repositories", settings.server.url.rstrip("/")
    for service in settings.services.values():
        url = f"{base}/hooks/{service.repository.forge}"
        mend = f"see what it says: `git ls-remote {service.repository.address}`; its login stands under `repository`"
        yield Check(group, f"repository of {service.name}", partial(look_at_repository, service), mend)
        yield Check(group, f"webhook of {service.name}", partial(look_at_secret, service, url))
        if service.repository.token:
            yield Check(group, f"webhook of {service.name}", partial(look_at_webhook, service, url))
        yield Check(
            group, f"webhook of {service.name}", partial(look_at_deliveries, settings.server, service)
        )
    yield Check(group, "reports", partial(look_at_reports, settings.server, reports_of(settings)))


def _close(reach: Reach) -> None:
    """A check that never came back may hold one of its locks."""
    closing = threading.Thread(target=reach.close, daemon=True)
    closing.start()
    closing.join(CLOSING)
