"""What may reach a proxy's configuration: names, domains and addresses of a checked form, and nothing else.

Settings check the same at the door; here it is checked again because a configuration file is a program.
"""

import re
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address

from pipeline.errors import ConfigRefused
from pipeline.fleet.proxy import Route, SiteWanted

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_PATH = re.compile(r"/[A-Za-z0-9._~/?=&:@,;+%-]{0,255}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def checked(wanted: SiteWanted) -> SiteWanted:
    """The same with lower-case domains and a stable order. Raises `ConfigRefused` and says which value is wrong."""
    routes = tuple(sorted((_route(wanted, route) for route in wanted.routes), key=lambda route: route.name))
    names = [route.name for route in routes]
    for name in names:
        if names.count(name) > 1:
            raise ConfigRefused(
                f"Site {wanted.site}: two services come to the same name {name!r}. Rename one of them."
            )
    domains = [route.domain for route in routes]
    for domain in domains:
        if domains.count(domain) > 1:
            who = ", ".join(route.name for route in routes if route.domain == domain)
            what = f"the domain {domain}" if domain else "the default route (they have no route.domain)"
            raise ConfigRefused(
                f"Site {wanted.site}: {who} all ask for {what}. Give each its own route.domain."
            )
    return replace(wanted, routes=routes)


def _route(wanted: SiteWanted, route: Route) -> Route:
    domain = route.domain.lower()
    if not _NAME.fullmatch(route.name):
        raise ConfigRefused(
            f"Site {wanted.site}: {route.name!r} cannot be a route's name: letters, digits, - and _ only."
        )
    if domain and (len(domain) > 253 or not all(_LABEL.fullmatch(label) for label in domain.split("."))):
        raise ConfigRefused(
            f"Site {wanted.site}: {route.domain!r} is not a host name. Correct route.domain of {route.name}."
        )
    for backend in route.backends:
        if not _is_address(backend.address):
            raise ConfigRefused(
                f"Site {wanted.site}: {backend.address!r} of {route.name} is not an IPv4 address and port. "
                f"Correct hosts.{backend.host}.address."
            )
    return replace(route, domain=domain, backends=tuple(sorted(route.backends)), health=_asked(route.health))


def _asked(path: str) -> str:
    """A path with other characters is none that a file could name safely: then any answer will do."""
    return path if _PATH.fullmatch(path) else ""


def _is_address(address: str) -> bool:
    ip, _, port = address.rpartition(":")
    try:
        IPv4Address(ip)
    except AddressValueError:
        return False
    return port.isascii() and port.isdigit() and 0 < int(port) < 65536
