"""What must fit together in `shipway.yml`: names that exist, routes that do not collide, numbers that can be met. Pure.

Runs also over a file with other faults, so that all are told at once: names are looked up in what was written (`raw`),
everything else in what was understood (`keys`).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pipeline import units
from pipeline.faults import Faults, Path, did_you_mean
from pipeline.fleet.service import OnHostLoss
from pipeline.settings_balancers import check_balancers
from pipeline.settings_entrances import check_entrances
from pipeline.settings_gitlab_runners import RunnerFleetKeys, check_fleet
from pipeline.settings_hosts import HostKeys
from pipeline.settings_keys import EnvironmentKeys, FileKeys, RepositoryKeys
from pipeline.settings_pools import check_pools, joining
from pipeline.settings_scaling import check_scaling
from pipeline.settings_timing import check_freezes

IMAGE_NAME = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*")
DATABASES = ("sqlite", "postgresql", "postgresql+psycopg")
DATA_CENTER = re.compile(r"^(.*/)?scm/")  # https://host/scm/PROJECT/repository.git
BROKERS = ("redis", "rediss", "unix")


def check(keys: FileKeys, raw: Mapping[str, Any], faults: Faults) -> None:
    _check_server(keys, faults)
    _check_hosts(keys, faults)
    check_balancers(keys, _names(raw, "load_balancers"), faults)
    check_pools(keys.pools, _names(raw, "load_balancers"), keys.server.timezone, faults)
    check_entrances(keys.entrances, _names(raw, "load_balancers"), faults)
    for name, proxy in keys.proxies.items():
        for at, host in enumerate(proxy.hosts):
            _check_known(("proxies", name, "hosts", at), "host", host, _names(raw, "hosts"), faults)
    for service, entry in keys.services.items():
        path: Path = ("services", service)
        if not IMAGE_NAME.fullmatch(service):
            faults.add(path, "cannot be an image's name; let it end with a letter or digit")
        if not project_of(entry.repository):
            faults.add(
                (*path, "repository", "project"), "is missing; give the forge's name, such as acme/shop"
            )
        for name, environment in entry.environments.items():
            _check_environment(keys, raw, environment, (*path, "environments", name), faults)
    for name, fleet in keys.gitlab_runners.items():
        _check_selection(keys, raw, fleet, ("gitlab_runners", name), faults)
        check_fleet(fleet, ("gitlab_runners", name), faults)
    _check_sites(keys, faults)
    _check_notices(keys, raw, faults)


def environments(keys: FileKeys) -> Iterator[tuple[Path, EnvironmentKeys]]:
    for service, entry in keys.services.items():
        for name, environment in entry.environments.items():
            yield ("services", service, "environments", name), environment


def selected(keys: FileKeys, environment: EnvironmentKeys | RunnerFleetKeys) -> tuple[str, ...]:
    """Host names in the file's order of naming them: the list, or every host with all the labels."""
    if not isinstance(environment.hosts, dict):
        return tuple(name for name in environment.hosts if name in keys.hosts)
    wanted = environment.hosts.items()
    return tuple(name for name, host in keys.hosts.items() if wanted <= host.labels.items())


def address_of(host: HostKeys) -> str:
    """Where replicas publish: as given, or the IP in `engine`. Empty when there is none."""
    if host.address:
        return host.address
    parts = urlsplit(host.engine)
    if parts.scheme == "unix":
        return "127.0.0.1"
    return (parts.hostname or "") if units.is_ip(parts.hostname or "") else ""


def project_of(repository: RepositoryKeys) -> str:
    """The forge's name of it: as given, else the clone address's path; of a folder, its last part."""
    url = repository.url
    if repository.project:
        return repository.project
    if "://" in url.removeprefix("file://"):
        path = urlsplit(url).path.strip("/").removesuffix(".git")
        return DATA_CENTER.sub("", path) if repository.forge == "bitbucket-dc" else path
    host, colon, path = url.removeprefix("file://").partition(":")
    if colon and "/" not in host:
        return path.strip("/").removesuffix(".git")
    return url.rstrip("/").rpartition("/")[2].removesuffix(".git")


CLOUDS = ("ecr", "acr")
LOGIN_KEYS = {"file": ("docker",), "region": CLOUDS, "endpoint": CLOUDS, "instance": ("acr",)}


