"""Contestant: Docker Swarm over the same engines. Names resolve to tasks (dnsrr) behind an nginx on each host, because
kernels of small VMs often have no IPVS for Swarm's own virtual addresses."""

import json
import time
from collections.abc import Callable

from tests.bench.contestant import FALL, INTERVAL, PATIENCE, REPLICAS, TIMEOUT, Images, docker
from tests.parts.laboratory import Laboratory

_CONF = """server { listen 8080; location / { set $to bench-app; proxy_pass http://$to:8000; } }"""
_HEALTH = [
    "--health-cmd", "wget -q -O /dev/null http://127.0.0.1:8000/healthz || exit 1",
    "--health-interval", f"{INTERVAL}s", "--health-timeout", f"{TIMEOUT}s", "--health-retries", f"{FALL}",
    "--health-start-period", f"{PATIENCE - FALL * INTERVAL}s",
]  # fmt: skip
_UPDATE = [
    "--update-order", "start-first", "--update-parallelism", "1", "--update-failure-action", "rollback",
    "--rollback-order", "start-first", "--rollback-parallelism", "1",
]  # fmt: skip


class BySwarm:
    """`monitor`: how long it watches each task after its start."""

    def __init__(self, lab: Laboratory, name: str = "Swarm, nginx", monitor: str = "5s") -> None:
        self.name = name
        self._monitor = ["--update-monitor", monitor, "--rollback-monitor", monitor]
        self._hosts = lab.hosts
        self._manager = lab.hosts[0].engine

    @property
    def fronts(self) -> list[str]:
        return [f"{host.address}:8092" for host in self._hosts]

    def prepare(self, images: Images) -> None:
        first, *others = self._hosts
        docker(first.engine, "swarm", "init", "--advertise-addr", first.address)
        token = docker(first.engine, "swarm", "join-token", "-q", "worker")
        for host in others:
            docker(
                host.engine,
                "swarm",
                "join",
                "--advertise-addr",
                host.address,
                "--token",
                token,
                f"{first.address}:2377",
            )
        self._on("network", "create", "-d", "overlay", "bench-net")
        command = f"mkdir -p /etc/nginx/bench; echo '{_CONF}' >/etc/nginx/bench/app.conf; exec nginx -g 'daemon off;'"
        self._create("bench-app", "--replicas", str(REPLICAS * len(self._hosts)), "--replicas-max-per-node",
                     str(REPLICAS * 2), "--endpoint-mode", "dnsrr", "--init", *_UPDATE, *self._monitor, *_HEALTH,
                     images.v1)  # fmt: skip
        self._create("bench-edge", "--mode", "global", "--publish", "mode=host,target=8080,published=8092",
                     images.edge, "sh", "-c", command)  # fmt: skip
        self._until("v1 runs", lambda: self._running(images.v1) == REPLICAS * len(self._hosts))
        self._until("the fronts run", lambda: self._running(images.edge, "bench-edge") == len(self._hosts))
        time.sleep(3)

    def forward(self, images: Images) -> None:
        self._update(images.v2, "completed")

    def fail(self, images: Images) -> None:
        self._update(images.sick, "rollback_completed")

    def back(self, images: Images) -> None:
        self._update(images.v1, "completed")

    def clean(self) -> None:
        docker(self._manager, "service", "rm", "bench-app", "bench-edge", check=False)
        for host in reversed(self._hosts):
            docker(host.engine, "swarm", "leave", "--force", check=False)

    def _update(self, image: str, end: str) -> None:
        """`docker service update` ends after its own watch; a rollback goes on behind it."""
        docker(self._manager, "service", "update", "-q", "--image", image, "bench-app", check=False)
        self._until(f"the update is {end}", lambda: self._state() == end)

    def _on(self, *words: str) -> str:
        return docker(self._manager, *words)

    def _create(self, name: str, *words: str) -> None:
        self._on("service", "create", "-d", "-q", "--name", name, "--network", "bench-net", *words)

    def _state(self) -> str:
        found = json.loads(self._on("service", "inspect", "bench-app"))[0].get("UpdateStatus") or {}
        return str(found.get("State", ""))

    def _running(self, image: str, service: str = "bench-app") -> int:
        rows = self._on(
            "service", "ps", "--no-trunc", "--format", "{{.Image}} {{.CurrentState}}", service
        ).splitlines()
        return sum(image in row and " Running" in row for row in rows)

    @staticmethod
    def _until(what: str, done: Callable[[], bool], seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"Swarm: {what}: not within {seconds} s"
            time.sleep(0.2)
