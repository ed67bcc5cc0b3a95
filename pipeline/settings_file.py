"""`shipway.yml`, the operator's file: text in, frozen `Settings` out; everything that is wrong is told at once.

The environment and the reading of secret files are arguments: nothing here touches the machine. Keys and defaults are
in `settings_keys`, what must fit together in `settings_checks`.
"""

from collections.abc import Callable, Mapping
from posixpath import join, normpath
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from pipeline.errors import BadConfig
from pipeline.faults import Faults, Reading
from pipeline.fleet.balancer import BalancerKind, LoadBalancer
from pipeline.fleet.host import Host, RegistryAccess, SshFiles, TlsFiles
from pipeline.fleet.proxy import Proxy
from pipeline.fleet.service import CiJobs, Environment, MergeRequests, Repository, Service
from pipeline.retention.policy import Retention
from pipeline.secret import Secret
from pipeline.settings import Server, Settings
from pipeline.settings_checks import address_of, check, project_of, selected
from pipeline.settings_hosts import HostKeys
from pipeline.settings_keys import (
    BalancerKeys,
    EnvironmentKeys,
    FileKeys,
    JobKeys,
    RepositoryKeys,
    ServiceKeys,
)
from pipeline.settings_notices import rules, secrets_of
from pipeline.settings_scaling import scaling_tokens
from pipeline.settings_sign_in import SignInKeys
from pipeline.settings_storage import check_storage
from pipeline.settings_timing import timing
from pipeline.settings_values import STORE
from pipeline.user import GitLabSignIn
from pipeline.variables import expand
from pipeline.yaml_text import load

FILE = "shipway.yml"
SHORTEST_SECRET = 4


def parse_settings(
    text: str, environ: Mapping[str, str], read_file: Callable[[str], str], folder: str
) -> Settings:
    """Relative paths are relative to `folder`, where the file lies. Raises one `BadConfig` with all faults."""
    raw = load(text, FILE)
    if raw is not None and not isinstance(raw, dict):
        raise BadConfig(f"{FILE} must be a mapping of sections such as server, hosts and services.")
    faults = Faults()
    raw, used = expand(raw or {}, environ, faults)
    context = {"read_file": lambda path: read_file(_inside(folder, path))}
    keys = Reading(FileKeys, raw, context, faults).model
    check(keys, raw, faults)
    check_storage(keys.storage, faults)
    if faults:
        raise BadConfig(faults.told(FILE, used))
    return _settings(keys, folder)


def settings_schema() -> dict[str, Any]:
    """JSON Schema of the file, for editors."""
    schema = FileKeys.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": FILE}


def all_secrets(settings: Settings) -> list[str]:
    """Every secret text of the file that is long enough to be masked, the longest first."""
    found = {settings.registry.password.reveal()}
    found |= {balancer.secret_key.reveal() for balancer in settings.load_balancers.values()}
    found |= {entrance.secret_key.reveal() for entrance in settings.entrances.values()}
    if settings.server.gitlab is not None:
        found.add(settings.server.gitlab.client_secret.reveal())
    found |= {fleet.token.reveal() for fleet in settings.gitlab_runners.values()}
    found |= {pool.secret_key.reveal() for pool in settings.pools.values()}
    found |= {secret for pool in settings.pools.values() for secret in scaling_tokens(pool.scaling)}
    for service in settings.services.values():
        repository = service.repository
        found |= {secret.reveal() for secret in (repository.secret, repository.signing, repository.token)}
        for environment in service.environments.values():
            found |= {secret.reveal() for secret in environment.secrets.values()}
            found |= {criterion.token.reveal() for criterion in environment.policy.metrics}
            found |= scaling_tokens(environment.scaling)
    found |= {secret for rule in settings.notices for secret in secrets_of(rule)}
    found |= {secret.reveal() for secret in settings.server.traces.headers.values()}
    found.add(settings.backup.passphrase.reveal())
    if settings.storage is not None:
        found.add(settings.storage.place.secret_key.reveal())
    if settings.backup.to is not None:
        found.add(settings.backup.to.secret_key.reveal())
    for url in (settings.server.database, settings.server.redis):
        found.add(unquote(urlsplit(url).password or ""))
    return sorted(
        (text for text in found if len(text) >= SHORTEST_SECRET), key=lambda text: (-len(text), text)
    )


def _inside(folder: str, path: str) -> str:
    return normpath(join(folder, path))


def _secret(value: SecretStr) -> Secret:
    return Secret(value.get_secret_value())


def _settings(keys: FileKeys, folder: str) -> Settings:
    hosts = {name: _host(name, host, folder) for name, host in keys.hosts.items()}
    proxies = {
        name: Proxy(name, proxy.kind, proxy.image, proxy.listen, tuple(proxy.hosts))
        for name, proxy in keys.proxies.items()
    }
    services = {}
    for name, entry in keys.services.items():
        environments = {
            environment: _environment(name, environment, keys, found, hosts, proxies)
            for environment, found in entry.environments.items()
        }
        services[name] = _service(name, entry, environments, folder)
    return Settings(
        server=_server(keys, folder),
        registry=_registry(keys, folder),
        builder=keys.builder.settings(),
        hosts=hosts,
        proxies=proxies,
        load_balancers={name: _balancer(name, entry) for name, entry in keys.load_balancers.items()},
        services=services,
        retention=_retention(keys),
        gitlab_runners={
            name: entry.fleet(
                name,
                tuple(hosts[host] for host in selected(keys, entry)),
                entry.ca and _inside(folder, entry.ca),
            )
            for name, entry in keys.gitlab_runners.items()
        },
        notices=rules(keys.notices),
        pools={name: entry.pool(name, keys.server.timezone) for name, entry in keys.pools.items()},
        enrolment=keys.enrolment.doorway() if keys.enrolment else None,
        entrances={name: entry.entrance(name) for name, entry in keys.entrances.items()},
        backup=keys.backup.policy(folder),
        storage=keys.storage.storage(),
    )