def _check_server(keys: FileKeys, faults: Faults) -> None:
    for key, schemes, example in (
        ("database", DATABASES, "postgresql+psycopg://user@host/name"),
        ("redis", BROKERS, "redis://host:6379/0"),
    ):
        url = getattr(keys.server, key).get_secret_value()
        if url and urlsplit(url).scheme not in schemes:
            faults.add(("server", key), f"is not understood; write {example}, or leave it empty")
    _check_login(keys, faults)
    if keys.builder.attest.sbom and keys.builder.scan is None:
        faults.add(("builder", "attest", "sbom"), "is made by trivy; name it under builder.scan")


def _check_login(keys: FileKeys, faults: Faults) -> None:
    auth = keys.registry.auth
    name, password = bool(auth.username), bool(auth.password.get_secret_value())
    if auth.kind == "basic" and not (name and password):
        faults.add(("registry", "auth"), "basic needs username and password")
    if auth.kind in CLOUDS and name != password:
        faults.add(
            ("registry", "auth"),
            f"{auth.kind} takes username and password, its access key, together; give both",
        )
    for key, kinds in LOGIN_KEYS.items():
        if getattr(auth, key) and auth.kind not in kinds:
            faults.add(("registry", "auth", key), f"is only for kind {' and '.join(kinds)}")


def _check_hosts(keys: FileKeys, faults: Faults) -> None:
    for name, host in keys.hosts.items():
        if host.tls and not host.engine.startswith("tcp:"):
            faults.add(("hosts", name, "tls"), "is only for a tcp:// engine")
        if host.ssh and not host.engine.startswith("ssh:"):
            faults.add(("hosts", name, "ssh"), "is only for an ssh:// engine")
        if not address_of(host):
            faults.add(
                ("hosts", name, "address"),
                "is missing; give the host's private IP, since `engine` has a name",
            )


def _check_notices(keys: FileKeys, raw: Mapping[str, Any], faults: Faults) -> None:
    environments = {name for service in keys.services.values() for name in service.environments}
    taken: set[str] = set()
    for at, rule in enumerate(keys.notices):
        path: Path = ("notices", at)
        name = rule.name or str(at + 1)
        if name in taken:
            faults.add((*path, "name"), f"{name!r} is taken by another one; names tell them apart")
        taken.add(name)
        for place, service in enumerate(rule.services):
            _check_known((*path, "services", place), "service", service, _names(raw, "services"), faults)
        for place, one in enumerate(rule.environments):
            _check_known((*path, "environments", place), "environment", one, sorted(environments), faults)


def _names(raw: Mapping[str, Any], section: str) -> list[str]:
    found = raw.get(section)
    return [str(name) for name in found] if isinstance(found, Mapping) else []


def _check_known(path: Path, what: str, name: str | None, known: list[str], faults: Faults) -> None:
    if name and name not in known:
        faults.add(path, f"there is no {what} '{name}'{did_you_mean(name, known)}")


def _check_environment(
    keys: FileKeys, raw: Mapping[str, Any], environment: EnvironmentKeys, path: Path, faults: Faults
) -> None:
    _check_selection(keys, raw, environment, path, faults)
    _check_known((*path, "proxy"), "proxy", environment.proxy, _names(raw, "proxies"), faults)
    balancers = _names(raw, "load_balancers")
    _check_known((*path, "load_balancer"), "load balancer", environment.load_balancer, balancers, faults)
    for key, given in (("route", environment.route.domain), ("load_balancer", environment.load_balancer)):
        if given and not environment.proxy:
            faults.add((*path, key), "needs a proxy; name one of `proxies` under proxy")
    for name in environment.env.keys() & environment.secrets.keys():
        faults.add((*path, "secrets", name), "is also in env; keep one of them")
    zone = keys.server.timezone
    check_freezes(environment.freeze, zone, (*path, "freeze"), faults)
    check_scaling(environment.scaling, environment.proxy, zone, (*path, "scaling"), faults)
    _check_places(keys, environment, path, faults)


def _check_selection(
    keys: FileKeys,
    raw: Mapping[str, Any],
    selecting: EnvironmentKeys | RunnerFleetKeys,
    path: Path,
    faults: Faults,
) -> None:
    hosts = selecting.hosts
    if isinstance(hosts, tuple):
        for at, host in enumerate(hosts):
            _check_known((*path, "hosts", at), "host", host, _names(raw, "hosts"), faults)
    elif not selected(keys, selecting) and not _may_come(keys, raw, hosts):
        labels = ", ".join(f"{key}: {value}" for key, value in hosts.items())
        faults.add(
            (*path, "hosts"),
            f"no host has the labels {{{labels}}}; add them under hosts, or let hosts join by `enrolment` or `pools`",
        )


