"""This machine and the hosts: data folder, git, the server's own process; engines with their clocks, disks and certificates."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests

from pipeline.fleet.host import Host
from pipeline.settings import BuilderSettings, Server
from runners.engine import DockerEngines
from runners.engine_errors import speaking
from runners.examining.certificates import judged, served, written
from runners.examining.finding import Finding, bad, numbers, ok, size, warn
from runners.reach import Reach

LITTLE = 2e9  # bytes free; below this images will soon not fit
NONE_LEFT = 200e6  # and below this nothing works any more
SMALL = 256e6  # bytes of memory
MUCH_SKEW = 5.0  # seconds
OLDEST_GIT = (2, 25)
TIMEOUT = 5.0
JOB = "horse-"  # a fork of a worker, which lives as long as one job
SILENT = 30.0  # seconds; a process that lives gives a sign each second


def look_at_data(data: str) -> list[Finding]:
    folder = Path(data)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        mend = f"`chown -R $(whoami) {existing}`, or name another folder as server.data"
        return [bad("data folder", f"{existing} cannot be written by us", mend)]
    free = shutil.disk_usage(existing).free
    return [_space("data folder", str(folder), free, "`shipway prune --dry-run` tells what may go")]


def look_at_git() -> list[Finding]:
    words = ["git", "--version"]
    try:
        said = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return [bad("git", "git does not run", "`apt install git`")]
    if numbers(said) < OLDEST_GIT:
        return [bad("git", f"{said.strip()} is too old; 2.25 or newer is needed", "`apt install git`")]
    return [ok("git", said.strip())]


def look_at_scan(settings: BuilderSettings) -> list[Finding]:
    """On this machine; workers may run on others."""
    if settings.scan is None:
        return []
    found = shutil.which(settings.scan.trivy)
    if found is None:
        text = f"there is no {settings.scan.trivy} here that runs"
        return [warn("scan", text, "install trivy where workers run, or correct builder.scan.trivy")]
    return [ok("scan", f"{found}, before each publish")]


def look_at_server(server: Server) -> list[Finding]:
    host, _, port = server.listen.rpartition(":")
    address = "127.0.0.1" if host in ("", "0.0.0.0") else host  # noqa: S104 (never listened on)
    try:
        answer = requests.get(f"http://{address}:{port}/readyz", timeout=TIMEOUT)
    except requests.RequestException:
        return [warn("server", f"nothing answers on {server.listen}", "start it: `shipway up`")]
    if answer.status_code == 200:
        return [ok("server", f"ready on {server.listen}")]
    text = f"not ready on {server.listen}: {answer.text[:300]}"
    return [bad("server", text, "mend what is down; if it stays so, restart `shipway up`")]


def look_at_public_address(server: Server) -> list[Finding]:
    """Forges call it, and people's commands; its certificate is somebody's to renew."""
    url = urlsplit(server.url)
    if url.scheme != "https" or not url.hostname:
        return []
    mend = f"renew it where {url.hostname} ends TLS, such as `certbot renew`"
    return judged("server", f"the certificate of {url.hostname}", served(url.hostname, url.port or 443), mend)


def look_at_beats(data: str, now: float | None = None) -> list[Finding]:
    """Server, scheduler and workers on this machine. Nothing to say while `shipway up` does not run here."""
    files = [path for path in sorted(Path(data, "run").glob("*.beat")) if not path.name.startswith(JOB)]
    beats = {path.stem: path.stat().st_mtime for path in files}
    moment = time.time() if now is None else now
    alive = [name for name, at in beats.items() if moment - at <= SILENT]
    if not alive:
        return []
    found = [ok("processes", f"{', '.join(alive)} give signs of life")]
    for name in sorted(set(beats) - set(alive)):
        silence = f"{name} has given no sign of life for {moment - beats[name]:.0f} s"
        found.append(
            bad("processes", silence, f"look for {name} in the log of `shipway up`, then restart it")
        )
    return found


def look_at_builder(settings: BuilderSettings, reach: Reach) -> list[Finding]:
    return look_at_host(Host("builder", settings.engine, "127.0.0.1"), reach, "builder")


def look_at_host(host: Host, reach: Reach, name: str = "") -> list[Finding]:
    name = name or f"host {host.name}"
    seen = DockerEngines(reach).look(host, "none", "none")
    if not seen.reachable:
        text = seen.error.removeprefix(f"Host {host.name}: ")
        asked = (
            "`systemctl status shipway-agent` there" if host.agent else f"`docker -H {host.engine} version`"
        )
        return [bad(name, text, f"see what it says: {asked}")]
    with speaking(host, "ask for its version"):
        version = reach.client(host).version()
    memory = f", {size(seen.memory)} of memory" if seen.memory else ""
    engine = f"engine {version['Version']}, API {version['ApiVersion']}{memory}"
    found = [ok(name, f"{host.engine} answers, {engine}")]
    if seen.free_bytes is not None:
        mend = f"`shipway prune`, or `docker -H {host.engine} system df` tells what fills it"
        found.append(_space(name, "its images' disk", seen.free_bytes, mend))
    if seen.memory is not None and seen.memory < SMALL:
        found.append(warn(name, f"it has only {size(seen.memory)} of memory", "give the machine more"))
    if seen.clock_skew is not None and abs(seen.clock_skew) > MUCH_SKEW:
        text = f"its clock is {seen.clock_skew:+.0f} s off ours"
        found.append(warn(name, text, "`timedatectl set-ntp true` there, and here"))
    if name != "builder" and not _bindable(host):
        text = f"its address {host.address} does not answer from here; probes may fail"
        found.append(warn(name, text, f"correct hosts.{host.name}.address in shipway.yml, or its firewall"))
    return found


def look_at_certificates(host: Host) -> list[Finding]:
    """Ours and the engine's, where it is reached by TLS."""
    if host.tls is None:
        return []
    name, url = f"host {host.name}", urlsplit(host.engine)
    try:
        found = judged(name, "our client certificate", written(host.tls.cert), f"renew {host.tls.cert}")
    except (OSError, ValueError) as error:
        return [bad(name, f"{host.tls.cert} cannot be read: {error}", f"correct hosts.{host.name}.tls.cert")]
    until = served(url.hostname or "", url.port or 2376, host.tls.cert, host.tls.key)
    return [
        *found,
        *judged(name, "its engine's certificate", until, "renew it there, and restart its engine"),
    ]


def _bindable(host: Host) -> bool:
    """Is there a machine at this address? A refused connection is an answer too."""
    try:
        socket.create_connection((host.address, 9), timeout=2).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def _space(name: str, where: str, free: float, mend: str) -> Finding:
    if free < NONE_LEFT:
        return bad(name, f"{where}: only {size(free)} free, nothing fits any more", mend)
    if free < LITTLE:
        return warn(name, f"{where}: only {size(free)} free; images will soon not fit", mend)
    return ok(name, f"{where}, {size(free)} free")
