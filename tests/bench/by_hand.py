"""The work of one push and of one way back as raw engine calls, in the best order: the baseline of `bin/bench deploy`.

Build; test in a network of its own; push; then on all hosts together: pull, start, ask until well, switch a HAProxy of its
own, set the restart policy, and when no old HAProxy process is left, stop and remove the old. No journal, no second look,
nothing that goes back when a step fails.
"""

import http.client
import io
import tarfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker

from tests.bench.contestant import REPLICAS
from tests.parts.laboratory import LabHost, Laboratory

LABEL = {"bench": "by-hand"}
PROXY = "bench-by-hand"
PORT = 8091
PROCESSES = 2  # master and worker
KEPT = {"Name": "unless-stopped"}
FILE = "bench.cfg"
CONFIG = """
global
    stats socket ipv4@127.0.0.1:9999 level admin
defaults
    mode http
    timeout connect 3s
    timeout client 60s
    timeout server 60s
frontend public
    bind :{port}
    default_backend app
backend app
{servers}
"""


class ByHand:
    """`deploy` returns when every replica is new and in rotation and the old ones are gone."""

    def __init__(self, lab: Laboratory) -> None:
        self._lab = lab
        self._builder = docker.APIClient(lab.builder, timeout=60)
        self._engines = {
            host.name: docker.APIClient(host.engine, timeout=60, num_pools=REPLICAS * 2) for host in lab.hosts
        }
        self._hands = ThreadPoolExecutor(len(lab.hosts) * REPLICAS * 2)

    def prepare(self) -> None:
        """A proxy on each host, without servers."""
        for host in self._lab.hosts:
            engine = self._engines[host.name]
            _all(engine.pull(self._lab.images["haproxy"], stream=True, decode=True))
            made = engine.create_container(
                self._lab.images["haproxy"],
                ["haproxy", "-W", "-db", "-f", f"/etc/{FILE}"],
                name=PROXY,
                labels=LABEL,
                host_config=engine.create_host_config(network_mode="host"),
            )
            engine.put_archive(made["Id"], "/etc", _archive(_config([])))
            engine.start(made["Id"])

    def deploy(self, tree: Path, version: str) -> str:
        """The whole road of a push; the image's name."""
        image = f"{self._lab.registry}/bench/by-hand:{version}"
        _all(self._builder.build(path=str(tree), tag=image, rm=True, decode=True))
        self._tested(image)
        _all(self._builder.push(image, stream=True, decode=True))
        self.roll(image)
        return image

    def roll(self, image: str) -> None:
        """From the registry, or from the host when it has it, to the end."""
        self._each(lambda host: self._on(host, image))

    def switch(self) -> None:
        """Only the proxies, to what they have."""
        self._each(lambda host: self._switched(host, self._addresses(host)))

    def clean(self) -> None:
        for engine in self._engines.values():
            for row in engine.containers(all=True, quiet=True, filters={"label": "bench=by-hand"}):
                engine.remove_container(row["Id"], force=True)

    def _tested(self, image: str) -> None:
        """On a bridge of its own: on the engine's it could reach every other container."""
        network = self._builder.create_network(PROXY, driver="bridge")["Id"]
        settings = self._builder.create_host_config(network_mode=network, init=True)
        words = ["pytest", "-q", "-p", "no:cacheprovider"]
        made = self._builder.create_container(image, words, host_config=settings)["Id"]
        self._builder.start(made)
        assert self._builder.wait(made)["StatusCode"] == 0
        self._builder.remove_container(made)
        self._builder.remove_network(network)

    def _on(self, host: LabHost, image: str) -> None:
        engine = self._engines[host.name]
        old = engine.containers(quiet=True, filters={"label": ["bench=by-hand", "bench.app"]})
        if not engine.images(image, quiet=True):
            _all(engine.pull(image, stream=True, decode=True))
        new = list(self._hands.map(lambda _: self._started(host, image), range(REPLICAS)))
        self._switched(host, [address for _, address in new])
        list(self._hands.map(lambda one: engine.update_container(one[0], restart_policy=KEPT), new))
        self._left_alone(host)
        list(self._hands.map(lambda row: self._gone(host, row["Id"]), old))

    def _started(self, host: LabHost, image: str) -> tuple[str, str]:
        engine = self._engines[host.name]
        settings = engine.create_host_config(init=True, port_bindings={8000: (host.address,)})
        labels = LABEL | {"bench.app": ""}
        made = engine.create_container(image, ports=[8000], host_config=settings, labels=labels)["Id"]
        engine.start(made)
        (binding,) = engine.port(made, 8000)
        address = f"{host.address}:{binding['HostPort']}"
        _until_well(address)
        return made, address

    def _addresses(self, host: LabHost) -> list[str]:
        rows = self._engines[host.name].containers(filters={"label": ["bench=by-hand", "bench.app"]})
        return [f"{host.address}:{port['PublicPort']}" for row in rows for port in row["Ports"]]

    def _switched(self, host: LabHost, addresses: list[str]) -> None:
        engine = self._engines[host.name]
        engine.put_archive(PROXY, "/etc", _archive(_config(addresses)))
        check = engine.exec_create(PROXY, ["haproxy", "-c", "-f", f"/etc/{FILE}"])["Id"]
        engine.exec_start(check)
        assert engine.exec_inspect(check)["ExitCode"] == 0
        engine.kill(PROXY, "SIGUSR2")

    def _left_alone(self, host: LabHost) -> None:
        """The old replicas still answer what the process before the reload has in hand."""
        while len(self._engines[host.name].top(PROXY)["Processes"]) > PROCESSES:
            time.sleep(0.02)

    def _gone(self, host: LabHost, container: str) -> None:
        self._engines[host.name].stop(container, timeout=10)
        self._engines[host.name].remove_container(container)

    def _each(self, work: Callable[[LabHost], object]) -> None:
        with ThreadPoolExecutor(len(self._lab.hosts)) as hosts:
            list(hosts.map(work, self._lab.hosts))


def _until_well(address: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection(address, timeout=2)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)
    raise AssertionError(f"{address} is not well")


def _config(addresses: list[str]) -> str:
    servers = "\n".join(f"    server s{number} {address}" for number, address in enumerate(addresses))
    return CONFIG.format(port=PORT, servers=servers)


def _archive(text: str) -> bytes:
    out, data = io.BytesIO(), text.encode()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo(FILE)
        entry.size, entry.mode = len(data), 0o644
        tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def _all(said: Iterable[dict[str, object]]) -> None:
    """To the end of the stream; its errors stand in it."""
    for row in said:
        assert "error" not in row, row
