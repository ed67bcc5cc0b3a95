"""The operator's file and the hosts that joined, as one: what the settings say at this moment.

A process that lives long reads `ports.settings` again and again; hosts come and go meanwhile. So its mappings look up
what stands now, and everybody else goes on reading `settings.hosts` as if nothing moved.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from pipeline.fleet.host import Host
from pipeline.fleet.service import Service
from pipeline.settings import Settings

V = TypeVar("V")


class Live(Mapping[str, V]):
    """A mapping that is looked up anew each time."""

    def __init__(self, now: Callable[[], Mapping[str, V]]) -> None:
        self._now = now

    def __getitem__(self, key: str) -> V:
        return self._now()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())


def live(file: Settings, now: Callable[[], Settings]) -> Settings:
    """The file's settings, whose hosts follow `now`. Asks for nothing yet."""
    return replace(
        file,
        hosts=Live(lambda: now().hosts),
        services=Live(lambda: now().services),
        gitlab_runners=Live(lambda: now().gitlab_runners),
    )


def with_hosts(settings: Settings, joined: Mapping[str, Host]) -> Settings:
    """Also these hosts, wherever their labels are asked for. A name of the file stays the file's."""
    new = {name: host for name, host in joined.items() if name not in settings.hosts}
    if not new:
        return settings
    return replace(
        settings,
        hosts={**settings.hosts, **new},
        services={name: _service(service, new) for name, service in settings.services.items()},
        gitlab_runners={
            name: replace(fleet, hosts=(*fleet.hosts, *_matching(fleet.selector, new)))
            for name, fleet in settings.gitlab_runners.items()
        },
    )


def _service(service: Service, new: Mapping[str, Host]) -> Service:
    environments = {
        name: replace(environment, hosts=(*environment.hosts, *_matching(environment.selector, new)))
        for name, environment in service.environments.items()
    }
    return replace(service, environments=environments)


def _matching(selector: Mapping[str, str], hosts: Mapping[str, Host]) -> tuple[Host, ...]:
    if not selector:
        return ()
    return tuple(host for host in hosts.values() if selector.items() <= host.labels.items())
