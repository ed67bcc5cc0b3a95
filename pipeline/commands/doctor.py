"""`doctor`: is everything there that Shipway needs, and if not, what to do. Changes nothing.

Each check gives a line: ok, warn (works, but) or FAIL. The exit code is 10 when one fails.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain

import click

from pipeline.commands.asked import asked
from pipeline.commands.showing import colour, show
from pipeline.errors import RunnerError, ShipwayError
from pipeline.reports.compose import reports_of
from pipeline.settings import Settings
from runners.examining import (
    Finding,
    look_at_builder,
    look_at_data,
    look_at_database,
    look_at_git,
    look_at_host,
    look_at_proxy,
    look_at_redis,
    look_at_registry,
    look_at_repository,
    look_at_scan,
    look_at_server,
)
from runners.examining_forges import look_at_gitlab_hook, look_at_reports
from runners.reach import Reach
from runners.settings_source import load_settings


@dataclass(frozen=True)
class Check:
    name: str
    look: Callable[[], list[Finding]]


@click.command()
def doctor() -> None:
    """Look whether everything that is needed is there: hosts, proxies, registry, git, Redis, database, disk, clocks."""
    path = asked().config_path()
    settings = load_settings(path)
    reach = Reach()
    try:
        found = _examine(list(_checks(settings, reach)))
    finally:
        reach.close()
    found.insert(0, Finding("ok", "configuration", f"{path} is good"))
    found += list(_hints(settings))
    show([asdict(finding) for finding in found], "\n".join(_line(finding) for finding in found))
    failed = sum(finding.level == "FAIL" for finding in found)
    if failed:
        raise RunnerError(f"{failed} of {len(found)} checks failed; each says what to do.")


def _checks(settings: Settings, reach: Reach) -> Iterator[Check]:
    server = settings.server
    yield Check("data folder", lambda: look_at_data(server.data))
    yield Check("git", look_at_git)
    yield Check("redis", lambda: look_at_redis(server.redis, server.data))
    yield Check("database", lambda: look_at_database(server))
    yield Check("server", lambda: look_at_server(server.listen))
    yield Check("registry", lambda: look_at_registry(settings.registry))
    for service in settings.services.values():
        yield Check(
            f"repository of {service.name}",
            lambda service=service: look_at_repository(service),  # type: ignore[misc]
        )
    yield Check("builder", lambda: look_at_builder(settings.builder, reach))
    yield Check("scan", lambda: look_at_scan(settings.builder))
    for host in settings.hosts.values():
        yield Check(f"host {host.name}", lambda host=host: look_at_host(host, reach))  # type: ignore[misc]
    for proxy in settings.proxies.values():
        yield Check(f"proxy {proxy.name}", lambda proxy=proxy: look_at_proxy(proxy, settings, reach))  # type: ignore[misc]
    yield from _forges(settings)


def _forges(settings: Settings) -> Iterator[Check]:
    yield Check("reports", lambda: look_at_reports(settings.server, reports_of(settings)))
    url = f"{settings.server.url.rstrip('/')}/hooks/gitlab"
    for service in settings.services.values():
        if service.repository.forge == "gitlab" and service.repository.token:
            yield Check(f"webhook of {service.name}", partial(look_at_gitlab_hook, service, url))


def _examine(checks: list[Check]) -> list[Finding]:
    """Side by side: a host that does not answer takes seconds, and all may be like that."""
    with ThreadPoolExecutor(max_workers=8) as threads:
        return list(chain.from_iterable(threads.map(_look, checks)))


def _look(check: Check) -> list[Finding]:
    try:
        return check.look()
    except ShipwayError as error:
        return [Finding("FAIL", check.name, str(error))]


def _hints(settings: Settings) -> Iterator[Finding]:
    """Where each repository's webhook belongs, and what would keep it from being believed."""
    for service in settings.services.values():
        repository = service.repository
        url = f"{settings.server.url.rstrip('/')}/hooks/{repository.forge}"
        if repository.secret or repository.signing:
            yield Finding(
                "ok", f"webhook of {service.name}", f"{url}, project {repository.project or service.name}"
            )
        elif repository.poll:
            yield Finding(
                "ok",
                f"webhook of {service.name}",
                f"none, since it has no secret: pushes are found by looking every {repository.poll:g} s",
            )
        else:
            yield Finding(
                "warn",
                f"webhook of {service.name}",
                f"{url} will refuse every delivery: give services.{service.name}.repository a secret",
            )


def _line(finding: Finding) -> str:
    return f"{colour(finding.level, finding.level.ljust(4))}  {finding.name}: {finding.text}"