def _server(keys: FileKeys, folder: str) -> Server:
    server = keys.server
    return Server(
        url=server.url,
        listen=server.listen,
        data=_inside(folder, server.data),
        database=server.database.get_secret_value(),
        redis=server.redis.get_secret_value(),
        installation=server.installation,
        gitlab=_gitlab(server.sign_in),
        timezone=server.timezone,
        traces=server.traces.traces(),
        scaling_every=server.scaling_every,
    )


def _gitlab(keys: SignInKeys) -> GitLabSignIn | None:
    found = keys.gitlab
    if found is None:
        return None
    secret = _secret(found.client_secret)
    return GitLabSignIn(found.url.rstrip("/"), found.client_id, secret, dict(found.allow))


def _registry(keys: FileKeys, folder: str) -> RegistryAccess:
    registry, auth = keys.registry, keys.registry.auth
    return RegistryAccess(
        address=registry.address,
        namespace=registry.namespace,
        insecure=registry.insecure,
        kind=auth.kind,
        username=auth.username,
        password=_secret(auth.password),
        file=auth.file if auth.file.startswith("~") or not auth.file else _inside(folder, auth.file),
        region=auth.region,
        instance=auth.instance,
        endpoint=auth.endpoint,
    )


def _retention(keys: FileKeys) -> Retention:
    given = dict(keys.retention)
    registry = given.pop("registry")
    return Retention(**given, registry_delete=registry.delete)


def _host(name: str, host: HostKeys, folder: str) -> Host:
    return Host(
        name=name,
        engine=host.engine,
        address=address_of(host),
        region=host.region or "",
        instance=host.instance,
        labels=host.labels,
        tls=TlsFiles(*(_inside(folder, path) for path in (host.tls.ca, host.tls.cert, host.tls.key)))
        if host.tls
        else None,
        ssh=SshFiles(*(path and _inside(folder, path) for path in (host.ssh.key, host.ssh.known_hosts)))
        if host.ssh
        else SshFiles(),
        ports=host.ports,
    )


def _balancer(name: str, entry: BalancerKeys) -> LoadBalancer:
    return LoadBalancer(
        name=name,
        kind=BalancerKind(entry.kind),
        id=entry.id,
        group=entry.group,
        region=entry.region,
        port=entry.port,
        endpoint=entry.endpoint,
        access_key=entry.access_key,
        secret_key=_secret(entry.secret_key),
        of=tuple(entry.of),
        settle=entry.settle,
    )


def _service(name: str, entry: ServiceKeys, environments: dict[str, Environment], folder: str) -> Service:
    return Service(
        name=name,
        repository=_repository(entry.repository, folder),
        path=normpath(entry.path),
        environments=environments,
        paths=tuple(entry.paths),
        ignore=tuple(entry.ignore),
        merge_requests=MergeRequests(**dict(entry.merge_requests)),
    )


def _repository(repository: RepositoryKeys, folder: str) -> Repository:
    url = repository.url
    return Repository(
        url=_inside(folder, url) if url.startswith(".") else url,
        forge=repository.forge,
        project=project_of(repository),
        secret=_secret(repository.secret),
        signing=_secret(repository.signing_secret),
        token=_secret(repository.token),
        api=repository.api or "",
        reports=repository.reports,
        jobs=_jobs(repository.jobs),
        submodules=repository.submodules,
        poll=repository.poll,
        first_sight=repository.first_sight,
    )


def _jobs(jobs: JobKeys | None) -> CiJobs | None:
    if jobs is None:
        return None
    return CiJobs(jobs.project_id, jobs.issuer or "", jobs.audience, jobs.protected)


def _environment(
    service: str,
    name: str,
    keys: FileKeys,
    environment: EnvironmentKeys,
    hosts: dict[str, Host],
    proxies: dict[str, Proxy],
) -> Environment:
    written = {key: value for key, value in environment.secrets.items() if value.get_secret_value() != STORE}
    return Environment(
        service=service,
        name=name,
        hosts=tuple(hosts[host] for host in selected(keys, environment)),
        selector=environment.hosts if isinstance(environment.hosts, dict) else {},
        branches=tuple(environment.branches),
        tags=tuple(environment.tags),
        replicas=environment.replicas,
        place=environment.place,
        on_host_loss=environment.on_host_loss,
        host_loss_grace=environment.host_loss_grace,
        proxy=proxies.get(environment.proxy or ""),
        load_balancer=environment.load_balancer or "",
        domain=environment.route.domain or "",
        env=environment.env,
        secrets={key: _secret(value) for key, value in written.items()},
        stored=tuple(key for key in environment.secrets if key not in written),
        policy=environment.rollout.policy(),
        approve=environment.approve,
        scaling=environment.scaling.scaling(keys.server.timezone) if environment.scaling else None,
        **timing(environment.windows, environment.freeze, environment.schedules, keys.server.timezone),
    )
