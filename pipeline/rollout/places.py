"""Finds the hosts and proxies that a deployment names in the operator's file of today. They may have gone since."""

from pipeline.errors import Unreachable
from pipeline.fleet.host import Host
from pipeline.fleet.proxy import Proxy, Site
from pipeline.ports import Ports


def host_of(name: str, ports: Ports) -> Host:
    if name not in ports.settings.hosts:
        raise Unreachable(
            f"Host {name!r} is no longer in the configuration; put it back or deploy elsewhere."
        )
    return ports.settings.hosts[name]


def proxy_of(site: Site, ports: Ports) -> Proxy:
    if site.proxy not in ports.settings.proxies:
        raise Unreachable(f"Proxy {site.proxy!r} is no longer in the configuration; put it back.")
    return ports.settings.proxies[site.proxy]