def _may_come(keys: FileKeys, raw: Mapping[str, Any], hosts: object) -> bool:
    """By an invitation, out of a pool, or out of an entry that has other faults."""
    faulty = len(keys.hosts) < len(_names(raw, "hosts")) or len(keys.pools) < len(_names(raw, "pools"))
    return faulty or keys.enrolment is not None or joining(keys.pools, hosts) > 0


def _check_places(keys: FileKeys, environment: EnvironmentKeys, path: Path, faults: Faults) -> None:
    found = len(selected(keys, environment)) + joining(keys.pools, environment.hosts)
    if found and environment.place is not None and environment.place > found:
        faults.add((*path, "place"), f"is {environment.place}, but only {found} hosts are selected")
    if environment.on_host_loss is OnHostLoss.REPLACE and environment.place is None:
        faults.add((*path, "on_host_loss"), "replace needs spare hosts: say with `place` how many are used")
    used = min(found, environment.place or found)
    _check_rollout(environment, used, (*path, "rollout"), faults)


def _check_rollout(environment: EnvironmentKeys, hosts: int, path: Path, faults: Faults) -> None:
    rollout = environment.rollout
    if rollout.healthy_for >= rollout.deadline:
        faults.add((*path, "healthy_for"), f"must be shorter than deadline ({rollout.deadline:g}s)")
    for key, wanted in (
        ("canary", rollout.canary.hosts),
        ("min_healthy", rollout.min_healthy),
        ("max_unavailable", rollout.max_unavailable),
    ):
        if hosts and isinstance(wanted, int) and wanted > hosts:
            faults.add((*path, key), f"is {wanted}, but the environment has {hosts} host{'s' * (hosts > 1)}")
    if (
        rollout.policy().stops_first
        and hosts
        and rollout.min_healthy is not None
        and rollout.min_healthy >= hosts
    ):
        faults.add((*path, "min_healthy"), f"leaves no host that could be stopped first; at most {hosts - 1}")
    if rollout.singleton and environment.scaling is not None:
        faults.add((*path, "singleton"), "is one replica for ever; take `scaling` out")
    if rollout.singleton and (hosts > 1 or environment.replicas > 1):
        many = f"{hosts} hosts with {environment.replicas} replicas"
        faults.add((*path, "singleton"), f"needs one host and one replica, but there are {many}")


def _check_sites(keys: FileKeys, faults: Faults) -> None:
    """A proxy on a host answers each domain, and the rest, for one environment only; a port belongs to one proxy."""
    routes: dict[tuple[str, str, str], Path] = {}
    ports: dict[tuple[str, int], tuple[str, str]] = {}
    for path, environment in environments(keys):
        proxy = keys.proxies.get(environment.proxy or "")
        if proxy is None:
            continue
        name, domain = environment.proxy or "", environment.route.domain or ""
        for host in proxy.hosts or selected(keys, environment):
            other = routes.setdefault((name, host, domain), path)
            if other != path:
                faults.add((*path, "route"), _collision(other, name, host, domain))
                break
            if host in keys.hosts:
                _check_port(ports, (address_of(keys.hosts[host]), proxy.listen), (name, host), faults)


def _collision(other: Path, proxy: str, host: str, domain: str) -> str:
    owner = f"{other[1]}/{other[3]}"
    if domain:
        return f"the domain {domain} already leads to {owner} on proxy {proxy} of {host}; one domain, one environment"
    return (
        f"{owner} is already the default route of proxy {proxy} on {host}; give one of the two a route.domain"
    )


def _check_port(
    ports: dict[tuple[str, int], tuple[str, str]],
    place: tuple[str, int],
    site: tuple[str, str],
    faults: Faults,
) -> None:
    other = ports.setdefault(place, site)
    if other != site:
        where = f"{place[0]}:{place[1]}"
        faults.add(
            ("proxies", site[0]),
            f"would listen on {where} of host {site[1]}, where proxy {other[0]} of host {other[1]} listens already; "
            "use another `listen`, or `hosts` for one of them",
        )
