"""The grounds of an HAProxy and an nginx that a team runs itself: real processes on loopback."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.fleet.balancer import BalancerKind, LoadBalancer, Target
from runners.balancers.haproxy import HaproxyWire
from runners.balancers.nginx import NginxWire
from tests.parts.balancers.backend import Backend
from tests.parts.balancers.ground import Ground, watching
from tests.parts.balancers.machines import machines
from tests.parts.house import free_port

HAPROXY = """
global
  stats socket {socket} mode 600 level admin
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
listen web
  bind 127.0.0.1:{port}
  balance roundrobin
  option httpchk GET /healthz
  default-server check inter 100ms rise 2 fall 2
{servers}
"""
NGINX = """
daemon off;
worker_processes 2;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  include {folder}/conf.d/*.conf;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://web; }}
  }}
}}
"""


@contextmanager
def haproxy(late: float = 0.0) -> Iterator[Ground]:
    """Ours are in its file, so that their checks are quick; more are added while it runs."""
    program = _program("haproxy")
    with machines() as backends, _folder() as folder:
        targets = _targets(backends)
        lines = [f"  server shipway-entry-{number} {target}" for number, target in enumerate(targets)]
        port, control = free_port(), folder / "control"
        text = HAPROXY.format(socket=control, port=port, servers="\n".join(lines))
        (folder / "haproxy.cfg").write_text(text)
        entry = LoadBalancer(
            "entry", BalancerKind.HAPROXY, "web", port=backends[0].port, endpoint=f"unix://{control}"
        )
        with _running([program, "-db", "-f", str(folder / "haproxy.cfg")], control.exists, folder):
            made = Ground("haproxy", entry, watching(HaproxyWire), targets, _more, port)
            made.serving()
            yield made


@contextmanager
def nginx(late: float = 0.0) -> Iterator[Ground]:
    """Clients take a connection each time: nginx before 1.27.4 closes kept ones at a reload, whoever asks for it."""
    program = _program("nginx")
    with machines() as backends, _folder() as folder:
        port = free_port()
        (folder / "conf.d").mkdir()
        configuration = folder / "nginx.conf"
        configuration.write_text(NGINX.format(folder=folder, port=port))
        first = "# shipway/entry\nupstream web {\n    server unix:/nonexistent down;\n}\n"
        (folder / "conf.d" / "shipway-web.conf").write_text(first)
        entry = LoadBalancer("entry", BalancerKind.NGINX, "web", endpoint=f"file://{configuration}")
        with _running([program, "-c", str(configuration)], (folder / "pid").exists, folder):
            targets = _targets(backends)
            yield Ground(
                "nginx", entry, watching(NginxWire), targets, _more, port, kept=False, checks=False
            ).opened()


def _targets(backends: list[Backend]) -> dict[Target, Backend | None]:
    return {Target("127.0.0.1", backend.port): backend for backend in backends}


def _more(number: int) -> list[Target]:
    return [Target(f"127.0.1.{index + 1}", 9) for index in range(number)]


def _program(name: str) -> str:
    """Skips with the reason when it is missing; in CI that is a failure."""
    path = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    found = shutil.which(name, path=path)
    if found is None:
        reason = f"{name} is missing: apt install {name}"
        if os.environ.get("CI") == "true" or os.environ.get("SHIPWAY_REQUIRE_LIVE") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return found


@contextmanager
def _folder() -> Iterator[Path]:
    """A short path: that of a unix socket has at most 107 bytes. nginx's workers are another user, and look in."""
    folder = Path(tempfile.mkdtemp(prefix="shipway-lb-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(words: list[str], ready: Callable[[], bool], folder: Path) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 10
        while not ready():
            said = (folder / "log").read_text()
            assert process.poll() is None, f"{words[0]} ended: {said}"
            assert time.monotonic() < deadline, f"{words[0]} is not ready: {said}"
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(10)
