"""Real replicas and proxies on a host of the lab, made and removed by Shipway's own runners: for their live tests."""

import http.client
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

from pipeline.errors import RunnerError
from pipeline.fleet.host import Host, RegistryAccess, SshFiles, TlsFiles
from pipeline.fleet.proxy import Backend, BackendState, Proxy, ProxyKind, Route, Site, SiteWanted
from pipeline.rollout.observed import HostSeen
from pipeline.rollout.release import ReplicaPlan, RuntimeSpec
from runners.engine import DockerEngines
from runners.proxies import ProxyContainers
from runners.reach import Reach
from tests.parts.laboratory import LabHost, Laboratory

APP = (Path(__file__).parents[1] / "sample_app" / "server.py").read_text()
RUN_APP = (
    "import os; exec(compile(os.environ['APP'], 'app', 'exec'), {'__file__': '/app', '__name__': '__main__'})"
)
_NUMBERS = count()
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def host_of(found: LabHost) -> Host:
    keys = found.keys
    tls = TlsFiles(keys["ca"], keys["cert"], keys["key"]) if "cert" in keys else None
    ssh = SshFiles(keys["key"], keys["known_hosts"]) if "known_hosts" in keys else SshFiles()
    return Host(found.name, found.engine, found.address, tls=tls, ssh=ssh)


class Fleet:
    """One service of its own on one host. `close` removes all that it made, `renew` its proxies, and leaves its replicas to
    the next test: what runs is adopted by whoever starts it again. A `reach` that is given stays open."""

    def __init__(self, lab: Laboratory, host: Host | None = None, reach: Reach | None = None) -> None:
        self.lab = lab
        self.host = host or host_of(lab.hosts[0])
        self.number = os.getpid() % 1000 * 10 + next(_NUMBERS) % 10
        self.service = f"fleet{os.getpid()}x{self.number}"
        self.reach = reach or Reach()
        self._own = reach is None
        self._images: dict[str, str] = {}
        self.engines = DockerEngines(self.reach)
        self.proxies = ProxyContainers(self.reach)
        self._fronts: list[Proxy] = []
        self._made = count()

    def image(self, name: str) -> str:
        """By digest, pulled at the first time."""
        if name not in self._images:
            self._images[name] = self._pulled(name)
        return self._images[name]

    def _pulled(self, name: str) -> str:
        repository, _, tag = self.lab.images[name].rpartition(":")
        line = http.client.HTTPConnection(self.lab.registry, timeout=10)
        path = f"/v2/{repository.partition('/')[2]}/manifests/{tag}"
        line.request("HEAD", path, headers={"Accept": _MANIFEST})
        answer = line.getresponse()
        answer.read()
        line.close()
        image = f"{repository}@{answer.headers['Docker-Content-Digest']}"
        self.engines.pull(self.host, image, RegistryAccess(self.lab.registry))
        return image

    def plan(
        self, release: int = 1, index: int = 0, bad: str = "", command: Sequence[str] = ()
    ) -> ReplicaPlan:
        """The sample service, or another command in the same image."""
        env = {"APP": APP, "VERSION": str(release), "BAD": bad}
        spec = RuntimeSpec(port=8000, command=tuple(command) or ("python3", "-c", RUN_APP), env=env)
        return ReplicaPlan(
            self.service, "production", release, self.image("python"), spec, self.number, index
        )

    def look(self) -> HostSeen:
        return self.engines.look(self.host, self.service, "production")

    def up(self, release: int, replicas: int = 2, bad: str = "") -> list[str]:
        """Addresses of so many running replicas that answer."""
        for index in range(replicas):
            self.engines.start(self.host, self.plan(release, index, bad))
        made = self.look().replicas
        found = [r.address for r in made if r.release == release and r.index < replicas]
        for address in found:
            wait_for(address)
        return found

    def down(self, release: int) -> None:
        for replica in self.look().replicas:
            if replica.release == release:
                self.engines.retire(self.host, replica.container, 5)

    def front(self, image: str) -> Proxy:
        """A proxy of this image (its kind is its name's beginning), not started yet."""
        kind = ProxyKind(image.partition("_")[0])
        port = 30000 + self.number * 2 % 2000 + len(self._fronts)
        proxy = Proxy(f"{self.service}-{next(self._made)}", kind, self.lab.images[image], port)
        self._fronts.append(proxy)
        return proxy

    def wanted(
        self, proxy: Proxy, generation: int, ready: Sequence[str], drain: Sequence[str] = (), domain: str = ""
    ) -> SiteWanted:
        site = Site(proxy.name, self.host.name)
        backends = [Backend(address, self.host.name, 1) for address in ready]
        backends += [Backend(address, self.host.name, 1, BackendState.DRAIN) for address in drain]
        route = Route(site, self.service, "production", domain, tuple(backends), health="/healthz")
        return SiteWanted(site, generation, (route,))

    def also(self, wanted: SiteWanted, service: str, ready: Sequence[str], domain: str) -> SiteWanted:
        """The same site with one more service on it."""
        backends = tuple(Backend(address, self.host.name, 1) for address in ready)
        return replace(
            wanted, routes=(*wanted.routes, Route(wanted.site, service, "production", domain, backends))
        )

    def container(self, proxy: Proxy) -> str:
        return f"shipway-proxy-{proxy.name}-{self.host.name}"

    def renew(self) -> None:
        self._remove(*(f"shipway.proxy={proxy.name}" for proxy in self._fronts))
        self._fronts.clear()

    def clear(self) -> None:
        """`renew`, and its replicas are gone as well."""
        self.renew()
        self._remove(f"shipway.service={self.service}")

    def close(self) -> None:
        self.clear()
        if self._own:
            with suppress(RunnerError):
                self.reach.close()

    def _remove(self, *labels: str) -> None:
        client = self.reach.client(self.host)
        for label in labels:
            for container in client.containers(all=True, filters={"label": label}):
                client.remove_container(container["Id"], force=True, v=True)


def wait_for(address: str, seconds: float = 15.0) -> None:
    """Until it answers on /healthz."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if ask(address, "/healthz")[0] == 200:
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def ask(address: str, path: str = "/", host: str = "app", timeout: float = 10.0) -> tuple[int, str]:
    """(status, body) of one GET over a connection of its own."""
    line = http.client.HTTPConnection(address, timeout=timeout)
    try:
        line.request("GET", path, headers={"Host": host})
        answer = line.getresponse()
        return answer.status, answer.read().decode()
    finally:
        line.close()


def until(said: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not said():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
