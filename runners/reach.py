"""How an engine is reached: one kept client per engine and patience, by unix socket, tcp, tcp with mutual TLS, ssh, or the
agent of a host that dials out.

Decides nothing about containers. SDK errors become sentences in `runners.engine_errors`; ssh forwards are `runners.tunnel`.
A client made before a fork is never used after it: the child opens its own.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import docker
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.tls import TLSConfig
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from pipeline.errors import Rejected
from pipeline.fleet.host import Host, TlsFiles
from runners.agents.adapter import AgentAdapter
from runners.agents.peers import Peers
from runners.agents.roads import AgentRoads
from runners.engine_errors import speaking
from runners.line import Lines
from runners.tunnel import Tunnel

CONNECT = 5.0
QUICK = 5  # questions that an engine answers from memory
BRIEF = 2  # the same, of an engine that was silent a moment ago, while healthy hosts wait for our attention
USUAL = 60  # creating, starting: a busy disk may take its time
PATIENT = 300  # between two lines of a pull
SILENT = 10  # a machine that acknowledges nothing for so long is away, however patient the question is
OLDEST_API = "1.40"  # engine 19.03
NEWEST_API = DEFAULT_DOCKER_API_VERSION
AGENT = "unix:///agent"  # for the SDK, which opens nothing by itself then


@dataclass(frozen=True)
class _Key:
    engine: str
    tls: TlsFiles | None
    patience: int


class Reach:
    """Hands out `docker.APIClient`s. Thread-safe. `close()` ends the ssh forwards, the connections and the kept shells.
    `agents`: the folder of the sockets of hosts that dial out; `peers`: those that dialled another machine of ours."""

    def __init__(self, agents: str = "data/agents", peers: Peers | None = None) -> None:
        self.agents = AgentRoads(agents, peers)
        self._forget()

    def client(self, host: Host, patience: int = USUAL) -> docker.APIClient:
        """Raises `Unreachable`, or `Rejected` when the address or its files are wrong."""
        self._notice_fork()
        key = _Key(host.engine, host.tls, patience)
        base = self._base_url(host)
        with self._lock:
            kept = self._clients.get(key)
        if kept is not None:
            return kept
        made = self._open(host, base, patience)
        with self._lock:
            first = self._clients.setdefault(key, made)
        if first is not made:
            made.close()
        return first

    @contextmanager
    def fenced(self, host: Host, site: object, generation: int) -> Iterator[docker.APIClient]:
        """For what changes a proxy. An agent remembers the highest generation of a site on the host itself, ends what a
        lower one has begun there and refuses it from then on; elsewhere the file in the proxy's container is the fence."""
        client = self.client(host)
        if not host.agent:
            yield client
            return
        own = _client(host, AGENT, USUAL, client.api_version)
        own.mount("http+docker://", AgentAdapter(self._opener(host), USUAL, str(site), generation))
        try:
            yield own
        finally:
            own.close()

    @property
    def lines(self) -> Lines:
        """Shells kept open in containers."""
        self._notice_fork()
        return self._lines

    def close(self) -> None:
        self._notice_fork()
        self._lines.close()
        with self._lock:
            clients, tunnels = list(self._clients.values()), list(self._tunnels.values())
            self._clients.clear()
            self._tunnels.clear()
        for client in clients:
            client.close()
        for tunnel in tunnels:
            tunnel.close()
        self.agents.close()

    def _notice_fork(self) -> None:
        if self._pid != os.getpid():
            self._forget()

    def _forget(self) -> None:
        """Locks too: one may have been held by a thread that does not exist after the fork."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._clients: dict[_Key, docker.APIClient] = {}
        self._versions: dict[str, str] = {}
        self._tunnels: dict[str, Tunnel] = {}
        self._lines = Lines()

    def _base_url(self, host: Host) -> str:
        url = urlsplit(host.engine)
        if url.scheme == "unix" and url.path:
            return host.engine
        if url.scheme == "tcp" and url.hostname and not url.hostname.startswith("-"):
            scheme = "https" if host.tls else "http"
            return f"{scheme}://{url.netloc if url.port else f'{url.netloc}:{2376 if host.tls else 2375}'}"
        if url.scheme == "ssh":
            return f"unix://{self._tunnel(host).path()}"
        if host.agent:
            self.agents.demand(host)
            return AGENT
        raise Rejected(
            f"Host {host.name}: engine address {host.engine!r} is not understood. "
            "Write unix:///path, tcp://address:port, ssh://user@address or agent:name."
        )

    def _tunnel(self, host: Host) -> Tunnel:
        with self._lock:
            kept = self._tunnels.get(host.engine)
            if kept is None:
                kept = Tunnel(host)
                self._tunnels[host.engine] = kept
        return kept

    def _open(self, host: Host, base: str, patience: int) -> docker.APIClient:
        version = self._versions.get(host.engine)
        if version is None:
            if base.startswith("unix:") and not host.agent:
                _knock(host, urlsplit(base).path)
            first = self._made(host, base, QUICK, OLDEST_API)
            try:
                with speaking(host, "ask for the engine's version"):
                    answer = first.version(api_version=False)
            finally:
                first.close()
            version = _agree(host, answer)
            self._versions[host.engine] = version
        return self._made(host, base, patience, version)

    def _made(self, host: Host, base: str, patience: int, version: str) -> docker.APIClient:
        client = _client(host, base, patience, version)
        if host.agent:
            client.mount("http+docker://", AgentAdapter(self._opener(host), patience))
        return client

    def _opener(self, host: Host) -> Callable[[], socket.socket]:
        return partial(self.agents.open, host)


def _knock(host: Host, path: str) -> None:
    """Before the SDK does: it leaves its socket open when nobody answers."""
    with speaking(host, "connect"), socket.socket(socket.AF_UNIX) as knock:
        knock.settimeout(CONNECT)
        knock.connect(path)


def _agree(host: Host, answer: dict[str, Any]) -> str:
    theirs = str(answer.get("ApiVersion", ""))
    if not theirs or _numbers(theirs) < _numbers(OLDEST_API):
        raise Rejected(
            f"Host {host.name}: the engine speaks API {theirs or 'unknown'}, "
            f"at least {OLDEST_API} (Docker 19.03) is needed. Update it."
        )
    lowest = str(answer.get("MinAPIVersion") or OLDEST_API)
    best: str = min(theirs, NEWEST_API, key=_numbers)
    return max(best, lowest, key=_numbers)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


class _Bounded(HTTPAdapter):
    """Two things that docker-py cannot say: connecting gets a shorter patience than answering, and a machine that falls
    silent in the middle of a question is noticed by our kernel, as ssh notices it, not by the patience with its engine."""

    def __init__(self, patience: int) -> None:
        self._watched = _watched(patience)
        super().__init__(pool_maxsize=16)

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        super().init_poolmanager(*sizes, **options, socket_options=self._watched)

    def send(self, request: PreparedRequest, *rest: Any, **options: Any) -> Response:
        patience = options.get("timeout")
        if isinstance(patience, int | float):
            options["timeout"] = (min(CONNECT, patience), patience)
        return super().send(request, *rest, **options)


def _watched(patience: int) -> list[tuple[int, int, int | bytes]]:
    """Options of a connection. TCP_USER_TIMEOUT (milliseconds) is for what was sent and not acknowledged; it also cuts an
    upload that a busy engine does not read, so a builder gets none. What a system lacks of these, it does without."""
    life = {"TCP_KEEPIDLE": SILENT // 2, "TCP_KEEPINTVL": SILENT // 4, "TCP_KEEPCNT": 2}
    if patience < PATIENT:
        life["TCP_USER_TIMEOUT"] = SILENT * 1000
    known = [(getattr(socket, name), value) for name, value in life.items() if hasattr(socket, name)]
    return [
        *HTTPConnection.default_socket_options,
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *((socket.IPPROTO_TCP, name, value) for name, value in known),
    ]


def _client(host: Host, base: str, patience: int, version: str) -> docker.APIClient:
    """`version` is always given: else the constructor calls the engine before `trust_env` is off, and with
    REQUESTS_CA_BUNDLE set requests would trust that bundle's authorities in place of the one pinned here."""
    tls = False if host.tls is None else _tls(host, host.tls)
    with speaking(host, "prepare a client"):
        client = docker.APIClient(base_url=base, version=version, timeout=patience, tls=tls)
    client.trust_env = False
    if not base.startswith("unix:"):
        client.mount("http://", _Bounded(patience))
        client.mount("https://", _Bounded(patience))
    return client


def _tls(host: Host, files: TlsFiles) -> TLSConfig:
    for what, path in (("ca", files.ca), ("cert", files.cert), ("key", files.key)):
        if not os.access(path, os.R_OK):
            raise Rejected(
                f"Host {host.name}: tls.{what} {path!r} cannot be read. Correct hosts.{host.name}.tls."
            )
    return TLSConfig(client_cert=(files.cert, files.key), ca_cert=files.ca, verify=True)
