"""All of Shipway but processes and containers, with a secret of its own wherever one can be configured."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import spec
from pipeline.delivery.deliver import deliver
from pipeline.delivery.report import TestOutcome as Outcome
from pipeline.delivery.run import NewRun, Run
from pipeline.errors import StageFailed
from pipeline.lease import deployment_key, run_key
from pipeline.ports import Ports
from pipeline.rollout.deployment import Deployment
from pipeline.rollout.drive import drive
from pipeline.rollout.release import HealthCheck, HealthKind
from pipeline.settings import Settings
from pipeline.settings_file import parse_settings
from runners.stand_ins.delivery import MemoryBuilder
from runners.stand_ins.fleet import WorldEngines
from runners.stand_ins.world import World
from runners.store import Store
from tests.parts.canaries import Canaries, cells_of, files_below

FILE = """
server: {{url: "http://127.0.0.1:8080", data: data}}
registry: {{address: "r:5000", auth: {{kind: basic, username: robot, password: "${{REGISTRY}}"}}}}
hosts:
  web-1: {{engine: "tcp://10.0.0.1:2376", tls: {{ca: tls/ca.pem, cert: tls/cert.pem, key: tls/key.pem}}}}
proxies: {{front: {{kind: haproxy, image: "haproxy:3.2"}}}}
load_balancers: {{entry: {{kind: aliyun-slb, id: lb-1, region: cn-hangzhou, access_key: LTAI, secret_key: "${{SLB}}"}}}}
services:
  shop:
    repository:
      {{url: "https://git.example.com/acme/shop.git", forge: {forge}, project: acme/shop, secret: "{secret}",
       token: "file:token"}}
    environments:
      production:
        branches: [main]
        hosts: [web-1]
        proxy: front
        secrets: {{WRITTEN: "${{WRITTEN}}", FILED: "file:filed", DEMANDED: "store:"}}
        rollout:
          {{bake: 1s, healthy_for: 1s, drain_timeout: 1s,
           metrics: [{{prometheus: "http://prometheus:9090", query: up, max: 1, token: "${{METRICS}}"}}]}}
"""
COMMIT = "a" * 40
HEALTH = HealthCheck(HealthKind.HTTP, "/healthz", deadline=5.0)
EVERYTHING = spec.Spec(
    test=spec.TestSpec(command="pytest"), run=spec.RunSpec(before_deploy="./migrate"), health=HEALTH
)


@dataclass
class LoudEngines(WorldEngines):
    """Its containers print their whole environment before they die, and so do hooks."""

    def logs(self, host: Any, container: str, lines: int = 50) -> str:
        found = self.world.containers.get(container)
        return printed(found.plan.spec.secrets) if found else ""

    def once(self, host: Any, plan: Any, command: Any, timeout: float) -> tuple[int, str]:
        code, _ = super().once(host, plan, command, timeout)
        return code, printed(plan.spec.secrets)


@dataclass
class LoudBuilder(MemoryBuilder):
    """Its tests print what they were given."""

    hangs: bool = False

    def test(self, order: Any, log: Any, stop: Any) -> Outcome:
        log(printed(order.secrets))
        if self.hangs:
            raise StageFailed(f"The tests hung. Their last output: {printed(order.secrets)}")
        return super().test(order, log, stop)


def printed(secrets: Any) -> str:
    return "".join(f"{name}={value.reveal()}\n" for name, value in secrets.items())


@dataclass
class Estate:
    """All of Shipway but processes and containers."""

    folder: Path
    canary: Canaries
    settings: Settings
    store: Store
    world: World
    ports: Ports
    builder: LoudBuilder
    woken: list[object]
    told: list[str]

    def delivered(self) -> tuple[Run, Deployment | None]:
        """A run to its end, and its deployment."""
        run_id = self.store.runs.add(NewRun("shop", "production", "branch", "main", COMMIT, "ada")).id
        lease = self.store.leases.take(run_key(run_id), "me", 60.0)
        assert lease
        assert self.store.runs.begin(run_id, lease)
        deliver(run_id, lease, lambda: False, self.ports)
        number = self.store.runs.run(run_id).deployment
        deployment = self._driven(number) if number else None
        return self.store.runs.run(run_id), deployment

    def _driven(self, number: int) -> Deployment:
        lease = self.store.leases.take(deployment_key(number), "me", 60.0)
        assert lease
        return drive(number, lease, lambda: False, self.ports)


def settings_of(canary: Canaries, forge: str = "gitlab", more: str = "") -> Settings:
    files = {"/etc/shipway/token": canary("token") + "\n", "/etc/shipway/filed": canary("filed")}
    environ = {name.upper(): canary(name) for name in ("registry", "slb", "written", "metrics")}
    text = FILE.format(forge=forge, secret=canary.plain("hook")) + more
    return parse_settings(text, environ, files.__getitem__, "/etc/shipway")


def everywhere(estate: Estate, said: list[str]) -> Iterator[bytes]:
    """All that lies on the disk while the store is open, and all that was said."""
    yield from files_below(estate.folder / "data")
    yield from cells_of(estate.folder / "data" / "shipway.db")
    yield json.dumps([said, estate.told, [str(one) for one in estate.woken]], ensure_ascii=False).encode()
    yield repr((estate.settings, estate.store.releases.releases("shop"), estate.builder.orders)).encode()
