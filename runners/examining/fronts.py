"""What stands in front of replicas: proxies (image, what they serve, whether our configuration loads) and load balancers."""

from collections.abc import Iterable, Iterator
from typing import Any

from docker.errors import ImageNotFound

from pipeline.errors import ConfigRefused, ShipwayError
from pipeline.fleet.balancer import MemberState, Target
from pipeline.fleet.host import Host
from pipeline.fleet.proxy import Proxy, ProxyKind, Site, SiteWanted
from pipeline.fleet.service import Environment
from pipeline.settings import Settings
from runners.balancers import Balancers
from runners.engine_errors import speaking
from runners.examining.books import there
from runners.examining.finding import Finding, bad, numbers, ok, warn
from runners.own_store import store_of
from runners.proxies import ProxyContainers
from runners.reach import Reach

SAFE_NGINX = (1, 27, 4)  # the first with keepalive_min_timeout: older ones lose requests at each reload


def look_at_proxy(proxy: Proxy, settings: Settings, reach: Reach) -> list[Finding]:
    """By the image on a host where it stands, else by its tag."""
    hosts = [settings.hosts[name] for name in proxy.hosts or settings.hosts]
    version = next((v for v in (_image_version(proxy, host, reach) for host in hosts) if v), "")
    version = version or proxy.image.rpartition(":")[2]
    name = f"proxy {proxy.name}"
    if not numbers(version):
        return [ok(name, f"{proxy.image}, version unknown until it runs")]
    if proxy.kind is ProxyKind.NGINX and numbers(version) < SAFE_NGINX:
        text = f"nginx {version} loses kept-alive requests at each reload"
        mend = f"use 1.27.4 or newer, or HAProxy: proxies.{proxy.name}.image in shipway.yml"
        return [warn(name, text, mend)]
    return [ok(name, f"{proxy.image}, {proxy.kind} {version}")]


def look_at_site(proxy: Proxy, host: Host, settings: Settings, reach: Reach) -> list[Finding]:
    """Does it serve what our books say, and would it load it again? Nothing to say where no route of ours belongs."""
    if not there(settings.server):
        return []
    store = store_of(settings.server)
    try:
        wanted = store.routes.wanted(Site(proxy.name, host.name))
        installation = settings.server.installation or store.installation.name()
    finally:
        store.close()
    if not wanted.routes:
        return []
    containers = ProxyContainers(reach, settings.registry, lambda: installation)
    return _site(containers, proxy, host, wanted)


def _site(containers: ProxyContainers, proxy: Proxy, host: Host, wanted: SiteWanted) -> list[Finding]:
    name, seen = f"proxy {proxy.name} on {host.name}", containers.seen(proxy, host)
    again = " ".join(f"`shipway deploy {r.service} {r.environment}`" for r in wanted.routes[:1])
    if not seen.running:
        return [bad(name, seen.error or "it does not run", f"{again} starts it")]
    if seen.error:
        return [bad(name, f"it cannot be read: {seen.error}", f"{again} writes its configuration anew")]
    if seen.generation != wanted.generation:
        text = f"it serves generation {seen.generation}, our books have {wanted.generation}"
        return [warn(name, text, f"`shipway status` tells whether a deployment moves; else {again}")]
    try:
        containers.check(proxy, host, wanted)
    except ConfigRefused as error:
        return [bad(name, str(error), f"correct proxies.{proxy.name} in shipway.yml, then {again}")]
    return [
        ok(name, f"it serves generation {seen.generation}, {len(wanted.routes)} routes, and would load again")
    ]


def look_at_balancer(name: str, settings: Settings, balancers: Balancers) -> list[Finding]:
    """Whether the cloud lets us in, knows our hosts, and marks them as ours."""
    label, entry = f"load balancer {name}", settings.load_balancers[name]
    found = balancers[name].members()
    wanted = {h.name: Target(h.instance or h.address, entry.port) for h in _behind(name, settings)}
    told = ok(
        label, f"{entry.kind} answers, {len(found)} members, {len(set(wanted.values()) & set(found))} of ours"
    )
    return [told, *_members(label, wanted, found)]


def _members(label: str, wanted: dict[str, Target], found: Any) -> Iterator[Finding]:
    for host, target in wanted.items():
        member = found.get(target)
        if member is None:
            mend = f"the next deployment there lets it in; `shipway hosts resume {host}` does it now"
            yield warn(label, f"{host} ({target}) is no member", mend)
        elif not member.ours:
            mend = "give it the mark that docs/load-balancers.md names, and it is ours"
            yield warn(label, f"{host} ({target}) does not carry our mark: it is never parked", mend)
        elif member.state is MemberState.FAILING:
            reason = f": {member.reason}" if member.reason else ""
            text = f"{host} ({target}) fails its health check{reason}"
            yield bad(label, text, f"`shipway hosts`, then look at the proxy on {host}")


def _behind(name: str, settings: Settings) -> list[Host]:
    """The hosts on which a proxy of one of its environments stands."""
    places = [
        e for s in settings.services.values() for e in s.environments.values() if e.load_balancer == name
    ]
    names = dict.fromkeys(host for place in places for host in _doors(place))
    return [settings.hosts[host] for host in names if host in settings.hosts]


def _doors(place: Environment) -> Iterable[str]:
    hosts = place.proxy.hosts if place.proxy else ()
    return hosts or [host.name for host in place.hosts]


def _image_version(proxy: Proxy, host: Host, reach: Reach) -> str:
    """Official images say it in their environment. Empty when the image is not there or does not say."""
    try:
        with speaking(host, "look at the proxy's image"):
            client: Any = reach.client(host)  # the stubs leave its inspection untyped
            try:
                lines = client.inspect_image(proxy.image)["Config"].get("Env") or []
            except ImageNotFound:
                return ""
    except ShipwayError:
        return ""  # the host's own check says why
    wanted = f"{proxy.kind.upper()}_VERSION="
    return next((str(line).removeprefix(wanted) for line in lines if str(line).startswith(wanted)), "")
