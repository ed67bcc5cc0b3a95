"""Port `Proxies`: one container a site, of whichever kind. Decides only whether it must be started first.

Never replaces a container because its image or port changed; it says so, once, and serves on with what runs.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import docker

from pipeline.errors import PortTaken, Rejected, RunnerError
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.proxy import Proxy, ProxyKind, Site, SiteSeen, SiteWanted
from runners.proxies import haproxy, nginx
from runners.proxies.container import IMAGE, LISTEN, Recipe, SiteContainer
from runners.proxies.values import checked
from runners.reach import QUICK, Reach

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """What a kind of proxy must know. `text`: the file it would be given now; its bool: does the site run?"""

    recipe: Recipe
    begin: Callable[[SiteContainer, SiteWanted], None]
    serve: Callable[[SiteContainer, SiteWanted], None]
    look: Callable[[SiteContainer], SiteSeen]
    text: Callable[[SiteContainer, SiteWanted, bool], str]


KINDS = {
    ProxyKind.HAPROXY: Kind(haproxy.RECIPE, haproxy.begin, haproxy.serve, haproxy.look, haproxy.text_for),
    ProxyKind.NGINX: Kind(nginx.RECIPE, nginx.begin, nginx.serve, nginx.look, nginx.text_for),
}


class ProxyContainers:
    """`registry`: where `proxy.image` comes from when it lies in ours; others are pulled without credentials.
    `installation` gives our id, when it is first needed."""

    def __init__(
        self,
        reach: Reach,
        registry: RegistryAccess | None = None,
        installation: Callable[[], str] = lambda: "",
    ) -> None:
        self._reach = reach
        self._registry = registry
        self._installation = installation
        self._told: set[tuple[Site, str]] = set()

    def seen(self, proxy: Proxy, host: Host) -> SiteSeen:
        site = Site(proxy.name, host.name)
        running = False
        try:
            container = self._container(proxy, host, self._reach.client(host, QUICK))
            running = _running(container.found())
            return KINDS[proxy.kind].look(container) if running else SiteSeen(site, running=False)
        except RunnerError as error:
            return SiteSeen(site, running=running, error=str(error))

    def serve(self, proxy: Proxy, host: Host, wanted: SiteWanted) -> None:
        wanted = checked(wanted)
        plain = self._container(proxy, host, self._reach.client(host))
        found = plain.found()  # before the fence: that of another installation's is not ours to raise
        with self._reach.fenced(host, wanted.site, wanted.generation) as client:
            container = replace(plain, client=client)
            kind = KINDS[proxy.kind]
            if not _running(found):
                kind.begin(container, wanted)
                return
            self._compare(container, found or {})
            kind.serve(container, wanted)

    def check(self, proxy: Proxy, host: Host, wanted: SiteWanted) -> None:
        wanted = checked(wanted)
        container = self._container(proxy, host, self._reach.client(host))
        found = container.found()
        text = KINDS[proxy.kind].text(container, wanted, _running(found))
        if _running(found):
            container.attempt(text)
        elif found:
            container.rehearse(text)
        else:
            self._rehearse_first(container, text)

    def _rehearse_first(self, container: SiteContainer, text: str) -> None:
        """Where there was no such proxy yet, its port must be free as well. Waiting does not help against another
        program, but our own proxy may have come in between: another service's deployment made it."""
        try:
            container.rehearse(text, listening=True)
        except PortTaken as error:
            if not container.found():
                raise Rejected(str(error)) from error

    def _container(self, proxy: Proxy, host: Host, client: docker.APIClient) -> SiteContainer:
        recipe, ours = KINDS[proxy.kind].recipe, self._installation()
        return SiteContainer(client, self._reach.lines, host, proxy, recipe, self._registry, ours)

    def _compare(self, container: SiteContainer, found: dict[str, Any]) -> None:
        labels, proxy = found["Config"]["Labels"], container.proxy
        for what, is_now, wanted in (
            ("image", labels.get(IMAGE, ""), proxy.image),
            ("listen", labels.get(LISTEN, ""), str(proxy.listen)),
        ):
            about = (container.site, f"{what}={wanted}")
            if is_now != wanted and about not in self._told:
                self._told.add(about)
                log.warning(
                    "proxy %s still runs with %s %s, not %s; remove container %s on host %s to have it made anew",
                    container.site, what, is_now, wanted, container.name, container.host.name,
                )  # fmt: skip


def _running(found: dict[str, Any] | None) -> bool:
    return found is not None and found["State"]["Status"] == "running"
