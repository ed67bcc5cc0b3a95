"""Looks at the parts that Shipway needs, one by one, and says what is wrong with each and what to do. Changes nothing."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from docker.errors import ImageNotFound
from redis.exceptions import RedisError

from pipeline.errors import ShipwayError
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.proxy import Proxy, ProxyKind
from pipeline.fleet.service import Service
from pipeline.settings import BuilderSettings, Server, Settings
from runners.engine import DockerEngines
from runners.engine_errors import speaking
from runners.job_queue import connect
from runners.own_store import store_of
from runners.reach import Reach
from runners.redis_child import program, redis_url, socket_path
from runners.source import GitSource

LITTLE = 2e9  # bytes free; below this images will soon not fit
MUCH_SKEW = 5.0  # seconds
OLDEST_GIT = (2, 25)
SAFE_NGINX = (1, 27, 4)  # the first with keepalive_min_timeout: older ones lose requests at each reload
TIMEOUT = 5.0


@dataclass(frozen=True)
class Finding:
    level: str  # ok | warn | FAIL
    name: str
    text: str


def look_at_data(data: str) -> list[Finding]:
    folder = Path(data)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        return [
            Finding("FAIL", "data folder", f"{existing} cannot be written; change its owner or server.data")
        ]
    free = shutil.disk_usage(existing).free
    return [_space("data folder", str(folder), free)]


def look_at_git() -> list[Finding]:
    try:
        said = subprocess.run(
            ["git", "--version"], capture_output=True, text=True, timeout=TIMEOUT, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return [Finding("FAIL", "git", "git does not run; apt install git")]
    if _numbers(said) < OLDEST_GIT:
        return [Finding("FAIL", "git", f"{said.strip()} is too old; 2.25 or newer is needed")]
    return [Finding("ok", "git", said.strip())]


def look_at_repository(service: Service) -> list[Finding]:
    """As the scheduler looks for pushes whose webhook was lost."""
    repository, name = service.repository, f"repository of {service.name}"
    with tempfile.TemporaryDirectory(prefix="shipway-doctor-") as folder:
        found = GitSource(folder, os.environ).look(repository, tags=False)
    often = f"looked at every {repository.poll:g} s" if repository.poll else "never looked at (poll: off)"
    return [Finding("ok", name, f"{repository.address} answers, branches: {len(found)}; {often}")]


def look_at_redis(url: str, data: str) -> list[Finding]:
    if not url and not socket_path(data).exists():
        return [Finding("ok", "redis", f"`shipway up` will start {program()}")]
    client = connect(redis_url(url, data))
    try:
        info = client.info("server")
    except RedisError as error:
        if not url:
            return [Finding("ok", "redis", f"`shipway up` does not run; it will start {program()}")]
        return [
            Finding("FAIL", "redis", f"server.redis does not answer ({error}); start it or correct the URL")
        ]
    finally:
        client.close()
    version = str(info.get("valkey_version") or info.get("redis_version"))
    if _numbers(version) < (6, 2):
        return [Finding("FAIL", "redis", f"version {version} is too old; 6.2 or newer is needed")]
    return [Finding("ok", "redis", f"answers, version {version}")]


def look_at_database(server: Server) -> list[Finding]:
    if not server.database and not Path(server.data, "shipway.db").exists():
        return [Finding("ok", "database", f"SQLite will be made in {server.data} at the first start")]
    store = store_of(server)
    try:
        store.ping()
    except ShipwayError as error:
        return [Finding("FAIL", "database", f"{error} Start it, or correct server.database.")]
    finally:
        store.close()
    return [
        Finding(
            "ok", "database", "PostgreSQL answers" if server.database else f"SQLite in {server.data} answers"
        )
    ]


def look_at_server(listen: str) -> list[Finding]:
    host, _, port = listen.rpartition(":")
    address = "127.0.0.1" if host in ("", "0.0.0.0") else host.strip("[]")  # noqa: S104 (never listened on)
    try:
        answer = requests.get(f"http://{address}:{port}/readyz", timeout=TIMEOUT)
    except requests.RequestException:
        return [Finding("warn", "server", f"nothing answers on {listen}; `shipway up` starts it")]
    if answer.status_code == 200:
        return [Finding("ok", "server", f"ready on {listen}")]
    return [Finding("FAIL", "server", f"not ready on {listen}: {answer.text[:300]}")]


def look_at_registry(registry: RegistryAccess) -> list[Finding]:
    scheme = "http" if registry.insecure else "https"
    try:
        answer = requests.get(f"{scheme}://{registry.address}/v2/", timeout=TIMEOUT)
    except requests.RequestException as error:
        what = f"{registry.address} does not answer ({type(error).__name__}); start it, or correct registry.address"
        return [Finding("FAIL", "registry", what)]
    if answer.status_code in (200, 401):
        needs = (
            ""
            if answer.status_code == 200 or registry.kind != "none"
            else "; it wants a login: set registry.auth"
        )
        return [Finding("warn" if needs else "ok", "registry", f"{registry.address} answers{needs}")]
    return [
        Finding(
            "FAIL", "registry", f"{registry.address} answers {answer.status_code}: no registry of version 2"
        )
    ]


def look_at_builder(settings: BuilderSettings, reach: Reach) -> list[Finding]:
    return look_at_host(Host("builder", settings.engine, "127.0.0.1"), reach, "builder")


def look_at_scan(settings: BuilderSettings) -> list[Finding]:
    """On this machine; workers may run on others."""
    if settings.scan is None:
        return []
    found = shutil.which(settings.scan.trivy)
    if found is None:
        text = f"there is no {settings.scan.trivy} here that runs; install trivy where workers run, or correct builder.scan"
        return [Finding("warn", "scan", text)]
    return [Finding("ok", "scan", f"{found}, before each publish")]


def look_at_host(host: Host, reach: Reach, name: str = "") -> list[Finding]:
    name = name or f"host {host.name}"
    seen = DockerEngines(reach).look(host, "none", "none")
    if not seen.reachable:
        return [
            Finding("FAIL", name, f"{seen.error} Look at `docker -H {host.engine} version` on this machine.")
        ]
    with speaking(host, "ask for its version"):
        version = reach.client(host).version()
    found = [
        Finding(
            "ok", name, f"{host.engine} answers, engine {version['Version']}, API {version['ApiVersion']}"
        )
    ]
    if seen.free_bytes is not None:
        found += [_space(name, "its images' disk", seen.free_bytes)] if seen.free_bytes < LITTLE else []
    if seen.clock_skew is not None and abs(seen.clock_skew) > MUCH_SKEW:
        found.append(
            Finding("warn", name, f"its clock is {seen.clock_skew:+.0f} s off ours; run an NTP client there")
        )
    if name != "builder" and not _bindable(host):
        found.append(
            Finding("warn", name, f"its address {host.address} does not answer from here; probes may fail")
        )
    return found


def look_at_proxy(proxy: Proxy, settings: Settings, reach: Reach) -> list[Finding]:
    """By the image on a host where it stands, else by its tag."""
    names = proxy.hosts or tuple(settings.hosts)
    version = next(
        (v for v in (_image_version(proxy, settings.hosts[name], reach) for name in names) if v), ""
    )
    version = version or proxy.image.rpartition(":")[2]
    name = f"proxy {proxy.name}"
    if not _numbers(version):
        return [Finding("ok", name, f"{proxy.image}, version unknown until it runs")]
    if proxy.kind is ProxyKind.NGINX and _numbers(version) < SAFE_NGINX:
        text = f"nginx {version} loses kept-alive requests at each reload; use 1.27.4 or newer, or HAProxy"
        return [Finding("warn", name, text)]
    return [Finding("ok", name, f"{proxy.image}, {proxy.kind} {version}")]


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


def _bindable(host: Host) -> bool:
    """Is there a machine at this address? A refused connection is an answer too."""
    try:
        socket.create_connection((host.address, 9), timeout=2).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def _space(name: str, where: str, free: float) -> Finding:
    if free < LITTLE:
        return Finding(
            "warn", name, f"{where}: only {free / 1e9:.1f} GB free; make room before images do not fit"
        )
    return Finding("ok", name, f"{where}, {free / 1e9:.1f} GB free")


def _numbers(version: str) -> tuple[int, ...]:
    found = re.search(r"\d+(?:\.\d+)+", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
