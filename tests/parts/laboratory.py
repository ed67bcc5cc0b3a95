"""The lab as lab.json tells it, and what a test may do with its engines: look, and remove what it made."""

import http.client
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.lab.engine import UnixConnection
from tests.lab.layout import PREFIX


class NoLab(Exception):
    """There is no lab; the message says how to get one."""


@dataclass(frozen=True)
class LabHost:
    name: str
    engine: str
    address: str
    keys: dict[str, str]  # ca, cert, key of a TLS host; key, known_hosts of an SSH host; socket of all


@dataclass(frozen=True)
class Laboratory:
    """`images` by name: python, nginx (≥ 1.27.4), nginx_old, haproxy (3.x), haproxy_old, busybox."""

    state: Path
    mode: str  # namespaces | shared
    hosts: tuple[LabHost, ...]
    builder: str
    registry: str
    images: dict[str, str]
    versions: dict[str, str]
    tls: LabHost | None
    ssh: LabHost | None

    def first(self, count: int) -> "Laboratory":
        """The same with fewer hosts, for a test that needs no more: each costs a rollout some seconds."""
        return replace(self, hosts=self.hosts[:count])

    def containers(self, engine: str, **labels: str) -> list[dict[str, Any]]:
        """Containers, running or not, that carry all these labels (`service="shop"` means shipway.service=shop)."""
        wanted = [f"shipway.{key}={value}" for key, value in labels.items()]
        filters = quote(json.dumps({"label": wanted} if wanted else {}))
        found: list[dict[str, Any]] = json.loads(
            _call(engine, "GET", f"/containers/json?all=1&filters={filters}")
        )
        return found

    def kill(self, engine: str, **labels: str) -> None:
        """kill -9 for the containers that carry all these labels."""
        for container in self.containers(engine, **labels):
            _call(engine, "POST", f"/containers/{container['Id']}/kill")

    def remove(self, values: set[str]) -> None:
        """Every container of which a label of Shipway's has one of these values, on every host and the builder."""
        for engine in {host.engine for host in self.hosts} | {self.builder}:
            for container in self.containers(engine):
                labels = container.get("Labels") or {}
                if any(key.startswith("shipway.") and value in values for key, value in labels.items()):
                    _call(engine, "DELETE", f"/containers/{container['Id']}?force=1&v=1")


def laboratory() -> Laboratory:
    """Of SHIPWAY_LAB, else of the lab called `dev`; of tests side by side each process has a lab of its own, SHIPWAY_LAB with
    `-gw0`, `-gw1` … behind. Raises `NoLab`."""
    named = Path(os.environ.get("SHIPWAY_LAB") or PREFIX + "dev")
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    state = named.with_name(f"{named.name}-{worker}") if worker else named
    try:
        facts = json.loads((state / "lab.json").read_text())
    except FileNotFoundError:
        raise NoLab(f"no lab at {state}: run bin/lab up, or name one in SHIPWAY_LAB") from None
    return Laboratory(
        state,
        facts.get("mode", "namespaces"),
        tuple(_host(row) for row in facts["hosts"]),
        facts["builder"],
        facts["registry"],
        facts["images"],
        facts.get("versions", {}),
        _host(facts["tls"]) if "tls" in facts else None,
        _host(facts["ssh"]) if "ssh" in facts else None,
    )


def _host(row: dict[str, str]) -> LabHost:
    keys = {key: value for key, value in row.items() if key not in {"name", "engine", "address"}}
    return LabHost(row["name"], row["engine"], row["address"], keys)


def _call(engine: str, method: str, path: str) -> bytes:
    """One call of an engine's API, by socket or plain tcp. Absent things are fine."""
    url = urlsplit(engine)
    connection: http.client.HTTPConnection
    if url.scheme == "unix":
        connection = UnixConnection(url.path, 30)
    else:
        connection = http.client.HTTPConnection(url.hostname or "", url.port or 2375, timeout=30)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status >= 400 and answer.status not in {404, 409}:
        raise OSError(f"{engine} answered {answer.status} to {method} {path}: {body[:200]!r}")
    return body
